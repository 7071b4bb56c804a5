"""Who acts on whom in the system, read from its equations: the sign of each influence and the switch that ends it.

Nodes are groups of states and of named values. A node acts on another if the equations of the other, with everything
between the two written out, respond to it near a patient under treatment. Nothing is typed in: a term added to an
equation adds an arrow to the drawing, and a mechanism is written on the arrows that vanish when it is switched off.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from aftercar.catalogue.model_data import ModelData
from aftercar.engine import Network, State
from aftercar.engine.network import TIME, symbol
from aftercar.model import build_structure, build_system
from aftercar.model.structure import PROGENITOR

KINDS = ("kill", "suppress", "stimulate", "produce")
_WEAK = 0.02  # response, in percent to one percent, below which an influence is not drawn


@dataclass(frozen=True, slots=True)
class Influence:
    """One node acts on another. `switches`: mechanisms without which it does not."""

    source: str
    target: str
    kind: str
    switches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Term:
    """A value that a node can be moved in: a named value, a plain rate, or the birth, death or arrival of a state."""

    node: str
    part: str
    value: sp.Expr


def drawn_system(data: ModelData) -> Network:
    """Return the system with all antigens and one slot of each kind, intermediate values named."""
    return build_system(data, build_structure(data, products=1, engagers=1, drugs=1), intermediates=True)


def find_influences(
    network: Network,
    nodes: Mapping[str, str],
    *,
    switches: Mapping[str, str],
    points: Sequence[Mapping[str, float]],
) -> tuple[list[Influence], dict[str, tuple[str, ...]]]:
    """Return the influences between nodes, and the switches that act within a node.

    Parameters
    ----------
    nodes
        Pattern of the names of states and named values by node; a name belongs to the first pattern that fits.
    switches
        Parameter that switches a mechanism off, by mechanism.
    points
        Values of states and parameters at which the responses are looked at; the strongest counts.

    Returns
    -------
    tuple
        Influences; and by node the mechanisms whose switch stands in its equations or start values and ends no
        influence of it.
    """
    owner = {name: node_of(name, nodes) for name in [s.id for s in network.states] + [r.id for r in network.rules]}
    terms = [*_terms(network, owner)]
    names = sorted({s.name for t in terms for s in t.value.free_symbols} - {TIME.name})
    function = sp.lambdify(
        [TIME, *(symbol(n) for n in names)], [t.value for t in terms], modules=[{"max": max, "min": min}, "numpy"],
        cse=True, dummify=True,
    )  # fmt: skip

    def responses(off: str = "") -> dict[tuple[str, str, str], float]:
        found: dict[tuple[str, str, str], float] = {}
        for values in points:
            settled = _settled(network, {**values} | ({off: 0.0} if off else {}))
            for key, share in _responses(function, terms, names, settled, owner).items():
                found[key] = max(found.get(key, 0.0), share, key=abs)
        return found

    on = responses()
    without = {mechanism: responses(switch) for mechanism, switch in switches.items()}
    matter = {owner[s.id] for s in network.states}  # a process can speed what is made, and is not what it is made of
    found = []
    for source, target in sorted({(a, b) for a, b, _ in on}):
        kind = _kind(_between(on, source, target), target)
        if kind:
            ends = tuple(m for m in switches if not _kind(_between(without[m], source, target), target))
            kind = "stimulate" if kind == "produce" and source not in matter else kind
            found.append(Influence(source, target, kind, ends))
    return found, _inside(network, owner, terms, found, switches)


def node_of(name: str, nodes: Mapping[str, str]) -> str:
    """Return the node that a state or a named value belongs to; empty if none."""
    return next((node for node, pattern in nodes.items() if re.fullmatch(pattern, name)), "")


def _between(responses: Mapping[tuple[str, str, str], float], source: str, target: str) -> dict[str, float]:
    return {part: x for (a, b, part), x in responses.items() if (a, b) == (source, target)}


def _terms(network: Network, owner: Mapping[str, str]) -> list[_Term]:
    """Return all terms, with named values that are no node written out."""
    inner = {symbol(r.id): r.value for r in network.rules if not owner[r.id]}

    def written(value: sp.Expr) -> sp.Expr:
        while value.free_symbols & inner.keys():
            value = value.xreplace(inner)
        return value

    found = [_Term(owner[r.id], "value", written(r.value)) for r in network.rules if owner[r.id]]
    for s in network.states:
        if owner[s.id]:
            found += [_Term(owner[s.id], part, written(value)) for part, value in _parts(s).items()]
    return found


def _parts(state: State) -> dict[str, sp.Expr]:
    if state.counted is None:
        return {"rate": state.rate}
    return {"birth": state.counted.birth, "death": state.counted.death, "arrival": state.counted.arrival}


def _responses(
    function: Any, terms: Sequence[_Term], names: Sequence[str], values: Mapping[str, float], owner: Mapping[str, str]
) -> dict[tuple[str, str, str], float]:
    """Return by how many percent each part of a node moves when another node's members rise by one percent."""
    here = np.array([values[n] for n in names])
    base = np.array(function(0.0, *here), dtype=float)
    found: dict[tuple[str, str, str], float] = {}
    for source in sorted({owner.get(n, "") for n in names} - {""}):
        moved = np.where([owner.get(n) == source for n in names], 1.01 * here, here)
        change = np.array(function(0.0, *moved), dtype=float) - base
        for k, term in enumerate(terms):
            if term.node != source and change[k] != 0.0:
                key = (source, term.node, term.part)
                share = 100.0 * change[k] / _scale(term, base[k], values)
                found[key] = max(found.get(key, 0.0), share, key=abs)
    return found


