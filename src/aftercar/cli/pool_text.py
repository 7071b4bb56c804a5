"""How the answer of `aftercar pool` reads in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from aftercar.cli.printing import print_frame, print_pairs
from aftercar.synthesis.analysis import ProportionAnalysis
from aftercar.synthesis.medians import PooledMedian
from aftercar.synthesis.results import PooledProportion


def print_analysis(analysis: ProportionAnalysis, left_out: Sequence[tuple[str, str]], title: str) -> None:
    """Print cohorts, pooled estimate, groups, sensitivity to cohort and method, and what was refused and why."""
    cohorts = analysis.cohorts
    rows = {
        "cohort": cohorts["label"],
        "n/N": [f"{x}/{n}" for x, n in zip(cohorts["events"], cohorts["total"], strict=True)],
        "observed (exact interval)": _ranges(cohorts),
        "weight": [f"{weight:.1f}%" for weight in cohorts["weight"]],
    }
    if "group" in cohorts:
        rows["group"] = cohorts["group"]
    print_frame(pd.DataFrame(rows), "table", title=f"Cohorts: {title}")
    print_pairs("Pooled", _pooled_pairs(analysis.overall))
    if analysis.groups is not None:
        pairs = [(name, f"{_estimate(one)}, k = {one.k}") for name, one in analysis.groups.groups.items()]
        if analysis.groups.p_value is not None:
            pairs.append(("test between groups", f"p = {analysis.groups.p_value:.3g} ({analysis.groups.test})"))
        print_pairs("Groups", pairs)
    if analysis.regression is not None:
        table = analysis.regression.table.round(4).reset_index(names="coefficient")
        print_frame(table, "table", title=f"Meta-regression ({analysis.regression.scale} scale)")
    if not analysis.panel.empty:
        _print_answers(analysis.panel, "How the answer moves with the method")
    if not analysis.without.empty:
        _print_answers(analysis.without, "Without each cohort")
    if analysis.asymmetry:
        tests = [
            (name, f"statistic {test.statistic:.3f}, p = {test.p_value:.3g}")
            for name, test in analysis.asymmetry.items()
        ]
        print_pairs("Small-study effects", tests)
    if left_out:
        print_pairs("Not pooled", list(left_out))
    if analysis.refused:
        print_pairs("No answer", list(analysis.refused.items()))
    print_pairs("Method card", list(analysis.overall.method_card.items()))


def print_medians(pooled: Mapping[str, PooledMedian]) -> None:
    """Print pooled medians by group, what was left out and why."""
    for name, one in pooled.items():
        pairs = [
            ("pooled median", f"{one.estimate:.2f} ({one.ci_lb:.2f} to {one.ci_ub:.2f}), k = {one.k}"),
            *([] if one.pi_lb is None else [("new cohort", f"{one.pi_lb:.2f} to {one.pi_ub:.2f}")]),
            *((row.label, f"{row.median:g}, weight {row.weight:.1f}% ({row.se_rule})") for row in one.used),
            *((row.label, f"not pooled: {row.reason}") for row in one.left_out),
            *(("note", note) for note in one.notes),
        ]
        print_pairs(name, pairs)


def _pooled_pairs(pooled: PooledProportion) -> list[tuple[str, str]]:
    pairs = [("estimate", f"{_estimate(pooled)}; {pooled.events}/{pooled.total} in {pooled.k} cohorts")]
    if pooled.pi_lb is not None and pooled.pi_ub is not None:
        pairs.append(("new cohort", f"{100 * pooled.pi_lb:.1f}% to {100 * pooled.pi_ub:.1f}% (prediction interval)"))
    own = pooled.heterogeneity
    if own is not None:
        limits = "" if own.tau2_lb is None or own.tau2_ub is None else f" ({own.tau2_lb:.3f} to {own.tau2_ub:.3f})"
        pairs.append(("tau2", f"{own.tau2:.4f}{limits}"))
        if own.i2 is not None:
            pairs.append(("I2", f"{own.i2:.1f}%"))
        if own.q is not None and own.q_p is not None:
            pairs.append(("Q", f"{own.q:.3f} on {own.q_df}, p = {own.q_p:.3g}"))
    return pairs + [("note", note) for note in pooled.notes]


def _estimate(pooled: PooledProportion) -> str:
    return f"{100 * pooled.estimate:.1f}% ({100 * pooled.ci_lb:.1f} to {100 * pooled.ci_ub:.1f})"


def _ranges(frame: pd.DataFrame) -> list[str]:
    return [
        "" if pd.isna(middle) else f"{100 * middle:.1f}% ({100 * low:.1f} to {100 * high:.1f})"
        for middle, low, high in zip(frame["estimate"], frame["ci_lb"], frame["ci_ub"], strict=True)
    ]


def _print_answers(frame: pd.DataFrame, title: str) -> None:
    """Print one estimate a row; notes stand once below, by number."""
    notes = [note for note in dict.fromkeys(frame["note"].fillna("")) if note]
    table = pd.DataFrame(
        {
            "": frame["label"],
            "estimate": _ranges(frame),
            "tau2": ["" if pd.isna(value) else f"{value:.3f}" for value in frame["tau2"]],
            "note": [f"[{notes.index(note) + 1}]" if note in notes else "" for note in frame["note"]],
        }
    )
    print_frame(table if notes else table.drop(columns="note"), "table", title=title)
    if notes:
        print_pairs("", [(f"[{number}]", note) for number, note in enumerate(notes, start=1)])
