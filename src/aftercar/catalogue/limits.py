"""Values that a parameter of the system can take at all, by the words of its name.

Not what is plausible (that is `low` to `high` of the tables): outside of these limits an equation divides by zero, or
a share of cells is less than none or more than all.
"""

from __future__ import annotations

import math
import re

# Shares, chances and switches: 0 to 1. The names are those of the tables, with or without the slot before them.
_SHARES = re.compile(
    r"^(switch|resistance)_\w+$|_(share|block|knockdown|cost|start|part|bioavailability)$"
    r"|_(access|penetration|epitope_binding|scfv_shared|block_max)$|^(tgfb|il10|adenosine)_from_\w+$"
    r"|^pdl1_on_\w+$|^suppression_by_\w+$|^prior_(alkylator|bendamustine)$"
    r"|^(antigen_protection|memory_inheritance|niche_floor|occupancy_without_tumour|antibody_cross_reactivity)$"
)
_NO_SHARES = re.compile(r"^(engager\d*_start|sbcma_start|m_protein_start|flc_start)$")
# What equations divide by, or take the logarithm of.
_ABOVE_ZERO = re.compile(
    r"(^|_)half(_|$)|_(capacity|volume|molar_mass|affinity|persistence|reference|per_cell|per_nmol|per_litre|floor)$"
    r"|^(tumour_burden|host_t_level|marrow_other_cells|single_cell)$"
)
_MAY_BE_ZERO = re.compile(r"^niche_floor$|^(cd4_share|prior_lines)_reference$")


def find_fault(name: str, value: float, *, may_be_negative: bool = False) -> tuple[str, str] | None:
    """Return what is wrong with the value of a parameter and how to mend it, or None.

    Examples
    --------
    >>> find_fault("emd_share", 1.5)
    ("'emd_share' is 1.5.", 'Give a share between 0 and 1.')
    >>> find_fault("growth_rate", 0.02)
    """
    if not math.isfinite(value):
        return f"'{name}' is {value}, no finite number.", "Correct it."
    if is_share(name) and not 0 <= value <= 1:
        return f"'{name}' is {value:g}.", "Give a share between 0 and 1."
    if _ABOVE_ZERO.search(name) and not _MAY_BE_ZERO.search(name) and not value > 0:
        return f"'{name}' is {value:g}.", "Give a value above zero: an equation divides by it."
    if value < 0 and not may_be_negative:
        return f"'{name}' is {value:g}.", "Give a value of 0 or more."
    return None


def is_share(name: str) -> bool:
    """Tell whether a parameter is a share, a chance or a switch, which lies between 0 and 1."""
    return bool(_SHARES.search(name)) and not _NO_SHARES.search(name)
