"""The panels of sensitivity and confounding show each row that they are given, and live with gaps."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from tests.unit.report.reading import check_schema, rows, texts

from aftercar.report import render_confounding, render_sensitivity
from aftercar.report.sensitivity import known, split_sensitivity
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


def test_parts_share_out_all_strategies_that_have_estimates(comparison: Comparison) -> None:
    (model,) = (result for result in comparison.results if result.strategy.strategy_id == "strategy_1")
    names = [f"strategy {number}" for number in range(12)]
    results = tuple(
        replace(model, strategy=replace(model.strategy, strategy_id=name.replace(" ", "_"), name=name))
        for name in names
    )
    frame = comparison.sensitivity[comparison.sensitivity["strategy_id"] == "strategy_1"]
    tables = [frame.assign(strategy_id=result.strategy.strategy_id) for result in results[:-1]]
    parts = split_sensitivity(replace(comparison, results=results, sensitivity=pd.concat(tables, ignore_index=True)))
    assert [figure.figure_id for figure in parts] == ["sensitivity-1", "sensitivity-2"]
    shown = [name for part in parts for name in part.table["Strategy"].unique()]
    assert shown == [name.capitalize() for name in names[:-1]]  # the last has no estimate
    assert parts[0].table["Strategy"].nunique() == 9


def test_nothing_to_show_is_one_empty_part(comparison: Comparison) -> None:
    (figure,) = split_sensitivity(replace(comparison, sensitivity=pd.DataFrame()))
    assert len(figure.table) == 0


def test_the_top_strategy_is_named_once(comparison: Comparison) -> None:
    written = texts(render_confounding(comparison))
    assert [text for text in written if text.startswith("GPRC5D CAR-T")] == ["GPRC5D CAR-T against"]
