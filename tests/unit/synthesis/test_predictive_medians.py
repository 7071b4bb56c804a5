"""Laws of a reported median: closed forms, not reached, scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from aftercar.foundation import InputError, NotPoolableError
from aftercar.synthesis.predictive_medians import (
    EDGES,
    LAST_MONTH,
    MedianPriors,
    ReportedMedian,
    bounds,
    log_error,
    make_law,
    middle,
    predict_new_median,
    score_crps,
    score_log,
)

FINE = np.geomspace(0.01, 2000, 200_000)


def lognormal(centre: float, sd: float):
    return make_law(FINE, norm.cdf(np.log(FINE), math.log(centre), sd))


def test_one_shared_median_is_the_conjugate_normal() -> None:
    priors = MedianPriors(math.log(6), 1.5, 0.0)
    law = predict_new_median([ReportedMedian(4.0, 0.3), ReportedMedian(5.0, 0.2)], 0.4, priors=priors)
    precision = 1 / 1.5**2 + 1 / 0.3**2 + 1 / 0.2**2
    mean = (math.log(6) / 1.5**2 + math.log(4) / 0.3**2 + math.log(5) / 0.2**2) / precision
    np.testing.assert_allclose(law.below, norm.cdf(np.log(EDGES), mean, math.hypot(0.4, precision**-0.5)), atol=1e-5)


def test_a_spread_that_is_not_known_makes_the_prediction_wider_and_apart_lying_cohorts_wider_still() -> None:
    alike = [ReportedMedian(5.0, 0.1)] * 6
    apart = [ReportedMedian(value, 0.1) for value in (1.0, 2.0, 4.0, 6.0, 12.0, 20.0)]
    shared = predict_new_median(alike, 0.1, priors=MedianPriors(tau_scale=0.0))
    widths = [np.diff(np.log(middle(law, 0.5)))[0] for law in (
        shared, predict_new_median(alike, 0.1), predict_new_median(apart, 0.1),
    )]  # fmt: skip
    assert widths[0] < widths[1] < widths[2]


def test_a_median_that_was_not_reached_is_evidence_of_a_long_one() -> None:
    short, long = (
        predict_new_median([ReportedMedian(4.0, 0.3), other], 0.3).quantile(0.5)
        for other in (ReportedMedian(12.0, 0.3), ReportedMedian(None, 0.3, 12.0))
    )
    assert 4 < short < long
    assert predict_new_median([ReportedMedian(None, 0.3, 1.0)], 0.3).quantile(0.5) > 6  # hardly news
    with pytest.raises(NotPoolableError):
        predict_new_median([], 0.3)


def test_the_log_score_is_a_density_on_log_months() -> None:
    law = lognormal(5.0, 0.4)
    for seen in (2.0, 5.0, 9.0):
        exact = norm.logpdf(math.log(seen), math.log(5), 0.4)
        assert score_log(law, ReportedMedian(seen, 0.1)) == pytest.approx(exact, abs=0.15)  # bins of a tenth
    inside = np.exp([score_log(law, ReportedMedian(value, 0.1)) for value in np.sqrt(EDGES[1:] * EDGES[:-1])])
    beyond = 1 - law.below[-1] + law.below[0]
    assert float(np.sum(inside * np.diff(np.log(EDGES))) + beyond) == pytest.approx(1, abs=1e-9)


def test_not_reached_is_scored_by_the_probability_of_that() -> None:
    law = lognormal(8.0, 0.5)
    late = ReportedMedian(None, 0.1, 10.0)
    exact = norm.sf(math.log(10), math.log(8), 0.5)
    assert score_log(law, late) == pytest.approx(math.log(exact), abs=0.02)
    assert bounds(law, late) == pytest.approx((1 - exact, 1.0), abs=0.005)
    beyond = ReportedMedian(30.0, 0.1)
    assert score_log(law, beyond) == pytest.approx(norm.logsf(math.log(LAST_MONTH), math.log(8), 0.5), abs=0.02)
    short, long = lognormal(3.0, 0.5), lognormal(20.0, 0.5)
    assert score_log(short, late) < score_log(long, late) and score_crps(short, late) > score_crps(long, late)


def test_crps_is_that_of_a_normal_on_the_log_scale() -> None:
    sd, centre = 0.3, 5.0
    for seen in (3.0, 5.0, 7.0):
        z = (math.log(seen) - math.log(centre)) / sd
        exact = sd * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / math.sqrt(math.pi))
        assert score_crps(lognormal(centre, sd), ReportedMedian(seen, 0.1)) == pytest.approx(exact, abs=0.003)


def test_nothing_is_impossible_and_limits_beyond_follow_up_are_open() -> None:
    certain = make_law([4.0, 4.01], [0.0, 1.0])
    assert np.isfinite(score_log(certain, ReportedMedian(19.0, 0.1)))
    assert math.isinf(middle(lognormal(15.0, 1.0), 0.9)[1])
    smooth = make_law([4.0, 4.01], [0.0, 1.0], smooth=0.15)
    assert np.diff(np.log(middle(smooth, 0.68)))[0] == pytest.approx(2 * 0.15, abs=0.05)


def test_the_error_of_a_median_is_that_of_samples_of_an_exponential() -> None:
    draws = np.random.default_rng(1).exponential(size=(20_000, 101))
    assert float(np.log(np.median(draws, axis=1)).std()) == pytest.approx(log_error(101), rel=0.03)
    with pytest.raises(InputError, match="0 patients"):
        log_error(0)
    with pytest.raises(InputError, match="not times with probabilities"):
        make_law([1.0], [2.0])
