"""Work and precision of the engine and of its peers: same model, same draws, same tolerances, same outputs, one run.

Usage: python benchmarks/engine_peers.py [--doses 2|30] [--patients 200] [--model FILE.ant]

The model is engine_cart25.ant: 25 states, made for benchmarks, not calibrated; five years, weekly outputs of all states.
Peers that are not installed are named and left out. Time is processor time of one thread, compilation excluded.
Errors are the largest over time of |y - reference| / (|reference| + floor), floor 1 cell or 1e-3, over 16 key states;
the reference is the engine at rtol 1e-10, which validation/ holds against solvers of other people.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from aftercar.engine import Dose, load_model
from aftercar.engine.readable import load_python, write_python
from aftercar.engine.run import empty_outcome, run_range
from aftercar.engine.simulate import Plan, Settings

MODEL = Path(__file__).resolve().parent / "engine_cart25.ant"
TIMES = np.append(np.arange(0, 261) * 7.0, 1825.0)
KEY = "CTe CTm Ec Ea M1 M2 M3 Mq sB Mp FLC Ac R3 Tri IL6 IL15".split()
CELLS = set("CTe CTm CTx Ec Ea Ex M1 M2 M3 Mq".split())
FIXED = {"tB", "doseLD", "doseCT", "doseB", "Vd", "V"}
WIDE = {"M0": 0.8, "KB": 0.5, "rho": 0.12, "kC": 0.3, "f2": 1.0, "f3": 1.0, "fq": 0.6, "g1": 0.3, "g2": 0.3, "g3": 0.3,
        "Kmax": 0.1}  # fmt: skip


def doses(number: int) -> list[Dose]:
    """Lymphodepletion, CAR-T and a bispecific antibody: 30 doses, or only CAR-T and one of the antibody."""
    course = [Dose(t, "LD", "doseLD") for t in (1.0, 2.0, 3.0)] + [Dose(6.0, "CTe", "doseCT")]
    course += [Dose(540.0, "Asc", "doseB", 0.05), Dose(543.0, "Asc", "doseB", 0.25)]
    course += [Dose(540.0 + 7 * (k + 1), "Asc", "doseB") for k in range(12)]
    course += [Dose(624.0 + 28 * (k + 1), "Asc", "doseB") for k in range(12)]
    return course if number == 30 else [course[3], course[6]]


def draw(model, n: int) -> dict[str, np.ndarray]:
    """Lognormal parameters, seed 1, as in the prototype's comparison; the first patient is the nominal one."""
    names = [p.id for p in model.parameters if p.id != "V"]
    nominal = np.array([p.value for p in model.parameters if p.id != "V"])
    spread = np.array([0.0 if k in FIXED else WIDE.get(k, 0.2) for k in names])
    values = nominal * np.exp(np.random.default_rng(1).standard_normal((n, len(names))) * spread)
    values[0] = nominal
    return dict(zip(names, values.T, strict=True))


def error(values: np.ndarray, reference: np.ndarray, names: list[str]) -> np.ndarray:
    """Largest relative error of each patient."""
    worst = np.zeros(len(values))
    for name in KEY:
        j = names.index(name)
        floor = 1.0 if name in CELLS else 1e-3
        gap = np.abs(values[:, :, j] - reference[:, :, j]) / (np.abs(reference[:, :, j]) + floor)
        worst = np.maximum(worst, gap.max(axis=1))
    return worst


def engine(model, draws, schedule, rtol: float, width: int = 0):
    """Return (outcome, seconds) of our engine."""
    settings = Settings(rtol=rtol, atol=rtol, width=width)
    plan = Plan.make(
        model, times=TIMES, patients=draws, doses=schedule, outputs=None, seed=0, arm="", settings=settings
    )
    outcome, workspace = empty_outcome(plan.task, plan.code), plan.code.workspace()
    run_range(plan.code, plan.task, outcome, 0, min(8, plan.task.n_patients), workspace)
    best = np.inf
    for _ in range(3):
        begin = time.process_time()
        run_range(plan.code, plan.task, outcome, 0, plan.task.n_patients, workspace)
        best = min(best, time.process_time() - begin)
    return outcome, best


def segments(plan):
    """Return for each patient-independent piece of time: (begin, end, doses at its begin, output positions)."""
    task = plan.task
    edges = np.unique(np.concatenate([[TIMES[0]], task.doses.times[0], [TIMES[-1]]]))
    for k, (begin, end) in enumerate(pairwise(edges)):
        last = k == len(edges) - 2
        inside = (TIMES >= begin) & ((TIMES <= end) if last else (TIMES < end))
        yield begin, end, np.flatnonzero(task.doses.times[0] == begin), np.flatnonzero(inside)


