"""Mathematical functions for model equations: the same line runs on numbers, on arrays and on symbols.

Write equations with ordinary operators and these functions; `trace_model` runs them once on symbols.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import sympy as sp

Value = Any
"""A number, an array or a symbolic expression."""

# Names given while a model is traced (see `named`); None outside of tracing.
_names: ContextVar[dict[str, tuple[sp.Expr, str]] | None] = ContextVar("names", default=None)
_with_intermediates: ContextVar[bool] = ContextVar("with_intermediates", default=False)


def _either(symbolic: Callable[..., Any], numeric: Callable[..., Any], *args: Value) -> Value:
    if any(isinstance(a, sp.Basic) for a in args):
        return symbolic(*args)
    return numeric(*args)


def exp(x: Value) -> Value:
    """Return e ** x."""
    return _either(sp.exp, np.exp, x)


def log(x: Value) -> Value:
    """Return the natural logarithm."""
    return _either(sp.log, np.log, x)


def sqrt(x: Value) -> Value:
    """Return the square root."""
    return _either(sp.sqrt, np.sqrt, x)


def minimum(a: Value, b: Value) -> Value:
    """Return the smaller value."""
    return _either(sp.Function("min"), np.minimum, a, b)


def maximum(a: Value, b: Value) -> Value:
    """Return the larger value."""
    return _either(sp.Function("max"), np.maximum, a, b)


def where(condition: Value, yes: Value, no: Value) -> Value:
    """Return `yes` where the condition holds, else `no`."""
    if isinstance(condition, sp.Basic):
        return sp.Piecewise((yes, condition), (no, True), evaluate=False)
    return np.where(condition, yes, no)


def hill(x: Value, half: Value, n: Value) -> Value:
    """Return x^n / (half^n + x^n), which is 0 at x = 0 and 1/2 at x = half."""
    return x**n / (half**n + x**n)


def named(name: str, value: Value, *, unit: str = "", intermediate: bool = False) -> Value:
    """Give an intermediate value its name, so that it can be asked for as an output and shows in exports.

    Outside of tracing the value is handed back unchanged; so is an `intermediate` one, unless the model is traced under
    `intermediate_names`. These are for people who read equations: too many to be outputs of every simulation.
    """
    names = _names.get()
    if names is None or (intermediate and not _with_intermediates.get()):
        return value
    names[name] = (sp.sympify(value), unit)
    return sp.Symbol(name, real=True)


@contextmanager
def intermediate_names() -> Iterator[None]:
    """Have models traced within keep the names of their `intermediate` values: same equations, in readable pieces."""
    token = _with_intermediates.set(True)
    try:
        yield
    finally:
        _with_intermediates.reset(token)
