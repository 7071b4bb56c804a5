"""The calibration as a PEtab problem: levels, noise, priors, and where each estimated number acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, norm

from aftercar.calibration import Material
from aftercar.calibration.petab import PetabProblem, build_petab
from aftercar.calibration.petab.cohorts import describe_cohorts
from aftercar.calibration.petab.measurements import read_measurements, spread_of_range
from aftercar.calibration.petab.parameters import find_estimated, fit_prior
from aftercar.catalogue.biology import Number
from aftercar.catalogue.calibration import Calibration, load_calibration
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.petab import PetabPlan, check_petab_plan, load_petab_plan
from aftercar.catalogue.populations import load_populations
from aftercar.catalogue.targets import load_targets
from aftercar.foundation import InputError


def _material(calibration: Calibration | None = None) -> Material:
    return Material.of(calibration or load_calibration(), load_model_data(), load_populations(), load_targets())


@pytest.fixture(scope="module")
def problem() -> PetabProblem:
    return build_petab(_material(), load_petab_plan(), load_targets())


def _number(value: float, low: float, high: float) -> Number:
    return Number(value=value, low=low, high=high, unit="1", grade="assumed", source="aftercar")


def test_noise_is_the_error_of_half_of_the_patients() -> None:
    """The standard error of the share of 97 patients above the median, turned into a level by the spread."""
    plan, targets, data = load_petab_plan(), load_targets(), load_model_data()
    peak = read_measurements(plan, targets, data, discrepancy=0.0)[0]
    assert peak.id == "peak" and peak.n == 97
    share = binom(97, 0.5).std() / 97
    assert peak.noise == pytest.approx(share / norm.pdf(0.0) * peak.spread)
    wide = read_measurements(plan, targets, data, discrepancy=0.3)[0]
    shift = 1.0 / (1.0 + np.exp(-0.3)) - 0.5  # of the share, where the logit moves by one standard deviation
    assert np.sqrt(wide.noise**2 - peak.noise**2) == pytest.approx(norm.ppf(0.5 + shift) * peak.spread, rel=0.02)


def test_a_mean_with_its_standard_deviation_is_read_as_a_log_normal_law() -> None:
    peak = read_measurements(load_petab_plan(), load_targets(), load_model_data(), discrepancy=0.3)[0]
    row = load_targets().kinetic["cartitude1_c_max"]
    assert peak.level * np.exp(peak.spread**2 / 2) == pytest.approx(row.value)
    assert row.value * np.sqrt(np.expm1(peak.spread**2)) == pytest.approx(row.sd)
    assert peak.day == load_targets().kinetic["cartitude1_t_max"].value


def test_a_range_becomes_a_spread_by_what_so_many_patients_reach() -> None:
    draws = np.random.default_rng(4).normal(0.0, 0.7, size=(4000, 97))
    low, high = np.median(np.exp(draws.min(axis=1))), np.median(np.exp(draws.max(axis=1)))
    assert spread_of_range(float(low), float(high), 97) == pytest.approx(0.7, rel=0.02)


def test_the_prior_of_a_number_with_even_ends_is_met_and_a_crooked_one_is_said_to_be_off() -> None:
    even = fit_prior("growth_rate", _number(0.02, 0.01, 0.04))
    assert even.scale == "log" and even.distance < 1e-3
    assert (even.mean, even.sd) == pytest.approx((np.log(0.02), np.log(2.0) / norm.ppf(0.975)), rel=1e-2)
    assert fit_prior("growth_rate", _number(0.035, 0.001, 0.04)).distance > 0.05
    assert fit_prior("fitness_loss_per_line", _number(0.015, 0.0, 0.1)).scale == "lin"


def test_a_number_of_two_therapies_acts_in_their_cohorts_alone(problem: PetabProblem) -> None:
    table = problem.conditions.set_index("conditionId")
    linked = table.index[table["product1_potency"] == "biepitopic_potency"]
    assert list(linked) == ["cartitude1", "legend2"] and table.loc["fumanba1", "product1_potency"] == 2.5
    assert set(table["product1_cd4_share"]) == {"cd4_share"}
    assert "growth_spread" in problem.left and "growth_spread" not in set(problem.parameters["parameterId"])


def test_doses_are_those_of_each_cohort(problem: PetabProblem) -> None:
    table = problem.conditions.set_index("conditionId")
    cells = table[[name for name in table if "infused" in name]].sum(axis=1)
    weight = load_model_data().parameters["body_weight"].value
    assert cells["karmma_450"] == pytest.approx(4.5e8) and cells["karmma_300"] == pytest.approx(3e8)
    assert cells["cartitude1"] == pytest.approx(7.5e5 * weight) and cells["legend2"] == pytest.approx(5.1e5 * weight)


def test_measurements_count_from_the_first_day_of_the_file(problem: PetabProblem) -> None:
    days = {one.id: one.day for one in problem.measured}
    times = problem.measurements.set_index("datasetId")["time"]
    assert problem.start < 0 and all(times[name] == day - problem.start for name, day in days.items())


def test_noise_does_not_differ_within_an_observable(problem: PetabProblem) -> None:
    """PEtab's library refuses it otherwise: what is measured with another noise is another observable."""
    noise = problem.observables.set_index("observableId")["noiseFormula"]
    by_measurement = problem.measurements.set_index("datasetId")["observableId"].map(noise)
    assert noise.gt(0).all() and dict(by_measurement) == {one.id: one.noise for one in problem.measured}
    assert list(problem.measurements["observableId"]).count("obs_sbcma") == 4


def test_a_number_that_changes_more_than_its_own_value_is_refused() -> None:
    """A number whose change reaches a dose, here the weight, cannot be a condition of PEtab."""
    material = _material()
    cohorts = describe_cohorts(material.calibration, material.data, material.populations)
    altered = tuple(replace(one, doses={key: 2.0 * x for key, x in one.doses.items()}) for one in cohorts)
    with pytest.raises(InputError, match="otherwise than by its own value"):
        find_estimated(material, altered, build_petab(material, load_petab_plan(), load_targets()).system)


def test_a_calibration_without_a_measured_cohort_is_refused() -> None:
    whole = load_calibration()
    targets = {k: t for k, t in whole.targets.items() if set(t.cohorts) == {"karmma_300"}}
    small = whole.model_copy(update={"cohorts": {"karmma_300": whole.cohorts["karmma_300"]}, "targets": targets})
    with pytest.raises(InputError, match="no published level"):
        build_petab(_material(small), load_petab_plan(), load_targets())


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"shows": "nothing"}, "there is no kinetic target"),
        ({"observable": "sbcma"}, "is in copy/ug"),
        ({"shows": "karmma_t_max", "day": 1.0}, "how many patients"),
        ({"reads": "median"}, "is a mean"),
        ({"day_of": None}, "has no day"),
        ({"reads": "last_quantified"}, "is a day"),
    ],
)
def test_faults_of_a_measurement_are_named(changes: Mapping[str, object], word: str) -> None:
    plan = load_petab_plan()
    changed = plan.measurements["peak"].model_copy(update=dict(changes))
    wrong: PetabPlan = plan.model_copy(update={"measurements": {"peak": changed}})
    faults = check_petab_plan(wrong, load_model_data(), load_targets())
    assert any(word in fault.found for fault in faults), faults