def piecewise(plan, solve: Callable[..., np.ndarray], n: int):
    """Run a solver piece by piece with doses between; return (values, seconds)."""
    task, n_states = plan.task, len(plan.code.network.states)
    start = empty_outcome(replace(task, times=task.times[:, :1]), plan.code)
    first = replace(task, times=task.times[:, :1], ends=task.starts)
    run_range(plan.code, first, start, 0, task.n_patients, plan.code.workspace())
    pieces = list(segments(plan))
    values = np.full((n, len(TIMES), n_states), np.nan)
    begin_time = time.process_time()
    for i in range(n):
        y = start.values[i, 0].copy()
        p = task.given[i, n_states:].copy()
        for begin, end, given, shown in pieces:
            for d in given:
                y[task.doses.slots[d]] += task.doses.amounts[i, d]
            moments = np.unique(np.concatenate([[begin], TIMES[shown], [end]]))
            path = solve(y.copy(), moments, p)
            values[i, shown] = path[np.searchsorted(moments, TIMES[shown])]
            y = path[-1].copy()
    return values, time.process_time() - begin_time


def peer_numbalsoda(model, rtol: float):
    """LSODA in C through numbalsoda, with our equations compiled by numba."""
    import numba
    from numbalsoda import lsoda, lsoda_sig

    n, n_p = len(model.states), len(model.parameters)
    space: dict = {}
    text = write_python(model).replace("def ", "@numba.njit(error_model='numpy')\ndef ")
    exec("import numba\n" + text, space)
    rates = space["rates"]

    @numba.cfunc(lsoda_sig)
    def right_hand_side(t, y, dy, p):
        rates(t, numba.carray(y, (n,)), numba.carray(p, (n_p,)), numba.carray(dy, (n,)))

    address = right_hand_side.address
    return lambda y, moments, p: lsoda(address, y, moments, data=p, rtol=rtol, atol=rtol, mxstep=1_000_000)[0]


def peer_scipy(model, rtol: float, method: str = "LSODA"):
    """scipy with our equations as plain Python."""
    from scipy.integrate import solve_ivp

    rates, _ = load_python(model)
    out = np.zeros(len(model.states))

    def solve(y, moments, p):
        p = p.tolist()
        path = solve_ivp(
            lambda t, y: rates(t, y.tolist(), p, out.copy()),
            (moments[0], moments[-1]), y, method=method, t_eval=moments, rtol=rtol, atol=rtol,
        )  # fmt: skip
        return path.y.T

    return solve


def peer_roadrunner(source: str, schedule, draws, names: list[str], rtol: float, atol: dict[str, float] | float):
    """libRoadRunner (CVODE), doses as events of the model."""
    import antimony
    import roadrunner

    lines = [f"  D{k}: at (time >= {d.time}): {d.target} = {d.target} + {d.factor}*{d.amount};"
             for k, d in enumerate(schedule)]  # fmt: skip
    antimony.clearPreviousLoads()
    antimony.loadAntimonyString(source.replace("// EVENTS_END", "\n".join(lines)))
    runner = roadrunner.RoadRunner(antimony.getSBMLString(antimony.getMainModuleName()))
    runner.integrator.relative_tolerance = rtol
    if isinstance(atol, dict):
        order = list(runner.model.getFloatingSpeciesIds())
        runner.integrator.setValue("absolute_tolerance", [atol[s] for s in order])
    else:
        runner.integrator.absolute_tolerance = atol
    runner.integrator.maximum_num_steps = 200_000
    runner.timeCourseSelections = ["time", *names]
    ids = list(runner.model.getGlobalParameterIds())
    positions = [ids.index(k) for k in draws]

    def solve(i: int) -> np.ndarray:
        runner.resetAll()
        runner.model.setGlobalParameterValues(positions, [float(draws[k][i]) for k in draws])
        runner.reset()
        return np.array(runner.simulate(times=list(TIMES)))[:, 1:]

    return solve


