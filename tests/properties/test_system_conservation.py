"""What changes its form is not lost: clones that switch, CAR-T cells that mature, drug that moves and leaves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import cumulative_simpson
from tests.unit.model.sample import CART, ENGAGER, course_of, run, wild_patients

from aftercar.catalogue.model_data import load_model_data
from aftercar.engine.readable import load_python
from aftercar.model import build_structure, build_system

# Relative tolerance of the integrator, 1e-8 below; what is conserved drifts by a few times as much.
TIGHT = {"rtol": 1e-8, "atol_default": 1e-12}
STILL = {"growth_rate": 0.0, "turnover": 0.05, "seeding_rate": 0.0, "progenitor_output": 0.0, "emd_share": 0.3}
SWITCHING = {
    "bcma_low_rate": 0.02, "bcma_low_return_rate": 0.03, "bcma_null_rate": 1e-3, "gprc5d_null_rate": 1e-3,
    "bcma_epitope_rate": 1e-3,
}  # fmt: skip


def site_total(result, site: str) -> np.ndarray:
    return sum(result[name] for name in result.data_vars if str(name).startswith(f"{site}_bcma")
               or str(name).startswith(f"{site}_gprc5d") or name == f"{site}_bulk").values[0]  # fmt: skip


@pytest.mark.parametrize("site", ["marrow", "emd"])
def test_switching_between_clones_conserves_cells(site: str) -> None:
    course = course_of(days=300)
    result = run(course, values=STILL | SWITCHING, **TIGHT)
    moved = result[f"{site}_bulk"].values[0]
    assert moved[-1] < 0.8 * moved[0]  # or the test would say nothing
    total = site_total(result, site)
    np.testing.assert_allclose(total, total[0], rtol=1e-6)


@pytest.mark.parametrize(
    "shares",
    [
        {},
        {"bcma_low_share": 0.3, "bcma_null_share": 0.5, "gprc5d_null_share": 0.9, "bcma_epitope_share": 0.2},
        {"bcma_null_share": 1.0, "bcma_low_share": 0.5},
    ],
)
def test_clones_add_up_to_the_burden_at_the_start(shares: dict[str, float]) -> None:
    values = {"emd_share": 0.2, "switch_progenitors": 0.0, "tumour_burden": 3e11, **shares}
    start = run(course_of(days=1), values=values).isel(time=0)
    np.testing.assert_allclose(float(start["tumour_total"][0]), 3e11, rtol=1e-12)
    np.testing.assert_allclose(float(start["emd_total"][0]), 0.6e11, rtol=1e-12)


def test_maturing_car_t_cells_conserve_cells() -> None:
    """Without births and deaths, bag x engraftment + memory + effector + exhausted stays the engrafting dose."""
    quiet = {
        "expansion_rate": 0.0, "contraction_rate": 0.0, "memory_renewal_rate": 0.0, "memory_loss_rate": 0.0,
        "activation_rate": 0.0, "exhausted_loss_rate": 0.0, "switch_anti_car_antibodies": 0.0,
        "exhaustion_rate": 0.3, "memory_formation_rate": 0.1, "product1_engraftment": 0.2,
    }  # fmt: skip
    course = course_of(CART, days=200)
    result = run(course, values=quiet, every=1.0, **TIGHT).sel(time=slice(0, None))
    dose = next(d.amount for d in course.doses if d.target == "product1_infused")
    bag = 0.2 * result["product1_infused"]
    whole = (bag + result["product1_memory"] + result["product1_effector"] + result["product1_exhausted"]).values[0]
    assert result["product1_exhausted"].values[0, -1] > 0.1 * whole[0]
    assert result["product1_memory"].values[0].max() > 0
    np.testing.assert_allclose(whole, 0.2 * dose, rtol=1e-6)


@pytest.mark.parametrize("bioavailability", [1.0, 0.6])
def test_absorbed_and_left_and_eliminated_make_the_dose_of_an_engager(bioavailability: float) -> None:
    course = course_of(ENGAGER, days=40)
    values = {"engager1_bioavailability": bioavailability}
    result = run(course, values=values, every=0.02, **TIGHT)
    time = result["time"].values
    p = {**{k: v for k, v in course.parameters.items()}, **values}
    depot, central, peripheral = (result[f"engager1_{x}"].values[0] for x in ("depot", "central", "peripheral"))
    fall = np.exp(-p["engager1_clearance_fall"] * np.maximum(time - p["engager1_start"], 0.0))
    clearance = p["engager1_clearance"] + p["engager1_clearance_extra"] * fall
    eliminated = cumulative_simpson(clearance / p["engager1_central_volume"] * central, x=time, initial=0.0)
    weight = load_model_data().parameters["body_weight"].value
    given = np.zeros_like(time)
    for dose in course.doses:
        amount = weight if dose.amount == "body_weight" else dose.amount
        given += np.where(time >= dose.time - 1e-9, amount * dose.factor, 0.0)
    assert given[-1] > given[0]
    # central begins to rise with a kink at each dose; Simpson's rule over a step of 0.02 days errs by 1e-4 at most
    np.testing.assert_allclose(central + peripheral + eliminated, bioavailability * (given - depot), rtol=1e-3)


def test_the_rates_of_all_clones_add_up_to_growth_supply_and_seeding() -> None:
    """At random states of wild patients without killing, summed rates of change are the sum of the net growths."""
    data = load_model_data()
    structure = build_structure(data, counted=False)
    network = build_system(data, structure)
    rates, _ = load_python(network)
    people = wild_patients(course_of(days=10), 20, seed=3)
    place = {s.id: k for k, s in enumerate(network.states)}
    rng = np.random.default_rng(5)
    for _, row in people.iterrows():
        p = {q.id: float(row.get(q.id, q.value)) for q in network.parameters}
        y = np.zeros(len(network.states))
        clones = [c.id for c in structure.clones]
        for site in ("marrow", "emd"):
            for clone in clones:
                y[place[f"{site}_{clone}"]] = 10 ** rng.uniform(0, 11)
        y[place["progenitor"]], y[place["host_t"]] = 1e7, 1e11
        out = np.array(rates(0.0, y.tolist(), [p[q.id] for q in network.parameters], [0.0] * len(y)))
        cells = {s: np.array([y[place[f"{s}_{c}"]] for c in clones]) for s in ("marrow", "emd")}
        change = {s: sum(out[place[f"{s}_{c}"]] for c in clones) for s in cells}
        growth = np.array([_growth(p, clone) for clone in structure.clones])
        burden = {"marrow": cells["marrow"].sum() + 1e7, "emd": cells["emd"].sum()}
        expected = {s: np.sum(growth * cells[s]) * (1 - burden[s] / p[f"{s}_capacity"]) for s in cells}
        expected["marrow"] += p["progenitor_output"] * 1e7
        expected["emd"] += p["seeding_rate"] * cells["marrow"].sum()
        for site in cells:
            size = np.sum((p["turnover"] + growth) * cells[site])  # of the terms that cancel
            assert change[site] == pytest.approx(expected[site], abs=1e-12 * size * len(clones))


def _growth(p: dict[str, float], clone) -> float:
    rate = p["growth_rate"]
    for antigen, variant in clone.variants.items():
        rate *= 1 - p[f"{antigen.lower()}_{variant.id}_cost"]
    return rate
