"""The equations of the system as a person reads them, part by part, in text and in LaTeX.

Nothing here knows an equation. All of them are read from the network that `build_system` traces, so that what is
printed is what is integrated.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, replace
from functools import cached_property

import sympy as sp

from aftercar.catalogue.model_data import ModelData
from aftercar.engine import Network, Rule
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


_WORDS = ("birth", "death", "arrival")
_LATEX_WIDTH = 110  # characters of LaTeX that fit on a line of the page, names being long


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
        network = _for_reading(self.network)
        sides = latex_sides(network, width=_LATEX_WIDTH, labels=_labels(network))
        values = {r.id: r for r in network.rules}
        named = [r.id for r in self.network.rules]
        time = network.time_unit
        found = [
            Equation(part_of(k), k, "value", _text(values[k].value), _set(sides[k]), values[k].unit) for k in named
        ]
        for s in network.states:
            found.append(Equation(part_of(s.id), s.id, "rate", _text(s.rate), _set(sides[s.id]), f"{s.unit}/{time}"))
            for word in _WORDS:
                own = values.get(f"{word} of {s.id}")
                if own is not None:
                    latex = _set(sides[own.id])
                    found.append(Equation(part_of(s.id), s.id, word, _text(own.value), latex, own.unit))
        order = list(TITLES)
        return sorted((e for e in found if self.is_shown(e.name)), key=lambda e: order.index(e.part))


def _for_reading(network: Network) -> Network:
    """Return the network with births, deaths and arrivals named, and with 1.0 written as 1."""
    rules = list(network.rules)
    states = []
    for s in network.states:
        if s.counted is not None:
            per_head, flow = f"1/{network.time_unit}", f"{s.unit}/{network.time_unit}"
            values = (s.counted.birth, s.counted.death, s.counted.arrival)
            rules += [
                Rule(f"{word} of {s.id}", value, flow if word == "arrival" else per_head)
                for word, value in zip(_WORDS, values, strict=True)
            ]
            birth, death, arrival = (symbol(f"{word} of {s.id}") for word in _WORDS)
            s = replace(s, rate=(birth - death) * symbol(s.id) + arrival)
        states.append(replace(s, rate=_plain_numbers(s.rate)))
    return replace(network, states=tuple(states), rules=tuple(replace(r, value=_plain_numbers(r.value)) for r in rules))


def _labels(network: Network) -> dict[str, str]:
    """Return the look of the names of births, deaths and arrivals."""
    found = {}
    for r in network.rules:
        word, of, state = r.id.partition(" of ")
        if of:
            found[r.id] = rf"\mathrm{{{word}}}(\mathrm{{{state.replace('_', chr(92) + '_')}}})"
    return found


def _text(value: sp.Expr) -> str:
    text = str(sp.sstr(value.xreplace({TIME: symbol("time")})))
    return re.sub(rf"\b({'|'.join(_WORDS)}) of (\w+)", r"\1(\2)", text)


def _plain_numbers(value: sp.Expr) -> sp.Expr:
    """Return the expression with 1.0 written as 1, so that factors of one vanish; for reading only."""
    whole = {x: sp.Integer(int(x)) for x in value.atoms(sp.Float) if float(x).is_integer()}
    return value.xreplace(whole)


def _set(sides: tuple[str, str]) -> str:
    return f"{sides[0]} = {sides[1]}"