def peer_copasi(source: str, schedule, draws, names: list[str], rtol: float):
    """COPASI (LSODA), doses as events; reading the values out of it one by one is part of its time."""
    import antimony
    import basico
    import COPASI

    lines = [
        f"  D{k}: at (time >= {d.time}): {d.target} = {d.target} + {d.factor}*{d.amount};"
        for k, d in enumerate(schedule)
    ]
    antimony.clearPreviousLoads()
    antimony.loadAntimonyString(source.replace("// EVENTS_END", "\n".join(lines)))
    model = basico.load_model(antimony.getSBMLString(antimony.getMainModuleName())).getModel()
    values = {value.getObjectName(): value for value in model.getModelValues()}
    task = model.getObjectDataModel().getTask("Time-Course")
    task.setMethodType(COPASI.CTaskEnum.Method_deterministic)
    problem, method = task.getProblem(), task.getMethod()
    problem.setDuration(1820.0)
    problem.setStepNumber(260)
    problem.setTimeSeriesRequested(True)
    problem.setAutomaticStepSize(False)
    for word, number in (("Relative Tolerance", rtol), ("Absolute Tolerance", rtol)):
        method.getParameter(word).setDblValue(number)
    method.getParameter("Max Internal Steps").setIntValue(1_000_000)

    def solve(i: int) -> np.ndarray:
        for k in draws:
            values[k].setInitialValue(float(draws[k][i]))
        model.updateInitialValues(COPASI.CCore.Framework_Concentration)
        task.initializeRaw(COPASI.CCopasiTask.OUTPUT_UI)
        if not task.processRaw(True):
            raise RuntimeError("COPASI failed")
        series = task.getTimeSeries()
        titles = [series.getTitle(k) for k in range(series.getNumVariables())]
        columns = [titles.index(s) for s in names]
        rows = [[series.getConcentrationData(r, c) for c in columns] for r in range(series.getRecordedSteps())]
        task.restore()
        return np.array(rows)

    return solve


def line(name: str, rtol: float, n: int, seconds: float, errors: np.ndarray, note: str = "") -> None:
    """Print one row of the table."""
    good = errors[np.isfinite(errors)]
    median, high, worst = (np.median(good), np.quantile(good, 0.95), good.max()) if len(good) else (np.nan,) * 3
    print(f"| {name} | {rtol:.0e} | {n / seconds:,.1f} | {median:.1e} | {high:.1e} | {worst:.1e} "
          f"| {len(errors) - len(good)}/{n} | {note} |", flush=True)  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--doses", type=int, choices=(2, 30), default=30)
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--model", type=Path, default=MODEL)
    given = parser.parse_args()
    model, n, schedule = load_model(given.model), given.patients, doses(given.doses)
    draws, names = draw(model, n), [s.id for s in model.states]
    reference = engine(model, draws, schedule, 1e-10)[0].values
    print(f"{model.name}: {len(names)} states, {given.doses} doses, {n} patients, one thread\n")
    print("| solver | rtol = atol | patients/s | error median | 95% | max | failed | note |\n" + "|---" * 8 + "|")
    for rtol in (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8):
        outcome, seconds = engine(model, draws, schedule, rtol)
        steps = outcome.steps[:, 0].mean()
        line("aftercar lanes", rtol, n, seconds, error(outcome.values, reference, names), f"{steps:.0f} steps")
    outcome, seconds = engine(model, draws, schedule, 1e-6, width=1)
    line("aftercar one by one", 1e-6, n, seconds, error(outcome.values, reference, names))
    plan = Plan.make(model, times=TIMES, patients=draws, doses=schedule, outputs=None, seed=0, arm="", settings=None)
    for name, make, tolerances, share in (
        ("numbalsoda LSODA", peer_numbalsoda, (1e-4, 1e-5, 1e-6, 1e-7), 1.0),
        ("scipy LSODA", peer_scipy, (1e-6,), 0.01),
    ):
        for rtol in tolerances:
            try:
                solver = make(model, rtol)
            except ImportError as missing:
                print(f"| {name} | not installed: {missing} |")
                break
            piecewise(plan, solver, 1)
            count = max(2, int(n * share))
            values, seconds = piecewise(plan, solver, count)
            line(name, rtol, count, seconds, error(values, reference[:count], names))
    scale = {s: (1e-9 if s not in CELLS else 1e-3) for s in names}
    for name, atol in (("libRoadRunner", 1e-6), ("libRoadRunner, atol by state", scale)):
        try:
            solve = peer_roadrunner(given.model.read_text(), schedule, draws, names, 1e-6, atol)
        except ImportError as missing:
            print(f"| {name} | not installed: {missing} |")
            break
        values, begin = np.full_like(reference, np.nan), time.process_time()
        for i in range(n):
            try:
                values[i] = solve(i)
            except RuntimeError:
                pass
        line(name, 1e-6, n, time.process_time() - begin, error(values, reference, names))
    try:
        solve = peer_copasi(given.model.read_text(), schedule, draws, names, 1e-6)
    except ImportError as missing:
        print(f"| COPASI | not installed: {missing} |")
        return
    count = max(2, n // 5)
    values, begin = np.full_like(reference[:count], np.nan), time.process_time()
    for i in range(count):
        values[i, :261] = solve(i)[:261]
    seconds = time.process_time() - begin
    line("COPASI", 1e-6, count, seconds, error(values[:, :261], reference[:count, :261], names), "260 weeks")


if __name__ == "__main__":
    main()
