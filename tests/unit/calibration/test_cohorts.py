"""Cohorts of single patients from many sets; what is kept of them; waves on a problem that is small enough."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aftercar.calibration import CalibrationSettings, Material, WaveSettings, check_targets, run_calibration
from aftercar.calibration.cohorts import CohortRequest, request_key, simulate_cohort
from aftercar.calibration.conduct import simulate_on_threads
from aftercar.calibration.storage import simulate_or_read
from aftercar.calibration.tension import leave_out
from aftercar.calibration.waves import run_waves
from aftercar.catalogue.calibration import load_calibration
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.catalogue.targets import load_targets
from aftercar.patients import ParameterSets, find_population, typical_set

DATA = load_model_data()
CALIBRATION = load_calibration()


def request(n: int = 40, sets: ParameterSets | None = None) -> CohortRequest:
    cohort = CALIBRATION.cohorts["karmma_450"].model_copy(update={"days": 400})
    return CohortRequest(cohort, find_population("karmma_like"), sets or typical_set(), n, 5)


def test_facts_of_a_patient_hang_on_neither_number_nor_set_of_others() -> None:
    few, many = simulate_cohort(request(20), DATA), simulate_cohort(request(40), DATA)
    pd.testing.assert_frame_equal(few, many.iloc[:20])
    faster = ParameterSets(pd.DataFrame({"growth_rate": [0.012, 0.03]}), origin="prior")
    both = simulate_cohort(request(40, faster), DATA)
    typical = both["set"] == 1
    pd.testing.assert_frame_equal(both[typical].drop(columns="set"), many[typical.to_numpy()].drop(columns="set"))
    assert set(both["set"]) == {1, 2}
    assert both.loc[~typical, "progression_day"].mean() < many.loc[(~typical).to_numpy(), "progression_day"].mean()


def test_facts_fit_together() -> None:
    facts = simulate_cohort(request(120), DATA)
    responded = facts["best"].isin(["PR", "VGPR", "CR", "sCR"])
    assert (np.isfinite(facts.loc[responded, "response_day"])).all()
    progressed = facts["progression_day"].notna()
    assert (facts["antigen_lost"].notna() == progressed).all()
    assert (
        facts.loc[progressed & responded, "progression_day"] > facts.loc[progressed & responded, "response_day"]
    ).all()
    assert 0.2 < facts["emd"].mean() < 0.6 and (facts["peak"] > 0).all()
    assert facts["quantified_day"].max() <= 400


def test_a_cohort_on_disk_is_read_and_another_request_is_not_taken_for_it(tmp_path: Path) -> None:
    one = request(15)
    run = partial(simulate_on_threads, data=DATA)
    (first,) = simulate_or_read([one], DATA, tmp_path, run=run)
    (path,) = tmp_path.iterdir()
    stamp = path.stat().st_mtime_ns
    pd.testing.assert_frame_equal(first, simulate_or_read([one], DATA, tmp_path, run=run)[0])
    assert path.stat().st_mtime_ns == stamp
    others = [
        replace(one, n=16), replace(one, seed=6), replace(one, population=find_population("legend2_like")),
        replace(one, sets=ParameterSets(pd.DataFrame({"growth_rate": [0.012]}), origin="prior")),
        replace(one, cohort=one.cohort.model_copy(update={"dose_factor": 0.5})),
    ]  # fmt: skip
    assert len({request_key(each, DATA) for each in [one, *others]}) == 6


@pytest.fixture(scope="module")
def small() -> Material:
    """One cohort, two parameters, three targets."""
    keep = ("karmma_450_orr", "german_ide_cel_pfs10", "cibmtr_cr")
    targets = {name: CALIBRATION.targets[name] for name in keep}
    targets["german_ide_cel_pfs10"] = targets["german_ide_cel_pfs10"].model_copy(update={"use": "fit"})
    one = CALIBRATION.model_copy(update={
        "parameters": {name: CALIBRATION.parameters[name] for name in ("growth_rate", "exhaustion_rate")},
        "cohorts": {"karmma_450": CALIBRATION.cohorts["karmma_450"].model_copy(update={"days": 400})},
        "targets": targets,
    })  # fmt: skip
    return Material.of(one, DATA, load_populations(), load_targets())


def test_a_small_calibration_runs_learns_and_goes_on_from_its_folder(small: Material, tmp_path: Path) -> None:
    settings = CalibrationSettings(waves=(WaveSettings(500, 0.5, 2.0), WaveSettings(500)), chains=8, steps=60, seed=3)
    result = run_calibration(small, settings, draws=32, folder=tmp_path, verifying=300)
    assert len(result.sets.values) == 32 and result.sets.origin == "posterior"
    assert list(result.sets.values.columns) == ["growth_rate", "exhaustion_rate"]
    growth = result.parameters.set_index("parameter").loc["growth_rate"]
    assert growth["shrinkage"] > 0.1, "the share without progression at ten months says much about growth"
    assert set(result.checks["use"]) == {"fit", "check"} and len(result.checks) == 3
    assert (result.verification["z"].abs() < 5).all()
    assert result.patients == 500 + 500 + 300
    assert len(result.informs) == 2 * 2 and set(result.informs["target"]) == {"karmma_450_orr", "german_ide_cel_pfs10"}
    gain = result.informs.pivot(index="target", columns="parameter", values="gain")
    assert gain.loc["german_ide_cel_pfs10", "growth_rate"] > gain.loc["karmma_450_orr", "growth_rate"]
    limits = result.limits.set_index("parameter")
    assert list(limits.index) == ["growth_rate", "exhaustion_rate"]
    closed = limits.loc[np.isfinite(limits["score_lb"])]
    assert (closed["lb"] > 0).all() and limits.loc[~np.isfinite(limits["score_ub"]), "ub"].isna().all()
    files = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = run_calibration(small, settings, draws=32, folder=tmp_path, verifying=300)
    assert again.sets.hash == result.sets.hash
    pd.testing.assert_frame_equal(again.checks, result.checks)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == files


def test_a_figure_that_is_held_back_changes_no_draw(small: Material) -> None:
    """Neither of a cohort that is there, nor of one of its own."""
    settings = CalibrationSettings(waves=(WaveSettings(300, 0.5, 2.0), WaveSettings(300)), chains=8, steps=40, seed=3)
    more = small.calibration.model_copy(update={
        "cohorts": {**small.calibration.cohorts, "karmma_150": CALIBRATION.cohorts["karmma_150"]},
        "targets": {"karmma_150_orr": CALIBRATION.targets["karmma_150_orr"],
                    "karmma_450_dor": CALIBRATION.targets["karmma_450_dor"], **small.calibration.targets},
    })  # fmt: skip
    larger = Material.of(more, DATA, load_populations(), load_targets())
    one, other = (run_calibration(material, settings, draws=16, verifying=50) for material in (small, larger))
    assert list(other.checks["target"][:2]) == ["karmma_150_orr", "karmma_450_dor"]
    np.testing.assert_array_equal(one.sets.values.to_numpy(), other.sets.values.to_numpy())


def test_a_study_that_is_left_out_is_predicted_by_the_others(small: Material, tmp_path: Path) -> None:
    settings = CalibrationSettings(waves=(WaveSettings(600),), chains=8, steps=80, seed=3)
    (wave,) = run_waves(small, settings, folder=None)
    table = leave_out(wave.emulated, {"registry": ("german_ide_cel_pfs10",), "trial": ("karmma_450_orr",)},
                      discrepancy=0.3, settings=settings)  # fmt: skip
    assert list(table["study"]) == ["registry", "trial"]
    assert list(table["target"]) == ["german_ide_cel_pfs10", "karmma_450_orr"]
    whole = check_targets(wave.emulated, wave.chains.flat(), discrepancy=0.3, rng=np.random.default_rng(1))
    whole = whole.set_index("target")
    without = table.set_index("target")
    width, narrower = (t["ub"] - t["lb"] for t in (without, whole.loc[without.index]))
    assert (width > narrower).all(), "what was not seen is known less well"
    assert (table["log_score"] < 0).all() and np.isfinite(table["log_score"]).all()
