"""The generated code of one network: all functions that the integrator calls, as LLVM text.

Vector functions work on a whole batch of lanes: `step` (Jacobian, factorisation, eight stages, error), `dense` and
`commit`. Scalar functions work on one patient; their first argument is the flat array [time, states, parameters,
rules], their second an output array.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from aftercar.engine import rodas5p
from aftercar.engine.equations import Equations
from aftercar.engine.from_sympy import Writer
from aftercar.engine.indices import PIECES
from aftercar.engine.layout import CONTROL
from aftercar.engine.linear_text import LinearCode
from aftercar.engine.llvm_text import Block, Printer, declarations, leaf_rows
from aftercar.engine.network import TIME, initial_order, symbol
from aftercar.engine.tape import Node
from aftercar.engine.triggers import crossings, time_stops
from aftercar.engine.vector_math import library

# A state that has decayed below this is gone; subnormal numbers would only slow the processor down.
_VANISHED = 1e-140
# How much of the step that the error estimate allows is taken, and how far one step may differ from the last.
_SAFETY = 0.9
_GROW_AT_MOST = 8.0
_SHRINK_AT_MOST = 0.1


class LaneCode:
    """Writes the vector functions."""

    def __init__(self, equations: Equations, width: int) -> None:
        self.eq = equations
        self.width = width
        self.layout = equations.layout
        self.control = {name: self.layout.control + k for k, name in enumerate(CONTROL)}
        self.linear = LinearCode(equations.linear, self.layout, self.control, self._constants_printer)

    def text(self) -> str:
        """Return `step`, `dense`, `commit` and what they call.

        Right-hand sides and triangular solves are one function each for all stages: less to compile, and the
        processor finds their instructions in its nearest cache.
        """
        steps = {f"begin{k}": part for k, part in enumerate(self._begin())}
        steps |= {f"stage{i}": self._stage(i) for i in range(rodas5p.STAGES)}
        steps["judge"] = self._judge()
        calls = "\n".join(f"  call void @{name}(ptr %a)" for name in steps)
        step = f"define void @step(ptr %a, ptr %b) #0 {{\n{calls}\n  ret void\n}}\n"
        parts = [_define(name, part, "ptr %a") for name, part in steps.items()]
        parts.append(_define("rates", self._rates(), f"ptr %a, ptr noalias %x, {Block(self.width).double} %time"))
        parts.append(_define("solve", self.linear.solve(self.width), "ptr %a, ptr noalias %x"))
        return "".join([*parts, step, self._dense(), self._commit(), *self._turnover()])

    def _printer(self, block: Block, states: Sequence[str], time: str) -> Printer:
        rows = {node: self.layout.constants + k for k, node in enumerate(self.eq.constants)}
        values = dict(zip(self.eq.states, states, strict=True))
        values[self.eq.tape.leaf("time", TIME.name)] = time

        def leaf(node: Node) -> str:
            if node in values:
                return values[node]
            return block.load(rows[node]) if node in rows else ""

        return Printer(self.eq.tape, block, leaf)

    def _constants_printer(self, block: Block) -> Printer:
        rows = {node: self.layout.constants + k for k, node in enumerate(self.eq.constants)}
        return Printer(self.eq.tape, block, leaf_rows(self.eq.tape, rows, block))

    def _begin(self) -> list[Block]:
        """Right-hand side of the first stage, Jacobian and its factors, in parts."""
        b = Block(self.width)
        lay, n = self.layout, self.layout.n_states
        h = b.load(self.control["h"])
        inverse = b.exact("fdiv", b.number(1.0), h)
        b.store(self.control["inverse_h"], inverse)
        printer = self._printer(b, [b.load(lay.y + j) for j in range(n)], b.load(self.control["t"]))
        weight = b.arithmetic("fmul", b.number(rodas5p.nodes()[1][0]), h)
        for j, node in enumerate(self.eq.rates):
            rate = printer.number(node)
            if not self.eq.tape.is_number(self.eq.slope_in_time[j], 0.0):
                slope = printer.number(self.eq.slope_in_time[j])
                b.store(lay.slope_in_time + j, slope)
                rate = b.fma(weight, slope, rate)
            b.store(lay.k + j, b.new(f"fneg {b.double} {rate}"))
        self.linear.store_matrix(b, printer, inverse)
        return [b, *self.linear.factorise(self.width)]

    def _stage(self, i: int) -> Block:
        """Sum up the earlier stages: the states at which rates are asked for, and what the stage remembers."""
        b = Block(self.width)
        n, lay = self.layout.n_states, self.layout
        vector = b.address("%a", lay.k + i * n)
        if i == 0:
            b.lines.append(f"  call void @solve(ptr %a, ptr {vector})")
            return b
        weights, memory = rodas5p.argument_weights()[i], rodas5p.memory_weights()[i]
        times, in_time = rodas5p.nodes()
        h = b.load(self.control["h"])
        for j in range(n):
            k = [b.load(lay.k + s * n + j) for s in range(i)]
            if i < 6:
                u = b.combination(zip(weights, k, strict=False), b.load(lay.y + j))
            else:
                u = b.arithmetic("fadd", b.load(lay.u + j), k[i - 1])
            b.store(lay.u + j, u)
            past = b.combination(zip(memory, k, strict=False))
            if in_time[i] != 0.0 and not self.eq.tape.is_number(self.eq.slope_in_time[j], 0.0):
                weight = b.arithmetic("fmul", b.number(in_time[i]), b.arithmetic("fmul", h, h))
                past = b.fma(weight, b.load(lay.slope_in_time + j), past)
            b.store(lay.k + i * n + j, past)
        time = b.fma(b.number(times[i]), h, b.load(self.control["t"]))
        b.lines.append(f"  call void @rates(ptr %a, ptr {vector}, {b.double} {time})")
        b.lines.append(f"  call void @solve(ptr %a, ptr {vector})")
        return b

    def _rates(self) -> Block:
        """Turn what a stage remembers, at %x, into its right-hand side."""
        b = Block(self.width)
        printer = self._printer(b, [b.load(self.layout.u + j) for j in range(self.layout.n_states)], "%time")
        turned = b.new(f"fneg {b.double} {b.load(self.control['inverse_h'])}")
        for j, node in enumerate(self.eq.rates):
            past = b.arithmetic("fmul", turned, b.load(j, "%x"))
            b.store(j, b.arithmetic("fsub", past, printer.number(node)), "%x")
        return b

    def _judge(self) -> Block:
        """Store the new states, the norm of the error and how far non-negative states fell below zero.

        The norm is the fourth root of the sum of fourth powers: close to the largest error of any one state, so that
        no state hides in an average, yet smooth, and NaN shows in it.
        """
        b, lay = Block(self.width), self.layout
        rtol = b.load(self.control["rtol"])
        total, negative = b.number(0.0), b.number(0.0)
        for j in range(lay.n_states):
            error = b.load(lay.k + (rodas5p.STAGES - 1) * lay.n_states + j)
            new = b.arithmetic("fadd", b.load(lay.u + j), error)
            b.store(lay.u + j, new)
            old_size, size = b.intrinsic("fabs", b.load(lay.y + j)), b.intrinsic("fabs", new)
            size = b.select(b.compare("ogt", old_size, size), old_size, size)
            scale = b.fma(rtol, size, b.load(lay.atol + j))
            ratio = b.exact("fdiv", error, scale)
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
        """By how much the next step may differ: safety * error ** (-1/order), within bounds."""
        least = b.number((_SAFETY / _GROW_AT_MOST) ** rodas5p.ORDER)
        most = b.number((_SAFETY / _SHRINK_AT_MOST) ** rodas5p.ORDER)
        inside = b.select(b.compare("olt", norm, least), least, norm)
        inside = b.select(b.compare("olt", inside, most), inside, most)  # NaN shrinks most
        prefix = "s" if self.width == 1 else "v"
        logarithm = b.new(f"call {b.double} @{prefix}log({b.double} {inside})")
        exponent = b.arithmetic("fmul", logarithm, b.number(-1.0 / rodas5p.ORDER))
        power = b.new(f"call {b.double} @{prefix}exp({b.double} {exponent})")
        return b.arithmetic("fmul", power, b.number(_SAFETY))

    def _dense(self) -> str:
        b = Block(self.width)
        n = self.layout.n_states
        for j in range(n):
            k = [b.load(self.layout.k + s * n + j) for s in range(rodas5p.STAGES)]
            for row, weights in enumerate(rodas5p.H):
                b.store(self.layout.dense + row * n + j, b.combination(zip(weights, k, strict=True)))
        return _define("dense", b)

    def _turnover(self) -> list[str]:
        """Write births, deaths and arrivals of counted states in the middle of each piece of the step that is kept.

        States come from the dense output. Counted ones are moved towards their drawn end, in proportion to the time
        within the step: the expected path of a birth-death process that is known to end there, to first order in the
        net growth over the step. So mutants arrive in proportion to the cells that were really there.
        """
        lay, b = self.layout, Block(self.width)
        for piece in range(PIECES if lay.n_counted else 0):
            part = b.number((piece + 0.5) / PIECES)
            theta = b.arithmetic("fmul", part, b.load(self.control["kept"]))
            out = b.address("%a", lay.turnover + 3 * lay.n_counted * piece)
            b.lines.append(f"  call void @turnover_at(ptr %a, ptr {out}, {b.double} {part}, {b.double} {theta})")
        whole = _define("turnover", b)
        if not lay.n_counted:
            return [whole]
        head = f"ptr %a, ptr noalias %x, {b.double} %part, {b.double} %theta"
        return [_define("turnover_at", self._turnover_at(), head), whole]

    def _turnover_at(self) -> Block:
        """Births, deaths and arrivals at one moment of the step, into rows at %x."""
        b, lay = Block(self.width), self.layout
        n, zero = lay.n_states, b.number(0.0)
        rest = b.arithmetic("fsub", b.number(1.0), "%theta")
        states, counted = [], 0
        for j, state in enumerate(self.eq.network.states):
            first, second, third = (b.load(lay.dense + row * n + j) for row in range(3))
            inner = b.fma("%theta", b.fma("%theta", third, second), first)
            end = b.arithmetic("fmul", "%theta", b.fma(rest, inner, b.load(lay.u + j)))
            value = b.fma(rest, b.load(lay.y + j), end)
            if state.nonnegative:
                value = b.select(b.compare("ogt", value, zero), value, zero)
            if state.counted is not None:
                value = b.fma("%part", b.load(lay.shift + counted), value)
                value = b.select(b.compare("ogt", value, zero), value, zero)
                counted += 1
            states.append(value)
        time = b.fma("%theta", b.load(self.control["h"]), b.load(self.control["t"]))
        printer = self._printer(b, states, time)
        for row, node in enumerate(self.eq.turnover):
            b.store(row, printer.number(node), "%x")
        return b

    def _commit(self) -> str:
        b = Block(self.width)
        yes = b.compare("ogt", b.load(self.control["accepted"]), b.number(0.0))
        for j, state in enumerate(self.eq.network.states):
            new = b.load(self.layout.u + j)
            if state.nonnegative:
                new = b.select(b.compare("olt", new, b.number(_VANISHED)), b.number(0.0), new)
            b.store(self.layout.y + j, b.select(yes, new, b.load(self.layout.y + j)))
        return _define("commit", b)


def _define(name: str, block: Block, arguments: str = "") -> str:
    """Return a function: one that the integrator calls, or with `arguments` one of the module's own."""
    head = f"define internal void @{name}({arguments}) #1" if arguments else f"define void @{name}(ptr %a, ptr %b) #0"
    inside = "\n".join(block.lines)
    return f"{head} {{\n{inside}\n  ret void\n}}\n"


