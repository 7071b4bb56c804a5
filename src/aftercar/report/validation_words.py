"""What a validation says, in sentences and in cells: on a terminal, and in docs/explanation/salvage-validation.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aftercar.calibration.validation import FORECASTS, LEVELS, Validation
from aftercar.synthesis.scores import ScoreDifference

FORECAST_WORDS = {
    "mechanism": "simulated arm",
    "class": "pooled: other studies of the class",
    "hierarchy": "pooled: classes that inform each other",
    "overall": "pooled: all other studies",
}
_VERDICTS = {
    "better": "the mechanism predicts BETTER than {baseline}",
    "worse": "the mechanism predicts WORSE than {baseline}",
    "not told apart": "the mechanism and {baseline} are NOT TOLD APART: neither better, nor shown to be no worse",
    "too few": "too few studies for a verdict on the mechanism against {baseline}",
}
_BASELINES = {
    "class": "pooling the class's other studies",
    "hierarchy": "pooling with classes that inform each other",
    "overall": "pooling all other studies",
}


def say_verdict(baseline: str, found: ScoreDifference) -> str:
    """Return the verdict against a baseline, with the difference and its uncertainty."""
    words = _VERDICTS[found.verdict].format(baseline=_BASELINES[baseline])
    words = f"Log score of {found.pairs} cohorts of {found.clusters} studies: {words}. "
    words += f"Mean difference {found.mean:+.2f}"
    if found.clusters > 1:
        words += f", standard error {found.se:.2f}"
    if found.verdict != "too few":
        words += f"; {found.level:.0%} interval {found.ci_lb:+.2f} to {found.ci_ub:+.2f} by Student's t over studies"
        words += f", {found.bootstrap_lb:+.2f} to {found.bootstrap_ub:+.2f} by bootstrap"
    return f"{words}."


def say_wins(found: Validation) -> str:
    """Return in how many cohorts the mechanism scored higher, which a few large misses do not move."""
    rows = found.cohorts[found.cohorts["used"] == ""]
    wins = {name: int((rows["mechanism_log_score"] > rows[f"{name}_log_score"]).sum()) for name in _BASELINES}
    told = ", ".join(f"{wins[name]} against {words}" for name, words in _BASELINES.items())
    return f"Of {len(rows)} cohorts the mechanism has the higher log score in {told}."


def cohort_cells(row: Mapping[Any, Any]) -> tuple[str, ...]:
    """Return a cohort as cells: name, arm, seen, and for each prediction its mean and 90% interval [%]."""
    arm = str(row["arm"]) if row["arm_is"] == "own therapy" else f"{row['arm']} ({row['arm_is']})"
    seen = f"{row['events']}/{row['total']} ({100 * row['events'] / row['total']:.0f})"
    ranges = [
        f"{100 * row[f'{name}_rate']:.0f} ({100 * row[f'{name}_lb']:.0f}–{100 * row[f'{name}_ub']:.0f})"
        for name in FORECASTS
    ]
    gained = f"{row['mechanism_log_score'] - row['class_log_score']:+.2f}"
    return str(row["cohort"]), arm, seen, *ranges, gained


COHORT_HEADS = (
    "cohort", "simulated arm", "observed (%)", "simulated, % (90%)", "class, % (90%)", "hierarchy, % (90%)",
    "overall, % (90%)",
    "log score over class",
)  # fmt: skip


def summary_cells(row: Mapping[Any, Any]) -> tuple[str, ...]:
    """Return a forecast's scores and coverage as cells."""
    covered = [
        f"{100 * row[f'covered_{100 * level:g}']:.0f} "
        f"({100 * row[f'covered_{100 * level:g}_lb']:.0f}–{100 * row[f'covered_{100 * level:g}_ub']:.0f})"
        for level in LEVELS
    ]
    return FORECAST_WORDS[str(row["forecast"])], f"{row['log_score']:.2f}", f"{row['crps']:.2f}", *covered


SUMMARY_HEADS = ("prediction", "log score", "CRPS, patients", *(f"{level:.0%} covers, %" for level in LEVELS))


def list_missed(found: Validation) -> list[str]:
    """Return the cohorts whose count lies outside of the simulated 90% interval, most surprising first."""
    rows = found.cohorts[found.cohorts["used"] == ""]
    rows = rows.assign(tail=rows["mechanism_mid"].map(lambda mid: min(mid, 1 - mid)))
    share = rows["events"] / rows["total"]
    outside = rows[(share < rows["mechanism_lb"]) | (share > rows["mechanism_ub"])].sort_values("tail")
    return [
        f"{row['cohort']} ({'fewer' if row['mechanism_mid'] < 0.5 else 'more'} responded than simulated: "
        f"{row['events']}/{row['total']} against {100 * row['mechanism_rate']:.0f}%)"
        for row in outside.to_dict("records")
    ]
