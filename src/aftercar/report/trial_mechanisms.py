"""Heat map of a virtual trial: response to each arm by mechanism of relapse. Simulated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from aftercar.report import words
from aftercar.report._rows import PADDING
from aftercar.report.figure import INK, MUTED, Figure
from aftercar.report.trial_looks import sized_chart

_TOO_FEW = "#e2e5e8"
# From light to dark, the same lightness steps for every reader (ColorBrewer's Blues, whose order survives grey print).
_STEPS = ("#eff6fc", "#cfe2f3", "#a3cbe7", "#6aaed6", "#3787c0", "#10599e", "#08306b")
_CELL, _NAME, _KEY, _HEAD = 34, 18, 17, 24  # heights in pixels
_MOST_WITH_COUNTS = 5  # columns of a phone that hold counts too
_WRAP = (84, 44)  # letters of a line, wide and narrow
_SIDE = PADDING["left"] + PADDING["right"]


def heat_cells(by_mechanism: pd.DataFrame, *, least: int = 10) -> pd.DataFrame:
    """Return one row per arm and mechanism in the order of the table, also where nobody was.

    Columns arm, mechanism, row, column, events, n, estimate (NaN where fewer than `least`), ci_lb, ci_ub.
    """
    arms = list(dict.fromkeys(by_mechanism["arm"]))
    totals = by_mechanism.groupby("mechanism", sort=False)["n"].max().sort_values(ascending=False, kind="stable")
    grid = pd.MultiIndex.from_product([arms, list(totals.index)], names=["arm", "mechanism"])
    found = by_mechanism.set_index(["arm", "mechanism"])[["events", "n", "estimate", "ci_lb", "ci_ub"]].reindex(grid)
    found[["events", "n"]] = found[["events", "n"]].fillna(0).astype(int)
    found.loc[found["n"] < least, ["estimate", "ci_lb", "ci_ub"]] = np.nan
    found = found.reset_index()
    found["row"] = found["arm"].map({arm: k for k, arm in enumerate(arms)})
    found["column"] = found["mechanism"].map({name: k for k, name in enumerate(totals.index)})
    return found


def mechanism_figure(
    by_mechanism: pd.DataFrame, *, least: int = 10, figure_id: str = "mechanisms", level: float = 0.90
) -> Figure:
    """Draw the response rates.

    Parameters
    ----------
    by_mechanism
        Columns arm, mechanism, events, n, estimate, ci_lb, ci_ub.
    least
        Cells of fewer patients are grey.
    """
    cells = heat_cells(by_mechanism, least=least)
    names = list(dict.fromkeys(cells.sort_values("column")["mechanism"]))
    specs = [_spec(cells, names, letters=letters, narrow=k == 1) for k, letters in enumerate(_WRAP)]
    known = cells.dropna(subset="estimate")
    summary = (
        f"Heat map of simulated response rates of {cells['arm'].nunique()} arms by {len(names)} mechanisms of relapse."
    )
    if len(known):
        best, worst = known.loc[known["estimate"].idxmax()], known.loc[known["estimate"].idxmin()]
        summary += "".join(
            f" {word}: {one['arm']} in {one['mechanism']}, {words.percent(float(one['estimate']))} of {one['n']}."
            for word, one in (("Highest", best), ("Lowest", worst))
        )
    return Figure(
        figure_id=figure_id,
        title="Response by mechanism of relapse, simulated",
        caption=(
            "Simulated overall response rate (partial response or better) of the treated patients of each arm, by why "
            f"the first treatment failed, with responders/patients. Grey: fewer than {least} patients, no rate; "
            f"empty: nobody. The table has {words.level_text(level)} intervals of sampling alone."
        ),
        summary=summary, spec=specs[0], narrow_spec=specs[1], table=_table(cells), side_width=_SIDE,
    )  # fmt: skip


def _table(cells: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for row in cells.to_dict("records"):
        few = np.isnan(row["estimate"])
        rate = "too few" if few else words.proportion(row["estimate"], row["ci_lb"], row["ci_ub"])
        rows.append(
            {"Arm": row["arm"], "Mechanism of relapse": row["mechanism"], "Responders/n": f"{row['events']}/{row['n']}",
             "ORR [interval], simulated": rate if row["n"] else words.MISSING}
        )  # fmt: skip
    return pd.DataFrame(rows)


def _spec(cells: pd.DataFrame, names: Sequence[str], *, letters: int, narrow: bool) -> dict[str, Any]:
    """Return the drawing: numbered columns, an arm's name above its cells, the mechanisms in a key on top."""
    import textwrap

    keys: list[dict[str, Any]] = []
    y = 0.0
    for k, name in enumerate(names, start=1):
        for line in textwrap.wrap(f"{k}  {name}", letters):
            keys.append({"y": y + _KEY / 2, "text": line})
            y += _KEY
    heads = [{"column": k, "y": y + _HEAD / 2 + 2, "text": str(k + 1)} for k in range(len(names))]
    top = y + _HEAD
    rows, labels = [], []
    counts = not narrow or len(names) <= _MOST_WITH_COUNTS
    for row in cells.to_dict("records"):
        place = top + row["row"] * (_CELL + _NAME)
        if row["column"] == 0:
            labels.append({"y": place + _NAME / 2, "text": row["arm"]})
        if row["n"]:
            rows.append(_cell(row, place + _NAME, counts=counts))
    height = top + cells["row"].nunique() * (_CELL + _NAME)
    x = alt.X(
        "column:O",
        axis=None,
        scale=alt.Scale(domain=list(range(max(len(names), 1))), paddingInner=0.04, paddingOuter=0),
    )
    at, y_ = alt.XValue(0), alt.Y("y:Q", scale=None, axis=None)  # type: ignore[no-untyped-call]
    text = alt.Text("text:N")

    def data(values: list[dict[str, Any]]) -> alt.Chart:
        return alt.Chart(alt.InlineData(values=values))

    fill = alt.Fill("fill:N", scale=None)
    layers = [
        data(rows).mark_rect().encode(x=x, y=y_, y2=alt.Y2("y2:Q"), fill=fill, tooltip=alt.Tooltip("tip:N")),
        data(keys).mark_text(align="left", color=MUTED).encode(x=at, y=y_, text=text),
        data(heads).mark_text(fontWeight="bold").encode(x=x, y=y_, text=text),
        data(labels).mark_text(align="left", color=INK, limit=620 if not narrow else 320).encode(x=at, y=y_, text=text),
    ]
    ink = alt.Color("ink:N", scale=None)
    for field, dy, weight in (("text", 10 if counts else 17, "bold"), ("count", 24, "normal")):
        if field == "text" or counts:
            drawn = data(rows).mark_text(dy=dy, fontSize=11 if field == "count" else 12, fontWeight=weight)  # type: ignore[arg-type]
            layers.append(drawn.encode(x=x, y=y_, text=alt.Text(f"{field}:N"), color=ink))
    return sized_chart(alt.layer(*layers), height=height)


def _cell(row: dict[Any, Any], y: float, *, counts: bool) -> dict[str, Any]:
    few = bool(np.isnan(row["estimate"]))
    step = 0 if few else min(int(row["estimate"] * len(_STEPS)), len(_STEPS) - 1)
    rate = "too few" if few else words.percent(row["estimate"])
    if few and not counts:
        rate = "few"
    interval = "" if few else f" {words.interval(row['ci_lb'], row['ci_ub'])}"
    return {
        "column": row["column"], "y": y, "y2": y + _CELL - 2, "text": rate, "count": f"{row['events']}/{row['n']}",
        "fill": _TOO_FEW if few else _STEPS[step], "ink": "#ffffff" if step >= 4 else INK,
        "tip": f"{row['arm']}\n{row['mechanism']}\n{row['events']}/{row['n']} responded: {rate}{interval}",
    }  # fmt: skip