def _scale(term: _Term, value: float, values: Mapping[str, float]) -> float:
    """Return what a change is compared with; a net rate may pass through zero, so its terms count."""
    if term.part != "rate" or not isinstance(term.value, sp.Add):
        return abs(value) or 1.0
    numbers = {s: values[s.name] for s in term.value.free_symbols if s != TIME} | {TIME: 0.0}
    sizes = [abs(float(arg.xreplace(numbers))) for arg in sp.expand_mul(term.value, deep=False).args if arg.is_real]
    return max(sizes, default=abs(value)) or 1.0


def _kind(parts: Mapping[str, float], target: str) -> str:
    """Return the strongest way in which a node is moved, in the words of the legend; empty if weak."""
    if not parts:
        return ""
    part, share = max(parts.items(), key=lambda item: abs(item[1]))
    if abs(share) < _WEAK:
        return ""
    if part == "arrival" or (part == "rate" and share > 0):
        return "produce"
    if part == "death" and share > 0:
        return "kill" if target in {"marrow", "emd", "progenitor"} else "suppress"
    return "stimulate" if (share > 0) != (part == "death") else "suppress"


def treated_patients(network: Network) -> list[dict[str, float]]:
    """Return points for `find_influences`: a patient with much tumour, with little, and with few progenitors too.

    Where much tumour saturates an influence, little tumour shows it; progenitors are what then is left.
    """
    much = _treated(network)
    states = {s.id for s in network.states}
    little = much | {k: much[k] * 1e-5 for k in states if re.match(r"(marrow|emd)_", k)}
    return [much, little, little | {PROGENITOR: much[PROGENITOR] * 1e-5}]


def _treated(network: Network) -> dict[str, float]:
    """Return a patient under every kind of treatment at once, in whom nothing is zero that could act."""
    values = {p.id: float(p.value) for p in network.parameters}
    values |= {k: 1.0 for k in values if re.fullmatch(r"\w+_binds_(bcma|fap)", k)}
    effects = r"drug1_(\w+_(block|loss|boost)|kill_rate)|product1_(pd1_knockdown|epitope_binding|scfv_shared)"
    values |= {k: 0.3 for k in values if re.fullmatch(effects, k) and k != "drug1_resistance_loss"}
    values |= {"emd_share": 0.1, "prior_alkylator": 1.0, "prior_bendamustine": 1.0}
    values |= {"prior_lines": values["prior_lines_reference"] + 1.0}
    starts = {symbol(k): v for k, v in values.items()}
    for s in network.states:
        start = float(s.initial.xreplace(starts))
        lowest = {"cell": 1e8, "mg": 1.0}.get(s.unit, 0.3)
        values[s.id] = max(start, lowest) if s.unit in {"cell", "mg"} else (start if start > 1.0 else lowest)
    return values


def _settled(network: Network, values: Mapping[str, float]) -> dict[str, float]:
    """Return the values with those of all named values added."""
    known = dict(values)
    waiting = {r.id: r.value for r in network.rules}
    while waiting:
        for name, value in list(waiting.items()):
            if all(s.name in known for s in value.free_symbols if s != TIME):
                numbers = {s: known[s.name] for s in value.free_symbols if s != TIME} | {TIME: 0.0}
                known[name] = float(value.xreplace(numbers))
                del waiting[name]
    return known


def _inside(
    network: Network,
    owner: Mapping[str, str],
    terms: Sequence[_Term],
    found: Sequence[Influence],
    switches: Mapping[str, str],
) -> dict[str, tuple[str, ...]]:
    starts = {s.id: s.initial for s in network.states if owner[s.id]}
    result: dict[str, tuple[str, ...]] = {}
    for mechanism, switch in switches.items():
        ended = any(mechanism in one.switches for one in found)
        holders = {t.node for t in terms if symbol(switch) in t.value.free_symbols} if not ended else set()
        if not ended and not holders:
            holders = {owner[k] for k, start in starts.items() if symbol(switch) in start.free_symbols}
        for node in sorted(holders):
            result[node] = (*result.get(node, ()), mechanism)
    return result
