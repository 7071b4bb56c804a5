"""Medians keep what is not known visible."""

from __future__ import annotations

from tests.unit.report.reading import check_schema, rows, texts
from tests.unit.report.sample import medians

from aftercar.report import render_median_plot
from aftercar.strategy.results import PooledMedian


def test_an_open_upper_limit_ends_in_an_arrow_at_the_edge() -> None:
    figure = render_median_plot(medians(), pooled=PooledMedian(5.6, 3.1, 9.9, 2, ""), title="t", figure_id="m")
    check_schema(figure)
    (arrow,) = [row for row in rows(figure, "points") if row["shape"] == "triangle-right"]
    open_ended = next(row for row in rows(figure, "spans") if row["x"] == 4.1)
    assert open_ended["x2"] == arrow["x"] > 11.9
    assert "11.9 [4.1, NR]" in texts(figure)


def test_a_median_without_interval_is_hollow() -> None:
    figure = render_median_plot(medians()[2:], pooled=None, title="t", figure_id="m")
    (point,) = rows(figure, "points")
    assert point["fill"] == "#ffffff"
    assert rows(figure, "spans") == []


def test_a_pooled_median_without_limits_is_a_point_not_a_diamond() -> None:
    figure = render_median_plot(medians()[:1], pooled=PooledMedian(3.5, None, None, 1, ""), title="t", figure_id="m")
    assert rows(figure, "corners") == []
    assert len(rows(figure, "points")) == 2


def test_the_axis_holds_every_value() -> None:
    figure = render_median_plot(medians(), pooled=None, title="t", figure_id="m")
    plot = figure.spec["hconcat"][0]
    (lower, upper) = plot["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert lower == 0
    assert upper >= max(row.get("x2", row["x"]) for row in rows(figure, "spans"))
