"""What the review says of each mechanism, seen by switching its term in the typical patient (deterministic form)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import xarray as xr

from aftercar.model import Treatment
from aftercar.patients import simulate_plan


def course(
    *plan: Treatment, days: float = 120, off: Sequence[str] = (), values: Mapping[str, float] | None = None
) -> xr.Dataset:
    data = simulate_plan(plan, days=days, every=2.0, switched_off=off, values=values, counted=False)
    return data.isel(patient=0)


def lowest(data: xr.Dataset) -> float:
    return float(data["tumour_total"].min())


IDE_CEL = Treatment("ide_cel")


def test_antigen_density_falls_by_selection_of_low_cells() -> None:
    # Review 2.1: BCMA-high cells are eliminated, BCMA-low cells survive. Null cells lower the density too.
    assert float(course(IDE_CEL)["bcma_density"].min()) < 0.9
    without = course(IDE_CEL, off=["clonal_selection", "antigen_loss", "progenitors"])
    assert float(without["bcma_density"].min()) > 0.95


def test_a_bcma_null_tumour_escapes_bcma_and_not_gprc5d() -> None:
    # Review 2.1 (Samur, Lee): biallelic loss; re-treatment against BCMA fails, another antigen works.
    null = {"bcma_null_share": 0.999}
    start = float(course(IDE_CEL, values=null)["tumour_total"].sel(time=0))
    assert lowest(course(IDE_CEL, values=null)) > 0.5 * start
    assert lowest(course(Treatment("bms_986393"), values=null)) < 0.05 * start


def test_antibodies_shorten_the_life_of_car_t_cells() -> None:
    # Review 2.2.1: anti-CAR antibodies go with reduced CAR-T counts. (On re-infusion the two courses differ in tumour.)
    # After cyclophosphamide alone, where most patients have them.
    plan = Treatment("ide_cel", lymphodepletion="cyclophosphamide_alone")
    murine = float(course(plan)["car_t_total"].sel(time=100))
    assert murine < 0.5 * float(course(plan, off=["anti_car_antibodies"])["car_t_total"].sel(time=100))


def test_exhausted_cells_come_from_antigen() -> None:
    # Review 2.2.2: persisting antigen drives exhaustion.
    assert float(course(IDE_CEL)["product1_exhausted"].max()) > 1e8
    spared = course(IDE_CEL, off=["exhaustion"])
    assert float(spared["product1_exhausted"].max()) < 0.1 * float(course(IDE_CEL)["product1_exhausted"].max())


def test_a_hostile_marrow_makes_the_response_shallower() -> None:
    # Review 2.3: fibroblasts and myeloid cells suppress CAR-T cells.
    hostile = {"fibroblasts_level": 2.0, "myeloid_level": 2.0, "regulatory_level": 2.0}
    assert lowest(course(IDE_CEL, values=hostile)) > 2 * lowest(course(IDE_CEL))
    assert lowest(course(IDE_CEL, off=["microenvironment"])) < 0.5 * lowest(course(IDE_CEL))


def test_alkylators_before_apheresis_and_extramedullary_disease_cost_depth() -> None:
    # Review 2.4 (direction only) and 3.
    assert lowest(course(IDE_CEL, values={"prior_alkylator": 1.0})) > 1.2 * lowest(course(IDE_CEL))
    assert lowest(course(IDE_CEL, values={"emd_share": 0.3})) > 2 * lowest(course(IDE_CEL))


def test_gamma_secretase_inhibition_raises_surface_and_lowers_soluble_bcma() -> None:
    # Review 2.1 (gsi2019): direction.
    before = course(Treatment("gamma_secretase_inhibitor"), days=10)
    assert float(before["bcma_density"].max()) > 1.2
    assert float(before["sbcma_ng_per_ml"].sel(time=6)) < float(before["sbcma_ng_per_ml"].sel(time=0))
