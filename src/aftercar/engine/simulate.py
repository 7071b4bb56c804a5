"""Patients through time: the door that users knock at.

>>> from aftercar.engine import Dose, simulate, trace_model
>>> model = trace_model(lambda drug, ke: {"drug": -ke * drug}, states={"drug": 0.0}, parameters={"ke": 0.1}, name="pk")
>>> data = simulate(model, times=[0, 10], doses=[Dose(0, "drug", 100)], patients={"ke": [0.1, 0.2]})
>>> data["drug"].sel(patient=1, time=10).round(3).item()
13.534
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Task as BarTask
from rich.text import Text

from aftercar.engine import indices as ix
from aftercar.engine.draws import stream_keys
from aftercar.engine.errors import IntegrationWarning
from aftercar.engine.inputs import Patients, check_limits, check_times, find_columns, read_patients, tolerances
from aftercar.engine.model_code import ModelCode, prepare
from aftercar.engine.network import Network
from aftercar.engine.run import FloatArray, Outcome, Task, empty_outcome, run_range
from aftercar.engine.schedule import Administration, arrange, check_schedule, infused_states
from aftercar.engine.snapshot import Snapshot, find_running, go_on
from aftercar.foundation import Fault, InputError, show_notices

_BLOCK = 256


@dataclass(frozen=True, slots=True)
class Settings:
    """How to integrate.

    Attributes
    ----------
    rtol
        Relative tolerance of every state.
    atol
        Absolute tolerance: one number, or a mapping from state to number for those that differ from `atol_default`.
    longest_step
        No step is longer, in the model's unit of time.
    max_steps
        Budget of steps for one patient; who needs more is reported, not waited for.
    threshold
        Number below which counted states are whole numbers: one number, or a mapping by state.
    workers
        Threads. Results do not depend on it.
    width
        Patients per vector; 0 takes what suits the processor.
    progress
        Show a bar with patients per second.
    """

    rtol: float = 1e-6
    atol: float | Mapping[str, float] = 1e-9
    atol_default: float = 1e-9
    longest_step: float = float("inf")
    max_steps: int = 100_000
    threshold: float | Mapping[str, float] = 1000.0
    workers: int = 1
    width: int = 0
    progress: bool = False


def simulate(
    model: Network,
    *,
    times: Sequence[float] | FloatArray,
    patients: int | Mapping[str, Any] | pd.DataFrame | Snapshot = 1,
    doses: Sequence[Administration] = (),
    outputs: Sequence[str] | None = None,
    seed: int = 0,
    arm: str = "",
    settings: Settings | None = None,
) -> xr.Dataset:
    """Integrate a model for many patients.

    Parameters
    ----------
    times
        Ascending output times; the first is the start. After a `Snapshot`, they count from each patient's moment.
    patients
        A number of equal patients, a table or mapping of parameters and start values (one row or value each; the
        index of a table names the patients), or a `Snapshot` to go on from.
    doses
        Schedule, in the same time as `times`.
    outputs
        Names of states, parameters and rules; all states if not given. The value at the time of a dose is the value
        after it.
    seed, arm
        Key of the random streams of counted states. The same patient in the same arm has the same luck, whoever else
        is simulated; another `arm` draws anew.

    Returns
    -------
    xarray.Dataset
        One variable per output with dims (patient, time) and its unit; per patient `stopped_because` (empty: went to
        the end), `stopped_at`, `steps` and `refused_steps`.

    Raises
    ------
    InputError
        Something asked for is unknown, not a number, or contradicts itself; all faults are named at once.

    Warns
    -----
    IntegrationWarning
        Patients stopped early. Their values from there on are missing; `list_failures` shows who and why.
    """
    plan = Plan.make(
        model, times=times, patients=patients, doses=doses, outputs=outputs, seed=seed, arm=arm, settings=settings
    )
    outcome = empty_outcome(plan.task, plan.code)
    with _Bar(plan) as advance:
        for first, last in run_blocks(plan, outcome, 0, plan.task.n_patients):
            advance(last - first)
    return describe(plan, outcome)


def take_snapshot(
    model: Network,
    *,
    at: float | Sequence[float] | FloatArray,
    start: float = 0.0,
    patients: int | Mapping[str, Any] | pd.DataFrame | Snapshot = 1,
    doses: Sequence[Administration] = (),
    seed: int = 0,
    arm: str = "",
    settings: Settings | None = None,
) -> Snapshot:
    """Integrate patients from `start` up to `at` (one time, or one for each) and keep their states.

    After a `Snapshot`, `at` and the times of doses count from each patient's moment. An infusion that runs at the
    moment goes on in each arm until its end; doses that lie later are not carried over. Patients who stopped early
    are left out, with a warning.
    """
    before = patients if isinstance(patients, Snapshot) else None
    own = np.atleast_1d(np.asarray(at, dtype=np.float64))
    start = 0.0 if before is not None else start
    if own.ndim > 1 or not np.all(np.isfinite(own)) or np.any(own < start) or own.max() <= start:
        raise InputError(Fault("at", "not one time after the start, or one for each patient.", "Correct it."))
    plan = Plan.make(
        model, times=[start, float(own.max())], patients=patients, doses=doses, outputs=(), seed=seed, arm=arm,
        settings=settings,
    )  # fmt: skip
    if len(own) not in (1, plan.task.n_patients):
        raise InputError(Fault("at", f"{len(own)} times for {plan.task.n_patients} patients.", "Give one for each."))
    begun = np.zeros(plan.task.n_patients) if before is None else before.times
    task = replace(plan.task, ends=begun + own, keep_final=True)
    plan = replace(plan, task=task)
    outcome = empty_outcome(task, plan.code)
    for _ in run_blocks(plan, outcome, 0, task.n_patients):
        pass
    warn_of_failures(outcome, plan.patients.ids)
    good = np.flatnonzero(outcome.status == ix.DONE)
    now = outcome.stopped
    running = find_running(doses, begun, now)
    for state, ends in before.running.items() if before is not None else ():
        running[state] = np.maximum(running.get(state, now), ends)
    return Snapshot(
        model=plan.code.network,
        patients=tuple(plan.patients.ids[k] for k in good),
        times=now[good],
        values=outcome.final[good, 1:],
        names=plan.code.network.names,
        running={state: ends[good] for state, ends in running.items() if np.any(ends > now)},
        part=1 if before is None else before.part + 1,
    )


@dataclass(frozen=True)
class Plan:
    """A checked request, ready to run."""

    code: ModelCode
    task: Task
    patients: Patients
    outputs: tuple[str, ...]
    times: FloatArray
    workers: int
    progress: bool

    @staticmethod
    def make(
        model: Network, *, times: Any, patients: Any, doses: Sequence[Administration], outputs: Sequence[str] | None,
        seed: int, arm: str, settings: Settings | None,
    ) -> Plan:  # fmt: skip
        """Check everything and arrange it as arrays."""
        how = settings or Settings()
        check_limits(rtol=how.rtol, longest_step=how.longest_step, max_steps=how.max_steps)
        moments = check_times(times)
        past = patients.running if isinstance(patients, Snapshot) else {}
        model = model.with_inputs((infused_states(doses) | set(past)) & {s.id for s in model.states})
        with show_notices(how.progress):
            code = prepare(model, how.width)
        crowd = go_on(patients, model) if isinstance(patients, Snapshot) else read_patients(patients, model)
        n = len(crowd.ids)
        running = {state: ends - patients.times for state, ends in past.items()}
        check_schedule(doses, model, n, running)
        names = tuple(outputs) if outputs is not None else tuple(s.id for s in model.states)
        starts = crowd.starts if crowd.starts is not None else moments[:1]
        offset = crowd.starts[:, None] if crowd.starts is not None else np.zeros((1, 1))
        schedule = arrange(doses, model, crowd.parameters(model), n, running)
        if crowd.starts is not None:
            schedule = replace(schedule, times=np.ascontiguousarray(schedule.times + offset))
        task = Task(
            n_patients=n, given=crowd.values, flags=crowd.flags, starts=np.ascontiguousarray(starts),
            ends=np.ascontiguousarray((offset + moments)[:, -1]), times=np.ascontiguousarray(offset + moments),
            doses=schedule, columns=find_columns(model, names), atol=tolerances(model, how.atol, how.atol_default),
            rtol=how.rtol, longest_step=how.longest_step, max_steps=how.max_steps,
            thresholds=_thresholds(model, how.threshold),
            keys=_keys(model, seed, arm, crowd, patients), keep_final=False,
        )  # fmt: skip
        return Plan(code, task, crowd, names, moments, how.workers, how.progress)


def _keys(model: Network, seed: int, arm: str, crowd: Patients, patients: Any) -> Any:
    if not model.events and all(s.counted is None for s in model.states):
        return np.zeros((len(crowd.ids), 4), dtype=np.uint64)
    if isinstance(patients, Snapshot):  # else the luck of the history would come again after it
        arm = f"{arm}, part {patients.part + 1}"
    return stream_keys(seed, arm, crowd.ids)


def _thresholds(model: Network, threshold: float | Mapping[str, float]) -> FloatArray:
    counted = [s.id for s in model.states if s.counted is not None]
    if isinstance(threshold, Mapping):
        return np.array([threshold.get(name, 1000.0) for name in counted], dtype=np.float64)
    return np.full(len(counted), float(threshold))


def run_blocks(plan: Plan, outcome: Outcome, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Integrate patients `first` to `last` in blocks over threads; yield each block when it is done."""
    blocks = [(edge, min(edge + _BLOCK, last)) for edge in range(first, last, _BLOCK)]
    if plan.workers <= 1 or len(blocks) == 1:
        workspace = plan.code.workspace()
        for block in blocks:
            run_range(plan.code, plan.task, outcome, *block, workspace)
            yield block
        return
    own = threading.local()

    def run(block: tuple[int, int]) -> None:
        if not hasattr(own, "workspace"):
            own.workspace = plan.code.workspace()
        run_range(plan.code, plan.task, outcome, *block, own.workspace)

    with ThreadPoolExecutor(plan.workers) as pool:
        waiting: list[tuple[tuple[int, int], Future[None]]] = [(block, pool.submit(run, block)) for block in blocks]
        try:
            for block, work in waiting:
                work.result()
                yield block
        except BaseException:
            for _, work in waiting:
                work.cancel()
            raise


