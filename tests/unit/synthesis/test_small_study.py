from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau, linregress

from aftercar.foundation import InputError, NotPoolableError
from aftercar.synthesis.small_study import assess_asymmetry, assess_begg, assess_egger, assess_peters

RNG = np.random.default_rng(11)
SE = np.linspace(0.1, 0.8, 12)
DRIFT = 0.2 + 1.5 * SE + RNG.normal(0, 0.05, 12)
EVEN = 0.2 + RNG.normal(0, 0.05, 12)


def test_drift_of_small_studies_is_seen() -> None:
    for test in (assess_egger, assess_begg, assess_asymmetry):
        assert test(DRIFT, SE**2).p_value < 0.01
        assert test(EVEN, SE**2).p_value > 0.05


def test_egger_is_the_classical_regression() -> None:
    # Egger et al. 1997: standard normal deviate on precision; its intercept is the slope on the standard error here.
    line = linregress(1 / SE, DRIFT / SE)
    found = assess_egger(DRIFT, SE**2)
    assert found.statistic == pytest.approx(line.intercept / line.intercept_stderr, rel=1e-9)
    assert found.limit == pytest.approx(line.slope, rel=1e-9)


@pytest.mark.parametrize("k", [3, 9])
def test_fewer_than_ten_are_refused_unless_asked(k: int) -> None:
    x, n = np.arange(1, k + 1), np.arange(10, 10 + k)
    for run in (
        lambda **o: assess_egger(DRIFT[:k], SE[:k] ** 2, **o),
        lambda **o: assess_begg(DRIFT[:k], SE[:k] ** 2, **o),
        lambda **o: assess_asymmetry(DRIFT[:k], SE[:k] ** 2, **o),
        lambda **o: assess_peters(x, n, **o),
    ):
        with pytest.raises(NotPoolableError, match="fewer than 10"):
            run()
        assert run(minimum_k=3).k == k


def test_two_are_refused_whatever_is_asked() -> None:
    with pytest.raises(NotPoolableError):
        assess_egger(DRIFT[:2], SE[:2] ** 2, minimum_k=1)


def test_equal_precision_is_refused() -> None:
    with pytest.raises(NotPoolableError, match="same se"):
        assess_egger(DRIFT, np.full(12, 0.1))
    with pytest.raises(NotPoolableError, match="same variance"):
        assess_begg(DRIFT, np.full(12, 0.1))


def test_sizes_are_needed_for_sizes() -> None:
    with pytest.raises(InputError, match="needs the sizes"):
        assess_asymmetry(DRIFT, SE**2, predictor="inverse_size")
    with pytest.raises(InputError, match="do not match"):
        assess_asymmetry(DRIFT, SE**2, predictor="size", total=[1, 2])


def test_ties_are_told() -> None:
    vi = np.repeat([0.1, 0.2, 0.3, 0.4], 3)
    found = assess_begg(DRIFT, vi)
    centred = (DRIFT - np.average(DRIFT, weights=1 / vi)) / np.sqrt(vi - 1 / (1 / vi).sum())
    assert found.statistic == pytest.approx(kendalltau(centred, vi).statistic)
    assert "tied" in found.notes[0]
