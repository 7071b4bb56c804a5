"""All strategies in one figure, in the order asked for."""

from __future__ import annotations

import pytest
from tests.unit.report.reading import check_schema, rows, texts

from aftercar.report import render_ranking, render_summary
from aftercar.report.summary import measured, ordered
from aftercar.strategy.results import Comparison


def test_every_strategy_is_shown_or_named_as_empty(comparison: Comparison) -> None:
    figure = render_summary(comparison)
    check_schema(figure)
    written = " ".join(texts(figure))
    for result in comparison.results:
        assert result.strategy.name.split()[0] in written
    assert len(rows(figure, "points")) == sum(result.orr.pooled is not None for result in comparison.results)
    assert list(figure.table["Strategy"]) != []
    assert len(figure.table) == len(comparison.results)


def test_the_highest_estimate_comes_first_and_empty_rows_last(comparison: Comparison) -> None:
    names = [result.strategy.strategy_id for result in ordered(comparison.results, measure="ORR", order="estimate")]
    assert names[0] == "strategy_2"
    assert names[-2:] == ["strategy_5", "strategy_6"]
    table = [result.strategy.strategy_id for result in ordered(comparison.results, measure="ORR", order="table")]
    assert table[:2] == ["strategy_1", "strategy_2"]


def test_prediction_intervals_are_thin_and_intervals_thick(comparison: Comparison) -> None:
    by_row: dict[float, dict[float, float]] = {}
    for span in rows(render_summary(comparison), "spans"):
        by_row.setdefault(span["y"], {})[span["thickness"]] = span["x2"] - span["x"]
    both = [spans for spans in by_row.values() if len(spans) == 2]
    assert len(both) == 3  # the strategy with one cohort has no prediction interval in the sample
    for spans in both:
        assert spans[min(spans)] > spans[max(spans)]


def test_cr_has_its_own_figure(comparison: Comparison) -> None:
    figure = render_summary(comparison, measure="CR")
    assert figure.figure_id == "summary-cr"
    assert len(rows(figure, "points")) == 1


def test_an_unknown_measure_is_refused(comparison: Comparison) -> None:
    with pytest.raises(ValueError, match="ORR, CR"):
        measured(comparison.results[0], "PFS")


def test_ranking_shows_ranked_strategies_only_the_likeliest_first(comparison: Comparison) -> None:
    figure = render_ranking(comparison)
    check_schema(figure)
    assert figure.table["Strategy"].iloc[0] == "Second BCMA CAR-T, same product"
    assert "Any first salvage" not in set(figure.table["Strategy"])
    assert len(rows(figure, "bars")) == 2 * len(figure.table)
    assert "confounding" in figure.caption
