"""All strategies in one figure: pooled responses, and how likely each is to be the best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import pandas as pd

from aftercar.report import words
from aftercar.report._rows import Rows, percent_scale, row_specs, side_width
from aftercar.report.figure import BLUE, MUTED, SKY, SLATE, Figure
from aftercar.strategy.results import RANK_LEVEL, Comparison, MeasureResult, StrategyResult

Order = Literal["table", "estimate"]
_MEASURES = ("ORR", "CR")
_MOST_NAMED = 8  # names of strategies without data that a figure lists


def render_summary(comparison: Comparison, *, measure: str = "ORR", order: Order = "estimate") -> Figure:
    """Draw every strategy's pooled proportion: interval thick, prediction interval thin.

    Parameters
    ----------
    measure
        ORR or CR.
    order
        ``table`` keeps the order of the comparison; ``estimate`` puts the highest first. Ranked strategies come before
        rows of context, and strategies without a pooled figure last.
    """
    level = words.level_text(comparison.settings.level)
    results = ordered(comparison.results, measure=measure, order=order)
    shown = [result for result in results if measured(result, measure).pooled is not None]
    spec, narrow_spec = row_specs(
        lambda rows: _draw_summary(rows, results, measure, level), percent_scale(f"pooled {measure}, observed")
    )
    return Figure(
        figure_id=f"summary-{measure.lower()}",
        title=f"Pooled {measure} of all strategies, observed",
        caption=(
            f"Observed {words.MEASURE_NAMES.get(measure, measure)}, pooled by strategy with the hierarchical model. "
            f"Thick lines: {level} intervals of the typical cohort. Thin lines: where the true rate of a new cohort "
            "would lie. With few patients an estimate is drawn towards the mean of all ranked strategies. Strategies "
            "were not compared in randomised trials; their patients differ."
        ),
        summary=_summary_words(shown, len(results), measure),
        spec=spec,
        narrow_spec=narrow_spec,
        table=_summary_table(results, measure),
        side_width=side_width(),
    )


def render_ranking(comparison: Comparison) -> Figure:
    """Draw the probability that each ranked strategy has the highest ORR, and that it is among the three highest."""
    ranked = sorted(
        (result for result in comparison.results if result.rank is not None),
        key=lambda result: (-result.rank.prob_best, result.rank.mean_rank) if result.rank else (0.0, 0.0),
    )
    spec, narrow_spec = row_specs(lambda rows: _draw_ranking(rows, ranked), percent_scale("posterior probability"))
    best = ranked[0] if ranked else None
    summary = "No strategy can be ranked."
    if best is not None and best.rank is not None:
        summary = (
            f"Bar chart of {words.plural(len(ranked), 'ranked strategy').replace('strategys', 'strategies')}. "
            f"{words.headline(best.strategy.name)} is most often the best, with probability "
            f"{words.percent(best.rank.prob_best)}."
        )
    return Figure(
        figure_id="ranking",
        title="Probability of the highest ORR",
        caption=(
            "How often each strategy has the highest ORR (dark) or one of the three highest (light) among joint "
            "draws from the posterior. It accounts for chance and for differences between cohorts, not for "
            "confounding: strategies were given to different patients. With little data a strategy can rank high "
            "because little is known."
        ),
        summary=summary,
        spec=spec,
        narrow_spec=narrow_spec,
        table=_ranking_table(ranked),
        side_width=side_width(),
    )


def measured(result: StrategyResult, measure: str) -> MeasureResult:
    """Return one of a strategy's measures."""
    if measure not in _MEASURES:
        raise ValueError(f"measure must be one of {', '.join(_MEASURES)}, got {measure!r}")
    return result.orr if measure == "ORR" else result.cr


def ordered(results: Sequence[StrategyResult], *, measure: str, order: Order) -> list[StrategyResult]:
    """Return the strategies in the order of a figure."""

    def place(result: StrategyResult) -> tuple[bool, bool, float]:
        pooled = measured(result, measure).pooled
        estimate = pooled.estimate if pooled is not None and order == "estimate" else 0.0
        return pooled is None, not result.strategy.ranked, -estimate

    return sorted(results, key=place)


