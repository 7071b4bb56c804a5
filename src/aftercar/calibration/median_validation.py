"""Predictions of median progression-free survival, scored against naive ones; docs/explanation/salvage-validation.md.

Baselines are random-effects models of log medians, without the cohort's whole study: `class`, other medians of its
strategy (where there are none, all others); `overall`, all others; `new_class`, those of other strategies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from aftercar.calibration.salvage_arms import Counterpart
from aftercar.calibration.salvage_medians import MEASURE, MedianChoice, ObservedMedian
from aftercar.calibration.validation import (
    SHOWN_LEVEL,
    Validation,
    check_choice,
    compare_forecasts,
    describe_arm,
    summarise_scores,
)
from aftercar.foundation import Fault, InputError, draw_stream
from aftercar.synthesis.predictive_medians import (
    MedianLaw,
    MedianPriors,
    bounds,
    log_error,
    middle,
    predict_new_median,
    score_crps,
    score_log,
)

MEDIAN_FORECASTS = ("mechanism", "class", "overall", "new_class")


def validate_medians(
    choice: MedianChoice, counterparts: Mapping[str, Counterpart], laws: Mapping[str, MedianLaw], *, seed: int,
    priors: MedianPriors | None = None,
) -> Validation:  # fmt: skip
    """Predict every cohort's median by its arm and by the baselines, and score them; see `validate_cohorts`.

    Columns of cohorts: `median` and `follow_up` [months], NaN where not reached and not known, `total` patients, and
    for each of `MEDIAN_FORECASTS` ``<name>_median``, ``<name>_lb``, ``<name>_ub`` (90% interval, months; infinite
    beyond the end of follow-up), and the scores.

    Parameters
    ----------
    laws
        Of the cohort's arm, by cohort.
    priors
        Of the baselines.
    """
    check_choice(choice, MEASURE)
    rows = []
    for one in choice.scored:
        naive, studies = predict_naively(one, choice.evidence, priors=priors)
        row: dict[str, object] = {
            "cohort": one.cohort, "study": one.study, "therapy": one.therapy, "strategy": one.strategy,
            **describe_arm(counterparts[one.cohort]), "median": _nan(one.reported.median),
            "follow_up": _nan(one.reported.follow_up), "total": one.patients, "class_studies": studies,
            "used": one.used,
        }  # fmt: skip
        for name, law in {"mechanism": laws[one.cohort], **naive}.items():
            row |= {f"{name}_{key}": value for key, value in _score(law, one, seed).items()}
        rows.append(row)
    cohorts = pd.DataFrame(rows)
    tested = cohorts[cohorts["used"] == ""]
    return Validation(
        MEASURE, cohorts, summarise_scores(tested, MEDIAN_FORECASTS),
        compare_forecasts(tested, MEDIAN_FORECASTS, seed), choice.not_scored,
    )  # fmt: skip


def predict_naively(
    one: ObservedMedian, evidence: Sequence[ObservedMedian], *, priors: MedianPriors | None = None
) -> tuple[Mapping[str, MedianLaw], int]:
    """Return the laws that pooling gives without the cohort's study, and the number of studies of its class.

    Raises
    ------
    InputError
        There is no other study.
    """
    others = [other for other in evidence if other.study != one.study]
    if not others:
        raise InputError(Fault("evidence", f"there is no study besides '{one.study}'.", "Loosen --prior."))
    own = one.strategy or one.therapy
    alike = [other for other in others if one.strategy and other.strategy == one.strategy]
    strange = [other for other in others if (other.strategy or other.therapy) != own]
    error = log_error(one.patients)
    some = {"class": alike or others, "overall": others, "new_class": strange or others}
    laws = {
        name: predict_new_median([other.reported for other in mine], error, priors=priors)
        for name, mine in some.items()
    }
    return laws, len({other.study for other in alike})


def _score(law: MedianLaw, one: ObservedMedian, seed: int) -> dict[str, float]:
    below, at_most = bounds(law, one.reported)
    low, high = middle(law, SHOWN_LEVEL)
    luck = draw_stream(seed, "validate", one.cohort).random()  # the same for every forecast
    return {
        "median": law.quantile(0.5), "lb": low, "ub": high, "log_score": score_log(law, one.reported),
        "crps": score_crps(law, one.reported), "pit": below + luck * (at_most - below),
        "mid": 0.5 * (below + at_most),
    }  # fmt: skip


def _nan(value: float | None) -> float:
    return float(np.nan) if value is None else value
