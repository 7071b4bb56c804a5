"""Other drugs, radiation and conditioning: an amount, its signal, resistance to its class, and what it acts on.

Equations:

    amount       dA/dt = -elimination * A                           (a dose adds to A)
    signal       g = A / (A + half)
    resistance   dR/dt = gain * g * (1 - R) - loss * (1 - g) * R    (an index per class, 0 to 1)
    killing of a clone at a site = kill * g * (1 - R) * reach(site) * (untargeted + sum_antigens via * density)

Resistance wears off without exposure: classes not used during CAR-T may work again (review, section 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aftercar.model.smooth import saturation


def drug_signal(s: Any, q: Any, name: str) -> Any:
    """Return the effect signal of a drug (0 to 1); 1/2 at `half_amount`."""
    return saturation(s[f"{name}_amount"], q.half_amount)


def drug_rates(s: Any, q: Any, name: str) -> dict[str, Any]:
    """Return the rates of the amount and of resistance to the drug's class."""
    signal = drug_signal(s, q, name)
    resistance = s[f"{name}_resistance"]
    gained = q.resistance_gain * signal * (1.0 - resistance)
    return {
        f"{name}_amount": -q.elimination_rate * s[f"{name}_amount"],
        f"{name}_resistance": gained - q.resistance_loss * (1.0 - signal) * resistance,
    }


def class_sensitivity(s: Any, p: Any, name: str) -> Any:
    """Return what resistance to the class leaves of the killing (0 to 1)."""
    return 1.0 - p.switch_class_resistance * s[f"{name}_resistance"]


def drug_killing(p: Any, q: Any, densities: Mapping[str, Any], *, signal: Any, sensitivity: Any, site: str) -> Any:
    """Return the killing of a clone by one drug at a site [1/day].

    `densities`: relative density by antigen, for what the drug finds through an antigen (antibody, conjugate).
    """
    found = q.untargeted
    for antigen, density in densities.items():
        found = found + q[f"binds_{antigen.lower()}"] * density
    reach = q.marrow_reach if site == "marrow" else 1.0 + p.switch_extramedullary * (q.emd_reach - 1.0)
    return q.kill_rate * signal * sensitivity * reach * found
