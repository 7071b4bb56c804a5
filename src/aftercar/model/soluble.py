"""What the laboratory measures in serum: soluble BCMA, M-protein, free light chain.

Equations (T0: the patient's burden at the start; b: BCMA density of a clone):

    sBCMA        dB/dt = k_B * ((1 - cleavage block) * ((B0 - Bn) * sum_clones b_i T_i / T0 + Bn) - B)
    M-protein    dM/dt = k_M * M0 * (T / T0)^gamma - k_M * M
    free light chain  likewise, with its own rate

Bn is what normal plasma and B cells shed. Epitope mutants shed BCMA and null clones do not, so that soluble BCMA at
progression tells the two apart.
"""

from __future__ import annotations

from typing import Any

from aftercar.engine import exp, log, maximum


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
    made = cut * ((p.sbcma_start - normal) * bcma_bearing / p.tumour_burden + normal)
    return {
        "sbcma": p.sbcma_elimination * (made - s.sbcma),
        "m_protein": p.m_protein_elimination * (p.m_protein_start * secreting - s.m_protein),
        "free_light_chain": p.flc_elimination * (p.flc_start * burden - s.free_light_chain),
    }