def describe(plan: Plan, outcome: Outcome) -> xr.Dataset:
    """Return results as a labelled dataset, and warn of patients who stopped early."""
    units = plan.code.network.units
    variables: dict[str, Any] = {
        name: (("patient", "time"), outcome.values[:, :, k], {"units": units[name]})
        for k, name in enumerate(plan.outputs)
    }
    words = np.array(["", *ix.STATUS_WORDS[1:]])
    variables["stopped_because"] = ("patient", words[outcome.status])
    variables["stopped_at"] = ("patient", outcome.stopped, {"units": plan.code.network.time_unit})
    variables["steps"] = ("patient", outcome.steps[:, 0])
    variables["refused_steps"] = ("patient", outcome.steps[:, 1])
    warn_of_failures(outcome, plan.patients.ids)
    time = xr.DataArray(plan.times, dims="time", attrs={"units": plan.code.network.time_unit})
    return xr.Dataset(
        variables, coords={"patient": list(plan.patients.ids), "time": time}, attrs={"model": plan.code.network.name}
    )


def warn_of_failures(outcome: Outcome, ids: Sequence[Any]) -> None:
    """Warn, with numbers and the first names, of patients who stopped early."""
    failed = np.flatnonzero(outcome.status != ix.DONE)
    if not len(failed):
        return
    examples = "; ".join(
        f"patient {ids[k]} at time {outcome.stopped[k]:g}: {ix.STATUS_WORDS[outcome.status[k]]}" for k in failed[:3]
    )
    warnings.warn(
        f"{len(failed)} of {len(ids)} patients stopped early ({examples}). See list_failures.",
        IntegrationWarning,
        stacklevel=3,
    )


