"""The interval over parameter sets recovers the law that the sets were drawn from, where raw set values do not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, lognorm

from aftercar.foundation import draw_stream
from aftercar.patients.parameter_spread import draw_together, spread_of_levels, spread_of_share
from aftercar.trials.survival_spread import spread_of_median, spread_of_restricted_mean

SETS, PATIENTS, REPEATS, LEVEL = 60, 25, 60, 0.90
TAILS = (0.05, 0.95)
IDS = np.repeat(np.arange(SETS), PATIENTS)


def naive(values: np.ndarray) -> list[float]:
    return np.quantile(values, TAILS).tolist()


def judge(found: list[tuple[tuple[float, float], list[float]]], truth: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean errors (bias) of both limits, of the interval and of the raw quantiles."""
    ours, raw = (np.array([pair[place] for pair in found], dtype=float) for place in (0, 1))
    return ours.mean(axis=0) - truth, raw.mean(axis=0) - truth


@pytest.mark.parametrize("law", [(12.0, 12.0), (4.0, 16.0)], ids=["symmetric", "skewed"])
def test_shares(law: tuple[float, float]) -> None:
    truth = beta(*law).ppf(TAILS).tolist()
    found = []
    for repeat in range(REPEATS):
        rng = draw_stream(1, "spread of shares", repeat)
        events = rng.uniform(size=IDS.size) < rng.beta(*law, SETS)[IDS]
        found.append((spread_of_share(events, IDS, level=LEVEL), naive(events.reshape(SETS, PATIENTS).mean(axis=1))))
    ours, raw = judge(found, truth)
    width = truth[1] - truth[0]
    assert np.abs(ours).max() < 0.06 * width  # no bias beyond a twentieth of the interval
    assert raw[1] - raw[0] > 0.15 * width  # the raw one is too wide, and the test could tell
    assert np.abs(ours).sum() < 0.5 * np.abs(raw).sum()


def test_medians_and_restricted_means_of_censored_times() -> None:
    """Exponential times whose medians follow a lognormal law; some of the patients are censored."""
    law = lognorm(0.25, scale=200.0)
    truth = law.ppf(TAILS).tolist()
    rates = np.log(2) / np.array(truth)
    means = ((1 - np.exp(-rates * 300)) / rates).tolist()
    medians, restricted = [], []
    for repeat in range(REPEATS):
        rng = draw_stream(1, "spread of medians", repeat)
        time = rng.exponential(law.rvs(SETS, random_state=rng)[IDS] / np.log(2))
        records = pd.DataFrame({"duration": np.minimum(time, 700) + 0.01, "event": time < 700})
        raw = np.median(records["duration"].to_numpy().reshape(SETS, PATIENTS), axis=1)
        medians.append((spread_of_median(records, IDS, level=LEVEL), naive(raw)))
        raw = np.minimum(records["duration"], 300).to_numpy().reshape(SETS, PATIENTS).mean(axis=1)
        restricted.append((spread_of_restricted_mean(records, IDS, tau=300, level=LEVEL), naive(raw)))
    for found, true in ((medians, truth), (restricted, means)):
        ours, raw = judge(found, true)
        assert np.abs(ours).max() < 0.10 * (true[1] - true[0])
        assert np.abs(ours).sum() < 0.5 * np.abs(raw).sum()


@pytest.mark.parametrize("within", [0.8, 3.0], ids=["patients alike", "patients far apart"])
def test_medians_of_levels(within: float) -> None:
    """Lognormal levels, far below some limit as none at all; medians of the sets follow a lognormal law."""
    law = lognorm(0.7, scale=1e9)
    truth = np.log(law.ppf(TAILS)).tolist()
    found = []
    for repeat in range(REPEATS):
        rng = draw_stream(1, "spread of levels", repeat)
        levels = law.rvs(SETS, random_state=rng)[IDS] * np.exp(within * rng.normal(size=IDS.size))
        levels = np.where(levels < 3e7, 0.0, levels)
        low, high = spread_of_levels(levels[:, None], IDS, level=LEVEL)
        raw = np.log(naive(np.median(levels.reshape(SETS, PATIENTS), axis=1)))
        found.append(((float(np.log(low[0])), float(np.log(high[0]))), raw.tolist()))
    ours, raw = judge(found, truth)
    assert np.abs(ours).max() < 0.10 * (truth[1] - truth[0])
    assert np.abs(ours).sum() < 0.5 * np.abs(raw).sum() or within < 1


