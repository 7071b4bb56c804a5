"""Is the integrator the method it says it is?"""

from __future__ import annotations

import numpy as np
import pytest

from aftercar.engine import Quantity, Settings, simulate, trace_model
from aftercar.engine import rodas5p as method

ALPHA, GAMMA_IJ, B = method.original_form()
BETA = ALPHA + GAMMA_IJ
A1, B1 = ALPHA.sum(axis=1), BETA.sum(axis=1)
# Order conditions of Rosenbrock methods (hairer1996, IV.7, table 7.1), here with gamma on the diagonal of beta.
CONDITIONS = {
    "order 1": (B.sum(), 1),
    "order 2": (B @ B1, 1 / 2),
    "order 3a": (B @ A1**2, 1 / 3),
    "order 3b": (B @ BETA @ B1, 1 / 6),
    "order 4a": (B @ A1**3, 1 / 4),
    "order 4b": (B @ (A1 * (ALPHA @ B1)), 1 / 8),
    "order 4c": (B @ BETA @ A1**2, 1 / 12),
    "order 4d": (B @ BETA @ BETA @ B1, 1 / 24),
    "order 5a": (B @ A1**4, 1 / 5),
    "order 5b": (B @ (A1**2 * (ALPHA @ B1)), 1 / 10),
    "order 5c": (B @ (ALPHA @ B1) ** 2, 1 / 20),
    "order 5d": (B @ (A1 * (ALPHA @ A1**2)), 1 / 15),
    "order 5e": (B @ (A1 * (ALPHA @ BETA @ B1)), 1 / 30),
    "order 5f": (B @ BETA @ A1**3, 1 / 20),
    "order 5g": (B @ BETA @ (A1 * (ALPHA @ B1)), 1 / 40),
    "order 5h": (B @ BETA @ BETA @ A1**2, 1 / 60),
    "order 5i": (B @ BETA @ BETA @ BETA @ B1, 1 / 120),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_order_conditions(name: str) -> None:
    found, expected = CONDITIONS[name]
    assert found == pytest.approx(expected, abs=1e-12)  # coefficients are given to 16 digits, some are above 100


def logistic(x, r):
    return {"x": r * x * (1 - x)}


def _errors(steps: list[int], moments: list[float]) -> np.ndarray:
    """Errors with fixed steps: tolerances so wide that only `longest_step` decides."""
    model = trace_model(logistic, states={"x": 0.1}, parameters={"r": 1.0})
    errors = []
    for n in steps:
        times = [0.0, *moments]
        data = simulate(model, times=times, settings=Settings(rtol=0.5, atol=1.0, longest_step=4.0 / n))
        assert data["steps"].item() >= n
        exact = 1 / (1 + 9 * np.exp(-np.array(times)))
        errors.append(np.abs(data["x"][0].to_numpy() - exact)[1:].max())
    return np.array(errors)


def test_the_error_falls_with_the_fifth_power_of_the_step() -> None:
    errors = _errors([8, 16, 32], [4.0])
    orders = np.log2(errors[:-1] / errors[1:])
    assert np.all(orders > 4.6), orders


def test_dense_output_is_of_fourth_order() -> None:
    errors = _errors([8, 16, 32], list(np.linspace(0.13, 3.97, 40)))
    orders = np.log2(errors[:-1] / errors[1:])
    assert np.all(orders > 3.7), orders


@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-8])
def test_the_error_keeps_to_ten_times_the_tolerance(rtol: float) -> None:
    # Robertson's problem at t = 40, 4e5: hairer1996, IV.10, problem ROBER; values from its reference solution
    # at 40: 0.7158270688, 0.9185534764e-5, 0.2841637457 (scipy 1.17 Radau, rtol 1e-13, agrees in all digits shown).
    def robertson(a, b, c):
        return {"a": -0.04 * a + 1e4 * b * c, "b": 0.04 * a - 1e4 * b * c - 3e7 * b * b, "c": 3e7 * b * b}

    model = trace_model(robertson, states={"a": 1.0, "b": 0.0, "c": 0.0}, parameters={})
    data = simulate(model, times=[0, 40.0], settings=Settings(rtol=rtol, atol=rtol * 1e-6))
    found = np.array([data[k][0, 1].item() for k in "abc"])
    expected = np.array([0.7158270688, 0.9185534764e-5, 0.2841637457])
    assert np.max(np.abs(found / expected - 1)) < 10 * rtol + 1e-9
    assert found.sum() == pytest.approx(1.0, abs=1e-12)  # linear invariants are kept exactly


def test_time_in_the_equations_keeps_the_order() -> None:
    def forced(x, time):
        return {"x": -50.0 * (x - time**3) + 3 * time**2}

    model = trace_model(forced, states={"x": Quantity(0.0, nonnegative=False)}, parameters={})
    data = simulate(model, times=[0, 1, 2], settings=Settings(rtol=1e-8, atol=1e-10))
    np.testing.assert_allclose(data["x"][0], [0, 1, 8], rtol=1e-7, atol=1e-9)


def test_a_pivot_that_would_lose_its_digits_does_not_spoil_the_step() -> None:
    # J = [[0, w], [-w, 0]]: no diagonal at all, so that the pivots live from 1/(h gamma) alone
    def rotate(x, y, w):
        return {"x": w * y, "y": -w * x}

    free = {k: Quantity(v, nonnegative=False) for k, v in {"x": 1.0, "y": 0.0}.items()}
    model = trace_model(rotate, states=free, parameters={"w": 1.0})
    data = simulate(model, times=[0, 1], patients={"w": [1.0, 30.0, 1000.0]}, settings=Settings(rtol=1e-8, atol=1e-10))
    # phase error accumulates over w radians
    np.testing.assert_allclose(data["x"][:, 1], np.cos([1.0, 30.0, 1000.0]), atol=1e-5)
