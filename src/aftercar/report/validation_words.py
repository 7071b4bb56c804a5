"""What a validation says, in sentences and in cells: on a terminal, and in docs/explanation/salvage-validation.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aftercar.calibration.validation import FORECASTS, LEVELS, Validation
from aftercar.synthesis.predictive_medians import FIRST_MONTH, LAST_MONTH
from aftercar.synthesis.scores import ScoreDifference

FORECAST_WORDS = {
    "mechanism": "simulated arm",
    "class": "pooled: other studies of the class",
    "hierarchy": "pooled: classes that inform each other",
    "overall": "pooled: all other studies",
    "new_class": "pooled: other classes, as for a new one",
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
    "new_class": "what other classes say of a new one",
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
    wins = {name: int((rows["mechanism_log_score"] > rows[f"{name}_log_score"]).sum()) for name in found.differences}
    told = ", ".join(f"{wins[name]} against {_BASELINES[name]}" for name in wins)
    return f"Of {len(rows)} cohorts the mechanism has the higher log score in {told}."


def cohort_heads(found: Validation) -> tuple[str, ...]:
    """Return the heads of `cohort_cells`."""
    unit = "months" if is_time(found) else "%"
    ranges = tuple(f"{head}, {unit} (90%)" for name, head in _HEADS.items() if f"{name}_lb" in found.cohorts)
    return "cohort", "simulated arm", "after", f"observed ({unit})", *ranges, "log score over class"


def cohort_cells(row: Mapping[Any, Any]) -> tuple[str, ...]:
    """Return a cohort as cells: name, arm, first product, seen, and each prediction with its 90% interval.

    Of a rate its mean, of a time its median. A first product in brackets is a stand-in: none is reported.
    """
    arm = str(row["arm"]) if row["arm_is"] == "own therapy" else f"{row['arm']} ({row['arm_is']})"
    first = str(row["first"]) if row["first_known"] else f"({row['first']})"
    if "median" in row:
        seen = _say_median(row)
        ranges = [
            f"{say_months(row[f'{name}_median'])} ({say_months(row[f'{name}_lb'])}–{say_months(row[f'{name}_ub'])})"
            for name in FORECASTS if f"{name}_median" in row
        ]  # fmt: skip
    else:
        seen = f"{row['events']}/{row['total']} ({100 * row['events'] / row['total']:.0f})"
        ranges = [
            f"{100 * row[f'{name}_rate']:.0f} ({100 * row[f'{name}_lb']:.0f}–{100 * row[f'{name}_ub']:.0f})"
            for name in FORECASTS
        ]
    gained = f"{row['mechanism_log_score'] - row['class_log_score']:+.2f}"
    return str(row["cohort"]), arm, first, seen, *ranges, gained


_HEADS = {
    "mechanism": "simulated", "class": "class", "hierarchy": "hierarchy", "overall": "overall",
    "new_class": "other classes",
}  # fmt: skip


def is_time(found: Validation) -> bool:
    """Say whether times are predicted, not rates."""
    return "median" in found.cohorts


def say_months(value: float) -> str:
    """Return a time [months]; beyond what is followed, and before what is told apart, the limit."""
    if value >= LAST_MONTH:
        return f">{LAST_MONTH:g}"
    return f"{value:.1f}" if value >= FIRST_MONTH else f"<{FIRST_MONTH:g}"


def _say_median(row: Mapping[Any, Any]) -> str:
    seen = f"{row['median']:.1f}" if row["median"] == row["median"] else f">{row['follow_up']:.1f}"
    return f"{seen}, n = {row['total']}"


def summary_cells(row: Mapping[Any, Any]) -> tuple[str, ...]:
    """Return a forecast's scores and coverage as cells."""
    covered = [
        f"{100 * row[f'covered_{100 * level:g}']:.0f} "
        f"({100 * row[f'covered_{100 * level:g}_lb']:.0f}–{100 * row[f'covered_{100 * level:g}_ub']:.0f})"
        for level in LEVELS
    ]
    return FORECAST_WORDS[str(row["forecast"])], f"{row['log_score']:.2f}", f"{row['crps']:.2f}", *covered


def summary_heads(found: Validation) -> tuple[str, ...]:
    """Return the heads of `summary_cells`."""
    unit = "log months" if is_time(found) else "patients"
    return "prediction", "log score", f"CRPS, {unit}", *(f"{level:.0%} covers, %" for level in LEVELS)


def list_missed(found: Validation) -> list[str]:
    """Return the cohorts whose figure lies outside of the simulated 90% interval, most surprising first."""
    rows = found.cohorts[found.cohorts["used"] == ""]
    rows = rows.assign(tail=rows["mechanism_mid"].map(lambda mid: min(mid, 1 - mid)))
    if is_time(found):
        seen = rows["median"].fillna(rows.get("follow_up", rows["median"]))
        reached = rows["median"].notna()
        outside = ((seen < rows["mechanism_lb"]) & reached) | (seen > rows["mechanism_ub"])
    else:
        share = rows["events"] / rows["total"]
        outside = (share < rows["mechanism_lb"]) | (share > rows["mechanism_ub"])
    return [_miss(row) for row in rows[outside].sort_values("tail").to_dict("records")]


def _miss(row: Mapping[Any, Any]) -> str:
    low = row["mechanism_mid"] < 0.5
    if "median" in row:
        said = f"{'shorter' if low else 'longer'} than simulated: {_say_median(row)} against"
        return f"{row['cohort']} ({said} {say_months(row['mechanism_median'])} months)"
    said = f"{'fewer' if low else 'more'} responded than simulated: {row['events']}/{row['total']} against"
    return f"{row['cohort']} ({said} {100 * row['mechanism_rate']:.0f}%)"


def say_coverage(found: Validation) -> str:
    """Return whether the simulated 90% intervals cover what the design asks for: 80 to 97% of cohorts."""
    row = found.summary.set_index("forecast").loc["mechanism"]
    share, low, high = (100 * row[f"covered_90{end}"] for end in ("", "_lb", "_ub"))
    met = "MET" if 80 <= share <= 97 else "NOT MET"
    return (
        f"90% intervals between 80 and 97% of cohorts: {met}. They cover {share:.0f}% of {row['cohorts']:.0f} cohorts "
        f"(exact 95% interval {low:.0f} to {high:.0f}%)."
    )


def say_no_worse(found: Validation) -> str:
    """Return whether the mean log score is no worse than that of the class's other studies."""
    scores = found.summary.set_index("forecast")["log_score"]
    own, naive, difference = scores["mechanism"], scores["class"], found.differences["class"]
    met = "MET" if own >= naive else "NOT MET"
    words = f"Mean log score no worse than of the class's other studies: {met}. {own:.2f} against {naive:.2f}; "
    return f"{words}{_SAID[difference.verdict]}."


_SAID = {
    "better": "the difference is beyond its uncertainty",
    "worse": "the difference is beyond its uncertainty",
    "not told apart": "the difference is within its uncertainty",
    "too few": "there are too few studies for its uncertainty",
}
