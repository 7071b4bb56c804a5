"""A structure has the slots that a plan needs, and its empty slots change nothing that can be seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.model.sample import CART, DRUG, ENGAGER, run

from aftercar.model import Course, Treatment, arrange_course, build_structure, build_system, structure_for
from aftercar.patients import draw_patients


@pytest.mark.parametrize(
    ("plan", "sizes"),
    [
        ([], (1, 0, 0)),
        ([CART], (1, 0, 0)),
        ([CART, ENGAGER], (1, 1, 0)),
        ([CART, "cilta_cel", ENGAGER, "talquetamab"], (2, 2, 0)),
        ([DRUG], (1, 0, 2)),
        ([DRUG, "lenalidomide_alone", "carfilzomib"], (1, 0, 4)),
    ],
    ids=str,
)
def test_a_plan_takes_the_smallest_shape_that_holds_it(plan: list[str], sizes: tuple[int, int, int]) -> None:
    shape = arrange_course([Treatment(one, day=30.0 * k) for k, one in enumerate(plan)], days=300).structure
    assert (shape.products, shape.engagers, shape.drugs) == sizes


def test_a_shape_for_several_plans_holds_each() -> None:
    plans = [[Treatment(CART)], [Treatment(CART), Treatment(ENGAGER, day=200)], [Treatment(CART), Treatment(DRUG)]]
    shape = structure_for(plans, days=400)
    assert (shape.products, shape.engagers, shape.drugs) == (1, 1, 2)
    for plan in plans:
        assert arrange_course(plan, days=400, structure=shape).structure == shape


def test_a_smaller_shape_has_fewer_states() -> None:
    few, many = build_structure(products=1, engagers=0, drugs=0), build_structure(products=2, engagers=2, drugs=4)
    names = [{s.id for s in build_system(structure=shape).states} for shape in (few, many)]
    assert names[0] < names[1] and len(names[1]) - len(names[0]) == 6 + 2 * 3 + 4 * 2


def both(course: Course) -> tuple[Course, Course]:
    """Return a course with the slots it needs, and with many more."""
    counted = course.structure.counted
    return course, replace(course, structure=build_structure(products=2, engagers=2, drugs=4, counted=counted))


@pytest.mark.parametrize(
    "plan", [[Treatment(CART)], [Treatment(CART), Treatment(ENGAGER, day=150)]], ids=["car", "two"]
)
def test_empty_slots_change_a_deterministic_course_by_rounding_only(plan: list[Treatment]) -> None:
    course = arrange_course(plan, days=365)
    course = replace(course, structure=replace(course.structure, counted=False))
    people = draw_patients(course, n=12, seed=3)
    names = ["tumour_total", "m_protein", "sbcma", "car_t_total"]
    small, large = (run(one, people, outputs=names) for one in both(course))
    assert small["steps"].to_numpy().tolist() == large["steps"].to_numpy().tolist()
    for name in names:
        # the same steps with sums in another order; far below the tolerance of 1e-5
        np.testing.assert_allclose(small[name], large[name], rtol=1e-7, atol=1e-4, err_msg=name)


def test_empty_slots_draw_nothing_so_that_luck_is_the_same() -> None:
    course = arrange_course([Treatment(CART)], days=365)
    people = draw_patients(course, n=40, seed=3)
    small, large = (run(one, people, outputs=["tumour_total", "car_t_total"]) for one in both(course))
    same = np.isclose(small["tumour_total"], large["tumour_total"], rtol=1e-6, atol=1e-3).all(axis=1)
    # A rounding error may tip one draw of thousands; that moves a patient, not the stream of another.
    assert same.mean() >= 0.9
