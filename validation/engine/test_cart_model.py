"""The 25-state CAR-T model with 30 doses and drawn parameters, against LSODA of other people and tight tolerance."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
engine_peers = pytest.importorskip("engine_peers")

from aftercar.engine import load_model  # noqa: E402
from aftercar.engine.simulate import Plan  # noqa: E402

FILE = engine_peers.MODEL


@pytest.fixture(scope="module")
def setting():
    model = load_model(FILE)
    return model, engine_peers.draw(model, 40), engine_peers.doses(30), [s.id for s in model.states]


def test_tight_tolerance_agrees_with_radau(setting) -> None:
    from scipy.integrate import solve_ivp

    from aftercar.engine.readable import load_python

    model, draws, schedule, names = setting
    draws = {k: v[:2] for k, v in draws.items()}
    ours = engine_peers.engine(model, draws, schedule, 1e-10)[0].values
    plan = Plan.make(model, times=engine_peers.TIMES, patients=draws, doses=schedule, outputs=None, seed=0, arm="",
                     settings=None)  # fmt: skip
    rates, jacobian = load_python(model)
    n = len(names)

    def solve(y, moments, p):
        p = p.tolist()
        path = solve_ivp(
            lambda t, y: np.array(rates(t, y.tolist(), p, [0.0] * n)), (moments[0], moments[-1]), y, method="Radau",
            t_eval=moments, rtol=1e-9, atol=1e-9,
            jac=lambda t, y: jacobian(t, y.tolist(), p, np.zeros((n, n))),
        )  # fmt: skip
        return path.y.T

    values, _ = engine_peers.piecewise(plan, solve, 2)
    # Radau at 1e-9: its own error, up to some hundred times its tolerance over 30 restarts, bounds the agreement
    assert engine_peers.error(values, ours[:2], names).max() < 1e-6


def test_tight_tolerance_agrees_with_lsoda(setting) -> None:
    pytest.importorskip("numbalsoda")
    model, draws, schedule, names = setting
    ours = engine_peers.engine(model, draws, schedule, 1e-10)[0].values
    plan = Plan.make(model, times=engine_peers.TIMES, patients=draws, doses=schedule, outputs=None, seed=0, arm="",
                     settings=None)  # fmt: skip
    values, _ = engine_peers.piecewise(plan, engine_peers.peer_numbalsoda(model, 1e-10), 40)
    # LSODA at 1e-10 against an explicit method of order 8 differed by at most 1e-5 (the engine study)
    assert engine_peers.error(values, ours, names).max() < 2e-5


@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-8])
def test_errors_keep_to_the_tolerance(setting, rtol: float) -> None:
    model, draws, schedule, names = setting
    reference = engine_peers.engine(model, draws, schedule, 1e-11)[0].values
    errors = engine_peers.error(engine_peers.engine(model, draws, schedule, rtol)[0].values, reference, names)
    # 16 states, 262 times, five years: half of the patients within 10 tolerances, the worst within 30
    assert np.median(errors) < 10 * rtol
    assert errors.max() < 30 * rtol


def test_lanes_are_at_least_twice_as_fast_as_one_by_one(setting) -> None:
    """A new compiler must not undo the vectors silently. Processor time, best of several turns, side by side."""
    from aftercar.engine.machine_code import best_width

    if best_width() < 4:
        pytest.skip("registers of fewer than four numbers here")
    model, draws, schedule, _ = setting
    ratios = []
    for _ in range(4):
        _, wide = engine_peers.engine(model, draws, schedule, 1e-6)
        _, single = engine_peers.engine(model, draws, schedule, 1e-6, width=1)
        ratios.append(single / wide)
        if ratios[-1] > 2.0:
            return
    pytest.fail(f"vectorisation is lost: {max(ratios):.2f} times as fast")
