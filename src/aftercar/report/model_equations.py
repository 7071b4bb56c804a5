"""The equations of the system as a person reads them, part by part, in text and in LaTeX.

Nothing here knows an equation. All of them are read from the network that `build_system` traces, so that what is
printed is what is integrated.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import sympy as sp

from aftercar.catalogue.model_data import ModelData
from aftercar.engine import Network, State
from aftercar.engine.export import latex_sides
from aftercar.engine.network import TIME, symbol
from aftercar.model import Structure, build_system
from aftercar.model.structure import PROGENITOR

_PLACE = r"(marrow|emd)_(?!plasma|total)"
# Files of the model with the names that belong to each; the first that fits counts, and the last takes the rest.
_PARTS = {
    "recognition": r"density_|surface_gain|bcma_decoy|product\d+_recognition_",
    "host": r"host_t$|host_exhaustion|t_depletion|b_depletion|b_help|leukocytes$|product\d+_(antibody|primed)$",
    "microenvironment": r"fibroblasts|myeloid|regulatory|tgf_beta|il10|adenosine|pd_l1|suppression|function_|access_"
    r"|\w+_open$|product\d+_(brakes|revival)$",
    "car_t": r"product\d+_|car_t_(room|crowd_room)",
    "engagers": r"engager\d+_|cd3$|fit_host_t|host_t_held",
    "drugs": r"drug\d+_",
    "soluble": r"sbcma$|m_protein$|free_light_chain$|bcma_bearing",
    "tumour": rf"{_PLACE}|{PROGENITOR}|burden_|growth_|change_|killing_",
    "observables": r"",
}
TITLES = {
    "tumour": "Myeloma clones", "recognition": "Recognition", "car_t": "CAR-T cells", "host": "Host",
    "microenvironment": "Microenvironment", "engagers": "T-cell engagers", "drugs": "Other drugs",
    "soluble": "Serum", "observables": "What a clinic would read",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Equation:
    """One equation: of a state, of its birth, death or arrival where it is counted, or of an intermediate value."""

    part: str
    name: str
    kind: str
    text: str
    latex: str
    unit: str


def part_of(name: str) -> str:
    """Return the file of the model, without its ending, that a state or a named value belongs to."""
    return next(part for part, pattern in _PARTS.items() if re.match(pattern, name))


def part_description(part: str) -> str:
    """Return what the file of a part says about itself."""
    return importlib.import_module(f"aftercar.model.{part}").__doc__ or ""


@dataclass(frozen=True)
class Reading:
    """The system in the size in which a person can read it: one antigen, one slot of each kind.

    With more antigens, clones or slots every sum and product has more terms of the same form. `shown` clones are
    printed; the equations of the others differ from theirs in the names alone.
    """

    data: ModelData

    @cached_property
    def structure(self) -> Structure:
        """The first antigen that has variants, and one product, one engager and one drug."""
        cells = [a for a in self.data.antigens.values() if not a.on_fibroblasts]
        first = next((a for a in cells if a.variants), cells[0])
        needed = [a for a in cells if a.id == "BCMA" and a is not first]  # soluble BCMA has an equation of its own
        return Structure((first, *needed), products=1, engagers=1, drugs=1)

    @cached_property
    def network(self) -> Network:
        """The traced equations, with intermediate values named."""
        return build_system(self.data, self.structure, intermediates=True)

    @cached_property
    def shown(self) -> tuple[str, ...]:
        """The bulk, and the first clone that differs from it."""
        return tuple(clone.id for clone in self.structure.clones[:2])

    def is_shown(self, name: str) -> bool:
        """Tell whether an equation is printed: not one of another clone, nor of a variant outside the marrow."""
        clones = [clone.id for clone in self.structure.clones if clone.variants]
        hidden = [clone for clone in clones if clone not in self.shown]
        return not any(name.endswith(clone) for clone in (*hidden, *(f"emd_{clone}" for clone in clones)))

    def equations(self) -> list[Equation]:
        """Return the printed equations, in the order of the parts."""
        sides = latex_sides(_with_plain_numbers(self.network))
        found = [Equation(part_of(r.id), r.id, "value", _text(r.value), _set(sides[r.id]), r.unit)
                 for r in self.network.rules]  # fmt: skip
        for state in self.network.states:
            found += list(_of_state(state, _set(sides[state.id]), self.network.time_unit))
        order = list(TITLES)
        return sorted((e for e in found if self.is_shown(e.name)), key=lambda e: order.index(e.part))


def _of_state(state: State, latex: str, time: str) -> Iterator[Equation]:
    unit, part = f"{state.unit}/{time}", part_of(state.id)
    if state.counted is None:
        yield Equation(part, state.id, "rate", _text(state.rate), latex, unit)
        return
    for kind, value, own in (
        ("birth", state.counted.birth, f"1/{time}"),
        ("death", state.counted.death, f"1/{time}"),
        ("arrival", state.counted.arrival, unit),
    ):
        yield Equation(part, state.id, kind, _text(value), latex if kind == "birth" else "", own)


def _text(value: sp.Expr) -> str:
    return str(sp.sstr(_plain_numbers(value).xreplace({TIME: symbol("time")})))


def _plain_numbers(value: sp.Expr) -> sp.Expr:
    """Return the expression with 1.0 written as 1, so that factors of one vanish; for reading only."""
    whole = {x: sp.Integer(int(x)) for x in value.atoms(sp.Float) if float(x).is_integer()}
    return value.xreplace(whole)


def _with_plain_numbers(network: Network) -> Network:
    states = tuple(replace(s, rate=_plain_numbers(s.rate)) for s in network.states)
    return replace(
        network, states=states, rules=tuple(replace(r, value=_plain_numbers(r.value)) for r in network.rules)
    )


def _set(sides: tuple[str, str]) -> str:
    return f"{sides[0]} = {sides[1]}"
