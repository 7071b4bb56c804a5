"""Review 2.3, 2.4, 3 and 5: marrow, earlier treatment, extramedullary disease, progenitors, drug classes."""

from __future__ import annotations

import numpy as np
import pytest
from tests.verification.model.mechanism_runs import IDE_CEL, population, typical

from aftercar.model import Treatment
from aftercar.patients.readouts import read_marker

HOSTILE = {"fibroblasts_level": 2.0, "myeloid_level": 2.0, "regulatory_level": 2.0}


def test_suppressive_marrow_slows_killing_and_expansion() -> None:
    """Review 2.3: MDSC, Treg, macrophages, IL-10, TGF-beta impair activation (direction; twice the levels)."""
    plain, hostile = population(IDE_CEL), population(IDE_CEL, values=HOSTILE)
    assert hostile.log_cells(7) < plain.log_cells(7) - 0.1
    assert hostile.nadir() > plain.nadir() + 0.3
    assert hostile.fallen(0.5) < plain.fallen(0.5) - 0.05
    assert population(IDE_CEL, values=HOSTILE, off=["microenvironment"]).nadir() < plain.nadir() + 0.1


@pytest.mark.parametrize("kind", ["fibroblasts", "myeloid", "regulatory"])
def test_each_suppressor_counts(kind: str) -> None:
    """Review 2.3: each kind of cell takes its part (direction; 2.5 times the level)."""
    assert typical(IDE_CEL, values={f"{kind}_level": 2.5}).nadir() > typical(IDE_CEL).nadir() + 0.05


def test_a_car_against_fibroblasts_restores_what_they_took() -> None:
    """Review 2.3 (Sakemura 2022): fibroblasts suppress CAR-T cells, a dual CAR overcomes it (direction).

    At least half of what 2.5 times the fibroblasts cost in depth comes back; against few there is less to win.
    """
    many = {"fibroblasts_level": 2.5}
    loss = typical("bcma_cart", values=many).nadir() - typical("bcma_cart").nadir()
    back = typical("bcma_cart", values=many).nadir() - typical("caf_dual_cart", values=many).nadir()
    assert loss > 0.1
    assert back > 0.5 * loss
    assert typical("caf_dual_cart", values=many).data["fibroblasts"].min() < 2.0


@pytest.mark.parametrize("drug", ["prior_alkylator", "prior_bendamustine"])
def test_alkylators_before_apheresis_cost_expansion_and_depth(drug: str) -> None:
    """Review 2.4: T cells are depleted and CAR-T is poorer after cyclophosphamide or bendamustine (direction)."""
    plain, treated = population(IDE_CEL), population(IDE_CEL, values={drug: 1.0})
    assert treated.log_cells(7) < plain.log_cells(7) - 0.1
    assert treated.nadir() > plain.nadir() + 0.1
    off = population(IDE_CEL, values={drug: 1.0}, off=["prior_treatment"])
    assert off.nadir() == pytest.approx(plain.nadir(), abs=1e-6)


def test_earlier_lines_respond_better() -> None:
    """Review 2.4 and 2.2.1: T cells of early disease suit better; two products are approved for it (direction)."""
    early, late = (population(IDE_CEL, values={"prior_lines": lines}) for lines in (2.0, 8.0))
    assert early.log_cells(7) > late.log_cells(7) + 0.05
    assert early.nadir() < late.nadir()


def test_a_patient_with_more_t_cells_of_their_own_does_no_worse() -> None:
    """Review 2.4: losing T cells to earlier drugs is a harm, so a small pool at rest is no room for CAR-T cells."""
    few, many = (population(IDE_CEL, values={"host_t_level": level}) for level in (0.5, 2.0))
    assert many.fallen(0.9) > few.fallen(0.9) - 0.15


def test_lymphodepletion_and_fludarabine_in_it() -> None:
    """Review 2.4 (Ramos 2020): responses more durable after fludarabine than after bendamustine alone (direction)."""
    runs = {
        name: population(Treatment("ide_cel", lymphodepletion=name), days=365)
        for name in ("cyclophosphamide_fludarabine", "bendamustine", "none")
    }
    depth = [run.fallen(0.9) for run in runs.values()]
    assert depth[0] >= depth[1] > depth[2] + 0.1
    soon = [run.log_cells(7) for run in runs.values()]
    assert soon[0] > soon[1] + 0.1 > soon[2]
    durable = [1.0 - run.risen()[0].mean() for run in runs.values()]
    assert durable[0] >= durable[1]
    # Without the mechanism there is room in any case, and the regimen matters little for depth.
    off = {
        n: population(Treatment("ide_cel", lymphodepletion=n), off=["lymphodepletion"]).fallen(0.9) for n in ("none",)
    }
    assert off["none"] > depth[2] + 0.3


def test_daratumumab_as_bridge_lowers_suppression_and_raises_responses() -> None:
    """Review 2.4: better response rates after daratumumab bridging, with a less suppressive marrow (direction)."""
    bridged = population(Treatment("daratumumab", day=-42, days=42), IDE_CEL)
    plain = population(IDE_CEL)
    assert bridged.nadir() < plain.nadir() - 0.05
    assert bridged.fallen(0.5) >= plain.fallen(0.5)
    assert bridged.on("suppression", 0).mean() < 0.97 * plain.on("suppression", 0).mean()


