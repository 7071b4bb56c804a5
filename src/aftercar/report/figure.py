"""A figure: one Vega-Lite specification from which the interactive, the SVG and the PNG form are made.

Every figure also carries its caption, a summary in words and its data as a table, so that it can be read without eyes.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

INK = "#1a1a1a"
MUTED = "#555555"
GREY = "#8a8a8a"
GRID = "#e9ecef"
# Okabe & Ito's colours, told apart by colour-blind readers; shapes differ too.
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, BLACK = (
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#000000",
)  # fmt: skip
SLATE = "#6b7c8c"

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, 'DejaVu Sans', sans-serif"
# Fonts that a renderer without a browser can find; `system-ui` is a word of browsers.
STATIC_FONT = "Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif"
TEXT_SIZE = 12
AXIS_TEXT_SIZE = 11
PLOT_VIEW = "plot"
WIDTH = 680
NARROW_BELOW = 580  # pixels


@dataclass(frozen=True, slots=True)
class Choice:
    """What a reader may choose in a page: the value of a parameter of the specification.

    Attributes
    ----------
    param
        Name of the parameter in the specification; its value there is what stands before anybody chooses.
    legend
        What is chosen, in words.
    options
        Words of the options, numbered from 0; none for a switch that is on or off.
    chosen
        Numbers of the options that are chosen at first.
    many
        Whether several may be chosen: the value is then their list, else the number of one.
    """

    param: str
    legend: str
    options: tuple[str, ...] = ()
    chosen: tuple[int, ...] = ()
    many: bool = False

    @property
    def value(self) -> bool | int | list[int]:
        """The value at first, as a specification takes it."""
        if not self.options:
            return bool(self.chosen)
        return list(self.chosen) if self.many else self.chosen[0]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and all that belongs to it.

    Attributes
    ----------
    figure_id
        Its id in a page and the stem of its file name.
    summary
        What the figure shows, in words.
    spec, narrow_spec
        Vega-Lite specifications for wide and for narrow screens, without `config`; the view named `plot` takes the
        width that `side_width` leaves.
    table
        The figure's data; column names are for readers.
    side_width
        Pixels beside the plot (right column and paddings).
    choices
        What a reader may choose in a page.
    """

    figure_id: str
    title: str
    caption: str
    summary: str
    spec: Mapping[str, Any]
    narrow_spec: Mapping[str, Any]
    table: pd.DataFrame
    side_width: int
    choices: tuple[Choice, ...] = ()


def figure_config(font: str = FONT) -> dict[str, Any]:
    """Return the look that all figures share, as a Vega-Lite `config`."""
    return {
        "font": font,
        "background": "#ffffff",
        "aria": False,
        "view": {"stroke": None},
        "concat": {"spacing": 0},
        "axis": {
            "labelFontSize": AXIS_TEXT_SIZE,
            "titleFontSize": TEXT_SIZE,
            "titleFontWeight": "normal",
            "labelColor": INK,
            "titleColor": INK,
            "gridColor": GRID,
            "domainColor": GREY,
            "tickColor": GREY,
        },
        "legend": {"layout": {"bottom": {"direction": "vertical", "anchor": "start"}}},
        "text": {"fontSize": TEXT_SIZE, "color": INK, "baseline": "middle"},
    }


def to_spec(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """Return an Altair chart as plain data, without the theme and without slow checks (tests check the schema)."""
    with alt.theme.enable("none"):
        spec: dict[str, Any] = chart.to_dict(validate=False)
    spec.pop("config", None)
    return spec


def sized_spec(figure: Figure, *, width: int, font: str = STATIC_FONT) -> dict[str, Any]:
    """Return the whole specification for a picture `width` pixels wide, its look included."""
    spec = copy.deepcopy(dict(figure.narrow_spec if width < NARROW_BELOW else figure.spec))
    for view in spec["hconcat"] if "hconcat" in spec else [spec]:
        if view.get("name") == PLOT_VIEW:
            view["width"] = max(width - figure.side_width, 120)
    spec["config"] = figure_config(font)
    return spec


def render_svg(figure: Figure, *, width: int = WIDTH) -> str:
    """Return the figure as SVG, `width` pixels wide, titled and described for screen readers."""
    import vl_convert

    svg: str = vl_convert.vegalite_to_svg(json.dumps(sized_spec(figure, width=width)))
    head, _, rest = svg.partition(">")
    return f"{head}><title>{_escape(figure.title)}</title><desc>{_escape(figure.summary)}</desc>{rest}"


def render_png(figure: Figure, *, width: int = WIDTH, scale: float = 2.0) -> bytes:
    """Return the figure as PNG, `width` times `scale` pixels wide."""
    import vl_convert

    picture: bytes = vl_convert.vegalite_to_png(json.dumps(sized_spec(figure, width=width)), scale=scale)
    return picture


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
