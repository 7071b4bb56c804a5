"""The full network of an engager that binds a cell-surface target, a soluble form of it, and CD3.

Equations (nM, hours; D drug, A target on cells, S soluble target, T CD3; free unless in a pair; totals are constant):

    d[DA]/dt  = on_A D A  - off_A [DA]  - on_T [DA] T + off_T [DAT]
    d[DT]/dt  = on_T D T  - off_T [DT]  - on_A [DT] A + off_A [DAT]
    d[DS]/dt  = on_A D S  - off_A [DS]                                  (soluble target does not bridge)
    d[DAT]/dt = on_A [DT] A - off_A [DAT] + on_T [DA] T - off_T [DAT]

with D = total - [DA] - [DT] - [DS] - [DAT] and so on: equations 13-23 of poels2025 without flow. No cooperativity: a
bound arm changes nothing for the other. At rest every pair follows the law of mass action,
[DAT] = D A T / (K_A K_T), which leaves one equation for D, solved here to the last digit.

Source: poels2025, Supplementary Note 1; numbers in `engager_binding.toml`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from aftercar.engine import Network, Quantity, named, trace_model
from aftercar.model.published.values import load_numbers

FloatArray = npt.NDArray[np.float64]
NM_PER_RECEPTOR = 1e6 * 1e9 / 6.02214076e23  # nM of one receptor a microlitre: uL/L, nmol/mol, Avogadro (SI, exact)


def binding(states: Any, parameters: Any) -> dict[str, Any]:
    """Return the rates of change of the four complexes [nM/hour]."""
    s, p = states, parameters
    on_target, on_cd3 = p.target_off / p.target_affinity, p.cd3_off / p.cd3_affinity
    drug = named("free_drug", p.drug - s.drug_target - s.drug_cd3 - s.drug_soluble - s.trimer, unit="nM")
    target = named("free_target", p.target - s.drug_target - s.trimer, unit="nM")
    cd3 = named("free_cd3", p.cd3 - s.drug_cd3 - s.trimer, unit="nM")
    soluble = p.soluble - s.drug_soluble
    by_target = on_target * s.drug_cd3 * target - p.target_off * s.trimer
    by_cd3 = on_cd3 * s.drug_target * cd3 - p.cd3_off * s.trimer
    return {
        "drug_target": on_target * drug * target - p.target_off * s.drug_target - by_cd3,
        "drug_cd3": on_cd3 * drug * cd3 - p.cd3_off * s.drug_cd3 - by_target,
        "drug_soluble": on_target * drug * soluble - p.target_off * s.drug_soluble,
        "trimer": by_target + by_cd3,
    }


def binding_model(engager: str = "teclistamab") -> Network:
    """Return the network of ``teclistamab`` or ``elranatamab`` in the marrow of the reference patient, without drug."""
    n = load_numbers("engager_binding")
    target = n["bcma_per_cell"] * n["myeloma_cells"] * NM_PER_RECEPTOR
    cd3 = n["cd3_per_cell"] * n["t_cells_marrow"] * NM_PER_RECEPTOR
    totals = {"drug": 0.0, "target": target, "cd3": cd3, "soluble": 0.0}
    constants = {
        "target_affinity": n.values[f"{engager}_bcma"].quantity,
        "target_off": n.values[f"{engager}_bcma_off"].quantity,
        "cd3_affinity": n.values[f"{engager}_cd3"].quantity,
        "cd3_off": n.values[f"{engager}_cd3_off"].quantity,
    }
    return trace_model(
        binding,
        states={k: Quantity(0.0, "nM") for k in ("drug_target", "drug_cd3", "drug_soluble", "trimer")},
        parameters={**{k: Quantity(v, "nM") for k, v in totals.items()}, **constants},
        name=f"{engager}_binding",
        time_unit="hour",
    )


def equilibrium_trimer(
    drug: npt.ArrayLike,
    target: npt.ArrayLike,
    cd3: npt.ArrayLike,
    soluble: npt.ArrayLike = 0.0,
    *,
    target_affinity: float,
    cd3_affinity: float,
) -> tuple[FloatArray, FloatArray]:
    """Return trimer and free drug of the full network at rest.

    Bisection on the logarithm of free drug: total drug rises with free drug, so there is one root between 0 and total.

    Parameters
    ----------
    drug, target, cd3, soluble
        Total concentrations [nM] that broadcast; all but `soluble` above zero.
    target_affinity, cd3_affinity
        Dissociation constants [nM].

    Returns
    -------
    tuple
        Trimer and free drug [nM], of the broadcast shape.
    """
    total, a, t, s = np.broadcast_arrays(*(np.asarray(x, float) for x in (drug, target, cd3, soluble)))
    low, high = np.full(total.shape, -300.0), np.log(total)
    for _ in range(200):
        middle = 0.5 * (low + high)
        too_much = _bound(np.exp(middle), a, t, s, target_affinity, cd3_affinity)[0] > total
        low, high = np.where(too_much, low, middle), np.where(too_much, middle, high)
    free = np.exp(0.5 * (low + high))
    return _bound(free, a, t, s, target_affinity, cd3_affinity)[1], free


def _bound(free: FloatArray, a: FloatArray, t: FloatArray, s: FloatArray, ka: float, kt: float) -> Any:
    """Return total drug and trimer for a given free drug: the two conservation laws leave a quadratic for free CD3."""
    x, y = 1.0 + free / ka, 1.0 + free / kt
    w = free / (ka * kt)
    # T (y + w A) = t and A (x + w T) = a: y w T^2 + (x y + w (a - t)) T - x t = 0, in the form that does not cancel.
    b = x * y + w * (a - t)
    cd3 = 2.0 * x * t / (b + np.sqrt(b * b + 4.0 * y * w * x * t))
    target = a / (x + w * cd3)
    trimer = w * cd3 * target
    soluble = s * free / (ka + free)
    return free + free * target / ka + free * cd3 / kt + soluble + trimer, trimer
