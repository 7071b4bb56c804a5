"""Predictions of cohorts that were not used, scored against naive ones; docs/explanation/salvage-validation.md.

All baselines leave the cohort's whole study out: `class`, the other cohorts of its strategy (where there are none, all
others); `hierarchy`, strategies that inform each other, as in `compare`; `overall`, all others; `new_class`, the
hierarchy without the cohort's strategy, as for a strategy that nobody has tried. Cohorts that a number of a therapy was
set with are predicted, and not scored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from aftercar.calibration.prediction import ArmRate
from aftercar.calibration.salvage_arms import Counterpart
from aftercar.calibration.salvage_cohorts import CohortChoice, NotScored, ObservedCohort
from aftercar.foundation import Fault, InputError, draw_stream
from aftercar.synthesis.predictive_counts import predict_new_cohort, predict_new_cohort_in
from aftercar.synthesis.scores import (
    ScoreDifference,
    compare_scores,
    count_coverage,
    crps,
    interval_of,
    log_score,
    pit_range,
)

FloatArray = npt.NDArray[np.float64]
FORECASTS = ("mechanism", "class", "hierarchy", "overall", "new_class")
LEVELS = (0.5, 0.8, 0.9, 0.95)
SHOWN_LEVEL = 0.9


@dataclass(frozen=True)
class Validation:
    """Predictions and their scores.

    Attributes
    ----------
    cohorts
        One row a cohort: what was seen, the arm, and for each of `FORECASTS` ``<name>_rate`` (mean share),
        ``<name>_lb``, ``<name>_ub`` (90% interval, share), ``<name>_log_score``, ``<name>_crps``, ``<name>_pit``
        (randomised), ``<name>_mid``. `used`: why it is no test. `class_studies`: other studies of the class.
    summary
        One row a forecast: cohorts, mean log score and CRPS, and for each level the share covered with its exact
        interval; of cohorts that were not used.
    differences
        Of the mechanism's log scores from those of each baseline, by its name; empty where no cohort is left.
    """

    measure: str
    cohorts: pd.DataFrame
    summary: pd.DataFrame
    differences: Mapping[str, ScoreDifference]
    not_scored: tuple[NotScored, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, ready for JSON; what is not known is null."""
        return {
            "measure": self.measure, "kind": "simulated predictions of observed counts",
            "cohorts": _plain(self.cohorts), "summary": _plain(self.summary),
            "differences": {
                name: {key: None if value != value else value for key, value in asdict(one).items()}
                | {"verdict": one.verdict}
                for name, one in self.differences.items()
            },
            "not_predicted": [asdict(one) for one in self.not_scored],
        }  # fmt: skip


def _plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return list(json.loads(frame.to_json(orient="records")))


class Choice(Protocol):
    """What is to be predicted, and what is not."""

    @property
    def scored(self) -> Sequence[object]: ...
    @property
    def not_scored(self) -> Sequence[NotScored]: ...


def check_choice(choice: Choice, measure: str) -> None:
    """Raise InputError where there is no cohort to score, before anything is simulated."""
    if not choice.scored:
        reasons = "; ".join(f"{one.cohort}: {one.reason}" for one in choice.not_scored[:5])
        found = f"none has a figure of {measure} and a simulated arm{f' ({reasons})' if reasons else ''}."
        raise InputError(Fault("cohorts", found, "Name others, or another measure."))


def validate_cohorts(
    choice: CohortChoice, counterparts: Mapping[str, Counterpart], rates: Mapping[str, ArmRate], measure: str, *,
    discrepancy: float, seed: int,
) -> Validation:  # fmt: skip
    """Predict every cohort by its arm and by the baselines, and score them.

    Parameters
    ----------
    counterparts
        By cohort.
    rates
        Of the cohort's arm, by cohort.
    discrepancy
        Standard deviation, on the logit scale, by which a cohort differs from what its arm says.
    seed
        Of the randomised transforms and of the bootstrap.

    Raises
    ------
    InputError
        No cohort to score.
    """
    check_choice(choice, measure)
    rows = []
    for one in choice.scored:
        counterpart = counterparts[one.cohort]
        naive, studies = predict_naively(one, choice.evidence)
        forecasts = {"mechanism": rates[one.cohort].predict(one.total, discrepancy=discrepancy), **naive}
        row: dict[str, object] = {
            "cohort": one.cohort, "study": one.study, "therapy": one.therapy, "strategy": one.strategy,
            **describe_arm(counterpart), "events": one.events, "total": one.total, "class_studies": studies,
            "used": one.used,
        }  # fmt: skip
        for name, pmf in forecasts.items():
            row |= {f"{name}_{key}": value for key, value in _score(pmf, one, name, seed).items()}
        rows.append(row)
    cohorts = pd.DataFrame(rows)
    tested = cohorts[cohorts["used"] == ""]
    differences = compare_forecasts(tested, FORECASTS, seed)
    return Validation(measure, cohorts, summarise_scores(tested), differences, choice.not_scored)


