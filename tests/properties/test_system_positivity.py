"""No population, amount or index leaves its range, whatever the parameters and whatever the therapy."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.model.sample import CART, DRUG, ENGAGER, check_plausible, course_of, run, wild_patients

from aftercar.catalogue.model_data import load_model_data
from aftercar.model import Treatment

THERAPIES = sorted(load_model_data().actions)


@pytest.mark.parametrize("therapy", THERAPIES)
def test_every_therapy_in_wild_patients(therapy: str) -> None:
    """Twelve draws for each of some 85 therapies, every second one with counted cells."""
    place = THERAPIES.index(therapy)
    course = course_of(therapy, days=120, counted=place % 2 == 1)
    check_plausible(run(course, wild_patients(course, 12, seed=place), every=10.0))


@pytest.mark.parametrize("counted", [False, True])
def test_cart_then_engager_with_a_drug_in_wild_patients(counted: bool) -> None:
    course = course_of(CART, Treatment(ENGAGER, day=90), Treatment(DRUG, day=90), days=200, counted=counted)
    result = run(course, wild_patients(course, 60, seed=99), every=10.0)
    check_plausible(result)
    if counted:  # the start values are expectations; from the first step on, few cells are whole cells
        for name in ("marrow_bcma_null", "emd_bcma_null", "product1_memory", "progenitor"):
            cells = result[name].values[:, 1:]
            few = cells[cells < 1000]
            assert np.array_equal(few, np.round(few)), name
