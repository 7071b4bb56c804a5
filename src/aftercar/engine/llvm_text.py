"""From a tape to LLVM's language, for vectors of patients (lanes) or for one.

Vector types are written out, so that vectorisation does not hang on what a compiler's heuristics think of a loop;
LLVM splits them into the registers of the processor at hand (AVX-512, AVX2, NEON).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from aftercar.engine.tape import BOOLEANS, COMPARISONS, Node, Tape
from aftercar.engine.vector_math import Lines

_ARITHMETIC = {"add": "fadd", "sub": "fsub", "mul": "fmul"}
# "une" is the negation of "oeq": NaN differs from everything
_RELATION = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq", "ne": "une"}
_INTRINSIC = {"floor": "floor", "ceil": "ceil", "abs": "fabs", "min": "minimum", "max": "maximum"}
_POLYNOMIALS = {"exp", "log", "pow"}
LIBRARY = ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "tgamma")


class Block(Lines):
    """The body of one generated function. Reads and writes rows of `width` doubles in flat memory."""

    def __init__(self, width: int, prefix: str = "v") -> None:
        super().__init__(width, prefix)
        self._loads: dict[tuple[str, int], str] = {}

    def address(self, base: str, row: int) -> str:
        """Return a pointer to a row."""
        return self.new(f"getelementptr inbounds double, ptr {base}, i64 {row * self.width}")

    def load(self, row: int, base: str = "%a") -> str:
        """Return a row; each is read once, so rows that are also stored to must not be read afterwards."""
        if (base, row) not in self._loads:
            align = 64 if self.width == 8 else 8 * self.width
            pointer = self.address(base, row)
            self._loads[base, row] = self.new(f"load {self.double}, ptr {pointer}, align {align}")
        return self._loads[base, row]

    def store(self, row: int, value: str, base: str = "%a") -> None:
        """Write a row."""
        align = 64 if self.width == 8 else 8 * self.width
        self.lines.append(f"  store {self.double} {value}, ptr {self.address(base, row)}, align {align}")

    def barrier(self) -> None:
        """Have everything after this read from memory again.

        Left to itself, the compiler keeps what it has once read in registers, of which there are 16 or 32, and spills
        hundreds of values to the stack. Reading a row again is free beside the arithmetic; spilling is not.
        """
        self.lines.append('  call void asm sideeffect "", "~{memory}"()')
        self._loads.clear()

    def combination(self, terms: Iterable[tuple[float, str]], start: str | None = None) -> str:
        """Return start + sum of weight * value."""
        total = start
        for weight, value in terms:
            if weight == 0.0:
                continue
            if weight == 1.0:
                total = value if total is None else self.arithmetic("fadd", total, value)
                continue
            product = self.arithmetic("fmul", self.number(weight), value)
            total = product if total is None else self.arithmetic("fadd", total, product)
        return total if total is not None else self.number(0.0)


class Printer:
    """Writes the nodes that a set of outputs needs into a block. Leaves are given by `leaf`."""

    def __init__(self, tape: Tape, block: Block, leaf: Callable[[Node], str]) -> None:
        self._tape = tape
        self._block = block
        self._leaf = leaf
        self._done: dict[Node, str] = {}

    def value(self, output: Node) -> str:
        """Return the operand that holds a node, after writing what it needs, depth first."""
        stack = [output]
        while stack:
            node = stack[-1]
            if node in self._done:
                stack.pop()
                continue
            ready = self._leaf_or_none(node)
            if ready is not None:
                self._done[node] = ready
                continue
            missing = [a for a in self._tape.args[node] if a not in self._done]
            if missing:
                stack.extend(reversed(missing))
            else:
                self._done[node] = self._operation(node)
        return self._done[output]

    def number(self, output: Node) -> str:
        """Return a node as a number: truth values become 1 and 0."""
        text = self.value(output)
        if self._tape.ops[output] in BOOLEANS:
            return self._block.select(text, self._block.number(1.0), self._block.number(0.0))
        return text

    def _leaf_or_none(self, node: Node) -> str | None:
        if self._tape.ops[node] == "const":
            return self._block.number(self._tape.number(node))
        text = self._leaf(node)
        return text or None

    def _operation(self, node: Node) -> str:
        tape, b = self._tape, self._block
        op = tape.ops[node]
        args = [self._done[a] for a in tape.args[node]]
        if op in _ARITHMETIC:
            return b.arithmetic(_ARITHMETIC[op], *args)
        if op == "neg":
            return b.new(f"fneg nsz {b.double} {args[0]}")
        if op == "reciprocal":
            return b.exact("fdiv", b.number(1.0), args[0])
        if op in _POLYNOMIALS:
            name = ("s" if b.width == 1 else "v") + op
            return b.new(f"call {b.double} @{name}({', '.join(f'{b.double} {a}' for a in args)})")
        if op in _INTRINSIC:
            return b.intrinsic(_INTRINSIC[op], *args)
        if op == "sqrt":  # as for powers: below zero counts as zero
            positive = b.compare("olt", args[0], b.number(0.0))
            return b.intrinsic("sqrt", b.select(positive, b.number(0.0), args[0]))
        if op in COMPARISONS:
            return b.compare(_RELATION[op], *args)
        if op == "select":
            return b.select(*args)
        if op in {"quotient", "rem"}:
            ratio = b.intrinsic("trunc", b.exact("fdiv", *args))
            return ratio if op == "quotient" else b.exact("fsub", args[0], b.exact("fmul", ratio, args[1]))
        if op in BOOLEANS:
            return self._logic(op, args)
        return self._lane_by_lane("tgamma" if op == "gamma" else op, args[0])

    def _logic(self, op: str, args: list[str]) -> str:
        b = self._block
        if op in {"true", "false"}:
            flag = "true" if op == "true" else "false"
            text = flag if b.width == 1 else "<" + ", ".join([f"i1 {flag}"] * b.width) + ">"
            return b.new(f"or {b.truth} {text}, {text}")
        if op == "not":
            full = "true" if b.width == 1 else "<" + ", ".join(["i1 true"] * b.width) + ">"
            return b.new(f"xor {b.truth} {args[0]}, {full}")
        return b.new(f"{op} {b.truth} {args[0]}, {args[1]}")

    def _lane_by_lane(self, name: str, arg: str) -> str:
        b = self._block
        if b.width == 1:
            return b.new(f"call double @{name}(double {arg})")
        result = "poison"
        for lane in range(b.width):
            one = b.new(f"extractelement {b.double} {arg}, i32 {lane}")
            value = b.new(f"call double @{name}(double {one})")
            result = b.new(f"insertelement {b.double} {result}, double {value}, i32 {lane}")
        return result


def declarations() -> str:
    """Return the declarations of the C library's functions."""
    return "".join(f"declare double @{name}(double)\n" for name in LIBRARY)


def leaf_rows(tape: Tape, rows: Mapping[Node, int], block: Block, base: str = "%a") -> Callable[[Node], str]:
    """Return a leaf reader that loads nodes from fixed rows, and nothing for all other nodes."""
    return lambda node: block.load(rows[node], base) if node in rows else ""
