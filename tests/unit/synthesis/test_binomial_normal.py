from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_expit, logsumexp
from scipy.stats import binom

from aftercar.synthesis.binomial_normal import evaluate_likelihood, make_model


def by_brute_force(x: float, n: float, mean: float, tau: float) -> float:
    u = np.linspace(-80, 80, 1_600_001)
    theta = mean + tau * u
    terms = n * log_expit(-theta) + x * theta - u * u / 2
    constant = make_model(np.array([x]), np.array([n]), np.ones((1, 1))).log_choose[0]
    return float(constant + logsumexp(terms) + np.log(u[1] - u[0]) - np.log(2 * np.pi) / 2)


@pytest.mark.parametrize(("x", "n"), [(0, 1), (0, 10), (3, 5), (500, 1000), (1000, 1000), (1, 50_000)])
@pytest.mark.parametrize(("mean", "tau"), [(-3, 0.5), (0, 1), (2, 2), (0, 4), (-3, 20)])
def test_integral(x: int, n: int, mean: float, tau: float) -> None:
    model = make_model(np.array([float(x)]), np.array([float(n)]), np.ones((1, 1)))
    found = evaluate_likelihood(model, np.array([float(mean)]), tau).value
    # What fixed nodes cost, stated in the module.
    assert found == pytest.approx(by_brute_force(x, n, mean, tau), abs=1e-8)


def test_closer_nodes_converge(monkeypatch: pytest.MonkeyPatch) -> None:
    from aftercar.synthesis import binomial_normal

    model = make_model(np.array([0.0]), np.array([1000.0]), np.ones((1, 1)))
    truth = by_brute_force(0, 1000, 0, 2)
    errors = []
    for spacing in (0.64, 0.32, 0.16):
        monkeypatch.setattr(binomial_normal, "_SPACING", spacing)
        monkeypatch.setattr(binomial_normal, "_NODES", {})
        errors.append(abs(evaluate_likelihood(model, np.array([0.0]), 2.0).value - truth))
    # Geometric in the spacing: each halving gains two digits and more, where a power law would gain a fixed factor.
    assert errors[1] < errors[0] / 300 and errors[2] < errors[1] / 300


def test_the_search_for_the_peak_does_not_swing_for_ever() -> None:
    # 1000/1000 seen from a mean of -3 sent plain Newton from one flat end to the other and back.
    found = evaluate_likelihood(make_model(np.array([1e3]), np.array([1e3]), np.ones((1, 1))), np.array([-3.0]), 0.5)
    theta = -3 + 0.5 * found.modes[0]
    assert 0.5 * 1000 / (1 + np.exp(theta)) == pytest.approx(found.modes[0], rel=0.02)


def test_no_heterogeneity_is_the_binomial() -> None:
    x, n = np.array([3.0, 5.0]), np.array([10.0, 9.0])
    point = evaluate_likelihood(make_model(x, n, np.ones((2, 1))), np.array([0.4]), 0.0)
    assert point.value == pytest.approx(binom.logpmf(x, n, 1 / (1 + np.exp(-0.4))).sum(), abs=1e-10)


@pytest.mark.parametrize("tau", [0.0, 0.3, 2.5])
def test_derivatives_agree_with_differences(tau: float) -> None:
    rng = np.random.default_rng(3)
    n = rng.integers(3, 40, 6).astype(float)
    x = np.floor(n * rng.uniform(0, 1, 6))
    model = make_model(x, n, np.column_stack([np.ones(6), np.arange(6.0)]))
    beta, h = np.array([0.2, -0.1]), 1e-5

    def at(shift: np.ndarray) -> tuple[float, np.ndarray]:
        point = evaluate_likelihood(model, beta + shift[:2], tau + shift[2])
        return point.value, point.gradient

    here = evaluate_likelihood(model, beta, tau)
    for i in range(3):
        step = np.zeros(3)
        step[i] = h
        # Central differences leave h^2 and the integration error / h. At tau = 0 the function is even in tau.
        up, down = at(step), at(-step) if tau > 0 or i < 2 else at(step)
        slope = (up[0] - down[0]) / (2 * h)
        assert here.gradient[i] == pytest.approx(slope, abs=2e-5)
        if tau > 0:
            assert here.hessian[i] == pytest.approx((up[1] - down[1]) / (2 * h), abs=1e-4)
