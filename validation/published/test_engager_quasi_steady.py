"""The quasi-steady engager term against the full binding network: where it holds, and by how much it fails.

`trimers_per_cell` is held against the network at rest over a grid of drug, tumour cells, T cells and soluble target,
against bounds that follow from mass action, and against the trimers of Poels 2025 through half a year of treatment.
The derivation of the bounds stands in docs/explanation/engager-quasi-steady.md.
"""

from __future__ import annotations

import numpy as np
import pytest

from aftercar.engine import Settings, simulate
from aftercar.model.engagers import trimers_per_cell
from aftercar.model.published.engager_binding import NM_PER_RECEPTOR, binding_model, equilibrium_trimer
from aftercar.model.published.poels2025 import elranatamab_doses, poels2025_model
from aftercar.model.published.values import load_numbers
from aftercar.model.smooth import free_ligand

N = load_numbers("engager_binding")
ENGAGERS = ("teclistamab", "elranatamab")
RECEPTORS = N["bcma_per_cell"]
DRUG = np.logspace(-3, 4, 29)  # nM, total; 76 mg elranatamab weekly holds about 100
CELLS = np.array([2.25, 2.25e2, 2.25e3, 2.25e4, 2.25e5, 4.5e5])  # a microlitre of marrow
T_CELLS = np.array([2.5, 25.0, 253.0, 3220.0])  # a microlitre of marrow
SOLUBLE = np.array([0.0, 5.0, 50.0])  # nM


def grid(engager: str, receptors: float = RECEPTORS) -> dict[str, np.ndarray]:
    """Full trimers per cell, free drug, totals, and the quasi-steady term fed in three ways; shape of the grid."""
    ka, kt = N[f"{engager}_bcma"], N[f"{engager}_cd3"]
    drug, cells, t_cells, soluble = np.meshgrid(DRUG, CELLS, T_CELLS, SOLUBLE, indexing="ij")
    target, cd3 = cells * receptors * NM_PER_RECEPTOR, t_cells * N["cd3_per_cell"] * NM_PER_RECEPTOR
    trimer, free = equilibrium_trimer(drug, target, cd3, soluble, target_affinity=ka, cd3_affinity=kt)
    sinks = {"known": free, "soluble": free_ligand(drug, soluble, ka), "both": free_ligand(drug, soluble + target, ka)}
    terms = {
        name: trimers_per_cell(receptors=receptors, free_drug=d, target_affinity=ka, cd3=cd3, cd3_affinity=kt)
        for name, d in sinks.items()
    }
    return {"full": trimer / target * receptors, "free": free, "target": target, "cd3": cd3, "drug": drug, **terms}


@pytest.mark.parametrize("engager", ENGAGERS)
def test_given_the_free_drug_the_error_stays_within_the_bounds_of_mass_action(engager: str) -> None:
    kt, g = N[f"{engager}_cd3"], grid(engager)
    ratio, reach = g["known"] / g["full"], kt + g["cd3"] + g["free"]
    assert (ratio <= 1 + g["target"] / reach + 1e-9).all()  # target holds CD3 that the term counts as free
    assert (ratio >= 1 - g["cd3"] / reach - 1e-9).all()  # CD3 holds drug to the target, which the term leaves out
    # In marrow of myeloma: 9.4 nM of target and up to 0.3 nM of CD3 against 20.8 and 41.5 nM.
    assert 0.98 < ratio.min() and ratio.max() < {"teclistamab": 1.36, "elranatamab": 1.22}[engager]


@pytest.mark.parametrize("engager", ENGAGERS)
def test_few_t_cells_do_no_harm(engager: str) -> None:
    g = grid(engager)
    ratio = g["known"] / g["full"]
    few, many = ratio[:, :, 0], ratio[:, :, 2]  # 2.5 and 253 T cells a microlitre
    assert np.abs(few / many - 1).max() < 0.002


@pytest.mark.parametrize("engager", ENGAGERS)
def test_the_hook_at_high_drug_is_the_same(engager: str) -> None:
    g = grid(engager)
    high = DRUG >= 1000
    assert np.abs(g["soluble"] / g["full"] - 1)[high].max() < 0.02
    typical = (slice(None), 2, 2, 0)  # 2,250 tumour cells, 253 T cells, no soluble target
    assert g["soluble"][typical].argmax() == g["full"][typical].argmax()


