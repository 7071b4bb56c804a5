"""Whether each simulated patient had what a target counts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from aftercar.calibration.targets import CountedTarget, Outcome
from aftercar.clinic.counting import categories_of

BoolArray = npt.NDArray[np.bool_]
_MOST = 0.5  # antigen is lost where most cells at progression do without it


def had_outcome(facts: pd.DataFrame, outcome: Outcome) -> BoolArray:
    """Tell who of simulated patients had an outcome; facts as `simulate_cohort` returns them."""
    progression = facts["progression_day"].fillna(np.inf).to_numpy()
    match outcome.kind:
        case "response":
            return facts["best"].isin(categories_of(outcome.level)).to_numpy()
        case "progression_free":
            return np.asarray(progression > outcome.limit)
        case "duration":
            return np.asarray(progression > facts["response_day"].to_numpy() + outcome.limit)
        case "peak":
            return facts["peak"].to_numpy() > outcome.limit
        case "persistence":
            return facts["quantified_day"].to_numpy() > outcome.limit
        case "antigen_lost":
            return facts["antigen_lost"].to_numpy() > _MOST


def may_have_outcome(facts: pd.DataFrame, target: CountedTarget) -> BoolArray:
    """Tell who of simulated patients is in the denominator of a target."""
    among = np.ones(len(facts), dtype=np.bool_)
    if target.given is not None:
        among &= had_outcome(facts, target.given)
    if target.outcome.kind == "antigen_lost":
        among &= facts["antigen_lost"].notna().to_numpy()
    if target.outcome.kind == "duration":
        among &= np.isfinite(facts["response_day"].to_numpy())
    if target.subgroup:
        among &= facts["emd"].to_numpy(dtype=np.bool_) == (target.subgroup == "emd")
    return among