def _draw_summary(rows: Rows, results: Iterable[StrategyResult], measure: str, level: str) -> None:
    rows.label("Strategy", right=f"{measure} [{level}]", colour=MUTED)
    rows.label("cohorts, responders/n", right="new cohort", colour=MUTED)
    rows.rule()
    nothing = []
    for result in results:
        pooled = measured(result, measure).pooled
        if pooled is None:
            nothing.append(result.strategy.name)
            continue
        name = words.headline(result.strategy.name)
        name = name if result.strategy.ranked else f"{name} (context)"
        known = f"{words.plural(pooled.k, 'cohort')}, {pooled.events}/{pooled.total}"
        if measure == "ORR" and result.certainty is not None:
            known += f", {result.certainty.level} certainty"
        tip = f"{name}\n{measure} {words.pooled_text(pooled)}\n{known}"
        rows.label(name, right=words.pooled_text(pooled), bold=True)
        rows.label(known, right=words.prediction_text(pooled), colour=MUTED)
        y = rows.band(18)
        colour = BLUE if result.strategy.ranked else SLATE
        if pooled.pi_lb is not None and pooled.pi_ub is not None:
            rows.span(pooled.pi_lb, pooled.pi_ub, y=y, thickness=1.2, colour=colour, tip=tip)
        rows.span(pooled.ci_lb, pooled.ci_ub, y=y, thickness=5, colour=colour, tip=tip)
        rows.point(pooled.estimate, y=y, size=90, colour=colour, shape="circle", filled=False, tip=tip)
        rows.space(5)
    if nothing:
        rows.rule()
        named = "; ".join(nothing) if len(nothing) <= _MOST_NAMED else f"the other {len(nothing)} strategies"
        rows.label(f"No cohort can be pooled for {named}.", colour=MUTED)


def _draw_ranking(rows: Rows, ranked: Iterable[StrategyResult]) -> None:
    rows.label("Strategy", right="highest | top 3", colour=MUTED)
    rows.rule()
    for result in ranked:
        if result.rank is None:
            continue
        best, top = result.rank.prob_best, result.rank.prob_top3
        text = f"{words.percent(best)} | {words.percent(top)}"
        tip = f"{result.strategy.name}\nhighest: {words.percent(best)}; among the three highest: {words.percent(top)}"
        rows.label(words.headline(result.strategy.name), right=text)
        y = rows.band(16)
        rows.bar(top, y=y, thickness=12, colour=SKY, tip=tip)
        rows.bar(best, y=y, thickness=6, colour=BLUE, tip=tip)
        rows.space(5)


def _summary_table(results: Iterable[StrategyResult], measure: str) -> pd.DataFrame:
    rows = []
    for result in results:
        pooled = measured(result, measure).pooled
        rows.append(
            {
                "Strategy": words.headline(result.strategy.name),
                "Cohorts": "0" if pooled is None else str(pooled.k),
                "Responders/n": words.MISSING if pooled is None else f"{pooled.events}/{pooled.total}",
                f"Pooled {measure} [interval]": words.pooled_text(pooled),
                "Prediction interval": words.prediction_text(pooled),
                "Certainty of ORR": words.MISSING if result.certainty is None else result.certainty.level,
            }
        )
    return pd.DataFrame(rows)


def _ranking_table(ranked: Iterable[StrategyResult]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "Strategy": words.headline(result.strategy.name),
                "Highest ORR": words.percent(result.rank.prob_best),
                "Among the three highest": words.percent(result.rank.prob_top3),
                "Mean rank": f"{result.rank.mean_rank:.1f}",
                f"Rank, {words.level_text(RANK_LEVEL)} interval": words.rank_text(
                    result.rank.rank_lb, result.rank.rank_ub
                ),
            }
            for result in ranked
            if result.rank is not None
        ]
    )


def _summary_words(shown: Sequence[StrategyResult], total: int, measure: str) -> str:
    parts = [f"Pooled observed {measure} with intervals for {len(shown)} of {total} strategies."]
    pooled = [(result.strategy.name, measured(result, measure).pooled) for result in shown if result.strategy.ranked]
    known = sorted(((one.estimate, name, one) for name, one in pooled if one is not None), key=lambda row: row[:2])
    if known:
        (_, low, least), (_, high, most) = known[0], known[-1]
        parts.append(f"Highest: {high}, {words.pooled_text(most)}; lowest: {low}, {words.pooled_text(least)}.")
    return " ".join(parts)
