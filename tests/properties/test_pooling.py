"""Laws that every pooled proportion keeps, whatever the counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aftercar.foundation import NotPoolableError
from aftercar.synthesis.exact import estimate_proportion
from aftercar.synthesis.pooling import pool_proportions
from aftercar.synthesis.results import PooledProportion
from aftercar.synthesis.small_study import assess_peters

CHOICES: list[dict[str, Any]] = [
    {"method": "glmm"},
    {"method": "glmm", "interval": "profile"},
    {"method": "fe"},
    {"method": "dl"},
    {"method": "reml"},
    {"method": "reml", "hksj": True},
    {"method": "pm", "scale": "arcsine"},
    {"method": "ml", "scale": "freeman-tukey"},
]
IDS = ["-".join(str(value) for value in choice.values()) for choice in CHOICES]


@st.composite
def cohorts(draw: st.DrawFn, least: int = 1) -> tuple[list[int], list[int]]:
    total = draw(st.lists(st.integers(1, 400), min_size=least, max_size=8))
    return [draw(st.integers(0, n)) for n in total], total


def pool(x: list[int], n: list[int], choices: dict[str, Any]) -> PooledProportion | None:
    try:
        return pool_proportions(x, n, **choices)
    except NotPoolableError:
        return None


@pytest.mark.parametrize("choices", CHOICES, ids=IDS)
@settings(max_examples=60, deadline=None)
@given(cohorts())
def test_limits_stand_in_order_inside_zero_and_one(choices: dict[str, Any], data: tuple[list[int], list[int]]) -> None:
    pooled = pool(*data, choices)
    if pooled is None:
        return
    figures = [pooled.ci_lb, pooled.estimate, pooled.ci_ub]
    if pooled.pi_lb is not None:
        figures = [pooled.pi_lb, *figures, pooled.pi_ub]
    assert np.all(np.isfinite(figures))
    assert figures[0] >= 0 and figures[-1] <= 1
    # Limits that are equal by the algebra may differ by rounding.
    assert np.all(np.diff(figures) >= -1e-9)


@pytest.mark.parametrize("choices", CHOICES, ids=IDS)
@settings(max_examples=40, deadline=None)
@given(cohorts(least=2), st.randoms(use_true_random=False))
def test_order_of_cohorts_changes_nothing(
    choices: dict[str, Any], data: tuple[list[int], list[int]], random: Any
) -> None:
    pairs = list(zip(*data, strict=True))
    random.shuffle(pairs)
    before, after = pool(*data, choices), pool([x for x, _ in pairs], [n for _, n in pairs], choices)
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        # Sums in another order, and for ML a likelihood flat to rounding where tau is nearly zero.
        assert after.estimate == pytest.approx(before.estimate, abs=2e-5)
        assert (after.ci_lb, after.ci_ub) == pytest.approx((before.ci_lb, before.ci_ub), abs=2e-4)


@pytest.mark.parametrize("choices", [c for c in CHOICES if c.get("scale") != "freeman-tukey"])
@settings(max_examples=40, deadline=None)
@given(cohorts(least=2))
def test_counting_the_others_mirrors_the_answer(choices: dict[str, Any], data: tuple[list[int], list[int]]) -> None:
    x, n = data
    there, mirror = pool(x, n, choices), pool([b - a for a, b in zip(x, n, strict=True)], n, choices)
    assert (there is None) == (mirror is None)
    if there is not None and mirror is not None:
        assert mirror.estimate == pytest.approx(1 - there.estimate, abs=2e-5)
        assert (mirror.ci_lb, mirror.ci_ub) == pytest.approx((1 - there.ci_ub, 1 - there.ci_lb), abs=2e-4)


@pytest.mark.parametrize("choices", [c for c in CHOICES if "scale" not in c])
@settings(max_examples=40, deadline=None)
@given(cohorts(least=2))
def test_pooled_lies_between_the_cohorts(choices: dict[str, Any], data: tuple[list[int], list[int]]) -> None:
    x, n = (np.array(values) for values in data)
    pooled = pool(x.tolist(), n.tolist(), choices)
    if pooled is None:
        return
    add = ((x == 0) | (x == n)) * (0.5 if choices["method"] != "glmm" else 0.0)
    observed = (x + add) / (n + 2 * add)
    assert observed.min() - 1e-9 <= pooled.estimate <= observed.max() + 1e-9


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 2000), st.floats(0, 1), st.sampled_from(["clopper-pearson", "wilson", "jeffreys"]))
def test_one_cohort(total: int, share: float, kind: Any) -> None:
    events = round(share * total)
    found = estimate_proportion(events, total, kind=kind)
    assert 0 <= found.ci_lb <= found.estimate <= found.ci_ub <= 1
    wider = estimate_proportion(events, total, kind=kind, level=0.99)
    assert wider.ci_lb <= found.ci_lb and found.ci_ub <= wider.ci_ub
    mirror = estimate_proportion(total - events, total, kind=kind)
    assert (mirror.ci_lb, mirror.ci_ub) == pytest.approx((1 - found.ci_ub, 1 - found.ci_lb), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(cohorts(least=3))
def test_peters_answers_or_refuses(data: tuple[list[int], list[int]]) -> None:
    try:
        found = assess_peters(*data, minimum_k=3)
    except NotPoolableError:
        return
    assert 0 <= found.p_value <= 1
