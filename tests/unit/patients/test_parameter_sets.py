"""What is not known of the population: sets drawn from ranges, applied to patients who keep their luck."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from aftercar.catalogue.biology import Number
from aftercar.catalogue.model_data import load_model_data
from aftercar.foundation import InputError
from aftercar.model import Treatment, arrange_course, build_system
from aftercar.model.treatment import Course
from aftercar.patients import (
    ParameterSets,
    apply_set,
    draw_patients,
    draw_population,
    draw_prior,
    draw_slots,
    find_population,
    open_numbers,
    simulate_course,
    typical_set,
)
from aftercar.patients.parameter_sets import prior_quantiles

DATA = load_model_data()
FEW = ("growth_rate", "killing_half_effectors", "cilta_cel.potency", "product_memory_share", "m_protein_start")


@pytest.fixture(scope="module")
def course() -> Course:
    return arrange_course([Treatment("cilta_cel")], days=100)


def sets_of(**columns: list[float]) -> ParameterSets:
    table = pd.DataFrame({name.replace("__", ".").replace("_omega", "~omega"): x for name, x in columns.items()})
    return ParameterSets(table, origin="prior")


def test_first_sets_are_the_same_however_many_are_drawn_and_another_seed_gives_others() -> None:
    few, many = draw_prior(5, seed=3), draw_prior(70, seed=3)
    pd.testing.assert_frame_equal(few.values, many.values.iloc[:5])
    assert few.hash != many.hash and few.hash == draw_prior(5, seed=3).hash
    assert not np.any(draw_prior(5, seed=4).values["growth_rate"] == few.values["growth_rate"])


def test_sets_lie_within_the_ranges_and_have_their_median_at_the_value() -> None:
    table = draw_prior(512, seed=1).values
    numbers = open_numbers(DATA)
    assert len(table.columns) == len(numbers) > 300
    for place, number in numbers.items():
        drawn = table[place]
        assert number.low <= drawn.min() and drawn.max() <= number.high, place
        if number.low < number.value < number.high:
            # 512 balanced points: the share below the median is half, but for a point or two.
            assert abs((drawn < number.value).mean() - 0.5) < 0.02, place
        assert drawn.nunique() > 400, place


@pytest.mark.parametrize(
    ("place", "low", "value", "high", "scale"),
    [
        ("growth_rate", 0.004, 0.012, 0.05, np.log),
        ("emd_access", 0.1, 0.22, 0.9, lambda x: np.log(x / (1 - x))),
        ("antigen_protection", 0.0, 0.6, 0.9, lambda x: x),
        ("emd_penetration", 0.1, 0.5, 1.0, lambda x: x),
    ],
)
def test_quantiles_run_from_end_to_end_on_the_scale_of_the_number(place, low, value, high, scale) -> None:
    number = Number(value=value, low=low, high=high, unit="1", grade="assumed", source="aftercar")
    ends = prior_quantiles(place, number, np.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(ends, [low, value, high], rtol=1e-9, atol=1e-12)
    # One standard deviation of the half law below the value: 1/1.96 of the way to the low end.
    u = np.array([(0.15865525 - 0.025) / 0.95])
    expected = scale(value) - (scale(value) - scale(low)) / 1.959964
    assert scale(prior_quantiles(place, number, u)[0]) == pytest.approx(expected, abs=1e-6)


def test_a_value_at_an_end_of_its_range_is_the_most_likely_one_and_no_heap() -> None:
    u = (np.arange(2000) + 0.5) / 2000
    drawn = prior_quantiles("bcma_receptors", DATA.parameters["bcma_receptors"], u)  # 670 to 12590, at 12590
    assert drawn.max() < 12590.0001 and len(np.unique(drawn)) == 2000 and np.all(np.diff(drawn) > 0)
    nearest, farthest = (np.log(drawn) > np.log(12590) - 0.5).mean(), (np.log(drawn) < np.log(670) + 0.5).mean()
    assert nearest > 4 * farthest


def test_the_same_drug_on_two_schedules_is_one_number_and_different_drugs_are_not() -> None:
    table = draw_prior(16, seed=1).values
    assert (table["talquetamab.clearance"] == table["talquetamab_every_two_weeks.clearance"]).all()
    assert not np.any(table["cilta_cel.potency"] == table["ct103a.potency"])


def test_without_sets_and_with_the_typical_one_patients_are_who_they_were(course: Course) -> None:
    people = find_population("cartitude1_like")
    plain = draw_population(people, course, n=40, seed=2)
    typical = draw_population(people, course, n=40, seed=2, sets=typical_set())
    pd.testing.assert_frame_equal(plain.parameters, typical.parameters, check_exact=True)


def test_patients_belong_to_sets_in_turn_and_keep_their_luck(course: Course) -> None:
    plain = draw_population(find_population("cartitude1_like"), course, n=60, seed=2)
    chosen = sets_of(growth_rate=[0.01, 0.02, 0.03], killing_half_effectors=[1.5e9, 2e9, 3e9])
    moved = draw_population(find_population("cartitude1_like"), course, n=60, seed=2, sets=chosen)
    np.testing.assert_array_equal(moved.parameters.index, plain.parameters.index)
    which = (moved.parameters.index.to_numpy() - 1) % 3
    ratio = (moved.parameters["growth_rate"] / plain.parameters["growth_rate"]).to_numpy()
    np.testing.assert_allclose(ratio, np.array([0.01, 0.02, 0.03])[which] / 0.012, rtol=1e-12)
    np.testing.assert_array_equal(moved.parameters["killing_half_effectors"], np.array([1.5e9, 2e9, 3e9])[which])
    rest = [c for c in plain.parameters if c != "growth_rate"]
    pd.testing.assert_frame_equal(moved.parameters[rest], plain.parameters[rest], check_exact=True)


@pytest.mark.parametrize("first", [1, 2, 5, 11])
def test_a_part_of_the_patients_has_the_columns_and_values_of_the_whole(first: int, course: Course) -> None:
    sets = draw_prior(7, seed=1)
    whole = draw_patients(course, n=40, seed=3, sets=sets)
    part = draw_patients(course, n=9, seed=3, first=first, sets=sets)
    pd.testing.assert_frame_equal(part, whole.iloc[first : first + 9], check_exact=True)


def test_categories_move_in_proportion_and_nothing_stays_nothing(course: Course) -> None:
    plain = draw_patients(course, n=200, seed=3)
    moved = draw_patients(course, n=200, seed=3, sets=sets_of(m_protein_start=[45.0]))
    np.testing.assert_allclose(moved["m_protein_start"], 1.5 * plain["m_protein_start"], rtol=1e-12)
    assert (moved["m_protein_start"] == 0).any()


def test_spreads_between_patients_may_differ_by_set(course: Course) -> None:
    sets = sets_of(growth_rate_omega=[0.0, 0.8], product_engraftment_omega=[0.1, 0.1])
    people = draw_patients(course, n=4000, seed=3, sets=sets)
    even = people["growth_rate"].iloc[1::2]
    assert (people["growth_rate"].iloc[::2] == 0.012).all()
    assert np.std(np.log(even)) == pytest.approx(0.8, abs=4 * 0.8 / np.sqrt(2 * len(even)))
    # cilta-cel has its own engraftment, and the spread of the slot's default.
    spread = np.std(np.log(people["product1_engraftment"]))
    assert spread == pytest.approx(0.1, abs=4 * 0.1 / np.sqrt(8000))


def test_slots_follow_the_place_of_their_number() -> None:
    plan = [Treatment("cilta_cel"), Treatment("ide_cel", day=50, values={"memory_share": 0.4})]
    course = arrange_course(plan, days=100)
    sets = ParameterSets(
        pd.DataFrame({"cilta_cel.potency": [2.0], "product_memory_share": [0.3], "ct103a.potency": [9.0]}),
        origin="prior",
    )
    slots = draw_slots(course, [3, 1, 8], seed=5, sets=sets)
    assert (slots["product1_potency"] == 2.0).all() and (slots["product2_potency"] == 1.0).all()
    assert (slots["product1_memory_share"] == 0.3).all(), "the default of the slot, which cilta-cel leaves as it is"
    assert (slots["product2_memory_share"] == 0.4).all(), "what the plan sets stays"
    assert list(slots.columns) == list(course.parameters)


def test_slots_of_some_patients_are_those_of_the_whole_course(course: Course) -> None:
    sets = draw_prior(5, seed=1)
    whole = draw_patients(course, n=30, seed=4, sets=sets)
    some = draw_slots(course, [29, 2, 14], seed=4, sets=sets)
    free = [c for c in course.parameters if c not in course.links]
    pd.testing.assert_frame_equal(some[free], whole.loc[[29, 2, 14], free], check_exact=True)
    assert len(draw_slots(course, [], seed=4)) == 0


def test_a_population_wins_over_the_catalogue_and_is_moved_under_its_own_name(course: Course) -> None:
    people = find_population("karmma_like")
    growth = DATA.parameters["growth_rate"].between_patients
    own = Number(value=0.02, unit="1/day", grade="assumed", source="aftercar", low=0.01, high=0.03,
                 between_patients=growth)  # fmt: skip
    people = people.model_copy(update={"parameters": {**people.parameters, "growth_rate": own}})
    plain = draw_population(people, course, n=10, seed=1).parameters["growth_rate"]
    sets = sets_of(growth_rate=[0.5], growth_rate_omega=[0.1])
    same = draw_population(people, course, n=10, seed=1, sets=sets).parameters["growth_rate"]
    pd.testing.assert_series_equal(plain, same)
    moved = draw_population(people, course, n=10, seed=1, sets=sets_of(karmma_like__growth_rate=[0.03]))
    np.testing.assert_allclose(moved.parameters["growth_rate"], 1.5 * plain, rtol=1e-12)
    assert "karmma_like.growth_rate" in open_numbers(DATA, [people])


def test_values_that_are_the_same_for_all_win_over_sets(course: Course) -> None:
    people = draw_patients(course, n=4, seed=1, sets=sets_of(growth_rate=[0.02]), values={"growth_rate": 0.05})
    assert (people["growth_rate"] == 0.05).all()


def test_patients_of_a_set_are_those_of_the_catalogue_with_the_set_applied(course: Course) -> None:
    """Two ways to the same course: columns of patients, or another catalogue and another system."""
    sets = draw_prior(2, seed=9, names=FEW)
    changed = apply_set(DATA, sets.values.iloc[1].to_dict())
    assert changed.hash != DATA.hash and apply_set(DATA, {}).hash == DATA.hash
    other = arrange_course([Treatment("cilta_cel")], days=100, data=changed)
    other, plain = (replace(c, structure=replace(c.structure, counted=False)) for c in (other, course))
    people = draw_patients(plain, n=6, seed=1, sets=sets)
    again = draw_patients(other, n=6, seed=1, data=changed)
    outputs = ["tumour_total", "m_protein", "car_t_per_ul"]
    one = simulate_course(plain, people.iloc[1::2], seed=1, every=25, outputs=outputs, data=DATA)
    two = simulate_course(other, again.iloc[1::2], seed=1, every=25, outputs=outputs, data=changed)
    for name in outputs:  # the same numbers by two ways, but for rounding that moves steps: rtol 1e-5 of the integrator
        np.testing.assert_allclose(one[name], two[name], rtol=1e-4, atol=1e-6)
    assert build_system(changed, other.structure) is not build_system(DATA, plain.structure)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"growht_rate": 0.1}, "no number 'growht_rate'"),
        ({"emd_access": 1.5}, "'emd_access' is 1.5"),
        ({"cilta_cel.potency": -1.0}, "'product_potency' is -1"),
        ({"growth_rate~omega": -0.1}, "0 or more"),
        ({"turnover~omega": 0.1}, "no number|no low"),
        ({"emd_share": 0.1}, "no number 'emd_share'"),
        ({"cyclophosphamide_alone.t_depletion": 0.2}, "no number"),
        ({"cd28.persistence": 0.0}, "divides by it"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, float], words: str, course: Course) -> None:
    with pytest.raises(InputError, match=words):
        apply_set(DATA, values)
    table = pd.DataFrame([values])
    with pytest.raises(InputError, match=words):
        draw_population(
            find_population("karmma_like"), course, n=2, seed=1, sets=ParameterSets(table, origin="posterior")
        )


def test_sets_that_are_none_are_refused() -> None:
    for table in (
        pd.DataFrame({"a": []}),
        pd.DataFrame({"a": [np.nan]}),
        pd.DataFrame([[1.0, 2.0]], columns=["a"] * 2),
    ):
        with pytest.raises(InputError, match="at least one set"):
            ParameterSets(table, origin="prior")
    for names, words in ((["bcma_taste"], "no number"), (["product_fitness"], "no low and high"), ([], "at least one")):
        with pytest.raises(InputError, match=words):
            draw_prior(3, seed=1, names=names)
    with pytest.raises(InputError, match="at least one"):
        draw_prior(0, seed=1)
