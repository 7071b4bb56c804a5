"""The polynomials for exp, log and powers against numpy."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from aftercar.engine.llvm_text import declarations
from aftercar.engine.machine_code import compile_text
from aftercar.engine.vector_math import Lines, library

ULP = 2.220446049250313e-16


def evaluate(name: str, x: np.ndarray, n: np.ndarray | None = None, width: int = 4) -> np.ndarray:
    b = Lines(width)
    a = b.new(f"load {b.double}, ptr %a, align 8")
    arguments = f"{b.double} {a}"
    if n is not None:
        pointer = b.new(f"getelementptr double, ptr %a, i64 {width}")
        arguments += f", {b.double} " + b.new(f"load {b.double}, ptr {pointer}, align 8")
    result = b.new(f"call {b.double} @{name}({arguments})")
    body = "\n".join(b.lines)
    text = (
        f"define void @run(ptr %a, ptr %b) {{\n{body}\n  store {b.double} {result}, ptr %b, align 8\n  ret void\n}}\n"
    )
    code = compile_text(declarations() + library(width) + text, ("run",))
    run = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(code.addresses["run"])
    out = np.empty_like(x)
    for k in range(0, len(x), width):
        block, answer = np.zeros(2 * width), np.zeros(width)
        part = x[k : k + width]
        block[: len(part)] = part
        if n is not None:
            block[width : width + len(part)] = n[k : k + width]
        run(block.ctypes.data, answer.ctypes.data)
        out[k : k + width] = answer[: len(part)]
    return out


def test_exponential_is_right_to_two_units_in_the_last_place() -> None:
    x = np.linspace(-708.0, 709.7, 20_001)
    assert np.max(np.abs(evaluate("vexp", x) / np.exp(x) - 1)) < 2 * ULP


def test_exponential_at_its_ends() -> None:
    x = np.array([-1e9, -709.0, 0.0, 709.8, np.inf, -np.inf, np.nan, 1e-300])
    expected = [0.0, 0.0, 1.0, np.inf, np.inf, 0.0, np.nan, 1.0]
    np.testing.assert_array_equal(evaluate("vexp", x), expected)


def test_logarithm_is_right_to_two_units_in_the_last_place() -> None:
    x = np.concatenate([np.geomspace(1e-307, 1e308, 20_001), np.linspace(0.5, 2.0, 20_001)])
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.abs(evaluate("vlog", x) / np.log(x) - 1)
    assert np.nanmax(relative) < 2 * ULP


def test_logarithm_at_its_ends() -> None:
    np.testing.assert_array_equal(
        evaluate("vlog", np.array([0.0, -1.0, np.inf, np.nan, 1.0])), [-np.inf, np.nan, np.inf, np.nan, 0.0]
    )


def test_power_is_right_to_the_rounding_of_its_exponent() -> None:
    # x**n = exp(n log x): the relative error is that of the argument, |n log x| * 2**-53 times a few.
    rng = np.random.default_rng(1)
    x, n = np.exp(rng.uniform(-30, 30, 8000)), rng.uniform(-5, 5, 8000)
    assert np.max(np.abs(evaluate("vpow", x, n) / x**n - 1)) < 4 * ULP * 150


@pytest.mark.parametrize(
    ("x", "n", "expected"),
    [(0.0, 1.5, 0.0), (0.0, 0.0, 1.0), (-2.0, 3.0, -8.0), (-2.0, 2.0, 4.0), (-1e-9, 1.5, 0.0), (np.inf, 0.0, 1.0)],
)
def test_power_at_its_ends(x: float, n: float, expected: float) -> None:
    result = evaluate("vpow", np.array([x]), np.array([n]))[0]
    assert result == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("width", [1, 2, 8])
def test_every_width_gives_the_same_bits(width: int) -> None:
    x = np.exp(np.random.default_rng(2).uniform(-20, 20, 64))
    for name in ("vexp", "vlog"):
        np.testing.assert_array_equal(evaluate(name, x, width=width), evaluate(name, x, width=4))
