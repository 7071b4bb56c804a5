"""The table fits the terminal and says why something is missing."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from aftercar.report import render_table
from aftercar.strategy.results import DISCLAIMER, Comparison


def printed(comparison: Comparison, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, legacy_windows=False)
    console.print(render_table(comparison))
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal(comparison: Comparison, width: int) -> None:
    assert max(len(line) for line in printed(comparison, width).splitlines()) <= width


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_figure_is_cut(comparison: Comparison, width: int) -> None:
    text = printed(comparison, width)
    for figure in ("46% [33, 60]", "[19, 73]", "31/67", "very low", "50%"):
        assert figure in text
    assert "…" not in text


def test_columns_come_with_the_width(comparison: Comparison) -> None:
    heads = {width: printed(comparison, width).splitlines()[2] for width in (80, 100, 120)}
    assert "CR" not in heads[80]
    assert "CR" in heads[100]
    assert "top 3" not in heads[100]
    assert "top 3" in heads[120]


def test_disclaimer_and_reasons_stand_below(comparison: Comparison) -> None:
    text = " ".join(printed(comparison, 100).split())
    assert DISCLAIMER in text
    assert "— ORR n not reported: Radioligand." in text
    assert "— ORR not reported: MAPK inhibition." in text


def test_text_from_data_is_no_markup(comparison: Comparison) -> None:
    text = "".join(printed(comparison, 120).split())
    assert "A<b>strategy</b>" in text
