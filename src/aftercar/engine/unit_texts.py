"""Units as products of powers, read from texts by pint.

Counts are base units of their own (decision 0024): `cell`, `receptor`, `copy`, `division`, `dose`, `IU`. A molecule is
pint's: a mole divided by Avogadro's number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy as sp

Exponent = Any
"""A number, or an expression where a power has a parameter as its exponent."""

_COUNTS = ("cell = [cell]", "receptor = [receptor]", "copy = [copy] = _ = copies", "division = [division]",
           "dose = [dose]", "IU = [international_unit] = _ = international_unit")  # fmt: skip
_SCALE = "ln of the factor"
# Factors are products of a few powers of ten in floating point; no two units in use are nearer than this.
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Unit:
    """A product of powers.

    `powers`: exponent of each base dimension, and of the factor to base units as its logarithm; `shown`: exponent of
    each unit as it was written.
    """

    powers: Mapping[str, Exponent]
    shown: Mapping[str, Exponent]

    def __mul__(self, other: Unit) -> Unit:
        return Unit(_joined(self.powers, other.powers), _joined(self.shown, other.shown))

    def __pow__(self, exponent: Exponent) -> Unit:
        return Unit(*({k: e * exponent for k, e in part.items()} for part in (self.powers, self.shown)))

    def equals(self, other: Unit) -> bool:
        """Tell whether both are the same, factors included."""
        return not (self * other**-1).powers

    def factor_to(self, other: Unit) -> float | None:
        """Return how many of `other` one of this is; None where they are of different kinds."""
        ratio = (self * other**-1).powers
        if set(ratio) - {_SCALE} or isinstance(ratio.get(_SCALE, 0), sp.Basic):
            return None
        return math.exp(ratio.get(_SCALE, 0))

    def __str__(self) -> str:
        over = "*".join(_power(k, e) for k, e in self.shown.items() if not _is_negative(e))
        under = "".join("/" + _power(k, -e) for k, e in self.shown.items() if _is_negative(e))
        return (over or "1") + under


DIMENSIONLESS = Unit({}, {})


def _joined(a: Mapping[str, Exponent], b: Mapping[str, Exponent]) -> dict[str, Exponent]:
    total = {k: a.get(k, 0) + b.get(k, 0) for k in (*a, *(k for k in b if k not in a))}
    return {k: e for k, e in total.items() if not _vanishes(e)}


def _vanishes(exponent: Exponent) -> bool:
    if isinstance(exponent, sp.Basic):
        exponent = sp.expand(exponent)
        if not exponent.is_number:
            return False
    return abs(float(exponent)) < _TOLERANCE


def _plain(exponent: Any) -> Exponent:
    number = float(exponent)
    return int(number) if number.is_integer() else number


def _is_negative(exponent: Exponent) -> bool:
    if isinstance(exponent, sp.Basic):
        return bool(exponent.could_extract_minus_sign())
    return bool(exponent < 0)


def _power(name: str, exponent: Exponent) -> str:
    if isinstance(exponent, sp.Basic):
        return f"{name}^({exponent})"
    return name if abs(exponent - 1.0) < _TOLERANCE else f"{name}^{exponent:g}"


def read_unit(text: str, base_units: Iterable[str] = ()) -> Unit | None:
    """Return the unit that a text stands for; None where it is empty (unknown).

    Raises
    ------
    ValueError
        pint does not understand the text.
    """
    return _read(text.strip(), tuple(sorted(base_units))) if text.strip() else None


def same_unit(a: str, b: str) -> bool:
    """Tell whether two texts stand for the same unit; one that is not understood equals its like only."""
    if a.strip() == b.strip():
        return True
    try:
        one, other = read_unit(a), read_unit(b)
    except ValueError:
        return False
    return one is not None and other is not None and one.equals(other)


@lru_cache(maxsize=4096)
def _read(text: str, base_units: tuple[str, ...]) -> Unit:
    registry = _registry(base_units)
    try:
        quantity = registry.Quantity(1.0, "dimensionless") * registry.parse_expression(text)
        factor, _ = registry.get_base_units(quantity.units)
        factor *= float(quantity.magnitude)
        powers = {str(k): _plain(v) for k, v in quantity.dimensionality.items()}
        named = {str(registry.get_symbol(k)): _plain(v) for k, v in quantity.unit_items()}
    except Exception as error:  # pint raises errors of many kinds, also those of Python's tokenizer
        raise ValueError(f"the unit '{text}' is not understood ({error})") from error
    if not factor > 0:
        raise ValueError(f"the unit '{text}' has the factor {factor:g}")
    if quantity.magnitude != 1.0:
        named = {f"{quantity.magnitude:g}": 1, **named}
    return Unit(_joined({_SCALE: math.log(factor)}, powers), named)


@lru_cache(maxsize=8)
def _registry(base_units: tuple[str, ...]) -> Any:
    import pint  # not needed to simulate, and slow to load

    registry: Any = pint.UnitRegistry()
    for definition in (*_COUNTS, *(f"{name} = [{name}]" for name in base_units)):
        registry.define(definition)
    return registry
