"""What the figures of virtual trials share: colours of arms and responses, months, thinning, the order of arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from aftercar.patients.kinetics import MONTH
from aftercar.report._rows import PADDING
from aftercar.report.figure import BLACK, BLUE, GREEN, ORANGE, PLOT_VIEW, PURPLE, SKY, SLATE, VERMILION, Choice, to_spec
from aftercar.trials.tables import TrialTables

SHOWN_AT_FIRST = 6  # lines of one plot that an eye still follows
_ARM_COLOURS = (BLUE, VERMILION, GREEN, BLACK, ORANGE, SKY, PURPLE, SLATE)
_DASHES = ([1, 0], [6, 3], [2, 2])
# Deeper is darker, in grey as well; progression alone is warm.
RESPONSE_COLOURS: Mapping[str, str] = {
    "sCR": "#08306b", "CR": BLUE, "VGPR": SKY, "PR": "#a9d5f2", "MR": "#efe3a8", "SD": "#c4c8cc", "PD": VERMILION,
    "not graded": "#e6e9ec",
}  # fmt: skip
NOT_GRADED = "not graded"
SEGMENT_EDGE = "#7d868f"
Datasets = Mapping[str, Sequence[Mapping[str, Any]]]


def arm_names(tables: TrialTables) -> tuple[str, ...]:
    """Return the arms in the order of the outcomes."""
    return tuple(str(name) for name in dict.fromkeys(tables.outcomes["arm"]))


def arm_look(number: int) -> tuple[str, list[int]]:
    """Return colour and dashes of an arm by its position: the colours first, then the same dashed."""
    return _ARM_COLOURS[number % len(_ARM_COLOURS)], _DASHES[(number // len(_ARM_COLOURS)) % len(_DASHES)]


def choose_arms(arms: Sequence[str], *, param: str = "shown") -> Choice:
    """Return the choice of several arms; the first few are shown before anybody chooses."""
    return Choice(param, "Arms shown", tuple(arms), tuple(range(min(len(arms), SHOWN_AT_FIRST))), many=True)


def choose_one(names: Sequence[str], *, legend: str = "Arm", param: str = "one") -> Choice:
    """Return the choice of one of several; the first stands before anybody chooses."""
    return Choice(param, legend, tuple(names), (0,))


def with_choices(spec: dict[str, Any], choices: Sequence[Choice], datasets: Datasets) -> dict[str, Any]:
    """Return a specification with the parameters of its choices and its data."""
    params = [{"name": choice.param, "value": choice.value} for choice in choices]
    return spec | {"params": params, "datasets": {**spec.get("datasets", {}), **datasets}}


def sized_chart(chart: Any, *, height: Any) -> dict[str, Any]:
    """Return a chart as the plot that takes the width of the page."""
    return to_spec(chart.properties(name=PLOT_VIEW, width=420, height=height, padding=PADDING))


def to_months(days: Any) -> Any:
    """Return days as months of 30.4375 days."""
    return days / MONTH


def month_ticks(end: float) -> list[float]:
    """Return at most seven whole months from 0 to the end, evenly apart.

    Examples
    --------
    >>> month_ticks(23.9), month_ticks(4.2)
    ([0.0, 6.0, 12.0, 18.0], [0.0, 1.0, 2.0, 3.0, 4.0])
    """
    step = next((s for s in (1, 2, 3, 6, 12, 24, 60) if end / s < 6), 120)
    return [float(step * k) for k in range(int(end / step + 1e-9) + 1)]


def spread_over(n: int, most: int) -> npt.NDArray[np.int64]:
    """Return the positions of at most `most` of `n` sorted rows, evenly spread, both ends among them."""
    if n <= most:
        return np.arange(n)
    return np.unique(np.linspace(0, n - 1, most).round().astype(np.int64))


def response_scale(present: Sequence[str]) -> alt.Scale:
    """Return the colours of the responses that are present, deepest first."""
    names = [name for name in RESPONSE_COLOURS if name in set(present)]
    return alt.Scale(domain=names, range=[RESPONSE_COLOURS[name] for name in names])


def response_words(names: pd.Series[str]) -> pd.Series[str]:
    """Return responses with one word for what could not be, or was not yet, graded."""
    return names.where(names.isin(list(RESPONSE_COLOURS)), NOT_GRADED)


def bottom_legend(columns: int, **changes: Any) -> alt.Legend:
    """Return a legend below the plot, in columns."""
    look: dict[str, Any] = {"orient": "bottom", "title": None, "columns": columns, "labelLimit": 260,
                            "labelFontSize": 11, "symbolSize": 110}  # fmt: skip
    return alt.Legend(**(look | changes))
