"""Every therapy and target that sections 2 to 5 of the review name can be simulated, and acts on something."""

from __future__ import annotations

import pytest

from aftercar.catalogue.model_data import load_model_data
from aftercar.report.model_text import acts_on

DATA = load_model_data()
THERAPIES = """
    ide_cel cilta_cel lcar_b38m ct103a hrc0202 hds269b murine_bcma_cart humanised_bcma_cart human_bcma_cart
    ide_cel_reinfusion mcarh109 oricar_017 bms_986393 cs1_bcma_cart bc19 caf_dual_cart bcma_cart_anti_pd1_shrna
    teclistamab elranatamab talquetamab cevostamab talquetamab_daratumumab
    daratumumab bortezomib carfilzomib lenalidomide_alone pomalidomide_alone lenalidomide_maintenance
    pomalidomide_maintenance cyclophosphamide_weekly combination_chemotherapy bendamustine_treatment selinexor_alone
    venetoclax_alone belantamab_mafodotin modakafusp_alfa nivolumab oric_533 gamma_secretase_inhibitor radiotherapy
    iopofosine_i131 auto_hsct haplo_hsct mapk_triple
    cyclophosphamide_fludarabine cyclophosphamide_alone bendamustine daratumumab_bridging
""".split()
# Section 5, targets under development, with an example of what binds them.
BINDERS = {
    "TACI": "bcma_taci_cart", "CD38": "cd38_cart", "CD24": "bcma_cd24_cart", "NKG2DL": "nkg2d_cart",
    "KAPPA": "kappa_cart", "FCRH5": "fcrh5_cart", "SLAMF7": "cs1_bcma_cart", "CD19": "bc19", "FAP": "caf_dual_cart",
}  # fmt: skip


@pytest.mark.parametrize("therapy", THERAPIES)
def test_a_therapy_of_the_review_acts_and_says_what_it_is(therapy: str) -> None:
    action, words = DATA.actions[therapy], DATA.descriptions[therapy]
    assert action.schedule or action.parts
    assert acts_on(action, DATA) != "nothing by itself"
    assert words.name and words.mechanism and words.source


@pytest.mark.parametrize("antigen", BINDERS)
def test_a_target_of_the_review_has_an_example_that_binds_it(antigen: str) -> None:
    assert antigen in DATA.antigens
    assert DATA.actions[BINDERS[antigen]].binds[antigen] > 0


def test_every_costimulation_of_the_review_can_be_chosen() -> None:
    assert set(DATA.costimulation) >= {"cd28", "4_1bb", "icos_4_1bb", "ox40"}
