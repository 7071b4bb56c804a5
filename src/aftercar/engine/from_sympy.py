"""Writing sympy expressions on a tape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import sympy as sp
from sympy.logic.boolalg import BooleanFalse, BooleanTrue

from aftercar.engine.errors import UnsupportedFeatureError
from aftercar.engine.network import TIME, Network
from aftercar.engine.tape import Node, Tape

_FUNCTIONS: dict[type, str] = {
    sp.exp: "exp", sp.log: "log", sp.sin: "sin", sp.cos: "cos", sp.tan: "tan", sp.asin: "asin", sp.acos: "acos",
    sp.atan: "atan", sp.sinh: "sinh", sp.cosh: "cosh", sp.tanh: "tanh", sp.asinh: "asinh", sp.acosh: "acosh",
    sp.atanh: "atanh", sp.floor: "floor", sp.ceiling: "ceil", sp.Abs: "abs", sp.gamma: "gamma",
}  # fmt: skip
_INVERTED: dict[type, str] = {
    sp.sec: "cos", sp.csc: "sin", sp.cot: "tan", sp.sech: "cosh", sp.csch: "sinh", sp.coth: "tanh",
}  # fmt: skip
_INVERSE_OF_INVERTED: dict[type, str] = {
    sp.asec: "acos", sp.acsc: "asin", sp.acot: "atan", sp.asech: "acosh", sp.acsch: "asinh", sp.acoth: "atanh",
}  # fmt: skip
_RELATIONS: dict[type, str] = {
    sp.StrictLessThan: "lt", sp.LessThan: "le", sp.StrictGreaterThan: "gt", sp.GreaterThan: "ge", sp.Eq: "eq",
    sp.Ne: "ne",
}  # fmt: skip
# A non-negative denominator or argument of a logarithm made of states only may vanish with them. There x/(x+y) and
# x*log(K/x) have a limit, which this least value gives; its square must still be a number.
_LEAST = 1e-140
_NAMED = {"min": "min", "max": "max", "rem": "rem", "quotient": "quotient"}


class Writer:
    """Turns expressions of one network into nodes. A rule is written once, wherever it is used."""

    def __init__(self, network: Network, tape: Tape | None = None) -> None:
        self.tape = tape or Tape()
        self._leaves: dict[str, Node] = {TIME.name: self.tape.leaf("time", TIME.name)}
        self._leaves |= {s.id: self.tape.leaf("state", s.id) for s in network.states}
        self._leaves |= {p.id: self.tape.leaf("parameter", p.id) for p in network.parameters}
        self._rules = {r.id: r.value for r in network.rules}
        self._nonnegative = {s.id for s in network.states if s.nonnegative} | network.constraints
        self._vanishing = {s.id for s in network.states if s.nonnegative}
        self._memo: dict[sp.Basic, Node] = {}
        self._uses: Counter[tuple[type, sp.Basic]] = Counter()

    def note_shared(self, expressions: Iterable[sp.Basic | float]) -> None:
        """Count in how many products and sums each factor and term stands.

        They are joined in the order of this count, the most frequent first: what stands in many products comes
        together in one that is computed once, instead of being interleaved with what is particular to each.
        """
        seen: set[sp.Basic] = set()
        stack = [e for e in expressions if isinstance(e, sp.Basic)]
        while stack:
            e = stack.pop()
            if e not in seen:
                seen.add(e)
                stack.extend(e.args)
                if isinstance(e, sp.Add | sp.Mul):
                    self._uses.update((type(e), a) for a in e.args)

    def _most_shared_first(self, e: sp.Basic) -> list[sp.Basic]:
        return sorted(e.args, key=lambda a: -self._uses[type(e), a])

    def use(self, values: Mapping[str, Node]) -> None:
        """Let names stand for the given nodes from now on."""
        self._leaves |= values

    def forget(self) -> None:
        """Write every expression anew from now on: names may stand for other nodes than before."""
        self._memo.clear()

    def write(self, expression: sp.Basic | float) -> Node:
        """Return the node of an expression."""
        if not isinstance(expression, sp.Basic):
            return self.tape.constant(float(expression))
        node = self._memo.get(expression)
        if node is None:
            node = self._memo[expression] = self._convert(expression)
        return node

    def _convert(self, e: sp.Basic) -> Node:
        tape = self.tape
        if isinstance(e, sp.Symbol):
            return self._name(e.name)
        if isinstance(e, BooleanTrue | BooleanFalse):
            return tape.apply("true" if e else "false")
        if isinstance(e, sp.Expr) and e.is_number and not e.args:
            return tape.constant(float(e))
        if isinstance(e, sp.Add):
            return tape.sum(self.write_number(a) for a in self._most_shared_first(e))
        if isinstance(e, sp.Mul):
            return tape.product(self.write_number(a) for a in self._most_shared_first(e))
        if isinstance(e, sp.Pow):
            if e.base is sp.E:
                return tape.apply("exp", self.write_number(e.exp))
            return self._power(e)
        if isinstance(e, sp.Piecewise):
            return self._piecewise(e)
        if type(e) in _RELATIONS:
            return self._relation(_RELATIONS[type(e)], e)
        if isinstance(e, sp.And | sp.Or | sp.Xor | sp.Not):
            return self._logic(e)
        return self._function(e)

    def _name(self, name: str) -> Node:
        if name not in self._leaves:
            self._leaves[name] = self.write_number(self._rules[name])
        return self._leaves[name]

    def _piecewise(self, e: sp.Piecewise) -> Node:
        pieces = list(e.args)
        result = self.tape.constant(float("nan"))
        for piece in reversed(pieces):
            condition = self._truth(piece.args[1])
            result = self.tape.select(condition, self.write_number(piece.args[0]), result)
        return result

    def _relation(self, op: str, e: sp.Basic) -> Node:
        tape = self.tape
        if any(_is_logical(a) for a in e.args):  # equality of truth values
            a, b = (self._truth(x) for x in e.args)
            different = tape.apply("xor", a, b)
            return different if op == "ne" else tape.apply("not", different)
        return tape.apply(op, *(self.write_number(a) for a in e.args))

    def _logic(self, e: sp.Basic) -> Node:
        tape = self.tape
        nodes = [self._truth(a) for a in e.args]
        if isinstance(e, sp.Not):
            return tape.apply("not", nodes[0])
        op = {sp.And: "and", sp.Or: "or", sp.Xor: "xor"}[type(e)]
        result = nodes[0]
        for node in nodes[1:]:
            result = tape.apply(op, result, node)
        return result

    def _truth(self, e: sp.Basic) -> Node:
        if _is_logical(e):
            return self.write(e)
        return self.tape.apply("ne", self.write(e), self.tape.zero)

    def write_number(self, e: sp.Basic | float) -> Node:
        """Return the node of an expression; truth values become 1 and 0."""
        if not isinstance(e, sp.Basic):
            return self.write(e)
        if _is_logical(e):
            return self.tape.select(self.write(e), self.tape.one, self.tape.zero)
        return self.write(e)

    def _function(self, e: sp.Basic) -> Node:
        tape = self.tape
        kind = type(e)
        if kind is sp.log and self.is_nonnegative(e.args[0]):
            return self._log(e.args[0])
        nodes = [self.write_number(a) for a in e.args]
        if kind in _FUNCTIONS and len(nodes) == 1:
            return tape.apply(_FUNCTIONS[kind], nodes[0])
        if kind in _INVERTED:
            return tape.reciprocal(tape.apply(_INVERTED[kind], nodes[0]))
        if kind in _INVERSE_OF_INVERTED:
            return tape.apply(_INVERSE_OF_INVERTED[kind], tape.reciprocal(nodes[0]))
        if kind is sp.factorial:
            return tape.apply("gamma", tape.add(nodes[0], tape.one))
        name = getattr(kind, "__name__", "")
        if isinstance(e, sp.Function) and name in _NAMED:
            return self._pairwise(_NAMED[name], nodes)
        if isinstance(e, sp.Min | sp.Max):
            return self._pairwise("min" if isinstance(e, sp.Min) else "max", nodes)
        raise UnsupportedFeatureError(f"function {name}", str(e))

    def _power(self, e: sp.Pow) -> Node:
        exponent = self.write_number(e.exp)
        if e.exp.is_number and e.exp.is_negative and self._vanishes(e.base):
            return self.tape.power(self._at_least(e.base), exponent)
        return self.tape.power(self.write_number(e.base), exponent)

    def _at_least(self, e: sp.Basic) -> Node:
        node, least = self.write_number(e), self.tape.constant(_LEAST)
        return self.tape.select(self.tape.apply("gt", node, least), node, least)

    def _log(self, e: sp.Basic) -> Node:
        """ln of something non-negative, taken apart: ln(K/x) = ln K - ln x, of which ln K is computed once."""
        if isinstance(e, sp.Mul):
            return self.tape.sum(self._log(a) for a in e.args)
        if isinstance(e, sp.Pow) and self.is_nonnegative(e.base):
            return self.tape.mul(self.write_number(e.exp), self._log(e.base))
        return self.tape.apply("log", self._at_least(e) if self._vanishes(e) else self.write_number(e))

    def is_nonnegative(self, e: sp.Basic) -> bool:
        """Tell whether an expression cannot be negative, as far as its form shows."""
        if isinstance(e, sp.Symbol):
            if e.name in self._rules:
                return self.is_nonnegative(self._rules[e.name])
            return e.name in self._nonnegative
        if isinstance(e, sp.Add | sp.Mul):
            return all(self.is_nonnegative(a) for a in e.args)
        if isinstance(e, sp.Pow):
            return self.is_nonnegative(e.base) or bool(e.exp.is_even)
        return isinstance(e, sp.exp) or bool(e.is_number and e.is_nonnegative)

    def _vanishes(self, e: sp.Basic) -> bool:
        """Tell whether a non-negative expression is zero when states are."""
        if isinstance(e, sp.Symbol) and e.name in self._rules:
            return self._vanishes(self._rules[e.name])
        if isinstance(e, sp.Add):
            return self.is_nonnegative(e) and all(self._vanishes(a) for a in e.args)
        if isinstance(e, sp.Mul):
            return self.is_nonnegative(e) and any(self._vanishes(a) for a in e.args)
        if isinstance(e, sp.Pow):
            return self._vanishes(e.base) and bool(e.exp.is_positive or not e.exp.is_number)
        return isinstance(e, sp.Symbol) and e.name in self._vanishing

    def _pairwise(self, op: str, nodes: list[Node]) -> Node:
        result = nodes[0]
        for node in nodes[1:]:
            result = self.tape.apply(op, result, node)
        return result


def _is_logical(e: sp.Basic) -> bool:
    return type(e) in _RELATIONS or isinstance(e, sp.And | sp.Or | sp.Xor | sp.Not | BooleanTrue | BooleanFalse)
