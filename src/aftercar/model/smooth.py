"""Shapes that keep a rate finite and its slope continuous where a plain formula would break.

Each answers a numerical hazard: a fractional power of a value that rounding made negative, a logarithm of zero, a
root that cancels, a corner at which an adaptive step would stumble.
"""

from __future__ import annotations

from typing import Any

from aftercar.engine import sqrt

_CORNER = 1e-4  # width of the rounded corner, in units of the argument squared


def positive_part(x: Any) -> Any:
    """Return x where it is positive and nearly 0 elsewhere, with a rounded corner of width 0.01; dimensionless."""
    return 0.5 * (x + sqrt(x * x + _CORNER))


def saturation(x: Any, half: Any) -> Any:
    """Return x / (x + half): 0 at 0, 1/2 at `half`."""
    return x / (x + half)


def hill2(x: Any, half: Any) -> Any:
    """Return the Hill function with exponent 2, written with products: defined for either sign of rounding error."""
    return x * x / (x * x + half * half)


def free_ligand(total: Any, binder: Any, dissociation: Any) -> Any:
    """Return the free part of a ligand that binds one to one [same unit as the arguments].

    The root of the tight-binding quadratic in the form that does not cancel when little ligand is left.
    """
    b = binder + dissociation - total
    return 2.0 * dissociation * total / (b + sqrt(b * b + 4.0 * dissociation * total))