def test_extramedullary_disease_is_reached_less_and_responds_worse() -> None:
    """Review 3: extramedullary disease is where salvage fails (direction; 5 to 50 points of very good response)."""
    without, with_it = (population(IDE_CEL, values={"emd_share": share}) for share in (0.0, 0.3))
    assert 0.05 < without.fallen(0.9) - with_it.fallen(0.9) < 0.6
    reached = population(IDE_CEL, values={"emd_share": 0.3}, off=["extramedullary"])
    assert abs(reached.fallen(0.9) - without.fallen(0.9)) < 0.1


def test_extramedullary_disease_costs_as_many_responses_as_observed() -> None:
    """idecel_emd2024: on day 90, 52% of 84 patients with and 82% of 267 without it responded to ide-cel.

    They lie 30 points apart (95% interval 18 to 42). A response asks for half of what lies outside the marrow to go as
    well, as of plasmacytomas. The patients are those drawn, a third of them with 2 to 40% outside the marrow.
    `emd_access` was set to the figure, so that this holds it and confirms nothing.
    """
    run = population(IDE_CEL, patients=300)
    marker, lesions = (
        read_marker(run.data.sel(time=slice(0, 91))),
        run.data["emd_total"].sel(time=slice(0, 91)).to_numpy(),
    )
    outside = lesions[:, 0] > 1e9
    smaller = lesions.min(axis=1) <= 0.5 * lesions[:, 0]
    answered = (marker.deepest_fall() >= 0.5) & (~outside | smaller)
    share = [float(np.mean(answered[marker.evaluable & group])) for group in (outside, ~outside)]
    assert 0.18 < share[1] - share[0] < 0.42


def test_a_cd19_binder_reaches_the_progenitors() -> None:
    """Review 3.3: CD19+ progenitors are less differentiated and clonogenic; BC19 was designed to remove them."""
    kept, removed = typical("bcma_cart"), typical("bc19")
    assert removed.data["progenitor"].min() < 0.33 * kept.data["progenitor"].min()
    assert typical("bcma_cart", off=["progenitors"]).data["progenitor"].max() == 0


def test_progenitors_keep_the_tumour_from_vanishing() -> None:
    """Review 3.3: poorly differentiated cells feed the tumour (direction); seen where nothing else escapes.

    With 1% progenitors (the upper end of `progenitor_share`), strong killing and no antigen escape; at the usual 0.01%
    BCMA-low cells outnumber what progenitors give, so that no difference is seen.
    """
    values, others = {"progenitor_share": 0.01, "killing_rate": 0.6}, ("clonal_selection", "antigen_loss")
    kept, without = (
        typical("bcma_cart", values=values, off=[*others, "epitope_mutation", *off]) for off in ((), ("progenitors",))
    )
    assert kept.nadir() > without.nadir() + 0.01


@pytest.mark.parametrize(
    ("drug", "earlier"), [("bortezomib", "resistance_proteasome_inhibitor"), ("lenalidomide_alone", "resistance_imid")]
)
def test_a_class_resists_after_use_and_works_again_after_rest(drug: str, earlier: str) -> None:
    """Review 5: classes not used during CAR-T may work again. Resistance halves or more in a year without the class."""
    naive, exposed = (typical(drug, values={earlier: level}) for level in (0.0, 0.8))
    assert naive.nadir() < exposed.nadir() - 0.05
    off = typical(drug, values={earlier: 0.8}, off=["class_resistance"])
    assert off.nadir() < exposed.nadir() - 0.05
    paused = typical(Treatment(drug, day=0, days=180), days=545)
    end, rested = paused.on("drug1_resistance", 182)[0], paused.on("drug1_resistance", 545)[0]
    assert rested < 0.6 * end


@pytest.mark.parametrize("drug", ["lenalidomide_maintenance", "pomalidomide_maintenance"])
def test_maintenance_after_infusion_deepens_and_prolongs(drug: str) -> None:
    """Review 5: lenalidomide raised expansion and efficacy (a case); pomalidomide prolonged the effect (direction)."""
    plain, kept = population(IDE_CEL, days=365), population(IDE_CEL, Treatment(drug, day=28), days=365)
    assert kept.nadir() < plain.nadir() - 0.05
    assert kept.risen()[0].mean() < plain.risen()[0].mean()


@pytest.mark.parametrize("drug", ["lenalidomide_maintenance", "pomalidomide_alone"])
def test_maintenance_helps_car_t_cells_and_not_only_by_its_own_killing(drug: str) -> None:
    """Review 5: lenalidomide raised expansion of CAR-T cells, pomalidomide their proliferation (direction).

    The drug's own killing is taken out, so that what is left is its effect on T cells.
    """
    helped = typical(IDE_CEL, Treatment(drug, values={"kill_rate": 0.0}))
    deaf = typical(IDE_CEL, Treatment(drug, values={"kill_rate": 0.0, "t_cell_boost": 0.0}))
    assert helped.log_cells(7) > deaf.log_cells(7) + 0.02
    assert helped.nadir() < deaf.nadir() - 0.02
