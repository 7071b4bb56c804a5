"""The suppressive marrow: fibroblasts, myeloid suppressors, regulatory T cells; their cytokines; checkpoints.

Equations (indices: 1 is the marrow of relapsed or refractory myeloma at the burden of the start):

    cells i      dI/dt = rate * (level_i * (1 - part_i + part_i * f(T) / f(T0)) - I) - losses_i * I,
                 f(T) = T / (T + T50)
    TGF-beta     = weights over fibroblasts, myeloid, regulatory;     IL-10 = weights over myeloid, regulatory
    adenosine    = (1 - CD73 block) * weights over fibroblasts, myeloid
    PD-L1        = weights over tumour, fibroblasts, myeloid
    suppression  S = weights over TGF-beta, IL-10, adenosine, myeloid contact
    function     u = (1 + strength) / (1 + strength * S)              (1 at S = 1)
    brakes       = 1 + checkpoint strength * sum_c share_c * level_c * (1 - block_c) + TGF-beta on CD4,
                 divided by its value in the reference marrow
"""

from __future__ import annotations

from typing import Any

from aftercar.model.smooth import saturation

CELLS = ("fibroblasts", "myeloid", "regulatory")
CHECKPOINTS = ("pd1", "ctla4", "tim3", "lag3")


def cell_rates(s: Any, p: Any, *, tumour: Any, losses: dict[str, Any]) -> dict[str, Any]:
    """Return the rates of the three kinds of suppressive cells; `losses` [1/day] by kind."""
    filled = saturation(tumour, p.suppressor_half_burden) / saturation(p.tumour_burden, p.suppressor_half_burden)
    rates = {}
    for kind in CELLS:
        part = p[f"{kind}_tumour_part"]
        target = p[f"{kind}_level"] * (1.0 - part + part * filled)
        rates[kind] = p.suppressor_turnover * (target - s[kind]) - losses[kind] * s[kind]
    return rates


def cytokines(s: Any, p: Any, *, adenosine_block: Any) -> dict[str, Any]:
    """Return TGF-beta, IL-10 and adenosine as indices (1 at the reference)."""
    return {
        "tgf_beta": p.tgfb_from_fibroblasts * s.fibroblasts
        + p.tgfb_from_myeloid * s.myeloid
        + (1.0 - p.tgfb_from_fibroblasts - p.tgfb_from_myeloid) * s.regulatory,
        "il10": p.il10_from_myeloid * s.myeloid + (1.0 - p.il10_from_myeloid) * s.regulatory,
        "adenosine": (1.0 - adenosine_block)
        * (p.adenosine_from_fibroblasts * s.fibroblasts + (1.0 - p.adenosine_from_fibroblasts) * s.myeloid),
    }


def pd_l1(s: Any, p: Any, *, tumour: Any) -> Any:
    """Return the level of PD-L1 as an index (1 at the reference)."""
    on_tumour = saturation(tumour, p.suppressor_half_burden) / saturation(p.tumour_burden, p.suppressor_half_burden)
    rest = 1.0 - p.pdl1_on_tumour - p.pdl1_on_fibroblasts
    return p.pdl1_on_tumour * on_tumour + p.pdl1_on_fibroblasts * s.fibroblasts + rest * s.myeloid


def suppression(s: Any, p: Any, levels: dict[str, Any]) -> Any:
    """Return the suppression of T cells as an index (1 at the reference, 0 with the mechanism off)."""
    contact = 1.0 - p.suppression_by_tgfb - p.suppression_by_il10 - p.suppression_by_adenosine
    index = (
        p.suppression_by_tgfb * levels["tgf_beta"]
        + p.suppression_by_il10 * levels["il10"]
        + p.suppression_by_adenosine * levels["adenosine"]
        + contact * s.myeloid
    )
    return p.switch_microenvironment * index


def t_cell_function(p: Any, index: Any) -> Any:
    """Return killing and expansion under a suppression index, relative to the reference marrow."""
    return (1.0 + p.suppression_strength) / (1.0 + p.suppression_strength * index)


def brakes(p: Any, *, cd4_share: Any, tgf_beta: Any, pd_l1_level: Any, open_share: dict[str, Any]) -> Any:
    """Return the speed of exhaustion relative to the reference marrow, unblocked.

    `open_share`: for each checkpoint the part that no drug or knock-down blocks (0 to 1).
    """
    checkpoint: Any = 0.0
    for name in CHECKPOINTS:
        level = pd_l1_level if name == "pd1" else 1.0
        checkpoint = checkpoint + p[f"{name}_share"] * level * open_share[name]
    inhibited = p.switch_checkpoints * p.checkpoint_strength * checkpoint
    on_cd4 = p.switch_tgfb_on_cd4 * p.tgfb_cd4_strength * cd4_share * tgf_beta
    reference = 1.0 + p.checkpoint_strength + p.tgfb_cd4_strength * p.cd4_share_reference
    return (1.0 + inhibited + on_cd4) / reference


def revival_rate(p: Any, open_share: dict[str, Any]) -> Any:
    """Return the rate at which exhausted cells regain function under checkpoint blockade [1/day]."""
    blocked: Any = 0.0
    for name in CHECKPOINTS:
        blocked = blocked + p[f"{name}_share"] * (1.0 - open_share[name])
    return p.switch_checkpoints * p.revival_rate * blocked
