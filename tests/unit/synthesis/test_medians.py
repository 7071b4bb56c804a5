"""Pooled medians: weights by rule, what is left out and why, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aftercar.foundation import InputError, NotPoolableError
from aftercar.synthesis.medians import pool_medians

Z = 1.959963984540054  # normal quantile of 0.975


def test_equal_cohorts_by_hand() -> None:
    pooled = pool_medians([6, 6], [3, 3], [12, 12], interval="z")
    se = math.log(4) / (2 * Z)
    assert pooled.estimate == pytest.approx(6)
    assert pooled.se == pytest.approx(se / math.sqrt(2))
    assert pooled.ci_ub == pytest.approx(6 * math.exp(math.log(4) / (2 * math.sqrt(2))))


def test_fixed_weights_by_hand() -> None:
    pooled = pool_medians([4, 9], [2, 6], [8, 13.5], method="fe", interval="z")
    weights = [1 / math.log(4) ** 2, 1 / math.log(2.25) ** 2]
    expected = np.average(np.log([4, 9]), weights=weights)
    assert pooled.coefficient == pytest.approx(expected)
    assert [row.weight for row in pooled.used] == pytest.approx([100 * w / sum(weights) for w in weights])


def test_level_of_the_reported_interval_counts() -> None:
    wide = pool_medians([6], [3], [12], 0.95).used[0].se_log
    narrow = pool_medians([6], [3], [12], 0.8).used[0].se_log
    assert narrow / wide == pytest.approx(Z / 1.2815515655446004)  # normal quantile of 0.9


def test_one_cohort_is_itself() -> None:
    pooled = pool_medians([6], [3], [12])
    assert (pooled.estimate, pooled.ci_lb, pooled.ci_ub) == pytest.approx((6, 3, 12))
    assert pooled.pi_lb is None


@pytest.mark.parametrize("upper", [np.nan, np.inf, None])
def test_upper_limit_not_reached_is_weighed_by_the_lower(upper: float | None) -> None:
    pooled = pool_medians([8, 6], [4, 3], [upper, 12], labels=["A", "B"])
    assert pooled.used[0].se_rule == "lower limit"
    assert pooled.used[0].se_log == pytest.approx(math.log(2) / Z)
    assert "upper limit was not reached in A" in " ".join(pooled.notes)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((None, 5, None), "the median was not reached"),
        ((np.inf, 5, np.inf), "the median was not reached"),
        ((9, None, None), "no interval was reported"),
        ((9, None, 20), "no lower limit was reported"),
        ((9, 0, 20), "the lower limit is 0"),
        ((9, 9, 9), "the limits have no width"),
        ((9, 9, None), "the limits have no width"),
    ],
)
def test_what_cannot_be_weighed_is_listed_with_the_reason(row: tuple, reason: str) -> None:
    pooled = pool_medians([6, row[0]], [3, row[1]], [12, row[2]], labels=["A", "B"])
    assert (pooled.k, [one.label for one in pooled.used]) == (1, ["A"])
    assert [one.label for one in pooled.left_out] == ["B"]
    assert reason in pooled.left_out[0].reason


def test_leaving_out_medians_not_reached_is_called_pessimistic() -> None:
    assert "pessimistic" in " ".join(pool_medians([6, None], [3, 8], [12, None]).notes)


def test_exponential_is_taken_only_when_asked() -> None:
    rows = {"median": [6, 9], "ci_lb": [3, None], "ci_ub": [12, None]}
    assert pool_medians(**rows, events=[10, 16]).k == 1
    pooled = pool_medians(**rows, events=[10, 16], exponential=True)
    assert [row.se_rule for row in pooled.used] == ["both limits", "exponential"]  # an interval goes before events
    assert pooled.used[1].se_log == 0.25  # 1 / √16
    assert "constant hazard" in " ".join(pooled.notes)
    assert pool_medians(**rows, events=[10, None], exponential=True).k == 1
    assert pool_medians(**rows, exponential=True).k == 1


def test_exponential_error_is_that_of_simulated_cohorts() -> None:
    """Log of ln 2 · total time / events, without censoring, over 4,000 cohorts of 25: standard deviation 1/5."""
    rng = np.random.default_rng(11)
    logs = np.log(np.log(2) * rng.exponential(1.0, (4000, 25)).mean(axis=1))
    assigned = pool_medians([1], [None], [None], events=[25], exponential=True).used[0].se_log
    # 4 %: Monte-Carlo error of a standard deviation from 4,000 draws (1.1 %) and the skewness at 25 events (2 %).
    assert logs.std() == pytest.approx(assigned, rel=0.04)


def test_two_cohorts_are_warned_of() -> None:
    assert "one degree of freedom" in " ".join(pool_medians([6, 8], [3, 5], [12, 13]).notes)
    assert "one degree of freedom" not in " ".join(pool_medians([6, 8], [3, 5], [12, 13], interval="z").notes)


def test_method_card_names_the_choices() -> None:
    card = pool_medians([6], [3], [12]).method_card
    assert card["no interval reported"] == "not pooled"
    assert card["tau2"] == "reml"


def test_nothing_to_pool_is_refused_with_the_reasons() -> None:
    with pytest.raises(NotPoolableError, match=r"A: no interval.*B: the median was not reached.*rebuild the curves"):
        pool_medians([6, None], [None, 3], [None, None], labels=["A", "B"])


@pytest.mark.parametrize(
    ("median", "lower", "upper", "options", "words"),
    [
        ([6], [7], [12], {}, "outside its limits"),
        ([6], [3], [5], {}, "outside its limits"),
        ([-6], [-8], [12], {}, "has median -6"),
        ([0], [0], [12], {}, "has median 0"),
        ([6, 7], [3], [12], {}, "the columns have shapes"),
        ([6], [3], [12], {"labels": ["A", "B"]}, "the columns have shapes"),
        ([6], [3], [12], {"level": 95}, "interval of level 95"),
        ([6], [3], [12], {"events": [2.5]}, "has 2.5 events"),
        ([6], [3], [12], {"pooled_level": 0}, "not a level of confidence"),
        ([6], [3], [12], {"method": "best"}, "'best' is not known"),
        (["six"], [3], [12], {}, "a value is not a number"),
        ([], [], [], {}, "the columns have shapes"),
    ],
)
def test_input_that_cannot_be_right(median: list, lower: list, upper: list, options: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        pool_medians(median, lower, upper, **options)
