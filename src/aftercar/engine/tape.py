"""Equations as a list of elementary operations, each computed once.

A `Tape` is what the code generators read. Equal operations are stored once (so common subexpressions cost nothing),
each knows whether it depends on time, on parameters only, or on nothing, and derivatives are taken by the chain rule
along the list, so that the Jacobian shares its work with the equations themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum

Node = int

COMPARISONS = {"lt", "le", "gt", "ge", "eq", "ne"}
BOOLEANS = COMPARISONS | {"and", "or", "xor", "not", "true", "false"}
# Steps, and what stands for factorials of whole numbers.
_FLAT = {"floor", "ceil", "gamma", "rem", "quotient"}
_COMMUTATIVE = {"add", "mul", "and", "or", "xor", "eq", "ne"}
UNARY: dict[str, Callable[[float], float]] = {
    "exp": math.exp, "log": math.log, "sqrt": math.sqrt, "sin": math.sin, "cos": math.cos, "tan": math.tan,
    "asin": math.asin, "acos": math.acos, "atan": math.atan, "sinh": math.sinh, "cosh": math.cosh,
    "tanh": math.tanh, "asinh": math.asinh, "acosh": math.acosh, "atanh": math.atanh, "floor": math.floor,
    "ceil": math.ceil, "abs": abs, "gamma": math.gamma,
}  # fmt: skip


class Level(IntEnum):
    """How often a value must be computed: never again, once per patient, at every evaluation."""

    CONSTANT = 0
    PATIENT = 1
    MOMENT = 2


class Tape:
    """A growing list of operations. Nodes are positions in it; arguments always stand before their use."""

    def __init__(self) -> None:
        self.ops: list[str] = []
        self.args: list[tuple[Node, ...]] = []
        self.values: list[float | str] = []
        self.levels: list[Level] = []
        self._known: dict[tuple[str, tuple[Node, ...], float | str], Node] = {}
        self.zero = self.constant(0.0)
        self.one = self.constant(1.0)

    def _store(self, op: str, args: tuple[Node, ...], value: float | str, level: Level) -> Node:
        stamp = (op, args, repr(value) if isinstance(value, float) else value)
        node = self._known.get(stamp)
        if node is None:
            node = self._known[stamp] = len(self.ops)
            self.ops.append(op)
            self.args.append(args)
            self.values.append(value)
            self.levels.append(level)
        return node

    def constant(self, value: float) -> Node:
        """Return the node of a number."""
        return self._store("const", (), float(value), Level.CONSTANT)

    def leaf(self, kind: str, name: str) -> Node:
        """Return the node of a named input. `kind`: ``state``, ``time`` or ``parameter``."""
        return self._store(kind, (), name, Level.PATIENT if kind == "parameter" else Level.MOMENT)

    def apply(self, op: str, *args: Node) -> Node:
        """Return the node of `op` on `args`, in its given form (no algebra). Numbers are folded where finite."""
        if op in _COMMUTATIVE:
            args = tuple(sorted(args))
        if args and op in UNARY and self.ops[args[0]] == "const":
            try:
                return self.constant(UNARY[op](self.number(args[0])))
            except (ValueError, OverflowError):
                pass  # kept as an operation: its value is not a number, and the integration will say so
        level = max((self.levels[arg] for arg in args), default=Level.CONSTANT)
        return self._store(op, args, "", level)

    def number(self, node: Node) -> float:
        """Return the value of a constant node."""
        value = self.values[node]
        assert isinstance(value, float)
        return value

    def is_number(self, node: Node, value: float | None = None) -> bool:
        """Tell whether the node is a constant (of that value)."""
        return self.ops[node] == "const" and (value is None or self.values[node] == value)

    def add(self, a: Node, b: Node) -> Node:
        """Return a + b."""
        if self.is_number(a) and self.is_number(b):
            return self.constant(self.number(a) + self.number(b))
        if self.is_number(a, 0.0):
            return b
        if self.is_number(b, 0.0):
            return a
        if self.ops[b] == "neg":
            return self.sub(a, self.args[b][0])
        if self.ops[a] == "neg":
            return self.sub(b, self.args[a][0])
        return self.apply("add", a, b)

    def sub(self, a: Node, b: Node) -> Node:
        """Return a - b."""
        if self.is_number(a) and self.is_number(b):
            return self.constant(self.number(a) - self.number(b))
        if self.is_number(b, 0.0):
            return a
        if self.is_number(a, 0.0):
            return self.neg(b)
        if a == b:
            return self.zero
        if self.ops[b] == "neg":
            return self.add(a, self.args[b][0])
        return self.apply("sub", a, b)

    def neg(self, a: Node) -> Node:
        """Return -a."""
        if self.is_number(a):
            return self.constant(-self.number(a))
        if self.ops[a] == "neg":
            return self.args[a][0]
        if self.ops[a] == "sub":
            return self.apply("sub", self.args[a][1], self.args[a][0])
        return self.apply("neg", a)

    def mul(self, a: Node, b: Node) -> Node:
        """Return a * b."""
        if self.is_number(a) and self.is_number(b):
            return self.constant(self.number(a) * self.number(b))
        for x, y in ((a, b), (b, a)):
            if self.is_number(x, 0.0):
                return self.zero
            if self.is_number(x, 1.0):
                return y
            if self.is_number(x, -1.0):
                return self.neg(y)
        if self.ops[a] == "neg":
            return self.neg(self.mul(self.args[a][0], b))
        if self.ops[b] == "neg":
            return self.neg(self.mul(a, self.args[b][0]))
        return self.apply("mul", a, b)

    def reciprocal(self, a: Node) -> Node:
        """Return 1 / a. Every division goes through it, so that equal denominators are divided by once."""
        if self.is_number(a) and self.number(a) != 0.0:
            return self.constant(1.0 / self.number(a))
        if self.ops[a] == "reciprocal":
            return self.args[a][0]
        return self.apply("reciprocal", a)

    def power(self, base: Node, exponent: Node) -> Node:
        """Return base ** exponent; small whole exponents become products."""
        if self.is_number(exponent):
            p = self.number(exponent)
            if p == int(p) and abs(p) <= 16:
                return self._whole_power(base, int(p))
            if p == 0.5:
                return self.apply("sqrt", base)
            if p == -0.5:
                return self.reciprocal(self.apply("sqrt", base))
        return self.apply("pow", base, exponent)

    def _whole_power(self, base: Node, exponent: int) -> Node:
        if exponent < 0:
            return self._whole_power(self.reciprocal(base), -exponent)
        result, square = self.one, base
        while exponent:
            if exponent & 1:
                result = self.mul(result, square)
            exponent >>= 1
            if exponent:
                square = self.mul(square, square)
        return result

    def select(self, condition: Node, yes: Node, no: Node) -> Node:
        """Return `yes` where the condition holds, else `no`."""
        if self.ops[condition] == "true" or yes == no:
            return yes
        if self.ops[condition] == "false":
            return no
        return self.apply("select", condition, yes, no)

    def sum(self, nodes: Iterable[Node]) -> Node:
        """Return the sum; the constant and per-patient terms are added first, so that they are computed once."""
        return self._fold(nodes, self.add, self.zero)

    def product(self, nodes: Iterable[Node]) -> Node:
        """Return the product, grouped as in `sum`."""
        return self._fold(nodes, self.mul, self.one)

    def _fold(self, nodes: Iterable[Node], join: Callable[[Node, Node], Node], start: Node) -> Node:
        groups: dict[Level, Node] = {}
        for node in nodes:
            level = self.levels[node]
            groups[level] = join(groups[level], node) if level in groups else node
        result = start
        for level in sorted(groups):
            result = join(result, groups[level])
        return result

    def reachable(self, outputs: Iterable[Node]) -> list[Node]:
        """Return every node the outputs need, arguments first."""
        needed: set[Node] = set()
        stack = list(outputs)
        while stack:
            node = stack.pop()
            if node not in needed:
                needed.add(node)
                stack.extend(self.args[node])
        return sorted(needed)

    def differentiable(self, node: Node) -> tuple[Node, ...]:
        """Return the arguments by which a value that changes in time has derivatives."""
        op, args = self.ops[node], self.args[node]
        if self.levels[node] != Level.MOMENT or op in BOOLEANS or op in _FLAT:
            return ()
        return args[1:] if op == "select" else args

    def derivatives(
        self, outputs: Sequence[Node], inputs: Sequence[Node], *, kept: Sequence[Node] = ()
    ) -> list[dict[Node, Node]]:
        """Return for each output its non-zero derivatives by input, as nodes of this tape.

        `kept` values count as inputs of what depends on them; their own derivatives follow behind the outputs'.
        """
        known: dict[Node, dict[Node, Node]] = {node: {node: self.one} for node in inputs}
        apart: dict[Node, dict[Node, Node]] = {node: {} for node in kept}
        for node in self.reachable([*outputs, *kept]):
            if node not in known and self.differentiable(node):
                known[node] = self._chain(node, known)
                if node in apart:
                    apart[node], known[node] = known[node], {node: self.one}
        return [*(known.get(output, {}) for output in outputs), *(apart[node] for node in kept)]

    def _chain(self, node: Node, known: Mapping[Node, dict[Node, Node]]) -> dict[Node, Node]:
        args = self.args[node]
        if self.ops[node] == "select":
            yes, no = known.get(args[1], {}), known.get(args[2], {})
            return {
                x: self.select(args[0], yes.get(x, self.zero), no.get(x, self.zero)) for x in dict.fromkeys([*yes, *no])
            }
        total: dict[Node, Node] = {}
        for position, arg in enumerate(args):
            inner = known.get(arg)
            if not inner:
                continue
            slope = self.partial(node, position)
            for x, change in inner.items():
                total[x] = self.add(total.get(x, self.zero), self.mul(slope, change))
        return {x: value for x, value in total.items() if not self.is_number(value, 0.0)}

    def partial(self, node: Node, position: int) -> Node:
        """Return the derivative of one operation by one of its arguments."""
        op, args = self.ops[node], self.args[node]
        a = args[0]
        match op:
            case "add":
                return self.one
            case "sub":
                return self.one if position == 0 else self.constant(-1.0)
            case "neg":
                return self.constant(-1.0)
            case "mul":
                return args[1 - position]
            case "reciprocal":
                return self.neg(self.mul(node, node))
            case "pow":
                return self._partial_of_power(node, position)
            case "min" | "max":
                first = self.apply("le" if op == "min" else "ge", args[0], args[1])
                flags = (self.one, self.zero) if position == 0 else (self.zero, self.one)
                return self.select(first, *flags)
            case "abs":
                return self.select(self.apply("ge", a, self.zero), self.one, self.constant(-1.0))
            case _:
                return self._partial_of_function(op, node, a)

    def _partial_of_power(self, node: Node, position: int) -> Node:
        base, exponent = self.args[node]
        above = self.apply("gt", base, self.zero)
        if position == 0:
            # At a base of 0 the slope is 0 or infinite; 0 keeps the linear algebra finite, and the error estimate
            # of the step sees the difference.
            lower = self.power(base, self.sub(exponent, self.one))
            lower = self.select(self.apply("ne", base, self.zero), lower, self.zero)
            return self.mul(exponent, lower)
        return self.select(above, self.mul(node, self.apply("log", base)), self.zero)

    def _partial_of_function(self, op: str, node: Node, a: Node) -> Node:
        square = self.mul(a, a)
        match op:
            case "exp":
                return node
            case "log":
                return self.reciprocal(a)
            case "sqrt":
                positive = self.apply("gt", a, self.zero)
                return self.select(positive, self.mul(self.constant(0.5), self.reciprocal(node)), self.zero)
            case "sin":
                return self.apply("cos", a)
            case "cos":
                return self.neg(self.apply("sin", a))
            case "tan":
                return self.add(self.one, self.mul(node, node))
            case "sinh":
                return self.apply("cosh", a)
            case "cosh":
                return self.apply("sinh", a)
            case "tanh":
                return self.sub(self.one, self.mul(node, node))
            case "asin":
                return self.reciprocal(self.apply("sqrt", self.sub(self.one, square)))
            case "acos":
                return self.neg(self.reciprocal(self.apply("sqrt", self.sub(self.one, square))))
            case "atan":
                return self.reciprocal(self.add(self.one, square))
            case "asinh":
                return self.reciprocal(self.apply("sqrt", self.add(square, self.one)))
            case "acosh":
                return self.reciprocal(self.apply("sqrt", self.sub(square, self.one)))
            case "atanh":
                return self.reciprocal(self.sub(self.one, square))
        raise NotImplementedError(f"no derivative is known for '{op}'")