def test_levels_need_more_patients_than_sets_and_whole_courses() -> None:
    rng = draw_stream(1, "few levels")
    levels = rng.lognormal(size=(40, 3))
    for sets in (np.arange(40), np.ones(40)):
        assert np.isnan(spread_of_levels(levels, sets, level=LEVEL)).all()
    broken = np.vstack([levels, np.full((1, 3), np.nan)])
    whole = spread_of_levels(levels, np.arange(40) % 4, level=LEVEL)
    np.testing.assert_array_equal(spread_of_levels(broken, np.append(np.arange(40) % 4, 1), level=LEVEL), whole)


def test_without_spread_between_sets_the_interval_collapses() -> None:
    widths: dict[str, list[tuple[float, float]]] = {"share": [], "median": [], "level": []}
    for repeat in range(REPEATS):
        rng = draw_stream(1, "no spread", repeat)
        events = rng.uniform(size=IDS.size) < 0.4
        low, high = spread_of_share(events, IDS, level=LEVEL)
        widths["share"].append((high - low, np.ptp(naive(events.reshape(SETS, PATIENTS).mean(axis=1)))))
        records = pd.DataFrame({"duration": rng.exponential(200, IDS.size) + 0.01, "event": True})
        low, high = spread_of_median(records, IDS, level=LEVEL)
        raw = np.median(records["duration"].to_numpy().reshape(SETS, PATIENTS), axis=1)
        widths["median"].append((high - low, np.ptp(naive(raw))))
        lower, upper = spread_of_levels(records[["duration"]].to_numpy(), IDS, level=LEVEL)
        widths["level"].append((float(upper[0] - lower[0]), np.ptp(naive(raw))))
    for pairs in widths.values():
        ours, raw = np.array(pairs).T
        assert np.median(ours) < 0.15 * np.median(raw)
        assert ours.mean() < 0.35 * raw.mean()


def test_with_endless_patients_nothing_is_drawn_together() -> None:
    shares = np.array([0.1, 0.25, 0.5])
    drawn = draw_together(shares, shares * (1 - shares) / 1e9, [1e9] * 3)
    np.testing.assert_allclose(drawn, shares, rtol=1e-6)


def test_drawn_values_spread_as_the_variance_component_says() -> None:
    """Balanced sets: τ² is that of the analysis of variance, and the drawn values have it as their variance."""
    rng = draw_stream(1, "components")
    y, v, n = rng.normal(0, 2, 40), rng.uniform(0.5, 1.5, 40), np.full(40, 20)
    drawn = draw_together(y, v, n)
    assert drawn.var(ddof=1) == pytest.approx(y.var(ddof=1) * (1 - v.mean() / y.var(ddof=1)), rel=1e-12)
    assert drawn.mean() == pytest.approx(y.mean(), rel=1e-12)


def test_medians_that_some_sets_do_not_reach_leave_the_upper_limit_open() -> None:
    rng = draw_stream(1, "not reached")
    scale = np.where(np.arange(SETS) < SETS // 3, 4000.0, 200.0)[IDS]
    time = rng.exponential(scale)
    records = pd.DataFrame({"duration": np.minimum(time, 730) + 0.01, "event": time < 730})
    low, high = spread_of_median(records, IDS, level=LEVEL)
    assert 100 < low < 200 and np.isnan(high)
