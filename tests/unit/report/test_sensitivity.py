"""The panels of sensitivity and confounding show each row that they are given, and live with gaps."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from tests.unit.report.reading import check_schema, rows, texts

from aftercar.report import render_confounding, render_sensitivity
from aftercar.report.sensitivity import known
from aftercar.strategy.results import Comparison


def test_each_analysis_has_its_own_colour_and_shape(comparison: Comparison) -> None:
    figure = render_sensitivity(comparison)
    check_schema(figure)
    keys = rows(figure, "keys")
    assert len({(row["colour"], row["shape"]) for row in keys}) == len(keys) == 4
    assert len({row["shape"] for row in keys}) == 4


def test_an_analysis_without_an_estimate_leaves_a_gap(comparison: Comparison) -> None:
    figure = render_sensitivity(comparison)
    assert len(rows(figure, "points")) == 3 * 4 - 1
    gaps = figure.table[figure.table["Pooled ORR [interval]"] == "—"]
    assert list(gaps["Analysis"]) == ["reported counts only"]
    assert "nan" not in " ".join(texts(figure))


def test_the_weakest_comparison_is_named(comparison: Comparison) -> None:
    figure = render_confounding(comparison)
    check_schema(figure)
    assert "E-value 1.4" in figure.summary
    assert "2.4 (1.3)" in texts(figure)
    assert len(rows(figure, "points")) == 4


def test_empty_frames_give_figures_that_say_so(comparison: Comparison) -> None:
    empty = replace(comparison, sensitivity=pd.DataFrame(), confounding=pd.DataFrame())
    check_schema(render_sensitivity(empty))
    figure = render_confounding(empty)
    check_schema(figure)
    assert "No comparison is given." in texts(figure)


def test_missing_cells_are_missing_numbers() -> None:
    assert known(None) is None
    assert known(float("nan")) is None
    assert known(float("inf")) is None
    assert known(2) == 2.0
