"""The engine with another method, step rule or precision: the same loop and the same generated code but for that.

For studies only: nothing of this is reachable from the package. What is exchanged is the tableau that the writers of
code read, the sums over stages, the judgement of a step and the rounding in factors and solves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
from engine_rosenbrock import DOUBLE, SINGLE, SINGLE_FACTORS, Method, Rule

from aftercar.engine import indices as ix
from aftercar.engine import kernel_text, linear_text, model_code
from aftercar.engine.equations import Equations, write_equations
from aftercar.engine.kernel_text import LaneCode
from aftercar.engine.layout import Layout
from aftercar.engine.linear_text import LinearCode
from aftercar.engine.llvm_text import Block, Printer
from aftercar.engine.machine_code import best_width, compile_text
from aftercar.engine.network import Network
from aftercar.engine.vector_math import literal, vector_type


class WiderLayout(Layout):
    """The engine's memory with room for other numbers of stages and a few rows at the end."""

    __slots__ = ()
    stages = 8

    @property
    def dense(self) -> int:
        """The three vectors of the dense output."""
        return self.k + self.stages * self.n_states

    @property
    def spare(self) -> int:
        """Room for one vector of states."""
        return super().rows

    @property
    def past(self) -> int:
        """Logarithm of the error, step and next step: of the last accepted step, then of this one."""
        return self.spare + self.n_states

    @property
    def rows(self) -> int:
        """Total number of rows."""
        return self.past + 6


class SingleBlock(Block):
    """Computes in single precision; what it reads and writes is double, save for rows of factors."""

    def __init__(self, width: int, prefix: str = "v") -> None:
        super().__init__(width, prefix)
        self.wide, self.double = self.double, vector_type(width, "float")

    def number(self, value: float) -> str:
        """Return a constant."""
        return literal(float(np.float32(value)), self.width).replace("double ", "float ")

    def intrinsic(self, name: str, *args: str) -> str:
        """Return the result of an intrinsic."""
        suffix = "f32" if self.width == 1 else f"v{self.width}f32"
        return self.new(f"call {self.double} @llvm.{name}.{suffix}({', '.join(f'{self.double} {a}' for a in args)})")

    def load(self, row: int, base: str = "%a") -> str:
        """Return a row of doubles, rounded."""
        if (base, row) not in self._loads:
            pointer = self.address(base, row)
            value = self.new(f"load {self.wide}, ptr {pointer}, align {min(64, 8 * self.width)}")
            self._loads[base, row] = self.new(f"fptrunc {self.wide} {value} to {self.double}")
        return self._loads[base, row]

    def store(self, row: int, value: str, base: str = "%a") -> None:
        """Write a row of doubles."""
        wide = self.new(f"fpext {self.double} {value} to {self.wide}")
        pointer = self.address(base, row)
        self.lines.append(f"  store {self.wide} {wide}, ptr {pointer}, align {min(64, 8 * self.width)}")


class SingleLinear(LinearCode):
    """Factors and solves on rows of single precision; `in_double`: solves compute in double precision."""

    in_double = False

    def _read(self, b: Block, printer: Printer, i: int, j: int) -> str:
        if (i, j) in self.system.fixed:
            return printer.number(self.system.matrix[i, j])
        row, single = self.layout.factors + self.system.slots[i, j], vector_type(b.width, "float")
        if ("factors", row) not in b._loads:
            value = b.new(f"load {single}, ptr {b.address('%a', row)}, align {4 * b.width}")
            b._loads["factors", row] = value if b.double == single else b.new(f"fpext {single} {value} to {b.double}")
        return b._loads["factors", row]

    def _write(self, b: Block, i: int, j: int, value: str) -> None:
        single = vector_type(b.width, "float")
        if b.double != single:
            value = b.new(f"fptrunc {b.double} {value} to {single}")
        pointer = b.address("%a", self.layout.factors + self.system.slots[i, j])
        b.lines.append(f"  store {single} {value}, ptr {pointer}, align {4 * b.width}")

    def factorise(self, width: int) -> list[Block]:
        """As the engine's."""
        return self._in(SingleBlock, super().factorise, width)

    def solve(self, width: int) -> Block:
        """As the engine's."""
        return self._in(Block if self.in_double else SingleBlock, super().solve, width)

    def _in(self, kind, write, width):
        linear_text.Block = kind
        try:
            return write(width)
        finally:
            linear_text.Block = Block


class MixedLinear(SingleLinear):
    """Factors in single precision, solves in double."""

    in_double = True


