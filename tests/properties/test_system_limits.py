"""Special cases that need no solver: no dose, no antigen, no tumour, a mechanism that has nothing to act on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.model.sample import CART, DRUG, ENGAGER, course_of, run

from aftercar.catalogue.model_data import load_model_data
from aftercar.patients import typical_patient

ANTIGENS = [a.id.lower() for a in load_model_data().antigens.values() if not a.on_fibroblasts]
NO_ANTIGEN = {f"{name}_expression": 0.0 for name in ANTIGENS}
ALONE = {"switch_progenitors": 0.0, "seeding_rate": 0.0, "bcma_null_cost": 0.0, "bcma_low_cost": 0.0,
         "bcma_epitope_cost": 0.0, "gprc5d_null_cost": 0.0}  # fmt: skip


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_without_a_dose_the_tumour_grows_by_the_logistic_law(share: float) -> None:
    r, start = 0.03, 2e11
    values = {**ALONE, "growth_rate": r, "tumour_burden": start, "emd_share": share, "marrow_capacity": 4e12,
              "emd_capacity": 8e11}  # fmt: skip
    result = run(course_of(days=400), values=values, rtol=1e-8)
    t = result["time"].values
    expected = np.zeros_like(t)
    for n, k in (((1 - share) * start, 4e12), (share * start, 8e11)):
        expected += k / (1 + (k / n - 1) * np.exp(-r * t)) if n > 0 else 0.0
    np.testing.assert_allclose(result["tumour_total"].values[0], expected, rtol=1e-6)  # 100 tolerances


@pytest.mark.parametrize("therapy", [CART, "cilta_cel", "mcarh109", ENGAGER, "talquetamab"])
def test_without_antigen_nothing_is_killed_and_nothing_expands(therapy: str) -> None:
    values = {**NO_ANTIGEN, "tumour_burden": 2e11, "emd_share": 0.2}
    course = course_of(therapy, days=150)
    result = run(course, values=values, every=1.0)
    # The untreated course begins with the lymphodepletion of the treated one, which kills no tumour.
    alone = run(replace(course_of(days=150), start=course.start), values=values, every=1.0)
    # two runs with other steps: the tolerance of the integrator, 1e-5, over some hundred steps
    np.testing.assert_allclose(result["tumour_total"].values, alone["tumour_total"].values, rtol=2e-4)
    if course.slots.get("product1"):
        assert float(result["product1_drive"].max()) == 0.0
        infused = float(result["product1_infused"].max())
        assert float(result["car_t_total"].max()) < infused


def test_an_antibody_finds_nothing_on_cells_without_its_antigen() -> None:
    values = {"cd38_expression": 0.0, "switch_progenitors": 0.0}
    treated = run(course_of("daratumumab", days=100), values=values)["tumour_total"].values[0]
    alone = run(course_of(days=100), values=values)["tumour_total"].values[0]
    np.testing.assert_allclose(treated, alone, rtol=2e-4)


def test_without_tumour_there_is_no_drive_and_no_tumour_comes() -> None:
    course = course_of(CART, days=200)
    people = typical_patient(course, values={"switch_progenitors": 0.0})
    for site in ("marrow", "emd"):
        for clone in course.structure.clones:
            people[f"{site}_{clone.id}"] = 0.0
    result = run(course, people, every=1.0)
    assert float(result["tumour_total"].max()) == 0.0
    assert float(result["product1_drive"].max()) == 0.0
    assert float(result["product1_effector"].max()) > 0.0  # the bag empties, and the cells contract
    assert float(result["product1_effector"][0, -1]) < 1e-3 * float(result["product1_effector"].max())
    assert float(result["product1_exhausted"][0, -1]) <= float(result["product1_exhausted"].max())


@pytest.mark.parametrize("therapy", [CART, ENGAGER])
def test_null_clones_escape_what_aims_at_their_antigen_only(therapy: str) -> None:
    values = {"bcma_null_share": 0.1, "bcma_null_cost": 0.0, "switch_progenitors": 0.0, "growth_rate": 0.02}
    result = run(course_of(therapy, days=60), values=values, every=1.0)
    null, bulk = result["marrow_bcma_null"].values[0], result["marrow_bulk"].values[0]
    assert np.all(np.diff(null) > 0)
    assert bulk.min() < 0.8 * bulk[0]


def test_a_drug_without_doses_left_wears_off_with_its_half_life() -> None:
    course = course_of(DRUG, days=300)
    one = [d for d in course.doses if d.target == "drug1_amount"][:1]
    result = run(replace(course, doses=tuple(one), start=0.0), every=1.0, rtol=1e-8)
    rate = course.parameters["drug1_elimination_rate"]
    amount = result["drug1_amount"].values[0]
    after = result["time"].values > one[0].time
    t = result["time"].values[after] - one[0].time
    keep = rate * t < 12  # absolute tolerance 1e-9 of a dose
    np.testing.assert_allclose(amount[after][keep], one[0].amount * one[0].factor * np.exp(-rate * t[keep]), rtol=1e-4)
