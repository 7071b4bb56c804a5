"""A made-up comparison that holds every difficult case at once. No number in it describes a real cohort.

Strategies: one with many cohorts of all kinds, one with a single cohort, one with a long name and signs that HTML
treats specially, one that cannot be ranked, one with percentages only, and one with nothing at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import beta

from aftercar.catalogue import Discrepancy, Strategy
from aftercar.foundation import Manifest
from aftercar.strategy.results import (
    CertaintyRating,
    CohortLine,
    CompareSettings,
    Comparison,
    FigureLine,
    FindingLine,
    Judgement,
    MeasureResult,
    MedianLine,
    PooledMedian,
    RankSummary,
    StrategyResult,
)
from aftercar.synthesis.results import Heterogeneity, PooledProportion

HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror=\"window.hacked=1\"> & 'quoted' {{7*7}}"
DOMAINS = ("selection", "denominator", "measurement", "unit_of_analysis", "reporting_source", "directness")


def exact(events: int, total: int) -> tuple[float, float]:
    """Return a 95% interval for the sample (Clopper and Pearson's formula)."""
    lower = 0.0 if events == 0 else float(beta.ppf(0.025, events, total - events + 1))
    upper = 1.0 if events == total else float(beta.ppf(0.975, events + 1, total - events))
    return lower, upper


def cohort(number: int, study: str, therapy: str, **changes: Any) -> CohortLine:
    """Return a cohort line; `changes` replace its fields."""
    levels = ("low", "some", "high")
    judgements = tuple(
        Judgement(domain, levels[(number + place) % 3], f"rule {place}: the made-up reason for {domain}")
        for place, domain in enumerate(DOMAINS)
    )
    values: dict[str, Any] = {
        "cohort_id": f"cohort_{number}", "study": study, "therapy": therapy,
        "population": "relapse after a BCMA CAR-T", "design": "phase1_2", "year": 2015 + number % 9,
        "line": "any_salvage", "unit_of_analysis": "patient", "prior_bcma": "bcma_cart", "events": 4, "total": 9,
        "proportion": None, "ci_lb": None, "ci_ub": None, "status": "reported", "used": True, "why_not_used": "",
        "risk_of_bias": judgements, "overall_bias": levels[number % 3], "source_kind": "review",
        "source_locator": "review, section 3.1" if number % 2 else "https://example.org/paper?a=1&b=2",
        "source_quote": "a made-up sentence in which the figure would stand", "source_checked": "against_review_text",
        "derivation": "", "note": "",
    }  # fmt: skip
    values |= changes
    if values["proportion"] is None and values["events"] is not None:
        values["proportion"] = values["events"] / values["total"]
        values["ci_lb"], values["ci_ub"] = exact(values["events"], values["total"])
    return CohortLine(**values)


def pooled(events: int, total: int, k: int, *, method: str = "bayes", shift: float = 0.0) -> PooledProportion:
    """Return a pooled proportion around events of total; the prediction interval is wider."""
    middle = min(max(events / total + shift, 0.02), 0.98)
    half = 1.1 / np.sqrt(total)
    spread = Heterogeneity(0.42, 0.0, 2.1, 48.0, 0.0, 82.0, 9.6, k - 1, 0.087) if k > 1 else None
    return PooledProportion(
        method=method, scale="logit", k=k, events=events, total=total, estimate=middle,  # type: ignore[arg-type]
        ci_lb=max(middle - half, 0.01), ci_ub=min(middle + half, 0.99), level=0.95,
        pi_lb=max(middle - 2 * half, 0.005) if k > 1 else None, pi_ub=min(middle + 2 * half, 0.995) if k > 1 else None,
        coefficient=0.1, se=0.3, heterogeneity=spread, weights=(1.0,) * k, method_card={"scale": "logit"},
        notes=("one cohort: the interval is exact",) if k == 1 else (),
    )  # fmt: skip


def measure(name: str, cohorts: tuple[CohortLine, ...]) -> MeasureResult:
    """Return a measure whose pooled figures follow from the sums of its cohorts."""
    used = [line for line in cohorts if line.used]
    events, total, k = sum(line.events or 0 for line in used), sum(line.total or 0 for line in used), len(used)
    if not used:
        return MeasureResult(name, None, {}, {}, cohorts)
    others = {
        "GLMM (maximum likelihood)": pooled(events, total, k, method="glmm", shift=0.02),
        "REML with Hartung-Knapp": pooled(events, total, k, method="reml", shift=-0.02),
    }
    refused = (
        {} if k > 1 else {"DerSimonian-Laird": "one cohort only: there is nothing to pool; see its exact interval"}
    )
    return MeasureResult(name, pooled(events, total, k), others if k > 1 else {}, refused, cohorts)


def strategy(number: int, name: str, *, orr: tuple[CohortLine, ...], cr: tuple[CohortLine, ...] = (), **changes: Any
             ) -> StrategyResult:  # fmt: skip
    """Return one row of the comparison; `changes` replace its fields."""
    response = measure("ORR", orr)
    values: dict[str, Any] = {
        "strategy": Strategy(
            strategy_id=f"strategy_{number}", name=name, classes=(f"class_{number}",), ranked=True, note=""
        ),
        "orr": response, "cr": measure("CR", cr), "pfs": (), "pfs_pooled": None,
        "certainty": CertaintyRating("very low", ("imprecision: 12 patients", "risk of bias: high in most cohorts"))
        if response.pooled else None,
        "rank": RankSummary(0.5 / number, min(1.0, 1.6 / number), 1.0 + number, 1.0, 3.0 + number)
        if response.pooled else None,
        "findings": (),
    }  # fmt: skip
    return StrategyResult(**(values | changes))


def many_cohorts() -> tuple[CohortLine, ...]:
    """Return cohorts of every kind."""
    return (
        cohort(1, "Registry A re-infusion", "idecabtagene vicleucel, same product", events=6, total=28),
        cohort(2, "Series B", "CT103A, fully human", events=4, total=4, status="inferred",
               derivation="100% of the treated; n from the abstract"),
        cohort(3, "Trial C of a humanised construct in the second line", "humanised BCMA CAR-T", events=0, total=7),
        cohort(4, "Cohort D", "ciltacabtagene autoleucel", events=21, total=28, status="feasible"),
        cohort(5, "Cohort E", "equecabtagene autoleucel", events=None, total=None, proportion=0.75, used=False,
               status="not_reported", why_not_used="not pooled: the denominator is not reported"),
        cohort(6, "Registry A, first report", "idecabtagene vicleucel", events=3, total=11, used=False, ci_lb=None,
               why_not_used="shares patients with cohort_1: it is superseded by a later report"),
    )  # fmt: skip


def medians() -> tuple[MedianLine, ...]:
    """Return medians with and without limits."""
    common = {"source_locator": "review, section 3.2", "source_quote": "median PFS", "measure": "PFS"}
    return (
        MedianLine("cohort_1", "Registry A re-infusion", "idecabtagene vicleucel", median=3.5, ci_lb=2.5, ci_ub=4.6,
                   used=True, why_not_used="", **common),
        MedianLine("cohort_2", "Series B", "CT103A, fully human", median=11.9, ci_lb=4.1, ci_ub=None, used=True,
                   why_not_used="", **common),
        MedianLine("cohort_4", "Cohort D", "ciltacabtagene autoleucel", median=8.3, ci_lb=None, ci_ub=None, used=False,
                   why_not_used="no interval is given", **common),
    )  # fmt: skip


def sample_comparison() -> Comparison:
    """Return the comparison; always the same."""
    finding = FindingLine(
        finding_id="finding_1", topic="antigen_escape", statement="BCMA was lost in 1 of 16.", events=1, total=16,
        source_locator="review, section 2.1", source_quote=HOSTILE,
    )  # fmt: skip
    figures = tuple(
        FigureLine(
            cohort_id="cohort_1", study="Registry A", therapy=HOSTILE, measure=measure, events=events, total=total,
            percent=percent, count_status="", estimate=estimate, ci_lb=None, ci_ub=None, unit=unit,
            timepoint_months=None, preferred=preferred, derivation=HOSTILE, source_kind="review",
            source_locator="review, section 3.5", source_quote=HOSTILE, source_checked="not_checked",
        )
        for measure, events, total, percent, estimate, unit, preferred in (
            ("local_control", 8, 8, None, None, "", True),
            ("ORR", None, None, 44.0, None, "", False),
            ("OS", None, None, None, 16.2, "months", True),
        )
    )  # fmt: skip
    long_name = "A <b>strategy</b> with a rather long name & signs, e.g. “5 < 7” and bispecific antibody + antibody"
    results = (
        strategy(1, "Second BCMA CAR-T, same product", orr=many_cohorts(), cr=many_cohorts()[:3], pfs=medians(),
                 pfs_pooled=PooledMedian(5.6, 3.1, 9.9, 2, "random effects on the log scale"), findings=(finding,),
                 figures=figures),
        strategy(2, "GPRC5D CAR-T", orr=(cohort(7, "Phase 1 G", "MCARH109", events=7, total=10),)),
        strategy(3, long_name, orr=(
            cohort(8, "Hostile " + HOSTILE, "<i>therapy</i>", events=26, total=36, note=HOSTILE,
                   source_locator="javascript:alert(1)", source_quote=HOSTILE, derivation=HOSTILE),
            cohort(9, "Trial H", "talquetamab", events=8, total=18))),
        strategy(4, "Any first salvage", orr=(cohort(10, "Two centres", "any", events=33, total=76),
                                              cohort(11, "One centre", "any", events=24, total=58)), rank=None),
        strategy(5, "Radioligand", orr=(cohort(12, "Release", "iopofosine I-131", events=None, total=None,
                                              proportion=0.5, status="not_reported", used=False,
                                              why_not_used="not pooled: the denominator is not reported"),)),
        strategy(6, "MAPK inhibition", orr=()),
    )  # fmt: skip
    return Comparison(
        settings=CompareSettings(), results=results, sensitivity=sensitivity(), confounding=confounding(),
        discrepancies=(
            Discrepancy(discrepancy_id="d_1", severity="number", study_id="study_1", cohort_ids=("cohort_1",),
                        review_says="44%", other_says="50% in the paper", used_here="50%: the paper"),
            Discrepancy(discrepancy_id="d_2", severity="wording", study_id="study_2", cohort_ids=(),
                        review_says="phase 2", other_says="phase 1b", used_here=HOSTILE),
        ),
        method_card={"pooling": "hierarchical binomial model", "intervals": "95%, equal tails"},
        notes=("Six made-up strategies.", "Intervals for single cohorts are exact."),
        manifest=Manifest(command="aftercar compare --prior strict", config={"level": 0.95, "note": HOSTILE}, seed=1,
                          hashes={"evidence": "0" * 64}, version="0.0.test", environment={"python": "3.11"}),
    )  # fmt: skip


def sensitivity() -> pd.DataFrame:
    """Return estimates of three strategies under four analyses, one of which has none for the second."""
    rows = []
    for place, analysis in enumerate(("main", "strict prior exposure", "reported counts only", "GLMM")):
        for number, middle in ((1, 0.45), (2, 0.68), (3, 0.63)):
            none = number == 2 and place == 2
            estimate = np.nan if none else middle + 0.03 * place * (-1) ** number
            rows.append({"analysis": analysis, "strategy_id": f"strategy_{number}", "k": 0 if none else 3, "total": 40,
                         "estimate": estimate, "ci_lb": estimate - 0.15, "ci_ub": estimate + 0.2,
                         "prob_best": np.nan if none else 0.3})  # fmt: skip
    return pd.DataFrame(rows)


def confounding() -> pd.DataFrame:
    """Return two comparisons of the second strategy, one of which chance alone may explain."""
    columns = ("better", "worse", "p_better", "risk_ratio", "rr_lb", "rr_ub", "e_value", "e_value_limit",
               "tipping_shift", "rate_better", "tipping_rate", "tipping_points", "certain_shift")  # fmt: skip
    rows = [
        ("strategy_2", "strategy_1", 0.97, 1.51, 1.07, 2.6, 2.39, 1.34, 0.95, 0.70, 0.47, 23.0, 0.1),
        ("strategy_2", "strategy_3", 0.61, 1.08, 0.70, 1.7, 1.37, 1.0, 0.22, 0.70, 0.65, 5.0, 0.0),
    ]
    return pd.DataFrame(rows, columns=columns)
