"""Simulated cohorts over threads or on a Dask cluster; each hangs on its request alone, so the bits are the same.

The integrator releases the lock of Python, so that threads use all cores; reading what a trial saw does not.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from aftercar.calibration.cohorts import CohortRequest, request_key, simulate_cohort
from aftercar.catalogue.model_data import ModelData
from aftercar.engine import IntegrationWarning
from aftercar.foundation.threads import run_on_threads
from aftercar.trials.cluster import gather, load_shared_data

Runner = Callable[[Sequence[CohortRequest]], Iterator[tuple[int, pd.DataFrame]]]
"""Simulates cohorts and yields each with its position as it is done."""


def simulate_on_threads(
    requests: Sequence[CohortRequest], *, data: ModelData, workers: int | None = None
) -> Iterator[tuple[int, pd.DataFrame]]:
    """Simulate cohorts over threads, by default one a processor."""
    with warnings.catch_warnings():
        # As `simulate_cohort` does alone: from threads at once it could not put the filters back in their order.
        warnings.simplefilter("ignore", IntegrationWarning)
        yield from run_on_threads(lambda k: simulate_cohort(requests[k], data), range(len(requests)), workers=workers)


@dataclass(frozen=True)
class Shared:
    """The data that workers load by themselves. `directory`: a user's, which every worker must see under this name."""

    directory: str | None
    data_hash: str


def run_on_cluster(
    client: Any, shared: Shared, requests: Sequence[CohortRequest], *, data: ModelData
) -> Iterator[tuple[int, pd.DataFrame]]:
    """Simulate cohorts on the workers of a Dask cluster; what a lost worker had begun is begun again.

    Raises
    ------
    InputError
        A worker has other data than the calibration.
    """
    tasks = {k: (shared, one) for k, one in enumerate(requests)}
    yield from gather(client, run_remotely, tasks, keys={k: request_key(one, data) for k, one in enumerate(requests)})


def run_remotely(shared: Shared, request: CohortRequest) -> pd.DataFrame:
    """Simulate one cohort, on a worker."""
    return simulate_cohort(request, load_shared_data(shared.directory, shared.data_hash))
