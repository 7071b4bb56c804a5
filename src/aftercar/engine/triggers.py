"""Moments that are known in advance: where a condition compares time with parameters only."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from aftercar.engine.network import TIME, Network, distinct_nodes, symbol, symbol_names

_RELATIONAL = (sp.StrictLessThan, sp.LessThan, sp.StrictGreaterThan, sp.GreaterThan, sp.Eq, sp.Ne)


def time_stops(network: Network) -> list[sp.Expr]:
    """Return the times at which a condition of a trigger or a case distinction changes, as expressions in parameters.

    The integration ends a step exactly there: a short pulse cannot be stepped over, and an event at a known time is
    exact.
    """
    fixed = {p.id for p in network.parameters} | {TIME.name}
    rules = {r.id: r.value for r in network.rules}
    found: dict[sp.Expr, None] = {}
    for relation in distinct_nodes(*_all_expressions(network)):
        if isinstance(relation, _RELATIONAL):
            difference = _expand(relation.lhs - relation.rhs, rules)
            if symbol_names(difference) <= fixed:
                found.update(dict.fromkeys(_roots_in_time(difference)))
    return list(found)


def crossings(network: Network) -> list[sp.Basic]:
    """Return the single conditions of which triggers are made, and the triggers.

    Watched one by one: ``x > 1 and x < 2`` may be false at both ends of a step and true between them, but then each
    of its parts has changed.
    """
    found: dict[sp.Basic, None] = {}
    for event in network.events:
        parts = sorted(event.trigger.atoms(*_RELATIONAL), key=str)
        found.update(dict.fromkeys(parts if parts and len(parts) > 1 else []))
        found[event.trigger] = None
    return list(found)


def _all_expressions(network: Network) -> Iterator[sp.Basic]:
    yield from (s.rate for s in network.states)
    yield from (r.value for r in network.rules)
    for event in network.events:
        yield event.trigger


def _expand(expression: sp.Expr, rules: dict[str, sp.Expr]) -> sp.Expr:
    for _ in range(len(rules) + 1):
        used = {symbol(name): rules[name] for name in symbol_names(expression) if name in rules}
        if not used:
            break
        expression = expression.xreplace(used)
    return expression


def _roots_in_time(difference: sp.Expr) -> list[sp.Expr]:
    slope = difference.diff(TIME) if difference.has(TIME) else sp.Integer(0)
    if slope == 0 or slope.has(TIME):
        return []
    return [-difference.subs(TIME, 0) / slope]
