"""The host: its T cells, lymphodepletion, humoral immunity, leukocytes, and antibodies against CARs.

Equations:

    T cells      dH/dt = r * H * ln(K / (H + C + 1 cell)) - depletion * L * H - drugs       (kimmel2021)
    depletion    dL/dt = -elimination * L                                             (a dose adds to L)
    B help       dB/dt = recovery * (1 - B) - depletion * L_B * B
    leukocytes   dW/dt = recovery * (1 - W) - depletion * L_T * W
    exhaustion   dX/dt = rate * occupancy * (1 - X) - recovery * X * (1 - occupancy)
    antibody     dA/dt = immunogenicity * (B * (seed + growth * A) * d1 + recall * h * d2) * (1 - A) - loss * A,
                 h = P^4 / (P^4 + P50^4),  d1 = C / (C + C1),  d2 = C / (C + C2)
    priming      dP/dt = priming * A * (1 - P)
    clearance    of CAR-T cells = clearance * A^2 / (A^2 + A50^2)

`A` and `P` are indices from 0 to 1, per product; primed B cells do not decay, so that the same scFv meets a recall
response. Humoral immunity (B) is what lymphodepletion takes away: the first antibody response waits for it, recall
does not. A first response needs many CAR-T cells (C1), recall few (C2): the first has a window from the recovery of
humoral immunity to the contraction of the cells, and fludarabine narrows it. Low titres hardly clear cells: high ones
went with progression (xu2019), while being positive at all did not (review, section 2.2.1).
"""

from __future__ import annotations

from typing import Any

from aftercar.engine import log
from aftercar.model.smooth import hill2, positive_part, saturation


def host_t_capacity(p: Any) -> Any:
    """Return the host's T cells at rest [cell]: fewer after bendamustine and many lines."""
    lines = p.host_loss_per_line * (p.prior_lines - p.prior_lines_reference)
    loss = lines + p.host_loss_bendamustine * p.prior_bendamustine
    return p.host_t_reference * p.host_t_level * positive_part(1.0 - p.switch_prior_treatment * loss)


def host_rates(
    s: Any, p: Any, *, car_t: Any, t_cell_loss: Any, b_cell_loss: Any, occupancy: Any, revival: Any
) -> dict[str, Any]:
    """Return the rates of the host's states.

    Parameters
    ----------
    car_t
        CAR-T cells of all products [cell].
    t_cell_loss, b_cell_loss
        Losses to drugs [1/day].
    occupancy
        Share of host T cells that an engager holds on tumour cells (0 to 1).
    revival
        Additional recovery from exhaustion by checkpoint blockade [1/day].
    """
    host = s.host_t
    regrowth = p.host_t_growth * host * log(host_t_capacity(p) / (host + car_t + p.single_cell))
    held = p.switch_exhaustion * p.host_exhaustion_rate * occupancy * (1.0 - s.host_exhaustion)
    recovered = (p.host_recovery_rate * (1.0 - occupancy) + revival) * s.host_exhaustion
    return {
        "host_t": regrowth - (p.depletion_rate * s.t_depletion + t_cell_loss) * host,
        "t_depletion": -p.depletion_elimination * s.t_depletion,
        "b_depletion": -p.depletion_elimination * s.b_depletion,
        "b_help": p.b_recovery_rate * (1.0 - s.b_help) - (p.depletion_rate * s.b_depletion + b_cell_loss) * s.b_help,
        "leukocytes": p.leukocyte_recovery_rate * (1.0 - s.leukocytes)
        - p.leukocyte_depletion_rate * s.t_depletion * s.leukocytes,
        "host_exhaustion": held - recovered,
    }


def antibody_rates(s: Any, p: Any, q: Any, name: str, *, cells: Any, cross_priming: Any) -> dict[str, Any]:
    """Return the rates of the antibodies against the product in slot `name` and of the B cells primed by it.

    `cells`: CAR-T cells of the product [cell]; `cross_priming`: priming by other products that its scFv shares.
    """
    antibody, primed = s[f"{name}_antibody"], s[f"{name}_primed"]
    much, little = saturation(cells, p.antibody_half_cells), saturation(cells, p.recall_half_cells)
    immune = p.immune_responder * q.immunogenicity
    memory = primed + cross_priming
    fourth = memory * memory * memory * memory
    half = p.recall_half_priming
    recall = p.recall_rate * fourth / (fourth + half * half * half * half)
    fresh = s.b_help * (p.antibody_seed_rate + p.antibody_growth_rate * antibody) * much
    made = immune * (fresh + recall * little) * (1.0 - antibody)
    return {
        f"{name}_antibody": made - p.antibody_loss_rate * antibody,
        f"{name}_primed": p.priming_rate * antibody * (1.0 - primed),
    }


def antibody_loss(p: Any, antibody: Any) -> Any:
    """Return the loss of CAR-T cells to antibodies against them [1/day]."""
    return p.switch_anti_car_antibodies * p.antibody_clearance * hill2(antibody, p.antibody_half_titre)
