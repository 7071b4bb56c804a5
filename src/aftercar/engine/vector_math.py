"""exp, log and power in LLVM's language for vectors of any width, without branches and without calls.

A call to the C library for each lane would undo the vectorisation. The polynomials here stay within about 2 units in
the last place (tests/unit/engine/test_vector_math.py measures it against numpy), and give the same bits on every
lane.
"""

from __future__ import annotations

import math
import struct

# 1.5 * 2**52: adding it to a double rounds to the nearest whole number and leaves that number in the low bits.
_ROUNDER = 6755399441055744.0
_ROUNDER_BITS = 0x4338000000000000
_LN2_HI = 6.93147180369123816490e-01  # fdlibm e_exp.c: the upper bits of ln 2, so that k * LN2_HI is exact
_LN2_LO = 1.90821492927058770002e-10
_SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
_EXP_MAX = 709.782712893384  # ln of the largest double
_EXP_MIN = -708.0  # below, results would be subnormal: they count as zero
_LEAST = 2.2250738585072014e-308


def vector_type(width: int, element: str = "double") -> str:
    """Return LLVM's name of the type."""
    return element if width == 1 else f"<{width} x {element}>"


def literal(value: float | int, width: int, element: str = "double") -> str:
    """Return a constant operand, repeated over the lanes."""
    text = str(value) if element != "double" else f"0x{struct.unpack('>Q', struct.pack('>d', float(value)))[0]:016X}"
    return text if width == 1 else "<" + ", ".join([f"{element} {text}"] * width) + ">"


class Lines:
    """Numbered LLVM instructions on one vector width."""

    def __init__(self, width: int, prefix: str = "v") -> None:
        self.width = width
        self.lines: list[str] = []
        self.double = vector_type(width)
        self.whole = vector_type(width, "i64")
        self.truth = vector_type(width, "i1")
        self._count = 0
        self._prefix = prefix

    def new(self, text: str) -> str:
        """Append an instruction and return the name of its result."""
        name = f"%{self._prefix}{self._count}"
        self._count += 1
        self.lines.append(f"  {name} = {text}")
        return name

    def number(self, value: float) -> str:
        """Return a floating-point constant."""
        return literal(value, self.width)

    def integer(self, value: int) -> str:
        """Return a 64-bit constant."""
        return literal(value, self.width, "i64")

    def arithmetic(self, op: str, a: str, b: str) -> str:
        """Return fadd, fsub, fmul or fdiv; products may be fused into sums."""
        return self.new(f"{op} nsz contract {self.double} {a}, {b}")

    def exact(self, op: str, a: str, b: str) -> str:
        """Return an operation that must be rounded on its own."""
        return self.new(f"{op} {self.double} {a}, {b}")

    def bits(self, op: str, a: str, b: str) -> str:
        """Return an operation on 64-bit integers."""
        return self.new(f"{op} {self.whole} {a}, {b}")

    def cast(self, a: str, *, to_bits: bool) -> str:
        """Read a double's bits as an integer, or the other way."""
        source, target = (self.double, self.whole) if to_bits else (self.whole, self.double)
        return self.new(f"bitcast {source} {a} to {target}")

    def compare(self, relation: str, a: str, b: str) -> str:
        """Return the truth of an ordered comparison."""
        return self.new(f"fcmp {relation} {self.double} {a}, {b}")

    def select(self, condition: str, yes: str, no: str) -> str:
        """Return yes or no, lane by lane."""
        return self.new(f"select {self.truth} {condition}, {self.double} {yes}, {self.double} {no}")

    def intrinsic(self, name: str, *args: str) -> str:
        """Return the result of an LLVM intrinsic on doubles."""
        suffix = "f64" if self.width == 1 else f"v{self.width}f64"
        inside = ", ".join(f"{self.double} {a}" for a in args)
        return self.new(f"call {self.double} @llvm.{name}.{suffix}({inside})")

    def fma(self, a: str, b: str, c: str) -> str:
        """Return a * b + c."""
        return self.arithmetic("fadd", self.arithmetic("fmul", a, b), c)

    def horner(self, x: str, coefficients: list[float]) -> str:
        """Return the polynomial with the given coefficients, lowest power first."""
        result = self.number(coefficients[-1])
        for coefficient in reversed(coefficients[:-1]):
            result = self.fma(result, x, self.number(coefficient))
        return result


def function(name: str, arguments: str, body: Lines, result: str) -> str:
    """Return an internal LLVM function that is always inlined."""
    inside = "\n".join(body.lines)
    head = f"define internal {body.double} @{name}({arguments}) alwaysinline"
    return f"{head} {{\n{inside}\n  ret {body.double} {result}\n}}\n"