class PatientCode:
    """Writes the scalar functions."""

    def __init__(self, equations: Equations) -> None:
        self.eq = equations
        self.writer = Writer(equations.network, equations.tape)

    def text(self) -> str:
        """Return all scalar functions."""
        network, write = self.eq.network, self.writer.write
        assignments = [a for e in network.events for a in e.assignments]
        none = self.eq.tape.zero
        outputs: dict[str, list[Node]] = {
            "hoist": list(self.eq.constants),
            "slope": list(self.eq.rates),
            "observe": [write(symbol(r.id)) for r in network.rules],
            "stops": [write(e) for e in time_stops(network)],
            "triggers": [write(e.trigger) for e in network.events],
            "crossings": [write(c) for c in crossings(network)],
            "delays": [none if e.delay is None else write(e.delay) for e in network.events],
            "priorities": [none if e.priority is None else write(e.priority) for e in network.events],
            "assigned": [write(a.value) for a in assignments],
            "scales": [write(a.scale) for a in assignments],
        }
        return "".join(self._function(name, nodes) for name, nodes in outputs.items()) + self._initial()

    def _function(self, name: str, nodes: list[Node]) -> str:
        b = Block(1)
        printer = Printer(self.eq.tape, b, leaf_rows(self.eq.tape, self.eq.leaves, b))
        values = [printer.number(node) for node in nodes]
        for k, value in enumerate(values):
            b.store(k, value, "%b")
        return _define(name, b)

    def _initial(self) -> str:
        """Fill in what follows from the rest at the start. `%b` holds 1 for each name that the user has given."""
        network = self.eq.network
        writer = Writer(network)
        tape = writer.tape
        definitions: dict[str, sp.Basic] = {s.id: s.initial for s in network.states}
        definitions |= {p.id: p.value for p in network.parameters if isinstance(p.value, sp.Basic)}
        names = [TIME.name, *(s.id for s in network.states), *(p.id for p in network.parameters)]
        rows = {writer.write(symbol(name)): k for k, name in enumerate(names)}
        flags: dict[Node, int] = {}
        results: dict[str, Node] = {}
        for name in initial_order(network):
            if name in definitions:
                given = tape.leaf("parameter", f"given {name}")
                flags[given] = names.index(name)
                own = next(node for node, k in rows.items() if k == names.index(name))
                asked = tape.apply("gt", given, tape.zero)
                results[name] = tape.select(asked, own, writer.write_number(definitions[name]))
                writer.use({name: results[name]})
                writer.forget()
        b = Block(1)

        def leaf(node: Node) -> str:
            if node in flags:
                return b.load(flags[node], "%b")
            return b.load(rows[node]) if node in rows else ""

        printer = Printer(tape, b, leaf)
        values = {name: printer.number(node) for name, node in results.items()}
        for name, value in values.items():
            b.store(names.index(name), value)
        return _define("initial", b)


def kernel_text(equations: Equations, width: int) -> str:
    """Return the whole LLVM module of a network."""
    attributes = (
        'attributes #0 = { nounwind "prefer-vector-width"="512" "min-legal-vector-width"="512" }\n'
        'attributes #1 = { nounwind noinline "prefer-vector-width"="512" "min-legal-vector-width"="512" }\n'
    )
    lanes = LaneCode(equations, width).text()
    return declarations() + _two_libraries(width) + lanes + PatientCode(equations).text() + attributes


def _two_libraries(width: int) -> str:
    """The polynomials for lanes and for one patient; overloads are told apart by name."""
    scalar = library(1).replace("@vexp", "@sexp").replace("@vlog", "@slog").replace("@vpow", "@spow")
    return scalar if width == 1 else library(width) + scalar
