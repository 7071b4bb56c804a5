"""Published models and the CAR-T model of the engine study against solvers of other people.

libRoadRunner (CVODE) reads the same files with its own reader; scipy's Radau at 1e-10 integrates the readable form of
the equations. Models are read where they lie. Where the solution itself amplifies small errors (oscillation over many
periods, growth), a bound on the error from the tolerance alone cannot hold for any solver: `AMPLIFIED` names these
models and the factor, measured as the error at rtol 1e-6 over 1e-6 and confirmed by its fall with the tolerance.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from aftercar.engine import UnsupportedFeatureError, load_model
from aftercar.engine.readable import load_python
from aftercar.engine.run_file import TimeCourse, default_values, simulate_network

SHARED = Path(os.environ.get("AFTERCAR_SHARED", Path(__file__).resolve().parents[3] / "shared"))
MODELS = sorted((SHARED / "sbml-models").glob("*.xml"))
RTOL = 1e-6
DURATION = 100.0
AMPLIFIED = {"Borghans_BiophysChem1997": 2_000.0, "Crauste_CellSystems2017": 60_000.0}

pytestmark = pytest.mark.skipif(not MODELS, reason=f"no models at {SHARED}; set AFTERCAR_SHARED")


def _ours(path: Path, rtol: float) -> tuple[list[str], np.ndarray]:
    network = load_model(path)
    states = [s.id for s in network.states]
    course = TimeCourse(0.0, DURATION, 50, rtol, rtol * 1e-3)
    return states, simulate_network(network, course, variables=states, amounts=states)[states].to_numpy()


def _error(values: np.ndarray, reference: np.ndarray) -> float:
    scale = np.abs(reference) + 1e-3 * np.abs(reference).max(axis=0) + 1e-9
    return float(np.max(np.abs(values - reference) / scale))


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_against_roadrunner(path: Path) -> None:
    roadrunner = pytest.importorskip("roadrunner")
    try:
        states, values = _ours(path, RTOL)
    except UnsupportedFeatureError as error:
        pytest.skip(f"refused by name: {error}")
    runner = roadrunner.RoadRunner(str(path))
    runner.integrator.relative_tolerance = 1e-11
    runner.integrator.absolute_tolerance = 1e-15
    runner.integrator.maximum_num_steps = 1_000_000
    runner.timeCourseSelections = ["time", *states]
    reference = np.array(runner.simulate(0, DURATION, 51))[:, 1:]
    assert _error(values, reference) < 10 * RTOL * AMPLIFIED.get(path.stem, 1.0)


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_against_radau(path: Path) -> None:
    states, values = _ours(path, RTOL)
    network = load_model(path)
    if network.events:
        pytest.skip("Radau knows no events; libRoadRunner does")
    rates, jacobian = load_python(network)
    parameters = _parameters(path)
    n = len(states)

    def slope(t: float, y: np.ndarray) -> np.ndarray:
        return np.array(rates(t, y.tolist(), parameters, [0.0] * n))

    path_of = solve_ivp(
        slope, (0, DURATION), values[0], method="Radau", rtol=1e-10, atol=1e-13,
        t_eval=np.linspace(0, DURATION, 51), jac=lambda t, y: jacobian(t, y.tolist(), parameters, np.zeros((n, n))),
    )  # fmt: skip
    assert path_of.success, path_of.message
    assert _error(values, path_of.y.T) < 10 * RTOL * AMPLIFIED.get(path.stem, 1.0)


def _parameters(path: Path) -> list[float]:
    """Values at the start, initial assignments included."""
    network = load_model(path)
    names = [p.id for p in network.parameters]
    if not names:
        return []
    table = simulate_network(network, TimeCourse(0.0, 0.0, 1), variables=names)
    assert len(default_values(network)) == len(network.slots)
    return [float(x) for x in table[names].iloc[0]]


@pytest.mark.parametrize("stem", sorted(AMPLIFIED))
def test_amplified_errors_fall_with_the_tolerance(stem: str) -> None:
    path = SHARED / "sbml-models" / f"{stem}.xml"
    if not path.exists():
        pytest.skip("not among the models")
    reference = _ours(path, 1e-12)[1]
    errors = [_error(_ours(path, rtol)[1], reference) for rtol in (1e-6, 1e-8)]
    assert errors[1] < errors[0] / 20
