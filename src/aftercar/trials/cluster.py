"""The same blocks on a Dask cluster: a block is a task, and a lost worker's tasks are run again by others.

Workers get the request, not the data: each loads the catalogue of its own installation and refuses a request whose
hashes differ from what it has, so that a cluster of mixed versions cannot mix results.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from aftercar.catalogue.model_data import ModelData, load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.engine import IntegrationWarning
from aftercar.foundation import Fault, InputError
from aftercar.patients.parameter_choice import Parameters
from aftercar.trials.plan import TrialPlan
from aftercar.trials.run import Block, Prepared, prepare_trial, run_block

_RETRIES = 3
T = TypeVar("T")


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
    tasks = {block: (request, block) for block in blocks}
    for number, block in gather(client, run_remotely, tasks, keys={k: f"{hash(request)}-{k}" for k in blocks}):
        advance(patients_of(number))
        yield number, block


def gather(
    client: Any, function: Callable[..., T], tasks: Mapping[int, tuple[Any, ...]], *, keys: Mapping[int, str]
) -> Iterator[tuple[int, T]]:
    """Call a function on the workers of a cluster, once for the arguments of each task; yield each as it is done.

    A task of a worker that is lost is run again. `keys`: a name of each task that no other work on the cluster has.
    """
    from distributed import as_completed

    work = {client.submit(function, *given, key=keys[k], retries=_RETRIES): k for k, given in tasks.items()}
    for future in as_completed(work):
        number, result = work[future], future.result()
        future.release()
        yield number, result


def run_remotely(request: Request, block: int) -> Block:
    """Run one block of a request, on a worker."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IntegrationWarning)  # counted in the tables
        return run_block(_prepare(request), block)


@lru_cache(maxsize=2)
def load_shared_data(directory: str | None, data_hash: str) -> ModelData:
    """Load the catalogue on a worker, with a user's folder over it.

    Raises
    ------
    InputError
        It is another than the one with the given hash.
    """
    data = load_model_data(Path(directory) if directory else None)
    if data.hash != data_hash:
        found = "a worker has other parameters or therapies than the run was planned with."
        raise InputError(Fault("option --dask", found, "Install the same version, and share the folder of --data."))
    return data


@lru_cache(maxsize=2)
def _prepare(request: Request) -> Prepared:
    directory = Path(request.directory) if request.directory else None
    data = load_shared_data(request.directory, request.data_hash)
    populations = load_populations(directory, data) if directory is not None else load_populations()
    return prepare_trial(
        TrialPlan.model_validate_json(request.plan), seed=request.seed, sets=request.sets,
        parameters=request.parameters, data=data, populations=populations, per_block=request.per_block,
    )  # fmt: skip
