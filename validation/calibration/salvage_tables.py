"""Tables of docs/explanation/salvage-validation.md, from validations that `salvage.py` made."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from aftercar.calibration.median_prediction import find_median
from aftercar.calibration.prediction import ArmRate
from aftercar.calibration.salvage_arms import Counterpart
from aftercar.calibration.salvage_medians import ObservedMedian
from aftercar.calibration.validation import Validation
from aftercar.report.validation_words import (
    cohort_cells,
    cohort_heads,
    list_missed,
    say_coverage,
    say_months,
    say_no_worse,
    say_verdict,
    say_wins,
    summary_cells,
    summary_heads,
)

_FIRST_COLUMNS = 5  # cohort, arm, first product, observed, simulated


def tabulate(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = tuple(heads)
    lines = [heads, tuple("---" for _ in heads), *map(tuple, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _say(mean: float, low: float, high: float) -> str:
    return f"{mean:+.2f} ({low:+.2f} to {high:+.2f})" if low == low else f"{mean:+.2f}"


def tested_of(found: Validation) -> pd.DataFrame:
    return found.cohorts[found.cohorts["used"] == ""]


def write_measure(found: Validation) -> str:
    """Return the cohorts, the scores and the verdicts of a measure."""
    return "\n\n".join(
        [
            tabulate(cohort_heads(found), map(cohort_cells, tested_of(found).to_dict("records"))),
            tabulate(summary_heads(found), map(summary_cells, found.summary.to_dict("records"))),
            *(f"**{say_verdict(name, one)}**" for name, one in found.differences.items()),
            say_wins(found),
            f"Outside of the simulated 90% interval: {'; '.join(list_missed(found)) or 'none'}.",
        ]
    )


def write_criteria(found: Mapping[str, Validation]) -> str:
    """Return what the design asks for, and whether each measure meets it."""
    lines = [f"- {name}. {say(one)}" for say in (say_coverage, say_no_worse) for name, one in found.items()]
    return "\n".join(lines)


def write_used(found: Validation) -> str:
    used = found.cohorts[found.cohorts["used"] != ""]
    return tabulate(
        (*cohort_heads(found)[:_FIRST_COLUMNS], "why it is no test"),
        ((*cohort_cells(row)[:_FIRST_COLUMNS], row["used"]) for row in used.to_dict("records")),
    )


def write_left_out(found: Validation) -> str:
    reasons: dict[str, list[str]] = {}
    for one in found.not_scored:
        reasons.setdefault(one.reason.split(" with ")[0].split(":")[0], []).append(f"`{one.cohort}`")
    return tabulate(("why", "cohorts"), ((reason, ", ".join(names)) for reason, names in reasons.items()))


def write_classes(found: Validation) -> str:
    """Return mean log scores by class: the mechanism beside who knows the class, and who does not."""
    cohorts = tested_of(found)
    names = ("mechanism", "class", "hierarchy", "new_class")
    rows = []
    for strategy, mine in cohorts.groupby("strategy", sort=False):
        means = [mine[f"{name}_log_score"].mean() for name in names]
        others = int(mine["class_studies"].max())
        rows.append((strategy or "(none)", str(len(mine)), str(others), *(f"{mean:.2f}" for mean in means)))
    heads = ("class", "cohorts", "other studies", "simulated arm", "its class", "hierarchy", "other classes alone")
    return tabulate(heads, rows)


def write_first_products(before: Validation, after: Validation) -> str:
    """Return what an own first product changes, cohort by cohort, and in the scores."""
    old = before.cohorts.set_index("cohort")
    rows = []
    for row in after.cohorts.to_dict("records"):
        was = old.loc[row["cohort"]]
        if row["first"] == was["first"]:
            continue
        ranges = [
            f"{100 * one['mechanism_rate']:.0f} ({100 * one['mechanism_lb']:.0f}–{100 * one['mechanism_ub']:.0f})"
            for one in (was, row)
        ]
        scores = [f"{one['mechanism_log_score']:.2f}" for one in (was, row)]
        name = f"{row['cohort']}{' (no test)' if row['used'] else ''}"
        rows.append((name, row["first"], f"{row['events']}/{row['total']}", *ranges, *scores))
    heads = (
        "cohort", "had first", "observed", "simulated after ide-cel, %", "after its own, %", "log score after ide-cel",
        "after its own",
    )  # fmt: skip
    return "\n\n".join([tabulate(heads, rows), _compare_scores(before, after)])


def _compare_scores(before: Validation, after: Validation) -> str:
    said = []
    for name, one in (("all after ide-cel", before), ("each after its own", after)):
        row, difference = one.summary.set_index("forecast").loc["mechanism"], one.differences["class"]
        said.append(
            f"{name}: log score {row['log_score']:.2f}, CRPS {row['crps']:.2f}, 90% intervals cover "
            f"{100 * row['covered_90']:.0f}%, over the class "
            f"{_say(difference.mean, difference.ci_lb, difference.ci_ub)}"
        )
    return f"{'; '.join(said)} (Student's t). {len(tested_of(after))} cohorts of {after.measure}."


def write_sensitivity(rows: Sequence[tuple[str, Validation]]) -> str:
    """Return the difference from the class baseline under other choices."""
    cells = []
    for name, found in rows:
        one = found.differences["class"]
        covered = found.summary.set_index("forecast").loc["mechanism"]
        cells.append((
            name, f"{one.pairs} of {one.clusters}", _say(one.mean, one.ci_lb, one.ci_ub),
            _say(one.mean, one.bootstrap_lb, one.bootstrap_ub), f"{100 * covered['covered_90']:.0f}",
            one.verdict,
        ))  # fmt: skip
    heads = (
        "analysis", "cohorts of studies", "difference (95%, t)", "difference (95%, bootstrap)", "90% covers, %",
        "mechanism is",
    )  # fmt: skip
    return tabulate(heads, cells)


def write_durations(
    medians: Iterable[ObservedMedian], counterparts: Mapping[str, Counterpart], patients: pd.DataFrame
) -> str:
    """Return observed medians beside those of the simulated arms, scored or not, with their ratio."""
    rows, ratios = [], []
    for one in medians:
        counterpart = counterparts[one.cohort]
        simulated, seen = find_median(patients, counterpart), one.reported.median or math.nan
        ratio = simulated / seen
        ratios.append(ratio)
        n = str(one.patients) if one.patients else "lines"
        told = f"{ratio:.1f}" if math.isfinite(ratio) else f">{say_months(simulated)[1:]}/{seen:.1f}"
        rows.append((one.cohort, counterpart.arm.name, n, f"{seen:.1f}", say_months(simulated), told))
    heads = ("cohort", "simulated arm", "patients", "observed, months", "simulated arm, months", "ratio")
    longer = sum(ratio > 1 for ratio in ratios)
    words = f"Simulated medians are longer in {longer} of {len(ratios)}"
    finite = [math.log(ratio) for ratio in ratios if math.isfinite(ratio)]
    words += f"; geometric mean of the {len(finite)} ratios that are known: {math.exp(sum(finite) / len(finite)):.1f}."
    return f"{tabulate(heads, rows)}\n\n{words}"


def write_noise(patients: int, rates: Mapping[str, ArmRate], trials: int, hashes: Mapping[str, str]) -> str:
    treated, noise = [one.patients for one in rates.values()], [one.noise for one in rates.values()]
    told = ", ".join(f"{name} `{value[:12]}`" for name, value in hashes.items())
    return (
        f"{patients} patients had each of {trials} first products, {min(treated)} to {max(treated)} of them were "
        f"treated in an arm. Error of simulation of an arm's logit: {min(noise):.2f} to {max(noise):.2f}. {told}."
    )
