"""Units of a model as unit definitions of SBML, which has base units of its own and no cell.

Counts that pint keeps apart (cell, receptor, copy, dose ...) are all `item` in SBML: the exported units tell an amount
from a rate and a concentration, but not a cell from a receptor; `check_units` does that before the export.
"""

from __future__ import annotations

import math
import re
from typing import Any

import libsbml

from aftercar.engine.network import Network
from aftercar.engine.unit_texts import Unit, read_unit

# Base dimensions of the unit texts, in the base units that pint converts to, and what SBML calls them.
_BASE = {
    "[length]": libsbml.UNIT_KIND_METRE, "[mass]": libsbml.UNIT_KIND_KILOGRAM, "[time]": libsbml.UNIT_KIND_SECOND,
    "[substance]": libsbml.UNIT_KIND_MOLE, "[temperature]": libsbml.UNIT_KIND_KELVIN,
    "[current]": libsbml.UNIT_KIND_AMPERE, "[luminosity]": libsbml.UNIT_KIND_CANDELA,
    "[cell]": libsbml.UNIT_KIND_ITEM, "[receptor]": libsbml.UNIT_KIND_ITEM, "[copy]": libsbml.UNIT_KIND_ITEM,
    "[division]": libsbml.UNIT_KIND_ITEM, "[dose]": libsbml.UNIT_KIND_ITEM,
    "[international_unit]": libsbml.UNIT_KIND_ITEM,
}  # fmt: skip


def declare_units(model: Any, network: Network, names: dict[str, str]) -> None:
    """Give every parameter of an SBML model the unit of the quantity it stands for, where SBML can say it.

    Parameters
    ----------
    names
        Identifier in the document by name in the network.
    """
    known: dict[str, str] = {}
    time = _declare(model, network.time_unit, known)
    if time:
        model.setTimeUnits(time)
    for name, text in network.units.items():
        unit = _declare(model, text, known)
        if unit:
            model.getParameter(names[name]).setUnits(unit)


def _declare(model: Any, text: str, known: dict[str, str]) -> str:
    """Return the id of the unit definition for a text, made if need be; empty where there is none."""
    if text not in known:
        unit = _read(text)
        if unit is None:
            known[text] = ""
        elif not unit.powers:
            known[text] = "dimensionless"
        else:
            word = re.sub(r"\W+", "_", text.replace("/", "_per_").replace("%", "percent"), flags=re.ASCII).strip("_")
            known[text] = _define(model, f"unit_{word}", text, unit)
    return known[text]


def _read(text: str) -> Unit | None:
    """Return the unit, or None where it is unknown or has a dimension or a power that SBML lacks."""
    try:
        unit = read_unit(text)
    except ValueError:
        return None
    if unit is None:
        return None
    dimensions = [k for k in unit.powers if k.startswith("[")]
    return unit if all(k in _BASE and isinstance(unit.powers[k], int) for k in dimensions) else None


def _define(model: Any, name: str, text: str, unit: Unit) -> str:
    while model.getUnitDefinition(name) is not None:
        name += "_"
    definition = model.createUnitDefinition()
    definition.setId(name)
    definition.setName(text)
    factor = math.exp(next((float(v) for k, v in unit.powers.items() if not k.startswith("[")), 0.0))
    parts = [(_BASE[k], int(e), 1.0) for k, e in sorted(unit.powers.items()) if k.startswith("[")]
    # The multiplier stands inside the power; it goes where no root of it has to be taken.
    carrier = next((k for k, (_, exponent, _) in enumerate(parts) if abs(exponent) == 1), None)
    if abs(factor - 1.0) > 1e-12 and carrier is not None:
        kind, exponent, _ = parts[carrier]
        parts[carrier] = (kind, exponent, _round(factor**exponent))
    elif abs(factor - 1.0) > 1e-12:
        parts.insert(0, (libsbml.UNIT_KIND_DIMENSIONLESS, 1, _round(factor)))
    for kind, exponent, multiplier in parts:
        part = definition.createUnit()
        part.setKind(kind)
        part.setExponent(exponent)
        part.setScale(0)
        part.setMultiplier(multiplier)
    return name


def _round(factor: float) -> float:
    """Return the factor without the last digits, which the logarithm costs."""
    return float(f"{factor:.12g}")
