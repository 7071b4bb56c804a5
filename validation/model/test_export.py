"""The exported system, doses and all, in libRoadRunner (CVODE) against our own simulation of the same course.

Two programs with their own readers, right-hand sides and integrators share only the SBML file. Both run at a relative
tolerance of 1e-9 with an absolute one for each state: cells, from 1 to 1e13, to a thousandth of a cell; amounts and
indices to 1e-11. One tolerance for all would be useless for one of the two kinds. Agreement is asked for to 1e-6 of a
state's value, or of a thousandth of its greatest: a thousand tolerances, since growth and expansion multiply early
errors (measured: 1e-7). A state that never holds more than a cell, or 1e-9 of its unit, is below what either resolves.

libRoadRunner compiles the file on loading, which takes from twenty seconds to a minute and a half.
"""

from __future__ import annotations

from dataclasses import replace

import libsbml
import numpy as np
import pytest

from aftercar.engine import Network, write_antimony, write_sbml
from aftercar.model import Course, Treatment, arrange_course, export_system
from aftercar.patients import simulate_course, typical_patient
from aftercar.patients.simulation import default_settings

RTOL, AGREED = 1e-9, 1e-6
# CAR-T with lymphodepletion; an engager per kilogram with step-up; a tablet as infusions and class resistance, K-PD.
PLANS = {
    "car_t": [Treatment("ide_cel")],
    "sequence": [Treatment("ide_cel"), Treatment("teclistamab", 120.0), Treatment("bortezomib", 200.0, 60.0)],
    "again": [Treatment("ide_cel"), Treatment("ide_cel", 150.0), Treatment("lenalidomide_alone", 30.0, 90.0)],
}
DAYS = 300.0


def _course(name: str) -> Course:
    return arrange_course(PLANS[name], days=DAYS)


def _ours(course: Course, network: Network) -> tuple[np.ndarray, np.ndarray]:
    """Return times since the start and states, shape (times, states), of the course in its full structure."""
    full = replace(course, structure=replace(course.structure, counted=False))
    settings = default_settings(full.structure, rtol=RTOL, atol=_tolerances(network), atol_default=1e-11)
    states = [s.id for s in network.states]
    result = simulate_course(full, typical_patient(full), seed=1, outputs=states, settings=settings)
    return result["time"].values - course.start, np.array([result[s].values[0] for s in states]).T


def _tolerances(network: Network) -> dict[str, float]:
    return {s.id: 1e-3 for s in network.states if s.unit == "cell"}


@pytest.mark.parametrize("name", PLANS)
def test_file_is_valid_sbml(name: str) -> None:
    document = libsbml.readSBMLFromString(write_sbml(export_system(course=_course(name))))
    document.checkConsistency()
    faults = [document.getError(k) for k in range(document.getNumErrors())]
    assert [e.getMessage() for e in faults if e.getSeverity() >= libsbml.LIBSBML_SEV_ERROR] == []
    # The one warning that is left: numbers in formulas have no unit in SBML; the engine's own check covers them.
    assert {e.getErrorId() for e in faults} <= {99505}
    assert [p.getId() for p in document.getModel().getListOfParameters() if not p.getUnits()] == []


def test_the_same_command_gives_the_same_bytes() -> None:
    for write in (write_sbml, write_antimony):
        assert write(export_system(course=_course("car_t"))) == write(export_system(course=_course("car_t")))


@pytest.mark.parametrize("name", PLANS)
def test_libroadrunner_simulates_the_same_course(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    roadrunner = pytest.importorskip("roadrunner")
    course = _course(name)
    network = export_system(course=course)
    times, ours = _ours(course, network)
    runner = roadrunner.RoadRunner(write_sbml(network))
    runner.integrator.relative_tolerance = RTOL
    runner.integrator.maximum_num_steps = 1_000_000
    cells = _tolerances(network)
    for s in network.states:
        runner.integrator.setIndividualTolerance(s.id, cells.get(s.id, 1e-11))
    runner.timeCourseSelections = [s.id for s in network.states]
    steps = round(times[-1])
    assert np.array_equal(times, np.arange(steps + 1)), "one value a day, as libRoadRunner is asked for"
    theirs = np.array(runner.simulate(0, steps, steps + 1))
    units = np.array([1.0 if s.unit == "cell" else 1e-9 for s in network.states])
    errors = np.abs(ours - theirs) / (np.abs(theirs) + 1e-3 * np.abs(theirs).max(axis=0) + units)
    worst = np.unravel_index(int(np.argmax(errors)), errors.shape)
    with capsys.disabled():
        state = network.states[worst[1]].id
        print(f"\n{name}: greatest relative difference {errors.max():.1e}, {state}, day {times[worst[0]]:.0f}")
    assert theirs.max() > 1e9 and errors.max() < AGREED
