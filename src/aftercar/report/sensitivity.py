"""How the answer moves: with the choices of the analysis, and with confounding that nobody measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from aftercar.report import words
from aftercar.report._rows import Rows, Scale, percent_scale, row_specs, side_width
from aftercar.report.figure import BLACK, BLUE, GREEN, MUTED, ORANGE, PURPLE, SKY, SLATE, VERMILION, Figure
from aftercar.strategy.results import Comparison

# Colour and shape both tell analyses apart; the pairs repeat only after all combinations are used.
_COLOURS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK, SLATE)
_SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right", "triangle-left")
_STRATEGIES_A_PAGE = 9
_E_VALUE_TICKS = (1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 50.0, 100.0, 1000.0)


def render_sensitivity(
    comparison: Comparison, *, strategies: Sequence[str] | None = None, figure_id: str = "sensitivity"
) -> Figure:
    """Draw, per strategy, the pooled ORR under every analysis as a point with its interval.

    Parameters
    ----------
    strategies
        Ids of those to show; None for all. Many make a figure too tall for a printed page: see `split_sensitivity`.
    figure_id
        Id in the page and stem of the file name.
    """
    frame = comparison.sensitivity
    if strategies is not None and len(frame):
        frame = frame[frame["strategy_id"].isin(list(strategies))]
    names = strategy_names(comparison)
    analyses = list(dict.fromkeys(frame["analysis"])) if len(frame) else []
    spec, narrow_spec = row_specs(
        lambda rows: _draw_sensitivity(rows, frame, analyses, names), percent_scale("pooled ORR, observed")
    )
    return Figure(
        figure_id=figure_id,
        title="How the pooled ORR moves with the analysis",
        caption=(
            "The same question under other choices. Each mark is one analysis with its interval; marks far apart mean "
            "that the choice matters more than it should. A strategy without a mark has no cohort left under that "
            "choice."
        ),
        summary=_sensitivity_words(frame, analyses, names),
        spec=spec,
        narrow_spec=narrow_spec,
        table=_sensitivity_table(frame, names),
        side_width=side_width(),
    )


def split_sensitivity(comparison: Comparison) -> list[Figure]:
    """Return the figure of sensitivity in parts, each short enough for a printed page."""
    frame = comparison.sensitivity
    known_ids = set(frame.loc[frame["estimate"].notna(), "strategy_id"]) if len(frame) else set()
    shown = [name for name in strategy_names(comparison) if name in known_ids]
    parts = [shown[start : start + _STRATEGIES_A_PAGE] for start in range(0, len(shown), _STRATEGIES_A_PAGE)] or [[]]
    return [
        render_sensitivity(comparison, strategies=part, figure_id=f"sensitivity-{number}")
        for number, part in enumerate(parts, start=1)
    ]


def render_confounding(comparison: Comparison) -> Figure:
    """Draw the E-values: how strong confounding must be to explain each difference from the top strategy away."""
    frame = comparison.confounding
    names = strategy_names(comparison)
    largest = float(frame["e_value"].max()) if len(frame) else 2.0
    upper = next((tick for tick in _E_VALUE_TICKS if tick >= largest * 1.02), largest * 1.1)
    ticks = tuple(tick for tick in _E_VALUE_TICKS if tick <= upper)
    scale = Scale(1.0, max(upper, 1.5), "E-value (log scale)", ticks, "format(datum.value, '~g')", log=True)
    spec, narrow_spec = row_specs(lambda rows: _draw_confounding(rows, frame, names), scale)
    smallest = frame.sort_values("e_value").iloc[0] if len(frame) else None
    return Figure(
        figure_id="confounding",
        title="How strong unmeasured confounding must be to undo a comparison",
        caption=(
            "E-values of the comparisons with the top strategy. Filled: for the estimate; hollow: for the limit of the "
            "interval nearer to no difference (1 means that chance alone suffices). An E-value of 2 says: a feature of "
            "patients that is twice as common under one strategy, and doubles response, would explain the difference "
            "away."
        ),
        summary=(
            "No comparison is given."
            if smallest is None
            else f"E-values of {words.plural(len(frame), 'comparison')}. The weakest is "
            f"{names.get(smallest['better'], '')} against {names.get(smallest['worse'], '')}, E-value "
            f"{smallest['e_value']:.1f}."
        ),
        spec=spec,
        narrow_spec=narrow_spec,
        table=_confounding_table(frame, names),
        side_width=side_width(),
    )


def strategy_names(comparison: Comparison) -> dict[str, str]:
    """Return the names of strategies by id."""
    return {result.strategy.strategy_id: words.headline(result.strategy.name) for result in comparison.results}


def known(value: object) -> float | None:
    """Return a cell of a frame as a number, None where it is missing."""
    return None if value is None or not math.isfinite(float(str(value))) else float(str(value))


def _look(number: int) -> tuple[str, str]:
    return _COLOURS[number % len(_COLOURS)], _SHAPES[(number + number // len(_COLOURS)) % len(_SHAPES)]


def _draw_sensitivity(rows: Rows, frame: pd.DataFrame, analyses: list[str], names: Mapping[str, str]) -> None:
    for number, analysis in enumerate(analyses):
        colour, shape = _look(number)
        rows.key(analysis, colour=colour, shape=shape)
    if analyses:
        rows.label("Strategy", right=f"{analyses[0]}"[:15], colour=MUTED)
    rows.rule()
    for strategy_id, name in names.items():
        lines = {str(row["analysis"]): row for row in frame.to_dict("records") if row["strategy_id"] == strategy_id}
        if all(known(row["estimate"]) is None for row in lines.values()):
            continue
        first = next(row for row in lines.values() if known(row["estimate"]) is not None)
        figures = (known(first[key]) for key in ("estimate", "ci_lb", "ci_ub"))
        rows.label(name, right=words.proportion(*figures), bold=True)
        for number, analysis in enumerate(analyses):
            if analysis in lines:
                _draw_analysis(rows, lines[analysis], number)
        rows.space(7)


def _draw_analysis(rows: Rows, row: Mapping[Any, Any], number: int) -> None:
    estimate, lower, upper = (known(row[key]) for key in ("estimate", "ci_lb", "ci_ub"))
    y = rows.band(11)
    if estimate is None:
        return
    colour, shape = _look(number)
    tip = f"{row['analysis']}: {words.proportion(estimate, lower, upper)}\n{row['k']} cohorts, n = {row['total']}"
    if lower is not None and upper is not None:
        rows.span(lower, upper, y=y, thickness=1.2, colour=colour, tip=tip)
    rows.point(estimate, y=y, size=60, colour=colour, shape=shape, tip=tip)


def _draw_confounding(rows: Rows, frame: pd.DataFrame, names: Mapping[str, str]) -> None:
    records = frame.to_dict("records")
    tops = {row["better"] for row in records}
    # One strategy against all others is named once, at the head.
    head = f"{names.get(next(iter(tops)), '')} against" if len(tops) == 1 else "better against worse"
    rows.label(head, right="E-value (limit)", colour=MUTED)
    rows.rule()
    for row in records:
        estimate, limit, ratio = (known(row[key]) for key in ("e_value", "e_value_limit", "risk_ratio"))
        if estimate is None:
            continue
        title = f"{names.get(row['better'], row['better'])} against {names.get(row['worse'], row['worse'])}"
        right = f"{estimate:.1f}" + ("" if limit is None else f" ({limit:.1f})")
        tip = f"{title}\nratio of ORR {words.MISSING if ratio is None else f'{ratio:.2f}'}; E-value {right}"
        rows.label(names.get(row["worse"], row["worse"]) if len(tops) == 1 else title, right=right)
        y = rows.band(16)
        if limit is not None:
            rows.span(limit, estimate, y=y, thickness=1.2, colour=BLUE, tip=tip)
            rows.point(limit, y=y, size=70, colour=BLUE, shape="circle", filled=False, tip=tip)
        rows.point(estimate, y=y, size=70, colour=BLUE, shape="circle", tip=tip)
        rows.space(5)
    if not len(frame):
        rows.label("No comparison is given.", colour=MUTED)


def _sensitivity_table(frame: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "Strategy": names.get(row["strategy_id"], row["strategy_id"]),
                "Analysis": row["analysis"],
                "Cohorts": words.dash(row["k"]),
                "Patients": words.dash(row["total"]),
                "Pooled ORR [interval]": words.proportion(
                    known(row["estimate"]), known(row["ci_lb"]), known(row["ci_ub"])
                ),
                "Highest ORR": words.percent(known(row["prob_best"])),
            }
            for row in frame.to_dict("records")
        ]
    )


def _confounding_table(frame: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    def number(value: object, digits: int) -> str:
        found = known(value)
        return words.MISSING if found is None else f"{found:.{digits}f}"

    return pd.DataFrame(
        [
            {
                "Better": names.get(row["better"], row["better"]),
                "Worse": names.get(row["worse"], row["worse"]),
                "Probability that it is": words.percent(known(row["p_better"])),
                "Ratio of ORR [interval]": f"{number(row['risk_ratio'], 2)} "
                f"[{number(row['rr_lb'], 2)}, {number(row['rr_ub'], 2)}]",
                "E-value": number(row["e_value"], 2),
                "E-value of the limit": number(row["e_value_limit"], 2),
                "Fall that levels them, points": number(row["tipping_points"], 1),
                "Fall that levels them, logit": number(row["tipping_shift"], 2),
            }
            for row in frame.to_dict("records")
        ]
    )


def _sensitivity_words(frame: pd.DataFrame, analyses: list[str], names: Mapping[str, str]) -> str:
    spreads = []
    for strategy_id, name in names.items():
        found = [known(row["estimate"]) for row in frame.to_dict("records") if row["strategy_id"] == strategy_id]
        values = [value for value in found if value is not None]
        if len(values) > 1:
            spreads.append((max(values) - min(values), name, min(values), max(values)))
    text = (
        f"Pooled ORR of each strategy under {words.plural(len(analyses), 'analysis').replace('analysiss', 'analyses')}."
    )
    if spreads:
        _, name, lower, upper = max(spreads)
        text += f" The one that moves most is {name}, from {words.percent(lower)} to {words.percent(upper)}."
    return text
