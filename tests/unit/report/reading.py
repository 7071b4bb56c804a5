"""Small readers that tests of figures share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import altair as alt

from aftercar.report.figure import Figure


def check_schema(figure: Figure) -> None:
    """Raise where a specification is not valid Vega-Lite."""
    for spec in (figure.spec, figure.narrow_spec):
        alt.Chart.from_dict(dict(spec))


def texts(figure: Figure, *, narrow: bool = False) -> list[str]:
    """Return every text that a figure writes, labels first."""
    datasets = (figure.narrow_spec if narrow else figure.spec)["datasets"]
    return [row["text"] for name in datasets if name.split()[0] in {"label", "side", "marks"} for row in datasets[name]]


def rows(figure: Figure, name: str) -> list[dict[str, Any]]:
    """Return the data of one layer, empty where the figure has no such layer."""
    found: list[dict[str, Any]] = figure.spec["datasets"].get(name, [])
    return found


def walk(node: object) -> Iterator[Mapping[str, Any]]:
    """Yield every mapping of a specification."""
    if isinstance(node, Mapping):
        yield node
        for value in node.values():
            yield from walk(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from walk(value)
