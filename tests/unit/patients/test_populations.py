"""Populations as data: laws, dependence, criteria, effects of covariates; and their faults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.foundation import InputError
from aftercar.model import Treatment, arrange_course
from aftercar.model.treatment import Course
from aftercar.patients.populations import VirtualPatients, draw_population, find_population


@pytest.fixture(scope="module")
def course() -> Course:
    return arrange_course([Treatment("ide_cel")], days=100)


def draw(name: str, course: Course, n: int = 2000, **more: object) -> VirtualPatients:
    return draw_population(find_population(name), course, n=n, seed=1, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "lines", "emd", "age"),
    [  # two_cars_table, carvykti_lines, legend2_abstract2023
        ("karmma_like", 6, 50 / 128, 61.0), ("cartitude1_like", 6, 13 / 97, 61.0), ("legend2_like", 3, 0.297, 54.5)
    ],
)  # fmt: skip
def test_margins_are_those_of_the_publications(name: str, lines: int, emd: float, age: float, course: Course) -> None:
    people = draw(name, course)
    assert people.parameters["prior_lines"].median() == lines
    assert abs((people.parameters["emd_share"] > 0).mean() - emd) < 3 * np.sqrt(emd * (1 - emd) / 2000)
    assert abs(people.covariates["age"].mean() - age) < 3 * 8.9 / np.sqrt(2000)


def test_burden_and_soluble_bcma_depend_on_each_other_as_given(course: Course) -> None:
    people = draw("karmma_like", course).parameters
    scores = np.log(people[["tumour_burden", "sbcma_start"]]).corr().iloc[0, 1]
    assert scores == pytest.approx(0.613, abs=3 * (1 - 0.613**2) / np.sqrt(2000))
    assert abs(spearmanr(people["tumour_burden"], people["growth_rate"])[0]) < 3 / np.sqrt(2000)


def test_lines_are_whole_and_no_patient_breaks_a_criterion(course: Course) -> None:
    people = draw("karmma_like", course)
    assert np.all(people.parameters["prior_lines"] % 1 == 0)
    assert people.parameters["prior_lines"].min() >= 3
    assert people.parameters["paraprotein_type"].max() == 5
    assert people.candidates == people.parameters.index[-1] >= 2000


def test_the_same_candidate_is_the_same_patient_in_a_smaller_draw(course: Course) -> None:
    few, many = draw("karmma_like", course, n=50), draw("karmma_like", course, n=1500)
    pd.testing.assert_frame_equal(few.parameters, many.parameters.iloc[:50])
    pd.testing.assert_frame_equal(few.covariates, many.covariates.iloc[:50])


def test_high_risk_cytogenetics_speed_growth_by_their_factor(course: Course) -> None:
    people = draw("karmma_like", course)
    plain = find_population("karmma_like").model_copy(update={"covariates": {}})
    before = draw_population(plain, course, n=2000, seed=1).parameters["growth_rate"]
    ratio = people.parameters["growth_rate"] / before
    high = people.covariates["high_risk_cytogenetics"] == 1.0
    assert np.allclose(ratio[high], 1.3) and np.allclose(ratio[~high], 1.0)


def test_values_of_the_caller_win(course: Course) -> None:
    people = draw("karmma_like", course, n=10, values={"growth_rate": 0.02, "prior_lines": 4.0})
    assert set(people.parameters["growth_rate"]) == {0.02}
    assert set(people.parameters["prior_lines"]) == {4.0}


def test_an_unknown_population_is_named_with_those_that_exist() -> None:
    with pytest.raises(InputError, match=r"no population 'karma'.*karmma_like"):
        find_population("karma")


def test_criteria_that_nobody_meets_end_with_a_message(course: Course) -> None:
    population = find_population("karmma_like")
    never = population.eligibility[0].model_copy(update={"at_least": 1e6})
    with pytest.raises(InputError, match="of 2048 candidates meet"):
        draw_population(population.model_copy(update={"eligibility": (never,)}), course, n=5, seed=1)


def test_correlations_that_contradict_each_other_are_refused(course: Course) -> None:
    population = find_population("karmma_like")
    one = population.correlations[0]
    pairs = [(("tumour_burden", "sbcma_start"), 0.9), (("sbcma_start", "growth_rate"), 0.9),
             (("tumour_burden", "growth_rate"), -0.9)]  # fmt: skip
    triple = tuple(one.model_copy(update={"between": pair, "rho": rho}) for pair, rho in pairs)
    with pytest.raises(InputError, match="contradict each other"):
        draw_population(population.model_copy(update={"correlations": triple}), course, n=5, seed=1)


BAD = """
[mine]
name = "Mine"
meaning = "faults"
source = "me"
index = "no_such_cart"

[mine.parameters.growth_rat]
value = 0.02
unit = "1/day"
grade = "assumed"
source = "me"

[mine.parameters.tumour_burden]
value = 1e11
unit = "g"
grade = "assumed"
source = "me"

[[mine.correlations]]
between = ["turnover", "age"]
rho = 0.2
grade = "assumed"
source = "me"

[[mine.eligibility]]
quantity = "prior_lines"
at_least = 4
at_most = 2
"""


def test_every_fault_of_a_users_file_is_named_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "populations"
    folder.mkdir()
    (folder / "mine.toml").write_text(BAD)
    with pytest.raises(InputError) as caught:
        load_populations(tmp_path, load_model_data())
    message = str(caught.value)
    for part in ("no_such_cart", "growth_rat", "'g'", "'turnover' is the same", "'age'", "lies above"):
        assert part in message
    assert "mine.toml" in message


def test_a_population_of_ones_own_is_a_file(tmp_path: Path, course: Course) -> None:
    folder = tmp_path / "populations"
    folder.mkdir()
    (folder / "mine.toml").write_text('[mine]\nname = "Mine"\nmeaning = "as the catalogue"\nsource = "me"\n')
    population = load_populations(tmp_path)["mine"]
    assert len(draw_population(population, course, n=3, seed=1).parameters) == 3
