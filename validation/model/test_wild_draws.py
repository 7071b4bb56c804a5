"""10,000 wild draws of every parameter over two years: no failure, no negative value, no patient that hangs.

    .venv/bin/python -m pytest validation/model/test_wild_draws.py -q -s

prints the largest number of steps that any patient took. A plain system of six states failed here in other programs:
CVODE gave up and LSODA hung, because cleared states fell below rounding and turned negative.
"""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.model.sample import CART, ENGAGER, check_plausible, course_of, run, wild_patients

from aftercar.model import Treatment

PLANS = {
    "CAR-T, then an engager": (CART, Treatment(ENGAGER, day=250)),
    "two CAR-T products and an antibody":
        ("cilta_cel", Treatment("mcarh109", day=200), Treatment("daratumumab", day=200)),
    "the same CAR-T twice": (CART, Treatment(CART, day=180)),
    "two engagers after each other": (ENGAGER, Treatment("talquetamab", day=200, days=200)),
    "combined drugs": ("pi_combination", Treatment("selinexor_combination", day=180, days=180)),
}  # fmt: skip
OUTPUTS = (
    "tumour_total", "emd_total", "progenitor", "car_t_total", "product1_antibody", "product1_drive", "host_t",
    "host_exhaustion", "b_help", "leukocytes", "sbcma", "m_protein", "free_light_chain", "copies_per_ug",
    "engager1_free", "drug1_resistance", "marrow_bcma_null", "product1_effector", "product1_memory", "mrd_level",
    "suppression",
)  # fmt: skip


@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize("plan", PLANS)
def test_ten_thousand_wild_draws(plan: str, counted: bool) -> None:
    course = course_of(*PLANS[plan], days=730, counted=counted)
    most = 0
    for part in range(2):
        people = wild_patients(course, 500, seed=1000 + 10 * list(PLANS).index(plan) + 2 * part + counted)
        result = run(course, people, every=15.0, outputs=OUTPUTS, seed=part)
        check_plausible(result)
        most = max(most, int(result["steps"].max()))
    print(f"{plan}, {'counted' if counted else 'deterministic'}: at most {most} steps")
    # Counted systems stop at each of 49 outputs and redraw few cells in each step, with steps as long as cells live.
    assert most < 20_000


def test_of_wild_patients_few_are_all_alike() -> None:
    """The draws reach far: burdens after two years span ten decades, or the checks above would say little."""
    course = course_of(CART, days=730)
    result = run(course, wild_patients(course, 300, seed=5), every=730.0, outputs=["tumour_total"])
    last = np.log10(result["tumour_total"].values[:, -1] + 1)
    assert last.max() - last.min() > 4
