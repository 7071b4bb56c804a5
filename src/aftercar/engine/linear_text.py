"""Factorisation and triangular solve of the linear system of a step, unrolled."""

from __future__ import annotations

from collections.abc import Callable

from aftercar.engine import rodas5p
from aftercar.engine.layout import Layout
from aftercar.engine.linear_system import LinearSystem
from aftercar.engine.llvm_text import Block, Printer

# Lines of one generated function, where it can be parted.
_LONGEST_PART = 2000


class LinearCode:
    """Writes the code. `printer` makes a reader of tape nodes for a block, for what the patient's constants hold."""

    def __init__(
        self, system: LinearSystem, layout: Layout, control: dict[str, int], printer: Callable[[Block], Printer]
    ) -> None:
        self.system = system
        self.layout = layout
        self.control = control
        self.printer = printer
        self.rank = {k: position for position, k in enumerate(system.plan.order)}

    def store_matrix(self, b: Block, printer: Printer, inverse_h: str) -> None:
        """Store J - I/(h*gamma) and the derivatives of shared values.

        The sign is that of the Jacobian, which saves turning it; right-hand sides are turned instead.
        """
        system = self.system
        diagonal = b.arithmetic("fmul", b.number(1.0 / rodas5p.GAMMA), inverse_h)
        for i, j in system.slots:
            entry = system.matrix.get((i, j))
            if i == j:
                start = b.number(0.0) if entry is None else printer.number(entry)
                self._write(b, i, j, b.arithmetic("fsub", start, diagonal if i < system.n_states else b.number(1.0)))
            elif entry is not None:
                self._write(b, i, j, printer.number(entry))

    def factorise(self, width: int) -> list[Block]:
        """LU, row by row, in memory; pivots are stored inverted.

        Measures how many digits a pivot lost. Rows are told apart by barriers, so that the work can be parted between
        any two of them: the time that the compiler needs for a function grows faster than its length.
        """
        b = Block(width)
        parts, loss = [b], b.number(1.0)
        for i in self.system.plan.order:
            if len(b.lines) > _LONGEST_PART:
                b.store(self.control["pivot_loss"], loss)
                b = Block(width)
                parts.append(b)
                loss = b.load(self.control["pivot_loss"])
            loss = self._factorise_row(b, i, loss)
            b.barrier()
        b.store(self.control["pivot_loss"], loss)
        return parts

    def _factorise_row(self, b: Block, i: int, loss: str) -> str:
        system, plan = self.system, self.system.plan
        printer = self.printer(b)
        columns = sorted((j for r, j in plan.entries if r == i), key=self.rank.__getitem__)
        known = (j for j in columns if (i, j) in system.matrix or ((i, j) in system.slots and i == j))
        w = {j: self._read(b, printer, i, j) for j in known}
        size = None
        for k in columns:
            if self.rank[k] >= self.rank[i]:
                break
            if k not in system.units:  # else the multiplier is -w, and what is subtracted below is added
                w[k] = b.arithmetic("fmul", w[k], self._read(b, printer, k, k))
            if k not in system.units or (i, k) in system.touched:
                self._write(b, i, k, w[k])
            for j in plan.right[k]:
                product = b.arithmetic("fmul", w[k], self._read(b, printer, k, j))
                if i == j:
                    size = b.arithmetic("fadd", size or b.intrinsic("fabs", w[i]), b.intrinsic("fabs", product))
                w[j] = _minus(b, w.get(j), product, turned=k in system.units)
        if i not in system.units:
            inverse = b.exact("fdiv", b.number(1.0), w[i])
            if size is not None:
                ratio = b.intrinsic("fabs", b.arithmetic("fmul", size, inverse))
                loss = b.select(b.compare("ogt", ratio, loss), ratio, loss)
            self._write(b, i, i, inverse)
        for j in plan.right[i]:
            if (i, j) in system.touched:
                self._write(b, i, j, w[j])
        return loss

    def solve(self, width: int) -> Block:
        """Turn a right-hand side at %x into the stage vector. Shared values begin at zero and are not kept."""
        b = Block(width)
        system, plan = self.system, self.system.plan
        printer = self.printer(b)
        x = {j: b.load(j, "%x") for j in range(system.n_states)}
        for k in plan.order:
            for i in plan.below[k] if k in x else ():
                product = b.arithmetic("fmul", self._read(b, printer, i, k), x[k])
                x[i] = _minus(b, x.get(i), product, turned=k in system.units)
        for i in reversed(plan.order):
            if i in system.units and i in x:
                x[i] = b.new(f"fneg nsz {b.double} {x[i]}")
            for j in plan.right[i]:
                product = b.arithmetic("fmul", self._read(b, printer, i, j), x[j])
                x[i] = _minus(b, x.get(i), product, turned=i in system.units)
            if i in system.units:
                continue
            x[i] = b.arithmetic("fmul", x[i], self._read(b, printer, i, i))
            if i < system.n_states:
                b.store(i, x[i], "%x")
        return b

    def _read(self, b: Block, printer: Printer, i: int, j: int) -> str:
        if (i, j) in self.system.fixed:
            return printer.number(self.system.matrix[i, j])
        return b.load(self.layout.factors + self.system.slots[i, j])

    def _write(self, b: Block, i: int, j: int, value: str) -> None:
        b.store(self.layout.factors + self.system.slots[i, j], value)


def _minus(b: Block, before: str | None, product: str, *, turned: bool) -> str:
    """Return before - product, or with `turned` before + product; nothing before counts as zero."""
    if before is None:
        return product if turned else b.new(f"fneg nsz {b.double} {product}")
    return b.arithmetic("fadd" if turned else "fsub", before, product)
