"""Simulated cohorts on disk, each under the hash of all that it hangs on: an interrupted run goes on from them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from aftercar.calibration.cohorts import CohortRequest, request_key
from aftercar.calibration.conduct import Runner
from aftercar.catalogue.model_data import ModelData
from aftercar.foundation import write_atomic


def simulate_or_read(
    requests: Sequence[CohortRequest], data: ModelData, folder: Path | None, *, run: Runner
) -> list[pd.DataFrame]:
    """Return what `simulate_cohort` gives for each request, in their order.

    Those in the folder are read; the others are run, and each is written there as it is done.
    """
    paths = [None if folder is None else folder / f"{request_key(one, data)[:24]}.parquet" for one in requests]
    found = {k: pd.read_parquet(path) for k, path in enumerate(paths) if path is not None and path.exists()}
    missing = [k for k in range(len(requests)) if k not in found]
    for position, facts in run([requests[k] for k in missing]) if missing else ():
        number = missing[position]
        path = paths[number]
        if path is not None:
            buffer = io.BytesIO()
            facts.to_parquet(buffer)
            write_atomic(path, buffer.getvalue())
        found[number] = facts
    return [found[k] for k in range(len(requests))]
