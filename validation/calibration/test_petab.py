"""The exported PEtab problem in libRoadRunner (CVODE) against the engine, at the days of the measurements and others.

The file of the system gets the values of a row of `conditions.tsv` and the nominal values of `parameters.tsv`, as a
tool of PEtab puts them in. What it then gives must be what our own simulation gives in the cohort's typical patient
under the course that the calibration simulates, where doses are doses and no event. Agreement is asked for to 1e-4 of
the value. The area under the copies is no output of the engine: Simpson's rule on twenty values a day stands beside it.

libRoadRunner compiles the file on loading, which takes up to a minute and a half.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import libsbml
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy.integrate import cumulative_simpson

from aftercar.calibration import Material
from aftercar.calibration.petab import build_petab, write_petab
from aftercar.calibration.petab.cohorts import TypicalCohort, describe_cohorts
from aftercar.catalogue.calibration import load_calibration
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.petab import load_petab_plan
from aftercar.catalogue.populations import load_populations
from aftercar.catalogue.targets import load_targets
from aftercar.engine import simulate
from aftercar.model import build_system
from aftercar.patients.simulation import default_settings

RTOL, AGREED = 1e-9, 1e-4
OUTPUTS = ["copies_per_ug", "copies_exposure", "sbcma_ng_per_ml"]
OTHER_DAYS = [-4.5, 1.0, 4.0, 7.0, 14.0, 60.0]  # between doses and after them


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("petab") / "problem"
    write_petab(build_petab(_material(), load_petab_plan(), load_targets()), target)
    return target


def _material() -> Material:
    return Material.of(load_calibration(), load_model_data(), load_populations(), load_targets())


def _cohort(name: str) -> TypicalCohort:
    material = _material()
    cohorts = describe_cohorts(material.calibration, material.data, material.populations)
    return next(one for one in cohorts if one.id == name)


def _read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.tsv", sep="\t").set_index(
        f"{name[:-1]}Id" if name != "measurements" else "time"
    )


def _fill(folder: Path, condition: str) -> str:
    """Return the file of the system with the values of a condition, as a tool of PEtab would put them in."""
    nominal = _read(folder, "parameters")["nominalValue"]
    values = dict(nominal) | dict(_read(folder, "conditions").loc[condition].drop("conditionName"))
    document = libsbml.readSBMLFromFile(str(folder / "system.xml"))
    for name, value in values.items():
        parameter = document.getModel().getParameter(name)
        if parameter is not None:
            parameter.setValue(float(nominal.get(value, value)) if isinstance(value, str) else float(value))
    return libsbml.writeSBMLToString(document)


def _ours(one: TypicalCohort, times: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the observables of the course of a cohort at times since its start, shape (times, observables)."""
    structure = replace(one.course.structure, counted=False)
    system = build_system(load_model_data(), structure)
    cells = {s.id: 1e-3 for s in system.states if s.unit == "cell"}
    fine = np.linspace(0.0, times[-1], round(20 * times[-1]) + 1)
    all_times = np.unique(np.concatenate([fine, times]))
    result = simulate(
        system, times=all_times + one.course.start, patients=pd.DataFrame([one.parameters], index=[1]),
        doses=list(one.course.doses), outputs=["copies_per_ug", "sbcma_ng_per_ml"], seed=1,
        settings=default_settings(structure, rtol=RTOL, atol=cells, atol_default=1e-11),
    )  # fmt: skip
    copies, sbcma = (result[name].to_numpy()[0] for name in ("copies_per_ug", "sbcma_ng_per_ml"))
    area = cumulative_simpson(copies, x=all_times, initial=0.0)
    return np.array([copies, area, sbcma]).T[np.searchsorted(all_times, times)]


@pytest.mark.parametrize("condition", ["cartitude1", "legend2"])  # all measurements; three infusions, per kilogram
def test_libroadrunner_gives_what_the_engine_gives(
    folder: Path, condition: str, capsys: pytest.CaptureFixture[str]
) -> None:
    roadrunner = pytest.importorskip("roadrunner")
    one = _cohort(condition)
    measured = _read(folder, "measurements").index.to_numpy(dtype=np.float64)
    times = np.unique(np.concatenate([[0.0], measured, np.array(OTHER_DAYS) - one.course.start]))
    text = _fill(folder, condition)
    runner = roadrunner.RoadRunner(text)
    runner.integrator.relative_tolerance = RTOL
    runner.integrator.maximum_num_steps = 1_000_000
    system = libsbml.readSBMLFromString(text).getModel()
    for rule in (system.getRule(k) for k in range(system.getNumRules())):
        if rule.isRate():
            unit = system.getParameter(rule.getVariable()).getUnits()
            runner.integrator.setIndividualTolerance(rule.getVariable(), 1e-3 if unit == "unit_cell" else 1e-11)
    runner.timeCourseSelections = OUTPUTS
    theirs, ours = np.array(runner.simulate(times=times.tolist())), _ours(one, times)
    errors = np.abs(theirs - ours) / np.maximum(np.abs(ours), 1e-6)
    worst = np.unravel_index(int(np.argmax(errors)), errors.shape)
    with capsys.disabled():
        print(f"\n{condition}: greatest relative difference {errors.max():.1e}, {OUTPUTS[worst[1]]}, "
              f"day {times[worst[0]] + one.course.start:g}")  # fmt: skip
    assert ours[:, 0].max() > 1e3 and errors.max() < AGREED
