"""The posterior that is shipped: what it says it is, made on the numbers that are in use."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.catalogue.posterior import load_posterior_table
from aftercar.foundation import InputError
from aftercar.model import Treatment, arrange_course
from aftercar.patients import OtherBasisWarning, apply_set, draw_population, find_population, load_posterior
from aftercar.patients.posterior import basis_hash


def test_the_shipped_draws_are_those_that_were_described() -> None:
    _, described = load_posterior_table()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OtherBasisWarning)  # whether it is fresh is the next test's
        sets = load_posterior()
    assert sets.hash == described["sets"] and len(sets.values) == described["draws"] >= 128
    assert described["kind"] == "simulated"
    assert described["largest_r_hat"] < 1.05 and described["smallest_effective"] > 1000
    assert (sets.values["cilta_cel.potency"] == sets.values["lcar_b38m.potency"]).all()


def test_the_shipped_draws_warn_if_and_only_if_they_are_of_other_numbers() -> None:
    data, (_, described) = load_model_data(), load_posterior_table()
    used = {name: load_populations()[name] for name in described["populations"]}
    fresh = basis_hash(data, described["therapies"], used) == described["basis"]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        load_posterior()
    assert (OtherBasisWarning in [one.category for one in seen]) != fresh


def test_words_do_not_count_and_numbers_do() -> None:
    data = load_model_data()
    growth = data.parameters["growth_rate"]
    said = {**data.parameters, "growth_rate": growth.model_copy(update={"note": "said otherwise"})}
    from dataclasses import replace

    people = {"karmma_like": find_population("karmma_like")}
    hashes = [
        basis_hash(one, ["ide_cel"], people)
        for one in (data, replace(data, parameters=said), apply_set(data, {"growth_rate": 0.013}),
                    apply_set(data, {"cilta_cel.potency": 3.0}), apply_set(data, {"growth_rate~omega": 0.5}))
    ]  # fmt: skip
    assert hashes[0] == hashes[1] == hashes[3], "cilta-cel was not part of it"
    assert len({hashes[0], hashes[2], hashes[4]}) == 3


def test_the_posterior_is_dealt_to_patients() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OtherBasisWarning)
        sets = load_posterior()
    course = arrange_course([Treatment("cilta_cel")], days=100)
    people = draw_population(find_population("cartitude1_like"), course, n=64, seed=1, sets=sets).parameters
    which = sets.sets_of(people.index) - 1
    np.testing.assert_array_equal(people["product1_potency"], sets.values["cilta_cel.potency"].to_numpy()[which])


def test_a_posterior_of_populations_that_are_not_there_is_refused() -> None:
    with pytest.raises(InputError, match=r"calibrated on .*karmma_like"):
        load_posterior(populations={})