def exponential(width: int) -> str:
    """Return the text of @vexp: e ** x; 0 below -708, infinity above the range, NaN stays NaN."""
    b = Lines(width)
    low = b.compare("olt", "%x", b.number(_EXP_MIN))
    high = b.compare("ogt", "%x", b.number(_EXP_MAX))
    x = b.select(low, b.number(_EXP_MIN), b.select(high, b.number(_EXP_MAX), "%x"))
    shifted = b.exact("fadd", b.exact("fmul", x, b.number(1.0 / math.log(2.0))), b.number(_ROUNDER))
    k = b.exact("fsub", shifted, b.number(_ROUNDER))
    r = b.fma(k, b.number(-_LN2_HI), x)
    r = b.fma(k, b.number(-_LN2_LO), r)
    even = [1.0 / math.factorial(i) for i in range(14)]
    p = b.horner(r, even)
    power = b.bits("shl", b.cast(shifted, to_bits=True), b.integer(52))
    scaled = b.cast(b.bits("add", b.cast(p, to_bits=True), power), to_bits=False)
    # For k = 1024 the sum of exponents would overflow into infinity too early: the largest arguments are halved.
    result = b.select(high, b.number(math.inf), b.select(low, b.number(0.0), scaled))
    return function("vexp", f"{b.double} %x", b, result)


def logarithm(width: int) -> str:
    """Return the text of @vlog: ln x; -infinity at 0, NaN below, infinity at infinity."""
    b = Lines(width)
    tiny = b.compare("olt", "%x", b.number(_LEAST))
    x = b.select(tiny, b.number(_LEAST), "%x")
    bits = b.cast(x, to_bits=True)
    exponent = b.bits("ashr", b.bits("sub", bits, b.integer(_SQRT_HALF_BITS)), b.integer(52))
    m = b.cast(b.bits("sub", bits, b.bits("shl", exponent, b.integer(52))), to_bits=False)
    e = b.cast(b.bits("add", exponent, b.integer(_ROUNDER_BITS)), to_bits=False)
    e = b.exact("fsub", e, b.number(_ROUNDER))
    upper = b.exact("fsub", m, b.number(1.0))
    f = b.exact("fdiv", upper, b.exact("fadd", m, b.number(1.0)))
    g = b.arithmetic("fmul", f, f)
    series = b.horner(g, [2.0 / (2 * i + 1) for i in range(1, 12)])
    small = b.arithmetic("fmul", b.arithmetic("fmul", f, g), series)
    # 2f = upper - f*upper: the second form keeps the leading part exact
    head = b.fma(e, b.number(_LN2_LO), b.exact("fsub", small, b.arithmetic("fmul", f, upper)))
    total = b.fma(e, b.number(_LN2_HI), b.exact("fadd", upper, head))
    infinite = b.compare("oeq", "%x", b.number(math.inf))
    zero = b.compare("oeq", "%x", b.number(0.0))
    negative = b.compare("ult", "%x", b.number(0.0))
    total = b.select(infinite, b.number(math.inf), total)
    total = b.select(zero, b.number(-math.inf), total)
    return function("vlog", f"{b.double} %x", b, b.select(negative, b.number(math.nan), total))


def power(width: int) -> str:
    """Return the text of @vpow: x ** n.

    A negative base is taken as zero under a fractional exponent: a state that dips below zero by rounding must not
    end the integration. Under a whole exponent it has its ordinary value.
    """
    b = Lines(width)
    size = b.intrinsic("fabs", "%x")
    raw = b.new(f"call {b.double} @vexp({b.double} {b.arithmetic('fmul', '%n', _call_log(b, size))})")
    whole = b.compare("oeq", b.intrinsic("floor", "%n"), "%n")
    half = b.arithmetic("fmul", "%n", b.number(0.5))
    odd = b.compare("une", b.intrinsic("floor", half), half)
    signed = b.select(odd, b.new(f"fneg {b.double} {raw}"), raw)
    below = b.select(whole, signed, b.number(0.0))
    result = b.select(b.compare("olt", "%x", b.number(0.0)), below, raw)
    # 0 * log(0) and 0 * log(inf) are NaN above, yet x ** 0 is 1
    result = b.select(b.compare("oeq", "%n", b.number(0.0)), b.number(1.0), result)
    return function("vpow", f"{b.double} %x, {b.double} %n", b, result)


def _call_log(b: Lines, x: str) -> str:
    return b.new(f"call {b.double} @vlog({b.double} {x})")


def library(width: int) -> str:
    """Return all functions of this module for one width."""
    return exponential(width) + logarithm(width) + power(width)
