"""Certainty of pooled rates: where it starts, what lowers it, what raises it, and where it stops."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aftercar.foundation import InputError
from aftercar.synthesis.certainty import PooledEvidence, describe_evidence, rate_certainty
from aftercar.synthesis.risk_of_bias import CohortFeatures, judge_bias

SOUND = PooledEvidence(
    totals=(30, 30), bias=("low", "some"), directness=("low", "low"), ci_lb=0.4, ci_ub=0.6, pi_lb=0.3, pi_ub=0.7
)
STRONG = PooledEvidence(
    totals=(60,) * 5, bias=("low",) * 5, directness=("low",) * 5, ci_lb=0.4, ci_ub=0.5, pi_lb=0.35, pi_ub=0.6
)


def test_it_starts_at_low() -> None:
    rating = rate_certainty(SOUND)
    assert rating.level == "low" and rating.concerns == ()
    assert len(rating.reasons) == 5


@pytest.mark.parametrize(
    ("change", "domain"),
    [
        ({"bias": ("high", "high")}, "risk of bias"),
        ({"pi_lb": 0.2, "pi_ub": 0.71}, "inconsistency"),
        ({"pi_lb": None, "pi_ub": None, "i2": 80.0}, "inconsistency"),
        ({"directness": ("high", "high")}, "indirectness"),
        ({"ci_lb": 0.3, "ci_ub": 0.71}, "imprecision"),
        ({"totals": (14, 15)}, "imprecision"),
        ({"totals": (9,) * 4, "bias": ("low",) * 4, "directness": ("low",) * 4}, "small-study effects"),
        (
            {"totals": (30,) * 10, "bias": ("some",) * 10, "directness": ("low",) * 10, "small_study_p": 0.05},
            "small-study effects",
        ),
    ],
)
def test_each_concern_lowers_it_and_says_why(change: dict[str, object], domain: str) -> None:
    rating = rate_certainty(replace(SOUND, **change))  # type: ignore[arg-type]
    assert rating.level == "very low"
    assert [one.domain for one in rating.concerns] == [domain]
    assert len(rating.concerns[0].reason) > 40


def test_patients_not_cohorts_are_weighed() -> None:
    mixed = replace(SOUND, totals=(100, 10), bias=("low", "high"), directness=("low", "high"))
    assert rate_certainty(mixed).concerns == ()


def test_half_is_not_most_and_the_limits_themselves_are_no_concern() -> None:
    at_limits = replace(SOUND, bias=("high", "low"), pi_lb=0.25, pi_ub=0.75, ci_lb=0.3, ci_ub=0.7, totals=(15, 15))
    assert rate_certainty(at_limits).concerns == ()


def test_it_never_falls_below_very_low_but_tells_every_concern() -> None:
    bad = PooledEvidence((4, 3), ("high", "high"), ("high", "high"), 0.1, 0.9, 0.02, 0.98)
    rating = rate_certainty(bad)
    assert rating.level == "very low" and len(rating.concerns) == 5


def test_a_strong_body_rises_to_moderate_and_no_further() -> None:
    rating = rate_certainty(STRONG)
    assert rating.level == "moderate"
    assert "raised" in rating.reasons[-1]
    vast = replace(STRONG, totals=(10_000,) * 5, ci_lb=0.45, ci_ub=0.46, pi_lb=0.44, pi_ub=0.47)
    assert rate_certainty(vast).level == "moderate"
    assert rate_certainty(replace(STRONG, totals=(39,) * 5)).level == "low"
    assert rate_certainty(replace(STRONG, bias=("low", "low", "low", "some", "some"))).level == "low"


def test_a_small_test_of_few_cohorts_is_not_used() -> None:
    assert rate_certainty(replace(SOUND, small_study_p=0.001)).concerns == ()


def test_a_single_cohort_is_not_called_consistent() -> None:
    single = PooledEvidence((40,), ("low",), ("low",), 0.4, 0.6)
    assert any("cannot be judged" in reason for reason in rate_certainty(single).reasons)


def test_evidence_is_gathered_from_assessments() -> None:
    features = CohortFeatures("retrospective", 8, "reported", "patient", "mixed", "review", "against_review_text")
    evidence = describe_evidence([judge_bias(features)], [8], ci=(0.1, 0.6))
    assert evidence.bias == ("high",) and evidence.directness == ("high",)
    assert {one.domain for one in rate_certainty(evidence).concerns} >= {"risk of bias", "indirectness", "imprecision"}


def test_columns_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="Give one of each"):
        rate_certainty(replace(SOUND, bias=("low",)))
    with pytest.raises(InputError, match="levels fine"):
        rate_certainty(replace(SOUND, bias=("low", "fine")))
    with pytest.raises(InputError, match="proportions, lower first"):
        rate_certainty(replace(SOUND, ci_lb=40.0, ci_ub=60.0))
    with pytest.raises(InputError):
        rate_certainty(PooledEvidence((), (), (), 0.1, 0.2))
