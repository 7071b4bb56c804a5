"""The same blocks on a Dask cluster: a block is a task, and a lost worker's tasks are run again by others.

Workers get the request, not the data: each loads the catalogue of its own installation and refuses a request whose
hashes differ from what it has, so that a cluster of mixed versions cannot mix results.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.engine import IntegrationWarning
from aftercar.foundation import Fault, InputError
from aftercar.patients.parameter_choice import Parameters
from aftercar.trials.plan import TrialPlan
from aftercar.trials.run import Block, Prepared, prepare_trial, run_block

_RETRIES = 3


@dataclass(frozen=True)
class Request:
    """What a worker needs to run any block of a trial: text and numbers alone.

    `plan`: as JSON. `directory`: a user's folder of data, which every worker must see under this name.
    """

    plan: str
    seed: int
    sets: int
    parameters: Parameters
    per_block: int
    directory: str | None
    data_hash: str


@contextmanager
def open_cluster(address: str) -> Iterator[Any]:
    """Connect to a Dask scheduler, e.g. ``tcp://127.0.0.1:8786``.

    Raises
    ------
    InputError
        Dask is not installed, or nobody answers.
    """
    try:
        from distributed import Client
    except ImportError:
        mend = "Install it: pip install 'aftercar[distributed]'."
        raise InputError(Fault("option --dask", "Dask is not installed.", mend)) from None
    try:
        client = Client(address, timeout="10s")
    except (OSError, TimeoutError, ValueError) as error:
        found = f"no scheduler answers at '{address}' ({type(error).__name__})."
        raise InputError(Fault("option --dask", found, "Start `dask scheduler` and name its address.")) from None
    try:
        yield client
    finally:
        client.close()


def run_on_cluster(
    client: Any, request: Request, blocks: Sequence[int], *, advance: Callable[[int], None] = lambda n: None,
    patients_of: Callable[[int], int] = lambda block: 0,
) -> Iterator[tuple[int, Block]]:  # fmt: skip
    """Run blocks on the workers of a cluster and yield each with its number as it is done.

    Raises
    ------
    InputError
        A worker has other data than the request was made with.
    """
    from distributed import as_completed

    work = {
        client.submit(run_remotely, request, block, key=f"{hash(request)}-{block}", retries=_RETRIES): block
        for block in blocks
    }
    done = as_completed(work)
    for future in done:
        number = work[future]
        block = future.result()
        advance(patients_of(number))
        future.release()
        yield number, block


def run_remotely(request: Request, block: int) -> Block:
    """Run one block of a request, on a worker."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IntegrationWarning)  # counted in the tables
        return run_block(_prepare(request), block)


@lru_cache(maxsize=2)
def _prepare(request: Request) -> Prepared:
    directory = Path(request.directory) if request.directory else None
    data = load_model_data(directory)
    if data.hash != request.data_hash:
        found = "a worker has other parameters or therapies than the trial was planned with."
        raise InputError(Fault("option --dask", found, "Install the same version, and share the folder of --data."))
    populations = load_populations(directory, data) if directory is not None else load_populations()
    return prepare_trial(
        TrialPlan.model_validate_json(request.plan), seed=request.seed, sets=request.sets,
        parameters=request.parameters, data=data, populations=populations, per_block=request.per_block,
    )  # fmt: skip
