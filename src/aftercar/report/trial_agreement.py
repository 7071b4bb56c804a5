"""Observed against simulated responses, by strategy: a plane with the diagonal, and row by row.

The plane shows at a glance where simulated lies above or below observed; the rows can be read off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from aftercar.report import words
from aftercar.report._rows import Rows, percent_scale, row_specs, side_width
from aftercar.report.figure import BLUE, INK, MUTED, SLATE, VERMILION, Figure
from aftercar.report.trial_agreement_plane import plane_figure
from aftercar.report.trial_agreement_words import agreement_table, levels_text, point_tip, side_text

MEASURES: Mapping[str, str] = {"orr": "ORR", "cr": "CR"}
_SIDE = 128


def disagrees(agrees: Any) -> bool:
    """Return whether intervals are known not to meet."""
    return not pd.isna(agrees) and not bool(agrees)


def agreement_rows(beside: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return one row per strategy with both figures, numbered from 1 by the observed rate, highest first.

    Columns number, strategy, arm, observed, observed_lb, observed_ub, observed_n, simulated, simulated_lb,
    simulated_ub, parameters_lb, parameters_ub (NaN where missing), apart (whether intervals are known not to meet),
    known (whether that is known).
    """
    names = {f"{measure}_observed": "observed", f"{measure}_observed_lb": "observed_lb",
             f"{measure}_observed_ub": "observed_ub", f"{measure}_observed_n": "observed_n",
             f"{measure}_simulated": "simulated", f"{measure}_simulated_lb": "simulated_lb",
             f"{measure}_simulated_ub": "simulated_ub", f"{measure}_simulated_parameters_lb": "parameters_lb",
             f"{measure}_simulated_parameters_ub": "parameters_ub"}  # fmt: skip
    found = pd.DataFrame({"strategy": beside["strategy"].astype(str), "arm": beside["arm"].astype(str)})
    for source, name in names.items():
        values = beside[source] if source in beside else pd.Series(np.nan, index=beside.index)
        found[name] = pd.to_numeric(values, errors="coerce").astype(float)
    agrees = beside.get(f"{measure}_agrees", pd.Series(pd.NA, index=beside.index))
    found["apart"] = [disagrees(one) for one in agrees]
    found["known"] = [not pd.isna(one) for one in agrees]
    found = found.sort_values(["observed", "simulated", "strategy"], ascending=[False, False, True], kind="stable")
    found.insert(0, "number", range(1, len(found) + 1))
    return found.reset_index(drop=True)


def agreement_figures(
    beside: pd.DataFrame, *, level: float = 0.90, observed_level: float | None = None, prefix: str = "agreement"
) -> list[Figure]:
    """Return the plane and the rows of each measure that has a figure on both sides.

    `level`: of the simulated intervals; `observed_level`: of the observed ones, the same unless it is given.
    """
    levels = (observed_level or level, level)
    figures = []
    for measure, name in MEASURES.items():
        if f"{measure}_observed" not in beside:
            continue
        rows = agreement_rows(beside, measure)
        if rows[["observed", "simulated"]].notna().all(axis=1).any():
            figures.append(plane_figure(rows, name, levels=levels, figure_id=f"{prefix}-{measure}"))
        figures.append(_row_figure(rows, name, levels=levels, figure_id=f"{prefix}-{measure}-rows"))
    return figures


def _row_figure(rows: pd.DataFrame, name: str, *, levels: tuple[float, float], figure_id: str) -> Figure:
    spec, narrow = row_specs(
        lambda drawn: _draw(drawn, rows, name), percent_scale(f"{name}, observed and simulated"), side=_SIDE
    )
    unseen = int(rows["observed"].isna().sum())
    return Figure(
        figure_id=figure_id,
        title=f"{name} by strategy: observed beside simulated",
        caption=(
            "Grey, above: observed, pooled over cohorts. Blue, below: simulated by the arm named in brackets; thick "
            "by sampling alone, thin and dark over uncertain parameters where the run has them. "
            f"{levels_text(levels)} ≠ and orange: the intervals do not meet."
        ),
        summary=(
            f"Observed beside simulated {name} of {len(rows)} strategies, by the observed rate; "
            f"{unseen} without an observed figure that can be pooled."
        ),
        spec=spec, narrow_spec=narrow, table=agreement_table(rows, name), side_width=side_width(_SIDE),
    )  # fmt: skip


def _draw(drawn: Rows, rows: pd.DataFrame, name: str) -> None:
    drawn.key("observed (pooled cohorts)", colour=SLATE, shape="square")
    drawn.key("simulated", colour=BLUE, shape="circle")
    drawn.key("simulated, and the intervals do not meet", colour=VERMILION, shape="diamond")
    drawn.rule()
    drawn.label("Strategy", right=f"observed {name}", colour=MUTED)
    drawn.label("simulated by", right=f"simulated {name}", colour=MUTED)
    drawn.rule()
    for row in rows.to_dict("records"):
        apart, tip = row["apart"], point_tip(row, name)
        colour = VERMILION if apart else BLUE
        head = f"{row['number']}  {words.headline(row['strategy'])}"
        drawn.label(head, right=side_text(row, "observed"), bold=True)
        drawn.label(f"({row['arm']})", right=("≠ " if apart else "") + side_text(row, "simulated"), colour=MUTED)
        if not np.isnan(row["observed"]):
            y = drawn.band(12)
            if not np.isnan(row["observed_lb"] + row["observed_ub"]):
                drawn.span(row["observed_lb"], row["observed_ub"], y=y, thickness=2.5, colour=SLATE, tip=tip)
            drawn.point(row["observed"], y=y, size=60, colour=SLATE, tip=tip)
        if not np.isnan(row["simulated"]):
            y = drawn.band(12)
            drawn.span(row["simulated_lb"], row["simulated_ub"], y=y, thickness=5, colour=colour, tip=tip)
            if not np.isnan(row["parameters_lb"] + row["parameters_ub"]):  # over the other, which may be the wider
                drawn.span(row["parameters_lb"], row["parameters_ub"], y=y, thickness=1.2, colour=INK, tip=tip)
            drawn.point(row["simulated"], y=y, size=70, colour=colour, shape="diamond" if apart else "circle",
                        filled=False, tip=tip)  # fmt: skip
        drawn.space(6)
