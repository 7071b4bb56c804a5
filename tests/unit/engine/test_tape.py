"""The tape: equal operations once, levels, derivatives."""

from __future__ import annotations

import math

import pytest
import sympy as sp

from aftercar.engine.equations import write_equations
from aftercar.engine.network import Network, Parameter, State, symbol
from aftercar.engine.readable import load_python, write_python
from aftercar.engine.tape import Level, Tape

x, y, k = symbol("x"), symbol("y"), symbol("k")


def test_equal_operations_are_stored_once() -> None:
    tape = Tape()
    a, b = tape.leaf("state", "a"), tape.leaf("state", "b")
    assert tape.add(a, b) == tape.add(b, a)
    assert tape.mul(tape.add(a, b), tape.add(b, a)) == tape.power(tape.add(a, b), tape.constant(2.0))


def test_what_depends_on_parameters_only_is_computed_once_per_patient() -> None:
    tape = Tape()
    state, p, q = tape.leaf("state", "s"), tape.leaf("parameter", "p"), tape.leaf("parameter", "q")
    product = tape.product([state, p, q])
    inner = [a for a in tape.args[product] if a != state]
    assert [tape.levels[a] for a in inner] == [Level.PATIENT]


def test_numbers_fold() -> None:
    tape = Tape()
    assert tape.is_number(tape.mul(tape.constant(2.0), tape.constant(3.0)), 6.0)
    assert tape.mul(tape.leaf("state", "a"), tape.zero) == tape.zero
    assert tape.sub(tape.leaf("state", "a"), tape.leaf("state", "a")) == tape.zero


EXPRESSIONS = [
    x * y + k, x / (x + y), x**3 * y, x**k, k**x, sp.exp(-k * x) * y, sp.log(x + y), sp.sqrt(x * y), sp.sin(x * y),
    sp.cos(x) * sp.tan(y), sp.tanh(x - y), sp.asin(x / 5), sp.acos(y / 5), sp.atan(x * k), sp.sinh(x), sp.cosh(x * y),
    sp.asinh(x), sp.acosh(1 + x), sp.atanh(x / 9), sp.Abs(x - 2 * y), sp.Piecewise((x**2, x > y), (y**2, True)),
    sp.Function("min")(x, y), sp.Function("max")(x * y, k), sp.sec(x), sp.cot(y), 1 / (1 + (k / x) ** 4),
]  # fmt: skip


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_derivatives_agree_with_central_differences(expression: sp.Expr) -> None:
    import numpy as np

    network = Network(
        "m", (State("x", sp.Integer(1), expression), State("y", sp.Integer(1), x)), (Parameter("k", 1.7),)
    )
    rates, jacobian = load_python(network)
    for point in ([0.8, 0.5], [1.3, 2.1]):
        found = np.zeros((2, 2))
        jacobian(0.0, point, [1.7], found)
        for j in range(2):
            h = 1e-6
            up, down = list(point), list(point)
            up[j] += h
            down[j] -= h
            slope = (rates(0.0, up, [1.7], [0, 0])[0] - rates(0.0, down, [1.7], [0, 0])[0]) / (2 * h)
            # central differences: error h**2 times a third derivative, plus rounding 1e-16 / h
            assert found[0, j] == pytest.approx(slope, rel=1e-7, abs=1e-8)


def test_slope_of_a_root_at_zero_stays_finite() -> None:
    import numpy as np

    network = Network("m", (State("x", sp.Integer(1), sp.sqrt(x)),))
    _, jacobian = load_python(network)
    assert math.isfinite(jacobian(0.0, [0.0], [], np.zeros((1, 1)))[0, 0])


def test_readable_form_names_states_and_parameters() -> None:
    text = write_python(
        Network("m", (State("tumour", sp.Integer(1), -symbol("ke") * symbol("tumour")),), (Parameter("ke", 1.0),))
    )
    assert "tumour = y[0]" in text and "ke = p[0]" in text and "out[0] = " in text


def test_what_stands_in_many_products_is_multiplied_once() -> None:
    shared = symbol("a") * symbol("z")
    states = tuple(State(f"m{k}", sp.Integer(1), shared * symbol(f"m{k}")) for k in range(6))
    equations = write_equations(Network("m", (State("a", sp.Integer(1), x), State("z", sp.Integer(1), x), *states,
                                              State("x", sp.Integer(1), -x))))  # fmt: skip
    tape = equations.tape
    assert sum(tape.ops[node] == "mul" for node in tape.reachable(equations.rates)) == 7
