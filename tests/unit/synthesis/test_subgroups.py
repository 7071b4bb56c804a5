from __future__ import annotations

import numpy as np
import pytest

from aftercar.foundation import InputError, NotPoolableError
from aftercar.synthesis.pooling import pool_proportions
from aftercar.synthesis.subgroups import pool_subgroups

X, N = [6, 4, 5, 5, 21, 2, 4, 7], [28, 4, 7, 5, 28, 11, 9, 10]
GROUPS = ["bcma", "bcma", "bcma", "gprc5d", "gprc5d", "other", "other", "gprc5d"]


def test_groups_are_pooled_apart() -> None:
    found = pool_subgroups(GROUPS, X, N)
    assert list(found.groups) == ["bcma", "gprc5d", "other"]
    assert found.groups["bcma"].estimate == pool_proportions(X[:3], N[:3]).estimate
    assert found.df == 2 and 0 < found.p_value < 1


@pytest.mark.parametrize("choices", [{"method": "glmm"}, {"method": "reml"}, {"method": "reml", "hksj": True}])
def test_the_same_cohorts_twice_do_not_differ(choices: dict[str, object]) -> None:
    x, n = [3, 9, 5, 12], [10, 20, 12, 20]
    found = pool_subgroups(["a"] * 4 + ["b"] * 4, x + x, n + n, **choices)  # type: ignore[arg-type]
    assert found.statistic == pytest.approx(0, abs=1e-8) and found.p_value == pytest.approx(1, abs=1e-4)


def test_separate_tau2_by_hand() -> None:
    found = pool_subgroups(["a"] * 4 + ["b"] * 4, X, N, method="dl", tau2="separate")
    a, b = found.groups.values()
    z = (a.coefficient - b.coefficient) / np.hypot(a.se, b.se)
    assert found.statistic == pytest.approx(z**2, rel=1e-10)


def test_a_group_without_responders_is_tested_by_its_limit() -> None:
    # Two groups of one common proportion each: the test is the deviance of a 2 x 2 table with an empty cell.
    x, n = [0, 0, 5, 6], [10, 10, 10, 10]
    found = pool_subgroups(["a", "a", "b", "b"], x, n)
    p = 11 / 40
    deviance = 2 * (20 * np.log(1 / (1 - p)) + 11 * np.log(0.55 / p) + 9 * np.log(0.45 / (1 - p)))
    pooled = pool_proportions(x, n)
    # One tau2 for all is above zero in the smaller model, which then explains part of the difference.
    assert 0 < found.statistic < deviance and pooled.heterogeneity.tau2 > 0
    assert found.groups["a"].estimate == 0


def test_no_comparison_of_one() -> None:
    with pytest.raises(NotPoolableError, match="nothing to compare"):
        pool_subgroups(["a"] * 8, X, N)
    with pytest.raises(NotPoolableError, match="one cohort"):
        pool_subgroups(["a"] * 7 + ["b"], X, N, tau2="separate")
    with pytest.raises(NotPoolableError, match='"reml"'):
        pool_subgroups(["a", "a", "b", "b"], [3, 3, 0, 0], [3, 3, 4, 4])
    with pytest.raises(InputError):
        pool_subgroups(["a"], X, N)
    with pytest.raises(InputError, match="cohort 2 has no group"):
        pool_subgroups(["a", "", *["b"] * 6], X, N)


def test_bayesian_groups_have_no_test() -> None:
    found = pool_subgroups(["a"] * 4 + ["b"] * 4, X, N, method="bayes")
    assert found.p_value is None and found.notes
