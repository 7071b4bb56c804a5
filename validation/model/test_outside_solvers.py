"""The deterministic system against solvers of other people: LSODA and Radau of SciPy, CVODE of libRoadRunner.

SciPy integrates the Python text of the same equations; libRoadRunner the exported SBML, which it reads, differentiates
and integrates by itself. Between doses all of them start anew.

    .venv/bin/python -m pytest validation/model/test_outside_solvers.py -q
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from tests.unit.model.sample import CART, ENGAGER, course_of, run

from aftercar.catalogue.model_data import load_model_data
from aftercar.engine import Network, write_sbml
from aftercar.engine.export import sbml_names
from aftercar.engine.readable import load_python
from aftercar.model import Course, build_system
from aftercar.patients import typical_patient

COURSES = {"an index CAR-T": (CART, 300.0), "an engager": (ENGAGER, 120.0)}
KEY = (
    "marrow_bulk", "marrow_bcma_low", "marrow_bcma_null", "progenitor", "product1_memory", "product1_effector",
    "product1_exhausted", "product1_antibody", "host_t", "host_exhaustion", "b_help", "leukocytes", "myeloid",
    "engager1_depot", "engager1_central", "engager1_peripheral", "sbcma", "m_protein", "free_light_chain",
)  # fmt: skip
EVERY = 10.0

Solver = Callable[[np.ndarray, list[float]], np.ndarray]
"""From the state at the beginning of an interval and moments in it to states, shape (moments, states)."""


def setting(name: str) -> tuple[Course, Network, list[float]]:
    therapy, days = COURSES[name]
    course = course_of(therapy, days=days)
    # one slot of each kind: half of the equations to read for libRoadRunner, which takes minutes over all of them
    course = replace(course, structure=replace(course.structure, products=1, engagers=1, drugs=1))
    network = build_system(structure=course.structure)
    row = typical_patient(course).iloc[0]
    return course, network, [float(row.get(p.id, p.value)) for p in network.parameters]


def piecewise(
    course: Course, network: Network, start: np.ndarray, times: np.ndarray, p: list[float], solve: Solver
) -> np.ndarray:
    """Integrate from dose to dose and return the states at the output times, doses at these included."""
    place = {s.id: k for k, s in enumerate(network.states)}
    weight = load_model_data().parameters["body_weight"].value
    found = np.zeros((len(times), len(place)))
    y, now = start.copy(), course.start
    moments = sorted({*(float(d.time) for d in course.doses), course.end})
    for stop in moments:
        inside = [t for t in times if now <= t < stop]
        if stop > now:
            path = solve(y, [now, *(t for t in inside if t > now), stop])
            for t, row in zip([now, *(t for t in inside if t > now)], path, strict=False):
                found[times == t] = row
            y = path[-1].copy()
        for dose in course.doses:
            if dose.time == stop:
                amount = (weight if dose.amount == "body_weight" else dose.amount) * dose.factor
                y[place[dose.target]] += amount
        now = stop
    found[-1] = y
    return found


def start_of(course: Course, network: Network) -> tuple[np.ndarray, np.ndarray]:
    """Return the states before the first dose and the output times; start values are tested in tests/properties."""
    bare = run(replace(course, doses=()), every=EVERY)
    return np.array([float(bare[s.id][0, 0]) for s in network.states]), bare["time"].values


def worst(course: Course, network: Network, theirs: np.ndarray, rtol: float) -> dict[str, float]:
    """Return per key state the largest difference relative to the state's size, in which 1e-6 of its peak counts."""
    place = {s.id: k for k, s in enumerate(network.states)}
    ours = run(course, every=EVERY, rtol=rtol, atol=1e-6, atol_default=1e-12)
    errors = {}
    for name in KEY:
        mine, other = ours[name].values[0], theirs[:, place[name]]
        size = np.abs(other) + 1e-6 * np.abs(other).max()
        if np.abs(other).max() > 0:
            errors[name] = float(np.max(np.abs(mine - other) / size))
    return errors


@pytest.mark.parametrize("method", ["LSODA", "Radau"])
@pytest.mark.parametrize("name", COURSES)
def test_scipy_agrees(name: str, method: str) -> None:
    course, network, p = setting(name)
    rates, jacobian = load_python(network)
    n = len(network.states)

    def solve(y: np.ndarray, moments: list[float]) -> np.ndarray:
        path = solve_ivp(
            lambda t, y: np.array(rates(t, y.tolist(), p, [0.0] * n)), (moments[0], moments[-1]), y, method=method,
            t_eval=moments, rtol=1e-10, atol=1e-10,
            jac=lambda t, y: np.array(jacobian(t, y.tolist(), p, np.zeros((n, n)))),
        )  # fmt: skip
        assert path.success, path.message
        return path.y.T

    theirs = piecewise(course, network, *start_of(course, network), p, solve)
    for rtol in (1e-5, 1e-8):
        errors = worst(course, network, theirs, rtol)
        print(name, method, rtol, max(errors.items(), key=lambda x: x[1]))
        assert max(errors.values()) < 10 * rtol, errors


@pytest.mark.parametrize("name", COURSES)
def test_cvode_agrees_on_the_exported_sbml(name: str) -> None:
    roadrunner = pytest.importorskip("roadrunner")
    course, network, p = setting(name)
    exported = build_system(structure=course.structure, intermediates=True)  # smaller formulas: read in seconds
    words = sbml_names(exported)
    own = dict(zip([q.id for q in network.parameters], p, strict=True))
    patient = tuple(replace(q, value=own[q.id]) for q in exported.parameters)
    runner = roadrunner.RoadRunner(write_sbml(replace(exported, parameters=patient)))
    runner.integrator.relative_tolerance = 1e-10
    runner.integrator.maximum_num_steps = 1_000_000
    states = [words[s.id] for s in network.states]
    # A scalar absolute tolerance is shrunk for each species with its value there; one for each is kept.
    for state in network.states:
        runner.integrator.setIndividualTolerance(words[state.id], 1e-6 if state.unit == "cell" else 1e-13)
    runner.timeCourseSelections = states

    def solve(y: np.ndarray, moments: list[float]) -> np.ndarray:
        rows = [y.copy()]
        for state, value in zip(states, y, strict=True):
            runner.setValue(state, float(value))
        for before, after in pairwise(moments):
            rows.append(np.array(runner.simulate(before, after, 2))[-1])
        return np.array(rows)

    theirs = piecewise(course, network, *start_of(course, network), p, solve)
    errors = worst(course, network, theirs, 1e-8)
    print(name, "CVODE", max(errors.items(), key=lambda x: x[1]))
    # 10 x 1e-8 of ours, and as much again of CVODE, whose error over some 50 restarts is 1e2 to 1e3 of its 1e-10
    assert max(errors.values()) < 2e-7, errors