def list_failures(data: xr.Dataset, patients: Mapping[str, Any] | pd.DataFrame | None = None) -> pd.DataFrame:
    """Return who stopped early, when and why; with the parameters they were given, if `patients` is handed over."""
    failed = data["stopped_because"].to_numpy() != ""
    table = pd.DataFrame(
        {
            "stopped_at": data["stopped_at"].to_numpy()[failed],
            "stopped_because": data["stopped_because"].to_numpy()[failed],
            "steps": data["steps"].to_numpy()[failed],
        },
        index=pd.Index(data["patient"].to_numpy()[failed], name="patient"),
    )
    if patients is None:
        return table
    given = pd.DataFrame(patients)
    given = given.set_axis(data["patient"].to_numpy()[: len(given)], axis=0)
    return table.join(given)


class _Speed(ProgressColumn):
    """Patients per second, once some are done."""

    def render(self, task: BarTask) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s")


class _Bar:
    """A progress bar with patients per second, or nothing."""

    def __init__(self, plan: Plan) -> None:
        self._progress: Progress | None = None
        if plan.progress:
            self._progress = Progress(
                TextColumn("{task.completed:,.0f} patients"), BarColumn(), _Speed(), TimeRemainingColumn()
            )
            self._task = self._progress.add_task("integrating", total=plan.task.n_patients)

    def __enter__(self) -> Any:
        if self._progress is None:
            return lambda n: None
        self._progress.start()
        return lambda n: self._progress.advance(self._task, n) if self._progress else None

    def __exit__(self, *ignored: object) -> None:
        if self._progress is not None:
            self._progress.stop()