class VariantCode(LaneCode):
    """Writes the vector functions of a variant."""

    def __init__(self, equations: Equations, width: int, method: Method, rule: Rule) -> None:
        super().__init__(equations, width)
        self.method, self.rule = method, rule

    def _sum(self, b: Block, j: int, i: int, k: list[str]) -> str:
        """State j at stage i (or at the end): from the stage before where only its own vector is added."""
        weights = self.method.weights
        if i > 1 and np.any(weights[i - 1]) and np.array_equal(weights[i, : i - 1], weights[i - 1, : i - 1]):
            return b.combination([(weights[i, i - 1], k[i - 1])], b.load(self.layout.u + j))
        return b.combination(zip(weights[i], k, strict=False), b.load(self.layout.y + j))

    def _stage(self, i: int) -> Block:
        if i == 0:
            return super()._stage(0)
        b, n, lay = Block(self.width), self.layout.n_states, self.layout
        vector, memory = b.address("%a", lay.k + i * n), self.method.memory[i]
        times, in_time = _nodes(self.method)
        h = b.load(self.control["h"])
        for j in range(n):
            k = [b.load(lay.k + s * n + j) for s in range(i)]
            b.store(lay.u + j, self._sum(b, j, i, k))
            past = b.combination(zip(memory, k, strict=False))
            if in_time[i] != 0.0 and not self.eq.tape.is_number(self.eq.slope_in_time[j], 0.0):
                weight = b.arithmetic("fmul", b.number(in_time[i]), b.arithmetic("fmul", h, h))
                past = b.fma(weight, b.load(lay.slope_in_time + j), past)
            b.store(lay.k + i * n + j, past)
        time = b.fma(b.number(times[i]), h, b.load(self.control["t"]))
        b.lines.append(f"  call void @rates(ptr %a, ptr {vector}, {b.double} {time})")
        b.lines.append(f"  call void @solve(ptr %a, ptr {vector})")
        return b

    def _judge(self) -> Block:
        b, lay, n = Block(self.width), self.layout, self.layout.n_states
        rtol, total, negative = b.load(self.control["rtol"]), b.number(0.0), b.number(0.0)
        for j in range(n):
            k = [b.load(lay.k + s * n + j) for s in range(self.method.stages)]
            error = b.combination(zip(self.method.error, k, strict=False))
            new = self._sum(b, j, self.method.stages, k)
            b.store(lay.u + j, new)
            old_size, size = b.intrinsic("fabs", b.load(lay.y + j)), b.intrinsic("fabs", new)
            size = b.select(b.compare("ogt", old_size, size), old_size, size)
            ratio = b.exact("fdiv", error, b.fma(rtol, size, b.load(lay.atol + j)))
            square = b.arithmetic("fmul", ratio, ratio)
            total = b.fma(square, square, total)
            if self.eq.network.states[j].nonnegative:
                depth = b.exact("fsub", b.number(0.0), b.arithmetic("fadd", new, b.load(lay.atol + j)))
                negative = b.select(b.compare("ogt", depth, negative), depth, negative)
        norm = b.intrinsic("sqrt", b.intrinsic("sqrt", total))
        b.store(self.control["error"], norm)
        b.store(self.control["factor"], self._factor(b, norm))
        b.store(self.control["negativity"], negative)
        return b

    def _factor(self, b: Block, norm: str) -> str:
        """As the engine's; a rule with memory uses it where the step is the one that it asked for."""
        rule, order, past = self.rule, self.method.order, self.layout.past
        most = b.number((rule.safety / rule.shrink) ** order)
        small = b.number((rule.safety / rule.grow) ** order)
        inside = b.select(b.compare("olt", norm, small), small, norm)
        inside = b.select(b.compare("olt", inside, most), inside, most)
        prefix = "s" if self.width == 1 else "v"

        def power(exponent: str) -> str:
            return b.arithmetic(
                "fmul", b.number(rule.safety), b.new(f"call {b.double} @{prefix}exp({b.double} {exponent})")
            )

        log = b.new(f"call {b.double} @{prefix}log({b.double} {inside})")
        factor = power(b.arithmetic("fmul", log, b.number(-1.0 / order)))
        if rule.before == 0.0 and rule.now == 1.0 and not rule.predictive:
            return factor
        h, before, h_before, asked = b.load(self.control["h"]), *(b.load(past + k) for k in range(3))
        off = b.intrinsic("fabs", b.exact("fsub", h, asked))
        asked_for = b.compare("olt", off, b.arithmetic("fmul", asked, b.number(1e-9)))
        if rule.predictive:
            twice = b.exact("fsub", before, b.arithmetic("fmul", log, b.number(2.0)))
            other = power(b.arithmetic("fmul", twice, b.number(1.0 / order)))
            ratio = b.exact("fdiv", h, b.select(asked_for, h_before, h))
            other = b.arithmetic("fmul", other, ratio)
            other = b.select(b.compare("olt", other, factor), other, factor)
        else:
            both = b.fma(b.number(rule.now), log, b.arithmetic("fmul", b.number(rule.before), before))
            other = power(b.arithmetic("fmul", both, b.number(-1.0 / order)))
        factor = b.select(asked_for, other, factor)
        for limit, sign in ((rule.shrink, "ogt"), (rule.grow, "olt")):
            factor = b.select(b.compare(sign, factor, b.number(limit)), factor, b.number(limit))
        for k, value in enumerate((log, h, b.arithmetic("fmul", h, factor))):
            b.store(past + 3 + k, value)
        return factor

    def _commit(self) -> str:
        text = super()._commit()
        b = Block(self.width, "w")
        yes = b.compare("ogt", b.load(self.control["accepted"]), b.number(0.0))
        for k in range(3):
            row = self.layout.past + k
            b.store(row, b.select(yes, b.load(row + 3), b.load(row)))
        return text.replace("  ret void", "\n".join([*b.lines, "  ret void"]))

    def _dense(self) -> str:
        if len(self.method.dense):
            return super()._dense()
        b, lay, n = Block(self.width), self.layout, self.layout.n_states
        time, end = (
            b.load(self.control["t"]),
            b.fma(b.number(1.0), b.load(self.control["h"]), b.load(self.control["t"])),
        )
        last = b.address("%a", lay.dense + 2 * n)  # -f at the end; Hermite's cubic
        first = b.address("%a", lay.dense)
        for j in range(n):
            b.store(lay.dense + 2 * n + j, b.number(0.0))
            b.store(lay.dense + j, b.number(0.0))
            b.store(lay.spare + j, b.load(lay.u + j))
        b.lines.append(f"  call void @rates(ptr %a, ptr {last}, {b.double} {end})")
        for j in range(n):
            b.store(lay.u + j, b.load(lay.y + j))
        b.lines.append(f"  call void @rates(ptr %a, ptr {first}, {b.double} {time})")
        b.barrier()
        h = b.load(self.control["h"])
        for j in range(n):
            new = b.load(lay.spare + j)
            gap = b.exact("fsub", new, b.load(lay.y + j))
            begins = b.arithmetic("fmul", h, b.load(lay.dense + j))
            ends = b.arithmetic("fmul", h, b.load(lay.dense + 2 * n + j))
            b.store(lay.dense + j, b.new(f"fneg {b.double} {b.arithmetic('fadd', begins, gap)}"))
            twice = b.arithmetic("fadd", gap, gap)
            b.store(lay.dense + n + j, b.arithmetic("fadd", twice, b.arithmetic("fadd", begins, ends)))
            b.store(lay.dense + 2 * n + j, b.number(0.0))
            b.store(lay.u + j, new)
        return kernel_text._define("dense", b)


