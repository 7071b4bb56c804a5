"""What the laboratory measures in serum: soluble BCMA, M-protein, free light chain.

Equations (T0: the patient's burden at the start; b: BCMA density of a clone, e: the patient's own expression):

    sBCMA        dB/dt = k_B * ((1 - cleavage block) * ((B0 - Bn) * sum_clones b_i T_i / (e T0) + Bn) - B)
    M-protein    dM/dt = k(M0) * M0 * (T / T0)^gamma - k(M) * M,  k(M) = k_M * (1 + g M / (M + M50))
    free light chain  dL/dt = k_L * L0 * T / T0 - k_L * L

Bn is what normal plasma and B cells shed. Epitope mutants shed BCMA and null clones do not, so that soluble BCMA at
progression tells the two apart. The level at the start is the patient's own, hence e: a dim tumour sheds what it has.
IgG is saved by the receptor FcRn, which saturates: at a high level more of it is lost (g > 0). The type of paraprotein
sets k_M, k_L, and whether there is an M-protein in serum at all (M0 = 0 where light chains alone are made).
"""

from __future__ import annotations

from typing import Any

from aftercar.engine import exp, log, maximum
from aftercar.model.smooth import saturation


def soluble_rates(s: Any, p: Any, *, tumour: Any, bcma_bearing: Any, cleavage_block: Any) -> dict[str, Any]:
    """Return the rates of soluble BCMA [nM/day], M-protein [g/L/day] and involved free light chain [mg/L/day].

    `bcma_bearing`: tumour cells weighted with their relative BCMA density [cell]; `cleavage_block`: share of cleavage
    that is stopped.
    """
    burden = tumour / p.tumour_burden
    # A cleared tumour may stand below zero by a rounding error, and a small one by more than the floor.
    secreting = exp(p.m_protein_exponent * log(maximum(burden, 0.0) + p.secretion_floor))
    cut = 1.0 - cleavage_block
    normal = p.sbcma_normal_share * p.sbcma_start
    bearing = bcma_bearing / (p.tumour_burden * (p.bcma_expression + p.secretion_floor))
    made = cut * ((p.sbcma_start - normal) * bearing + normal)

    def lost(level: Any) -> Any:
        saved_less = 1.0 + p.igg_catabolism_gain * saturation(level, p.igg_catabolism_half)
        return p.m_protein_elimination * saved_less * level

    return {
        "sbcma": p.sbcma_elimination * (made - s.sbcma),
        "m_protein": lost(p.m_protein_start) * secreting - lost(s.m_protein),
        "free_light_chain": p.flc_elimination * (p.flc_start * burden - s.free_light_chain),
    }
