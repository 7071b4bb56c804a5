from __future__ import annotations

import json
import math

import pytest

from aftercar.foundation import InputError, NotPoolableError
from aftercar.synthesis.pooling import METHODS, pool_proportions

X, N = [6, 4, 5, 5, 21, 2, 4, 7], [28, 4, 7, 5, 28, 11, 9, 10]
FREQUENTIST = tuple(method for method in METHODS if method != "bayes")


@pytest.mark.parametrize("method", METHODS)
def test_one_cohort_is_exact_whatever_the_method(method: str) -> None:
    pooled = pool_proportions([6], [28], method=method)  # type: ignore[arg-type]
    assert (pooled.method, pooled.k, pooled.pi_lb) == ("exact", 1, None)
    # R 4.2.2: binom.test(6, 28)$conf.int.
    assert (pooled.ci_lb, pooled.ci_ub) == pytest.approx((0.0830, 0.4095), abs=5e-5)
    assert pooled.method_card["asked_for"] == method and "One cohort" in pooled.notes[0]


@pytest.mark.parametrize(("x", "estimate"), [([0, 0, 0], 0.0), ([4, 20, 7], 1.0)])
def test_all_at_one_end_is_the_summed_counts(x: list[int], estimate: float) -> None:
    pooled = pool_proportions(x, [4, 20, 7])
    assert (pooled.method, pooled.estimate, pooled.pi_lb, pooled.heterogeneity) == ("exact", estimate, None, None)
    # Clopper-Pearson of 0/31 or 31/31 in closed form.
    width = 1 - 0.025 ** (1 / 31)
    assert pooled.ci_ub - pooled.ci_lb == pytest.approx(width, rel=1e-9)
    assert "tau2" in pooled.notes[0]


def test_single_patients_are_the_summed_counts() -> None:
    pooled = pool_proportions([1, 0, 1, 1], [1, 1, 1, 1])
    assert (pooled.method, pooled.estimate, pooled.total) == ("exact", 0.75, 4)


def test_cohorts_at_both_ends_have_no_glmm() -> None:
    with pytest.raises(NotPoolableError, match='method "bayes"'):
        pool_proportions([4, 0], [4, 3])
    assert 0 < pool_proportions([4, 0], [4, 3], method="reml").estimate < 1


@pytest.mark.parametrize("method", FREQUENTIST)
def test_the_order_of_limits(method: str) -> None:
    pooled = pool_proportions(X, N, method=method)  # type: ignore[arg-type]
    assert 0 <= pooled.ci_lb <= pooled.estimate <= pooled.ci_ub <= 1
    if pooled.pi_lb is not None:
        assert 0 <= pooled.pi_lb <= pooled.ci_lb and pooled.ci_ub <= pooled.pi_ub <= 1
    assert sum(pooled.weights) == pytest.approx(100)
    assert (pooled.events, pooled.total, pooled.k) == (54, 102, 8)


def test_default_interval_of_the_glmm_is_student() -> None:
    default, student, normal = pool_proportions(X, N), *(pool_proportions(X, N, interval=i) for i in ("t", "z"))
    assert (default.ci_lb, default.ci_ub) == (student.ci_lb, student.ci_ub)
    assert default.ci_ub - default.ci_lb > normal.ci_ub - normal.ci_lb
    assert "7 degrees of freedom" in default.method_card["interval"]


def test_two_cohorts_do_not_span_everything() -> None:
    # On 1 degree of freedom the interval of 4/5 and 5/6 is 0.0002 to 0.99999.
    default, student = pool_proportions([4, 5], [5, 6]), pool_proportions([4, 5], [5, 6], interval="t")
    assert default.ci_ub - default.ci_lb < 0.9 < student.ci_ub - student.ci_lb


@pytest.mark.parametrize(
    "choices",
    [
        {"method": "glmm", "hksj": True},
        {"method": "glmm", "interval": "hksj"},
        {"method": "glmm", "scale": "arcsine"},
        {"method": "bayes", "interval": "z"},
        {"method": "bayes", "scale": "arcsine"},
        {"method": "reml", "interval": "profile"},
        {"method": "reml", "interval": "z", "hksj": True},
        {"method": "remel"},
        {"scale": "raw"},
        {"interval": "wald"},
        {"level": 95},
    ],
)
def test_choices_that_do_not_go_together(choices: dict[str, object]) -> None:
    with pytest.raises(InputError):
        pool_proportions(X, N, **choices)  # type: ignore[arg-type]


def test_corrections_are_told() -> None:
    assert "2 of 8 cohorts" in pool_proportions(X, N, method="reml").notes[0]
    assert "correction of 1/2, not from the data" in pool_proportions([0, 0], [5, 9], method="dl").notes[0]
    assert pool_proportions(X, N, method="reml", scale="arcsine").notes == ()
    assert "harmonic mean" in pool_proportions(X, N, method="reml", scale="freeman-tukey").notes[0]


def test_counts_are_checked_before_anything_else() -> None:
    for events, total in (([5], [4]), ([1, 2], [3, 0]), ([1, math.nan], [3, 4])):
        with pytest.raises(InputError):
            pool_proportions(events, total)
    with pytest.raises(NotPoolableError):
        pool_proportions([], [])


def test_result_goes_into_json() -> None:
    assert json.loads(json.dumps(pool_proportions(X, N).to_dict()))["k"] == 8
