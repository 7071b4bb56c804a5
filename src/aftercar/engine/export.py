"""Handing a model on: SBML level 3, Antimony and LaTeX from the one source of equations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import libsbml
import sympy as sp
from sympy.printing.str import StrPrinter

from aftercar.engine.errors import UnsupportedFeatureError
from aftercar.engine.network import TIME, Event, Network, symbol
from aftercar.engine.sbml import load_antimony_library
from aftercar.engine.sbml_units import declare_units

_PRECEDENCE_OF_POWER = 100
# Words that formulas of SBML reserve; a quantity of that name gets an underscore.
_RESERVED = {"time", "avogadro", "delay", "pi", "exponentiale", "true", "false", "infinity", "notanumber", "rateOf"}


class _FormulaPrinter(StrPrinter):  # type: ignore[misc]
    """Expressions in the infix language that libsbml reads."""

    def __init__(self, names: Mapping[str, str]) -> None:
        super().__init__()
        self._names = names

    def _print_Symbol(self, e: sp.Symbol) -> str:
        return "time" if e == TIME else self._names[e.name]

    def _print_Float(self, e: sp.Float) -> str:
        return repr(float(e))

    def _print_Rational(self, e: sp.Rational) -> str:
        return f"({e.p}/{e.q})"

    def _print_Pow(self, e: sp.Pow, rational: bool = False) -> str:
        base = self.parenthesize(e.base, _PRECEDENCE_OF_POWER)
        exponent = self.parenthesize(e.exp, _PRECEDENCE_OF_POWER)
        return f"exp({self._print(e.exp)})" if e.base is sp.E else f"({base})^({exponent})"

    def _print_Exp1(self, e: Any) -> str:
        return "exponentiale"

    def _print_NaN(self, e: Any) -> str:
        return "notanumber"

    def _print_Infinity(self, e: Any) -> str:
        return "infinity"

    def _print_NegativeInfinity(self, e: Any) -> str:
        return "(-infinity)"

    def _print_log(self, e: Any) -> str:
        return f"ln({self._print(e.args[0])})"

    def _print_Abs(self, e: Any) -> str:
        return f"abs({self._print(e.args[0])})"

    def _print_ceiling(self, e: Any) -> str:
        return f"ceil({self._print(e.args[0])})"

    def _print_Piecewise(self, e: sp.Piecewise) -> str:
        parts = []
        for value, condition in (piece.args for piece in e.args):
            parts.append(self._print(value))
            if condition != sp.true:
                parts.append(self._print(condition))
        return f"piecewise({', '.join(parts)})"

    def _print_Relational(self, e: Any) -> str:
        words = {"==": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
        return f"({self._print(e.lhs)}) {words[e.rel_op]} ({self._print(e.rhs)})"

    def _print_And(self, e: Any) -> str:
        return " && ".join(f"({self._print(a)})" for a in e.args)

    def _print_Or(self, e: Any) -> str:
        return " || ".join(f"({self._print(a)})" for a in e.args)

    def _print_Not(self, e: Any) -> str:
        return f"!({self._print(e.args[0])})"

    def _print_BooleanTrue(self, e: Any) -> str:
        return "true"

    def _print_BooleanFalse(self, e: Any) -> str:
        return "false"


def sbml_names(network: Network) -> dict[str, str]:
    """Return for each name of the network an identifier that SBML allows, different for each."""
    names: dict[str, str] = {}
    taken = set(_RESERVED)
    for name in network.names:
        word = re.sub(r"\W", "_", name, flags=re.ASCII)
        word = word if re.match(r"[A-Za-z_]", word) else f"_{word}"
        while word in taken:
            word += "_"
        names[name] = word
        taken.add(word)
    return names


def write_sbml(network: Network) -> str:
    """Return the model as SBML level 3 version 2.

    States become global parameters with rate rules, so that no unit conversion between amount and concentration can
    creep in. Units are declared where SBML can say them. Counted states lose their law of small numbers, which SBML
    cannot say; their mean equation remains.
    """
    names = sbml_names(network)
    formula = _FormulaPrinter(names).doprint
    document = libsbml.SBMLDocument(3, 2)
    model = document.createModel()
    model.setId(re.sub(r"\W", "_", f"_{network.name}" if network.name[:1].isdigit() else network.name or "model"))
    for p in network.parameters:
        moved = any(a.target == p.id for e in network.events for a in e.assignments)
        _parameter(model, names[p.id], p.value if not isinstance(p.value, sp.Basic) else None, constant=not moved)
    for name in [s.id for s in network.states] + [r.id for r in network.rules]:
        _parameter(model, names[name], None, constant=False)
    starts = {s.id: s.initial for s in network.states}
    starts |= {p.id: p.value for p in network.parameters if isinstance(p.value, sp.Basic)}
    for name, start in starts.items():
        assignment = model.createInitialAssignment()
        assignment.setSymbol(names[name])
        assignment.setMath(_math(formula(start), name))
    for r in network.rules:
        _rule(model.createAssignmentRule(), names[r.id], _math(formula(r.value), r.id))
    for s in network.states:
        _rule(model.createRateRule(), names[s.id], _math(formula(s.rate), s.id))
    for event in network.events:
        _event(model, event, names, formula)
    declare_units(model, network, names)
    return str(libsbml.writeSBMLToString(document))


def write_antimony(network: Network) -> str:
    """Return the model as Antimony text."""
    antimony = load_antimony_library(network.name)
    antimony.clearPreviousLoads()
    if antimony.loadSBMLString(write_sbml(network)) < 0:
        raise UnsupportedFeatureError(f"Antimony: {antimony.getLastError().strip()}", network.name)
    return str(antimony.getAntimonyString(antimony.getMainModuleName()))


def write_latex(network: Network, *, labels: Mapping[str, str] | None = None) -> str:
    """Return the equations as LaTeX: rules first, then rates of change. `labels` gives symbols their look."""
    lines = [rf"{left} &= {right} \\" for left, right in latex_sides(network, labels=labels).values()]
    return "\\begin{align*}\n" + "\n".join(lines) + "\n\\end{align*}\n"


def latex_sides(
    network: Network, *, labels: Mapping[str, str] | None = None, width: int | None = None
) -> dict[str, tuple[str, str]]:
    """Return both sides of every equation as LaTeX, by the name of the rule or the state.

    A sum of more than `width` characters is set with one term a line.
    """
    given = labels or {}
    looks = {symbol(n): given.get(n, rf"\mathrm{{{n.replace('_', chr(92) + '_')}}}") for n in network.names}
    looks[TIME] = given.get("time", "t")
    sides = {r.id: (looks[symbol(r.id)], _latex(r.value, looks, width)) for r in network.rules}
    for s in network.states:
        sides[s.id] = (rf"\frac{{d\,{looks[symbol(s.id)]}}}{{dt}}", _latex(s.rate, looks, width))
    return sides


def _latex(value: sp.Expr, looks: Mapping[sp.Symbol, str], width: int | None) -> str:
    # Names are words, so a product needs its sign.
    whole = str(sp.latex(value, symbol_names=looks, mul_symbol="dot"))
    if width is None or not isinstance(value, sp.Add) or len(whole) <= width:
        return whole
    terms = [sp.latex(term, symbol_names=looks, mul_symbol="dot") for term in value.as_ordered_terms()]
    lines = [term if k == 0 or term.startswith("-") else f"+ {term}" for k, term in enumerate(terms)]
    return r"\;\begin{aligned}[t] & " + r" \\ & ".join(lines) + r" \end{aligned}"


def _parameter(model: Any, name: str, value: float | None, *, constant: bool) -> None:
    p = model.createParameter()
    p.setId(name)
    p.setConstant(constant)
    if value is not None:
        p.setValue(value)


def _rule(rule: Any, name: str, math: Any) -> None:
    rule.setVariable(name)
    rule.setMath(math)


def _event(model: Any, event: Event, names: Mapping[str, str], formula: Any) -> None:
    e = model.createEvent()
    e.setId(re.sub(r"\W", "_", event.id))
    e.setUseValuesFromTriggerTime(event.values_from_trigger_time)
    trigger = e.createTrigger()
    trigger.setPersistent(event.persistent)
    trigger.setInitialValue(event.initial_value)
    trigger.setMath(_math(formula(event.trigger), event.id))
    for part, make in ((event.delay, e.createDelay), (event.priority, e.createPriority)):
        if part is not None:
            make().setMath(_math(formula(part), event.id))
    for a in event.assignments:
        if a.scale != 1 and event.delay is not None and event.values_from_trigger_time:
            raise UnsupportedFeatureError("delayed assignment of a concentration in the export", event.id)
        assignment = e.createEventAssignment()
        assignment.setVariable(names[a.target])
        assignment.setMath(_math(formula(a.value * a.scale if a.scale != 1 else a.value), event.id))


def _math(text: str, place: str) -> Any:
    math = libsbml.parseL3Formula(text)
    if math is None:
        raise UnsupportedFeatureError(f"formula '{text}' in the export", place)
    return math