@pytest.mark.parametrize("engager", ENGAGERS)
def test_a_sink_without_the_target_on_cells_fails_where_target_exceeds_drug(engager: str) -> None:
    # In a closed volume; where drug flows in, as in a patient at rest, bound drug does not lower free drug.
    ka, g = N[f"{engager}_bcma"], grid(engager)
    scarce = (DRUG < 0.1 * ka)[:, None, None, None] & (T_CELLS < 300)[:, None] & (SOLUBLE == 0)
    ratio = g["soluble"] / g["full"]
    excess = scarce & (g["target"] > 4)
    # 6 %: drug is not quite zero beside K_A.
    assert ratio[excess] == pytest.approx((1 + g["target"] / ka)[excess], rel=0.06)
    assert ratio.max() > {"teclistamab": 15, "elranatamab": 200}[engager]
    little = g["target"] < 0.01 * ka  # at most 1 % by the target, 1.5 % by CD3 over K_3
    assert np.abs(ratio[little] - 1).max() < 0.025
    assert np.abs((g["both"] / g["full"])[excess] - 1).max() < 0.02, "right again with the target in the sink"


@pytest.mark.parametrize("engager", ENGAGERS)
def test_with_the_target_in_the_sink_the_term_is_near_everywhere(engager: str) -> None:
    ratio = grid(engager)["both"] / grid(engager)["full"]
    assert 0.98 < ratio.min() and ratio.max() < {"teclistamab": 1.36, "elranatamab": 1.22}[engager]


@pytest.mark.parametrize("engager", ENGAGERS)
@pytest.mark.parametrize("cells", [2.25e3, 2.25e5])
def test_binding_comes_to_rest_within_minutes(engager: str, cells: float) -> None:
    # Drug added at once to marrow with 5 nM of soluble BCMA: within 10 % of rest after less than 8 minutes.
    times = np.concatenate([[0.0], np.logspace(-3, 3, 601)])
    drug = [0.01, 0.1, 1.0, 10.0, 100.0]
    patients = {"drug": drug, "soluble": [5.0] * 5, "target": [cells * RECEPTORS * NM_PER_RECEPTOR] * 5}
    data = simulate(binding_model(engager), times=times, patients=patients, outputs=["trimer"],
                    settings=Settings(rtol=1e-9, atol=1e-16))  # fmt: skip
    away = np.abs(data["trimer"] / data["trimer"].isel(time=-1) - 1).to_numpy() > 0.1
    settled = [times[row][-1] for row in away]
    assert 0.001 < min(settled) and max(settled) < 0.13


@pytest.mark.parametrize("soluble_ng_per_ml", [1.0, 28.8, 100.0])
def test_through_treatment_with_elranatamab(soluble_ng_per_ml: float) -> None:
    # The full model of Poels 2025 with flow, turnover and killing; the term is fed its free marrow drug.
    numbers = load_numbers("poels2025")
    hours = [0, 72, *range(168, 24 * 168 + 1, 168)]
    times = np.arange(0, 24 * 168 + 1, 6.0)
    names = ["drug_marrow", "trimer", "bcma_total", "t_cells_marrow"]
    data = simulate(poels2025_model(), times=times, doses=elranatamab_doses(hours, [12, 32] + [76] * (len(hours) - 2)),
                    patients={"sbcma_start": [soluble_ng_per_ml * numbers["sbcma_scale"]]}, outputs=names)  # fmt: skip
    free, trimer, target, t_cells = (data[name].to_numpy()[0, 1:] * 1e-3 for name in names)
    cd3 = t_cells * 1e3 * numbers["cd3_per_cell"] * NM_PER_RECEPTOR
    term = trimers_per_cell(receptors=RECEPTORS, free_drug=free, target_affinity=N["elranatamab_bcma"], cd3=cd3,
                            cd3_affinity=N["elranatamab_cd3"])  # fmt: skip
    ratio, day = term / (trimer / target * RECEPTORS), times[1:] / 24
    # Until inflow has filled the target (days), free drug runs ahead of what is bound, and the term with it.
    assert ratio[day < 1].max() > 2
    assert np.abs(ratio[day >= 3] - 1).max() < 0.40
    assert np.abs(ratio[day >= 14] - 1).max() < 0.20
    assert np.abs(ratio[day >= 56] - 1).max() < 0.09
