"""The binding network: kinetics come to rest where mass action says, and special cases are simple."""

from __future__ import annotations

import numpy as np
import pytest

from aftercar.engine import Settings, simulate
from aftercar.model.published.engager_binding import binding_model, equilibrium_trimer
from aftercar.model.published.values import load_numbers
from aftercar.model.smooth import free_ligand

N = load_numbers("engager_binding")


@pytest.mark.parametrize("engager", ["teclistamab", "elranatamab"])
def test_kinetics_come_to_rest_at_mass_action(engager: str) -> None:
    drug, cd3, soluble = (x.ravel() for x in np.meshgrid([1e-2, 1.0, 100.0], [0.003, 0.3, 30.0], [0.0, 20.0]))
    patients = {"drug": drug, "target": np.full(drug.size, 4.7), "cd3": cd3, "soluble": soluble}
    tight = Settings(rtol=1e-9, atol=1e-15)
    data = simulate(binding_model(engager), times=[0, 2000], patients=patients, outputs=["trimer"], settings=tight)
    affinities = {"target_affinity": N[f"{engager}_bcma"], "cd3_affinity": N[f"{engager}_cd3"]}
    trimer, _ = equilibrium_trimer(drug, 4.7, cd3, soluble, **affinities)
    # 1e-8: at rest the error of the integrator no longer grows; the slowest pair has 300 half-lives.
    assert data["trimer"].to_numpy()[:, 1] == pytest.approx(trimer, rel=1e-8)


def test_without_cd3_free_drug_is_the_root_of_the_quadratic() -> None:
    drug = np.logspace(-3, 3, 13)
    _, free = equilibrium_trimer(drug, 1e-12, 1e-12, 5.0, target_affinity=0.5, cd3_affinity=20.8)
    assert free == pytest.approx(free_ligand(drug, 5.0, 0.5), rel=1e-9)


def test_conservation_at_rest() -> None:
    drug, target, cd3, soluble, ka, kt = 3.0, 4.7, 0.025, 5.0, 0.5, 20.8
    trimer, free = (
        float(x) for x in equilibrium_trimer(drug, target, cd3, soluble, target_affinity=ka, cd3_affinity=kt)
    )
    free_cd3 = (cd3 - trimer) / (1 + free / kt)
    free_target = (target - trimer) / (1 + free / ka)
    assert trimer == pytest.approx(free * free_cd3 * free_target / (ka * kt), rel=1e-9)
    held = free * (1 + free_target / ka + free_cd3 / kt) + soluble * free / (free + ka) + trimer
    assert held == pytest.approx(drug, rel=1e-9)
