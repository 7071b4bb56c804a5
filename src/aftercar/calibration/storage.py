"""Simulated cohorts on disk, each under the hash of all that it hangs on: an interrupted run goes on from them."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd

from aftercar import __version__
from aftercar.calibration.cohorts import CohortRequest, simulate_cohort
from aftercar.catalogue.model_data import ModelData
from aftercar.foundation import hash_bytes, write_atomic

# Raised when what is read from a patient changes, so that old files are not taken for new ones.
_READING = "1"


def simulate_or_read(request: CohortRequest, data: ModelData, folder: Path | None) -> pd.DataFrame:
    """Return what `simulate_cohort` gives, from the folder where it is there; write it there where it is not."""
    if folder is None:
        return simulate_cohort(request, data)
    path = folder / f"{request_key(request, data)[:24]}.parquet"
    if path.exists():
        return pd.read_parquet(path)
    facts = simulate_cohort(request, data)
    buffer = io.BytesIO()
    facts.to_parquet(buffer)
    write_atomic(path, buffer.getvalue())
    return facts


def request_key(request: CohortRequest, data: ModelData) -> str:
    """Return the hash of everything that the facts of a cohort hang on."""
    parts = (
        _READING, __version__, data.hash, request.cohort.model_dump_json(), request.population.model_dump_json(),
        request.sets.hash, repr((request.n, request.seed)),
    )  # fmt: skip
    return hash_bytes(*(part.encode() for part in parts))
