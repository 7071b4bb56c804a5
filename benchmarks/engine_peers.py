"""Work and precision of the engine and of its peers: same model, same draws, same tolerances, same outputs, one run.

Usage: python benchmarks/engine_peers.py [--doses 2|30] [--patients 200] [--model cart25|own|own-all-slots] [--turns 3]

`cart25`: engine_cart25.ant, 25 states, made for benchmarks, not calibrated. `own`: the system of AfterCAR with the
slots that its plan needs; `own-all-slots`: with two products, two engagers and four drugs. Peers that are not
installed are named and left out. Time is processor time of one thread, compilation excluded, the best of some turns
where these are short. Errors are the largest over time of |y - reference| / (|reference| + floor), floor 1 cell or
1e-3; the reference is the engine at rtol 1e-10, which validation/ holds against solvers of other people.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
from engine_problems import MODEL, TIMES, cart25, doses, draw, error, own_model
from engine_solvers import (
    peer_amici,
    peer_copasi,
    peer_diffrax,
    peer_numbalsoda,
    peer_roadrunner,
    peer_scipy,
)

from aftercar.engine.run import empty_outcome, run_range
from aftercar.engine.simulate import Plan, Settings

__all__ = ["MODEL", "TIMES", "doses", "draw", "engine", "error", "peer_numbalsoda", "piecewise"]
_TURNS = 3


def engine(model, draws, schedule, rtol: float, width: int = 0):
    """Return (outcome, seconds) of our engine."""
    settings = Settings(rtol=rtol, atol=rtol, width=width)
    plan = Plan.make(
        model, times=TIMES, patients=draws, doses=schedule, outputs=None, seed=0, arm="", settings=settings
    )
    outcome, workspace = empty_outcome(plan.task, plan.code), plan.code.workspace()
    run_range(plan.code, plan.task, outcome, 0, min(8, plan.task.n_patients), workspace)
    best = np.inf
    for _ in range(_TURNS):
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


def _one(solve, pieces, doses, i: int, y: np.ndarray, p: np.ndarray, values: np.ndarray) -> None:
    for begin, end, given, shown in pieces:
        for d in given:
            y[doses.slots[d]] += doses.amounts[i if len(doses.amounts) > 1 else 0, d]
        moments = np.unique(np.concatenate([[begin], TIMES[shown], [end]]))
        path = solve(y.copy(), moments, p)
        values[i, shown] = path[np.searchsorted(moments, TIMES[shown])]
        y = path[-1].copy()


def piecewise(plan, solve: Callable[..., np.ndarray], n: int):
    """Run a solver piece by piece with doses between; return (values, seconds)."""
    doses = plan.task.doses
    states, parameters = start(plan)
    pieces = list(segments(plan))
    values = np.full((n, len(TIMES), states.shape[1]), np.nan)
    begin_time = time.process_time()
    for i in range(n):
        try:
            _one(solve, pieces, doses, i, states[i].copy(), parameters[i].copy(), values)
        except RuntimeError:
            values[i] = np.nan  # failed: counted so
    return values, time.process_time() - begin_time


def line(name: str, rtol: float, n: int, seconds: float, errors: np.ndarray, note: str = "") -> None:
    """Print one row of the table."""
    good = errors[np.isfinite(errors)]
    median, high, worst = (np.median(good), np.quantile(good, 0.95), good.max()) if len(good) else (np.nan,) * 3
    print(f"| {name} | {rtol:.0e} | {n / seconds:,.1f} | {median:.1e} | {high:.1e} | {worst:.1e} "
          f"| {len(errors) - len(good)}/{n} | {note} |", flush=True)  # fmt: skip


def start(plan):
    """Return the start values of all patients and their parameters."""
    task, n_states = plan.task, len(plan.code.network.states)
    first = replace(task, times=task.times[:, :1], ends=task.starts)
    outcome = empty_outcome(first, plan.code)
    run_range(plan.code, first, outcome, 0, task.n_patients, plan.code.workspace())
    given = np.broadcast_to(task.given, (task.n_patients, task.given.shape[1]))
    return outcome.values[:, 0].copy(), given[:, n_states:].copy()


def piecewise_together(plan, solve: Callable[..., np.ndarray], n: int):
    """As `piecewise`, for a solver that takes all patients at once."""
    y, p = (x[:n] for x in start(plan))
    doses = plan.task.doses
    values = np.full((n, len(TIMES), y.shape[1]), np.nan)
    begin_time = time.process_time()
    for begin, end, given, shown in segments(plan):
        for d in given:
            y[:, doses.slots[d]] += np.broadcast_to(doses.amounts[:, d], len(doses.amounts))[:n]
        moments = np.unique(np.concatenate([[begin], TIMES[shown], [end]]))
        path = solve(y, moments, p)
        values[:, shown] = path[:, np.searchsorted(moments, TIMES[shown])]
        y = path[:, -1].copy()
    return values, time.process_time() - begin_time


def show_engine(problem, reference: np.ndarray) -> None:
    """Print our rows."""
    n = len(reference)
    for rtol in (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8):
        outcome, seconds = engine(problem.model, problem.draws, problem.doses, rtol)
        steps = outcome.steps[:, 0].mean()
        line("aftercar lanes", rtol, n, seconds, problem.error(outcome.values, reference), f"{steps:.0f} steps")
    outcome, seconds = engine(problem.model, problem.draws, problem.doses, 1e-6, width=1)
    line("aftercar one by one", 1e-6, n, seconds, problem.error(outcome.values, reference))


def show_solvers(problem, reference: np.ndarray, turns: int) -> None:
    """Print the rows of solvers that go from dose to dose."""
    n = len(reference)
    plan = Plan.make(problem.model, times=TIMES, patients=problem.draws, doses=problem.doses, outputs=None, seed=0,
                     arm="", settings=None)  # fmt: skip
    for name, make, run, tolerances, count in (
        ("numbalsoda LSODA", peer_numbalsoda, piecewise, (1e-4, 1e-5, 1e-6, 1e-7), n),
        ("scipy LSODA", peer_scipy, piecewise, (1e-6,), max(2, n // 100)),
        ("diffrax Kvaerno5, vmap", peer_diffrax, piecewise_together, (1e-6,), min(n, 16)),
    ):
        for rtol in tolerances:
            try:
                solver = make(problem.model, rtol)
                run(plan, solver, 1 if run is piecewise else count)  # compiled here
            except ImportError as missing:
                print(f"| {name} | not installed: {missing} |")
                break
            except Exception as error:
                print(f"| {name} | {rtol:.0e} | cannot: {type(error).__name__} |")
                break
            best = np.inf
            for _ in range(turns if run is piecewise and count == n else 1):
                values, seconds = run(plan, solver, count)
                best = min(best, seconds)
            line(name, rtol, count, best, problem.error(values, reference[:count]))


def show_readers(problem, reference: np.ndarray) -> None:
    """Print the rows of solvers that read SBML."""
    n, names = len(reference), problem.names
    by_state = {s: problem.floors.get(s, 1.0 if s[0] in "CEM" else 1e-3) for s in names}
    by_state = {s: 1e-3 if floor == 1.0 else 1e-9 for s, floor in by_state.items()}
    weeks = problem.times[:261]
    for name, make, tolerance, count, times in (
        ("libRoadRunner", peer_roadrunner, 1e-6, n, problem.times),
        ("libRoadRunner, atol by state", peer_roadrunner, by_state, n, problem.times),
        ("AMICI", peer_amici, None, n, problem.times),
        ("COPASI", peer_copasi, None, max(2, n // 5), weeks),
    ):
        try:
            extra = () if tolerance is None else (tolerance,)
            solve = make(problem.sbml, problem.draws, times, names, 1e-6, *extra)
        except ImportError as missing:
            print(f"| {name} | not installed: {missing} |")
            continue
        except Exception as error:
            print(f"| {name} | cannot: {type(error).__name__}: {str(error)[:200]} |")
            continue
        values = np.full((count, len(times), len(names)), np.nan)
        begin = time.process_time()
        for i in range(count):
            try:
                values[i] = solve(i)[: len(times)]
            except RuntimeError:
                pass
        seconds = time.process_time() - begin
        line(name, 1e-6, count, seconds, problem.error(values, reference[:count, : len(times)]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--doses", type=int, choices=(2, 30), default=30)
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--model", choices=("cart25", "own", "own-all-slots"), default="cart25")
    parser.add_argument("--turns", type=int, default=3, help="of numbalsoda; the best counts")
    given = parser.parse_args()
    if given.model == "cart25":
        problem = cart25(given.doses, given.patients)
    else:
        problem = own_model(given.patients, all_slots=given.model == "own-all-slots")
    reference = engine(problem.model, problem.draws, problem.doses, 1e-10)[0].values
    found = f"{len(problem.names)} states, {len(problem.doses)} doses, {given.patients} patients, one thread"
    print(f"{problem.model.name}: {found}\n")
    print("| solver | rtol = atol | patients/s | error median | 95% | max | failed | note |\n" + "|---" * 8 + "|")
    show_engine(problem, reference)
    show_solvers(problem, reference, given.turns)
    show_readers(problem, reference)


if __name__ == "__main__":
    main()
