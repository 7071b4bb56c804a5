"""Which parameters a plan is simulated with, and what is said to be calibrated."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.foundation import InputError
from aftercar.model import Treatment, arrange_course
from aftercar.patients import ParameterSets, draw_patients, load_posterior, simulate_plan, typical_patient
from aftercar.patients.parameter_choice import (
    Parameters,
    calibration_words_for_plan,
    choose_sets_for_plan,
    find_calibrated,
    parameter_words,
)
from aftercar.patients.posterior import fitted_therapies

DATA, POPULATIONS = load_model_data(), load_populations()
INDEX, SALVAGE = Treatment("ide_cel"), Treatment("talquetamab", 400.0)


def choose(*plan: Treatment, n: int = 5, parameters: Parameters = "posterior") -> ParameterSets | None:
    return choose_sets_for_plan(plan, parameters, n, seed=1, data=DATA, populations=POPULATIONS)


def test_the_posterior_comes_with_the_salvage_numbers_of_the_prior_beside_it() -> None:
    sets, posterior = choose(INDEX, SALVAGE), load_posterior(data=DATA)
    assert sets is not None and sets.origin == "posterior"
    fitted = list(posterior.values.columns)
    np.testing.assert_array_equal(sets.values[fitted], posterior.values[fitted].iloc[:5])
    assert "talquetamab.clearance" in sets.beside and not set(sets.beside) & set(fitted)
    assert sets.origin_of("growth_rate") == "posterior" and sets.origin_of("talquetamab.clearance") == "prior"
    assert sets.origin_of("teclistamab.clearance") == "typical"
    assert not [name for name in sets.values if name.startswith("ide_cel.")], "the first treatment is as calibrated"


def test_none_is_typical_and_the_prior_is_no_calibration() -> None:
    assert choose(INDEX, n=0) is None and parameter_words(None) == "typical values of the catalogue"
    prior = choose(INDEX, parameters="prior")
    assert prior is not None and prior.origin_of("growth_rate") == "prior"
    assert calibration_words_for_plan(prior, [INDEX], DATA) == "uncalibrated"
    assert calibration_words_for_plan(None, [INDEX], DATA) == "uncalibrated"
    with pytest.raises(InputError, match="draws"):
        choose(INDEX, n=100_000)


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ([INDEX], "ide_cel calibrated to published cohorts as first treatment"),
        ([SALVAGE, INDEX], "ide_cel calibrated to published cohorts as first treatment, talquetamab not"),
        ([Treatment("cilta_cel", 400.0), INDEX], "ide_cel calibrated to published cohorts as first treatment, cilta_"),
        ([Treatment("teclistamab")], "parameters calibrated to other first treatments, teclistamab not"),
        # Its figures are held back to see how they are predicted: nothing is fitted to them.
        ([Treatment("ct103a")], "parameters calibrated to other first treatments, ct103a not"),
    ],
)
def test_words_name_what_is_calibrated(plan: list[Treatment], told: str) -> None:
    sets = choose(*plan)
    assert parameter_words(sets) == "5 sets of the posterior"
    assert calibration_words_for_plan(sets, plan, DATA).startswith(told)


def test_fitted_therapies_are_those_with_fitted_figures() -> None:
    assert {"ide_cel", "cilta_cel"} <= set(fitted_therapies()) and "ct103a" not in fitted_therapies()
    assert find_calibrated([Treatment("ide_cel", 90.0), Treatment("cilta_cel")], DATA) == "cilta_cel"


def test_the_typical_patient_has_the_numbers_of_each_set_and_what_is_set_wins() -> None:
    sets = ParameterSets(
        pd.DataFrame({"growth_rate": [0.01, 0.02], "cilta_cel.potency": [2.0, 6.0], "product_cd4_share": [0.3, 0.7]}),
        origin="posterior",
    )
    course = arrange_course([Treatment("cilta_cel")], days=100, data=DATA)
    found = typical_patient(course, sets=sets, data=DATA)
    assert found["growth_rate"].tolist() == [0.01, 0.02] and found["product1_potency"].tolist() == [2.0, 6.0]
    assert found["product1_cd4_share"].tolist() == [0.3, 0.7]
    plain = typical_patient(course, data=DATA)
    same = [name for name in plain if name not in {"product1_potency", "product1_cd4_share"}]
    assert all((found[name] == plain[name].item()).all() for name in same)
    fixed = typical_patient(course, values={"growth_rate": 0.5}, sets=sets, data=DATA)
    assert fixed["growth_rate"].tolist() == [0.5, 0.5]
    people = draw_patients(course, n=4, seed=1, values={"growth_rate": 0.5}, sets=sets, data=DATA)
    assert (people["growth_rate"] == 0.5).all()
    middle = typical_patient(course, sets=sets.medians(), data=DATA)
    assert middle["growth_rate"].tolist() == [0.015] and middle["product1_potency"].tolist() == [4.0]


def test_a_plan_from_python_carries_the_sets() -> None:
    sets = choose(INDEX, n=3)
    data = simulate_plan([INDEX], days=20.0, patients=5, seed=1, sets=sets, every=10.0, data=DATA)
    assert data["parameter_set"].to_numpy().tolist() == [1, 2, 3, 1, 2]
    assert not data["tumour_total"].equals(
        simulate_plan([INDEX], days=20.0, patients=5, seed=1, every=10.0, data=DATA)["tumour_total"]
    )
