"""Certainty of a pooled rate from single-arm cohorts, by thresholds that stand in `rules/certainty.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from aftercar.foundation import Fault, InputError
from aftercar.synthesis.risk_of_bias import LEVELS as BIAS_LEVELS
from aftercar.synthesis.risk_of_bias import BiasAssessment


@dataclass(frozen=True, slots=True)
class PooledEvidence:
    """What the rating looks at.

    Attributes
    ----------
    totals, bias, directness
        For each cohort: patients, overall risk of bias, and directness of its population (low, some or high concern),
        shape (k,).
    ci_lb, ci_ub, pi_lb, pi_ub
        Interval of the pooled rate and prediction interval; the latter None where there is none.
    i2
        I2 [%], used only where there is no prediction interval.
    small_study_p
        P value of a test for small-study effects; None where none was made.
    """

    totals: Sequence[int]
    bias: Sequence[str]
    directness: Sequence[str]
    ci_lb: float
    ci_ub: float
    pi_lb: float | None = None
    pi_ub: float | None = None
    i2: float | None = None
    small_study_p: float | None = None


@dataclass(frozen=True, slots=True)
class Concern:
    """One reason for doubt: its domain, and the finding with the rule behind it."""

    domain: str
    reason: str


@dataclass(frozen=True, slots=True)
class CertaintyRating:
    """The level, every concern (a floor hides how many there are), and what was looked at and found in order.

    Attributes
    ----------
    level
        "very low", "low" or "moderate"; never "high", see docs/explanation/certainty.md.
    concerns
        One for each domain that was marked down.
    reasons
        One sentence a domain, marked down or not.
    """

    level: str
    concerns: tuple[Concern, ...]
    reasons: tuple[str, ...]
    rules: str


def describe_evidence(
    assessments: Sequence[BiasAssessment],
    totals: Sequence[int],
    *,
    ci: tuple[float, float],
    pi: tuple[float, float] | None = None,
    i2: float | None = None,
    small_study_p: float | None = None,
) -> PooledEvidence:
    """Gather the evidence from the assessments of the pooled cohorts, in the same order as `totals`."""
    return PooledEvidence(
        totals=tuple(totals),
        bias=tuple(one.overall for one in assessments),
        directness=tuple(one.level_of("directness") for one in assessments),
        ci_lb=ci[0],
        ci_ub=ci[1],
        pi_lb=None if pi is None else pi[0],
        pi_ub=None if pi is None else pi[1],
        i2=i2,
        small_study_p=small_study_p,
    )


def rate_certainty(evidence: PooledEvidence) -> CertaintyRating:
    """Rate how far a pooled rate can be relied on.

    The rating starts at low, since cohorts without a control do not separate the therapy from the patients who were
    given it; one concern makes it very low. A large, consistent, low-risk body of cohorts is rated moderate at most.

    Raises
    ------
    InputError
        No cohorts, columns of different lengths, or unknown levels.

    References
    ----------
    iorio2015; guyatt2011; docs/explanation/certainty.md.
    """
    _check(evidence)
    rules = _rules()
    found = {
        "risk of bias": _weigh_bias(evidence, rules["risk_of_bias"]),
        "inconsistency": _weigh_inconsistency(evidence, rules["inconsistency"]),
        "indirectness": _weigh_indirectness(evidence, rules["indirectness"]),
        "imprecision": _weigh_imprecision(evidence, rules["imprecision"]),
        "small-study effects": _weigh_small_studies(evidence, rules["small_study"]),
    }
    concerns = tuple(Concern(domain, reason) for domain, (marked, reason) in found.items() if marked)
    reasons = [f"{domain}: {reason}" for domain, (_, reason) in found.items()]
    levels: list[str] = rules["levels"]
    place = max(levels.index(rules["start"]) - len(concerns), 0)
    if not concerns and _may_rise(evidence, rules["upgrade"]):
        place = min(place + 1, levels.index(rules["highest"]))
        reasons.append(f"raised: {rules['upgrade']['why']}")
    return CertaintyRating(levels[place], concerns, tuple(reasons), rules["title"])


@cache
def _rules() -> Mapping[str, Any]:
    text = files("aftercar.synthesis").joinpath("rules", "certainty.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _check(evidence: PooledEvidence) -> None:
    k, faults = len(evidence.totals), []
    if k == 0 or len(evidence.bias) != k or len(evidence.directness) != k:
        lengths = f"{k} totals, {len(evidence.bias)} judgements of bias, {len(evidence.directness)} of directness."
        faults.append(Fault("evidence", lengths, "Give one of each for every cohort."))
    if any(total < 1 for total in evidence.totals):
        faults.append(Fault("evidence", "a cohort without patients.", "Leave it out.", column="totals"))
    unknown = sorted({*evidence.bias, *evidence.directness} - {*BIAS_LEVELS})
    if unknown:
        faults.append(Fault("evidence", f"levels {', '.join(unknown)}.", f"Use: {', '.join(BIAS_LEVELS)}."))
    if not 0 <= evidence.ci_lb <= evidence.ci_ub <= 1:
        interval = f"the interval {evidence.ci_lb} to {evidence.ci_ub}."
        faults.append(Fault("evidence", interval, "Give proportions, lower first.", column="ci"))
    if faults:
        raise InputError(faults)


def _share(evidence: PooledEvidence, levels: Sequence[str], wanted: str) -> float:
    inside = sum(total for total, level in zip(evidence.totals, levels, strict=True) if level == wanted)
    return inside / sum(evidence.totals)


def _weigh_bias(evidence: PooledEvidence, rule: Mapping[str, Any]) -> tuple[bool, str]:
    share = _share(evidence, evidence.bias, "high")
    text = f"{share:.0%} of the patients are in cohorts at high risk of bias"
    return (True, f"{text}: {rule['why']}") if share > rule["share_high"] else (False, text)


def _weigh_inconsistency(evidence: PooledEvidence, rule: Mapping[str, Any]) -> tuple[bool, str]:
    if len(evidence.totals) == 1:
        return False, "a single cohort: agreement between cohorts cannot be judged"
    if evidence.pi_lb is not None and evidence.pi_ub is not None:
        width = evidence.pi_ub - evidence.pi_lb
        text = f"the prediction interval spans {100 * width:.0f} points"
        return (True, f"{text}: {rule['why']}") if width > rule["pi_width"] else (False, text)
    if evidence.i2 is None:
        return False, "neither a prediction interval nor I2: not judged"
    text = f"I2 is {evidence.i2:.0f} %"
    return (True, f"{text}: {rule['why_i2']}") if evidence.i2 > rule["i2"] else (False, text)


def _weigh_indirectness(evidence: PooledEvidence, rule: Mapping[str, Any]) -> tuple[bool, str]:
    share = _share(evidence, evidence.directness, "high")
    text = f"{share:.0%} of the patients are in cohorts of another population"
    return (True, f"{text}: {rule['why']}") if share > rule["share_indirect"] else (False, text)


def _weigh_imprecision(evidence: PooledEvidence, rule: Mapping[str, Any]) -> tuple[bool, str]:
    width, total = evidence.ci_ub - evidence.ci_lb, sum(evidence.totals)
    text = f"{total} patients, interval of {100 * width:.0f} points"
    if width > rule["ci_width"]:
        return True, f"{text}: {rule['why']}"
    return (True, f"{text}: {rule['why_total']}") if total < rule["minimum_total"] else (False, text)


def _weigh_small_studies(evidence: PooledEvidence, rule: Mapping[str, Any]) -> tuple[bool, str]:
    k = len(evidence.totals)
    if evidence.small_study_p is not None and k >= rule["minimum_k"]:
        text = f"test for small-study effects p = {evidence.small_study_p:.3f}"
        return (True, f"{text}: {rule['why']}") if evidence.small_study_p < rule["alpha"] else (False, text)
    small = sum(total for total in evidence.totals if total < rule["small_cohort"]) / sum(evidence.totals)
    text = f"{k} cohort{'s' * (k != 1)}, {small:.0%} of the patients in cohorts of fewer than {rule['small_cohort']}"
    return (True, f"{text}: {rule['why_untestable']}") if small > rule["share_small"] else (False, text)


def _may_rise(evidence: PooledEvidence, rule: Mapping[str, Any]) -> bool:
    if evidence.pi_lb is None or evidence.pi_ub is None:
        return False
    return bool(
        sum(evidence.totals) >= rule["minimum_total"]
        and len(evidence.totals) >= rule["minimum_k"]
        and evidence.pi_ub - evidence.pi_lb <= rule["pi_width"]
        and _share(evidence, evidence.bias, "low") >= rule["share_low"]
    )