def describe_arm(counterpart: Counterpart) -> dict[str, object]:
    """Return the columns that say what was simulated: arm, arm_is, first (products, with shares), first_known."""
    shares = counterpart.starts
    first = [f"{share:.0%} {start.therapy}" if len(shares) > 1 else start.therapy for start, share in shares]
    return {
        "arm": counterpart.arm.name, "arm_is": counterpart.how, "first": " + ".join(first),
        "first_known": counterpart.first_known,
    }  # fmt: skip


def predict_naively(
    one: ObservedCohort, evidence: Sequence[ObservedCohort]
) -> tuple[Mapping[str, FloatArray], int]:  # fmt: skip
    """Return the distributions that pooling gives without the cohort's study, and the number of studies of its class.

    Raises
    ------
    InputError
        There is no other study.
    """
    others = tuple(other for other in evidence if other.study != one.study)
    if not others:
        raise InputError(Fault("evidence", f"there is no study besides '{one.study}'.", "Loosen --prior."))
    alike = {other.study for other in others if one.strategy and other.strategy == one.strategy}
    return _pool(one.strategy, one.therapy, one.total, others), len(alike)


@lru_cache(maxsize=512)
def _pool(strategy: str, therapy: str, total: int, others: tuple[ObservedCohort, ...]) -> Mapping[str, FloatArray]:
    """Return what pooling others predicts; kept, because analyses that differ in the arms alone ask for it again."""
    own = strategy or therapy
    alike = [other for other in others if strategy and other.strategy == strategy]
    strange = [other for other in others if (other.strategy or other.therapy) != own] or others
    counts = {
        name: ([other.events for other in some], [other.total for other in some])
        for name, some in (("class", alike or others), ("overall", others), ("new_class", strange))
    }
    groups, strangers = ([other.strategy or other.therapy for other in some] for some in (others, strange))
    return {
        "class": predict_new_cohort(*counts["class"], total),
        "hierarchy": predict_new_cohort_in(own, groups, *counts["overall"], total),
        "overall": predict_new_cohort(*counts["overall"], total),
        "new_class": predict_new_cohort_in(own, strangers, *counts["new_class"], total),
    }


def compare_forecasts(cohorts: pd.DataFrame, forecasts: Sequence[str], seed: int) -> Mapping[str, ScoreDifference]:
    """Return by how much the first forecast's log scores differ from each other's, from the rows of scored cohorts."""
    return {name: _compare(cohorts, name, seed) for name in forecasts[1:]} if len(cohorts) else {}


def summarise_scores(cohorts: pd.DataFrame, forecasts: Sequence[str] = FORECASTS) -> pd.DataFrame:
    """Return one row a forecast, from the rows of scored cohorts; none where there are none."""
    rows = []
    for name in forecasts if len(cohorts) else ():
        row: dict[str, object] = {
            "forecast": name, "cohorts": len(cohorts), "log_score": cohorts[f"{name}_log_score"].mean(),
            "crps": cohorts[f"{name}_crps"].mean(),
        }  # fmt: skip
        for level in LEVELS:
            found = count_coverage(cohorts[f"{name}_pit"], level)
            short = f"covered_{100 * level:g}"
            row |= {short: found.estimate, f"{short}_lb": found.ci_lb, f"{short}_ub": found.ci_ub}
        rows.append(row)
    return pd.DataFrame(rows)


def _score(pmf: FloatArray, one: ObservedCohort, name: str, seed: int) -> dict[str, float]:
    below, at_most = pit_range(pmf, one.events)
    low, high = interval_of(pmf, SHOWN_LEVEL)
    luck = draw_stream(seed, "validate", one.cohort).random()  # the same for every forecast
    return {
        "rate": float(pmf @ np.arange(pmf.size)) / one.total, "lb": low / one.total, "ub": high / one.total,
        "log_score": log_score(pmf, one.events), "crps": crps(pmf, one.events),
        "pit": below + luck * (at_most - below), "mid": 0.5 * (below + at_most),
    }  # fmt: skip


def _compare(cohorts: pd.DataFrame, baseline: str, seed: int) -> ScoreDifference:
    return compare_scores(
        cohorts["mechanism_log_score"], cohorts[f"{baseline}_log_score"], cohorts["study"].tolist(),
        rng=draw_stream(seed, "validate", "bootstrap", baseline),
    )  # fmt: skip