def _nodes(method: Method) -> tuple[np.ndarray, np.ndarray]:
    alpha, gamma, _ = method.original()
    times, slopes = alpha.sum(axis=1), gamma.sum(axis=1)
    for values in (times, slopes):
        near = np.abs(values - np.round(values)) < 1e-12
        values[near] = np.round(values[near])
    return times, slopes


@contextmanager
def _written_for(method: Method, precision: int) -> Iterator[None]:
    """Have the writers of code read another tableau."""
    own, rows = kernel_text.rodas5p, np.zeros((3, len(method.error)))
    rows[: len(method.dense)] = method.dense
    other = SimpleNamespace(GAMMA=method.gamma, STAGES=method.stages, ORDER=method.order, H=tuple(map(tuple, rows)),
                            nodes=lambda: _nodes(method))  # fmt: skip
    kernel_text.rodas5p = linear_text.rodas5p = other
    kernel_text.LinearCode = {SINGLE: SingleLinear, SINGLE_FACTORS: MixedLinear}.get(precision, LinearCode)
    try:
        yield
    finally:
        kernel_text.rodas5p = linear_text.rodas5p = own
        kernel_text.LinearCode = LinearCode


@dataclass(frozen=True)
class Variant:
    """Compiled code of a variant, and the text of its step."""

    code: model_code.ModelCode
    text: str


OWN_RULE = Rule()
_EQUATIONS: dict[Network, Equations] = {}


def make_variant(network: Network, method: Method, rule: Rule = OWN_RULE, width: int = 0) -> Variant:
    """Write and compile the engine's code for a network with another method or rule."""
    if rule.precision not in (DOUBLE, SINGLE, SINGLE_FACTORS) or rule.keep != 1 or len(method.dense) > 3:
        raise ValueError("this variant needs the plain integrator of engine_rosenbrock")
    width = width or best_width()
    own = model_code.prepare(network, width)
    plain = _EQUATIONS.setdefault(network, write_equations(network))
    kind = type("LayoutOfVariant", (WiderLayout,), {"__slots__": (), "stages": method.stages})
    layout = kind(plain.layout.n_states, plain.layout.n_constants, plain.layout.n_entries, plain.layout.n_counted)
    equations = replace(plain, layout=layout)
    with _written_for(method, rule.precision):
        lanes = VariantCode(equations, width, method, rule).text()
    frame = kernel_text.kernel_text(equations, width)
    text = frame.replace(LaneCode(equations, width).text(), lanes)
    assert lanes in text
    machine = compile_text(text, ix.FUNCTIONS)
    functions = np.array([machine.addresses[name] for name in ix.FUNCTIONS], dtype=np.int64)
    sizes = model_code._sizes(equations, network, width, 0, 0)
    return Variant(replace(own, layout=layout, machine=machine, functions=functions, sizes=sizes), text)
