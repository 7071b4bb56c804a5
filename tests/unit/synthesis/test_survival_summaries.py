"""Quantiles, restricted means and follow-up: the rules at their edges."""

from __future__ import annotations

import numpy as np
import pytest

from aftercar.foundation import InputError
from aftercar.synthesis.kaplan_meier import fit_kaplan_meier
from aftercar.synthesis.survival_summaries import (
    median_survival,
    restricted_mean,
    restricted_mean_difference,
    reverse_kaplan_meier,
    survival_quantile,
)


@pytest.mark.parametrize(
    ("time", "event", "median"),
    [
        ([1, 2, 3, 4], [1, 1, 1, 1], 2.5),  # flat at one half from 2 to 3
        ([1, 2, 3, 4, 5, 6], [1, 1, 1, 0, 1, 1], 4.0),  # flat from 3 to 5; the censoring at 4 ends nothing
        ([1, 2, 3, 4], [1, 1, 0, 0], 3.0),  # flat from 2 to the end, 4
        ([1, 2, 2, 2], [1, 1, 0, 0], 2.0),  # flat at the last time itself
        ([1, 2, 2.5, 3, 4, 5], [1, 1, 0, 1, 1, 1], 3.0),  # crossed, not met
        ([1, 2, 3], [1, 0, 0], None),  # not reached
    ],
)
def test_median_where_the_curve_is_flat_at_one_half(time: list, event: list, median: float | None) -> None:
    """Origin: R 4.2.2, survival 3.5-3: quantile(survfit(Surv(time, event) ~ 1), .5) on the same data."""
    assert median_survival(fit_kaplan_meier(time, event)).estimate == median


def test_rounding_does_not_hide_a_flat_piece_at_one_half() -> None:
    """S after 7 of 14 events is a product of fractions that may miss 0.5 in the last bit."""
    for n in range(2, 60, 2):
        times = np.arange(1, n + 1)
        assert median_survival(fit_kaplan_meier(times, np.ones(n))).estimate == n / 2 + 0.5


def test_quantile_names_its_interval() -> None:
    quantile = survival_quantile(fit_kaplan_meier([1, 2, 3], [1, 1, 1], conf_type="plain", level=0.9), 0.25)
    assert (quantile.probability, quantile.conf_type, quantile.level) == (0.25, "plain", 0.9)


@pytest.mark.parametrize("probability", [0, 1, -0.5, 50])
def test_quantile_of_no_probability(probability: float) -> None:
    with pytest.raises(InputError, match="share between 0 and 1"):
        survival_quantile(fit_kaplan_meier([1], [1]), probability)


def test_restricted_mean_by_hand() -> None:
    mean = restricted_mean(fit_kaplan_meier([1, 2, 3], [1, 0, 1]), tau=2.5)
    assert mean.estimate == pytest.approx(1 + 1.5 * 2 / 3)
    # One event before tau: area left 1.0, d / (n (n - d)) = 1 / 6.
    assert mean.se == pytest.approx(np.sqrt(1 / 6))
    assert (mean.ci_lb, mean.ci_ub) == pytest.approx((1.2, 2.5), abs=1e-3)  # 2 ± 1.96 · 0.408, cut at tau


def test_restricted_mean_error_is_not_the_spread_of_patients() -> None:
    """lifelines 0.30.3 gives the variance of the event time itself (issue 1682): 120.5 instead of 10.36 on lung."""
    rng = np.random.default_rng(1)
    times = rng.exponential(10, 400)
    mean = restricted_mean(fit_kaplan_meier(times, np.ones(400)), tau=20.0)
    assert mean.se == pytest.approx(np.minimum(times, 20).std() / 20, rel=1e-9)  # √400 = 20


def test_horizon_beyond_follow_up_is_refused() -> None:
    with pytest.raises(InputError, match="Choose a tau of 3 or less"):
        restricted_mean(fit_kaplan_meier([1, 3], [1, 0]), tau=3.5)


def test_horizon_after_the_curve_is_zero_is_known() -> None:
    curve = fit_kaplan_meier([1, 3], [1, 1])
    assert restricted_mean(curve, tau=10).estimate == restricted_mean(curve, tau=3).estimate == 2


@pytest.mark.parametrize("tau", [0, -1, np.nan, np.inf])
def test_horizon_that_is_none(tau: float) -> None:
    with pytest.raises(InputError, match="horizon above 0"):
        restricted_mean(fit_kaplan_meier([1], [1]), tau=tau)


def test_difference_of_a_group_with_itself_is_zero() -> None:
    curve = fit_kaplan_meier([1, 2, 4, 6], [1, 1, 0, 1])
    difference = restricted_mean_difference(curve, curve, tau=5)
    assert (difference.estimate, difference.p) == (0, 1)
    assert difference.se == pytest.approx(np.sqrt(2) * restricted_mean(curve, tau=5).se)


def test_difference_is_first_less_second() -> None:
    short, long = fit_kaplan_meier([1, 2, 3], [1, 1, 1]), fit_kaplan_meier([4, 5, 6], [1, 1, 1])
    assert restricted_mean_difference(long, short, tau=6).estimate > 0


def test_difference_without_any_spread_is_refused() -> None:
    curve = fit_kaplan_meier([5, 6], [1, 0])
    with pytest.raises(InputError, match="Choose a later tau"):
        restricted_mean_difference(curve, curve, tau=2)


def test_reverse_kaplan_meier_swaps_event_and_censoring() -> None:
    follow_up = reverse_kaplan_meier([1, 2, 3, 4], [1, 0, 0, 0])
    assert follow_up.n_events == 3
    assert follow_up.estimate == 3  # 2/3 after 2, 1/3 after 3
