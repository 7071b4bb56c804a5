"""The forest plot shows every cohort, and says of each what it is."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.report.reading import check_schema, rows, texts
from tests.unit.report.sample import DOMAINS, cohort, many_cohorts, measure

from aftercar.report import render_forest
from aftercar.report.forest import bias_domains
from aftercar.strategy.results import Comparison, MeasureResult


def test_no_cohort_is_dropped(comparison: Comparison) -> None:
    result = comparison.results[0].orr
    figure = render_forest(result, title="Second CAR-T", figure_id="f")
    check_schema(figure)
    written = " ".join(texts(figure))
    for line in result.cohorts:
        assert line.study in written
        assert line.study in set(figure.table["Row"])
    assert len(rows(figure, "points")) == len(result.cohorts)
    assert len(figure.table) == len(result.cohorts) + 1 + len(result.others)


def test_a_percentage_without_n_is_hollow_and_has_no_interval() -> None:
    line = many_cohorts()[4]
    figure = render_forest(MeasureResult("ORR", None, {}, {}, (line,)), title="t", figure_id="f")
    (point,) = rows(figure, "points")
    assert (point["shape"], point["fill"]) == ("circle", "#ffffff")
    assert rows(figure, "spans") == []
    assert "n not reported" in texts(figure)
    assert "75%" in texts(figure)
    assert "denominator" in figure.caption


def test_left_out_cohorts_are_grey_and_say_why() -> None:
    used, left = cohort(1, "Used", "a"), cohort(2, "Left", "b", used=False, why_not_used="shares patients with c_9")
    figure = render_forest(measure("ORR", (used, left)), title="t", figure_id="f")
    colours = {point["tip"].split(":")[0]: point["colour"] for point in rows(figure, "points")}
    assert colours["Used"] != colours["Left"]
    assert "shares patients with c_9" in texts(figure)
    assert len(rows(figure, "marks")) == 2 * (len(DOMAINS) + 1)  # header and the used cohort; no marks for the other


def test_squares_grow_with_patients() -> None:
    small, large = cohort(1, "Small", "a", events=1, total=4), cohort(2, "Large", "a", events=10, total=40)
    points = rows(render_forest(measure("ORR", (small, large)), title="t", figure_id="f"), "points")
    assert points[0]["size"] < points[1]["size"]


def test_bias_is_told_by_signs_not_by_colour_alone() -> None:
    figure = render_forest(measure("ORR", many_cohorts()[:3]), title="t", figure_id="f")
    signs = {(row["text"], row["colour"]) for row in rows(figure, "marks") if row["colour"] != "#ffffff"}
    assert {sign for sign, _ in signs} == {"+", "?", "−"}
    assert len(signs) == 3
    assert all(domain.replace("_", " ") in figure.caption for domain in DOMAINS)


def test_domains_of_a_user_widen_the_column() -> None:
    line = cohort(1, "Own domains", "a")
    more = replace(
        line, risk_of_bias=(*line.risk_of_bias, *(replace(line.risk_of_bias[0], domain=f"own_{n}") for n in range(3)))
    )
    assert len(bias_domains([more])) == len(DOMAINS) + 3
    plain = render_forest(measure("ORR", (line,)), title="t", figure_id="f")
    wider = render_forest(measure("ORR", (more,)), title="t", figure_id="f")
    assert wider.side_width > plain.side_width
    assert min(row["x"] for row in rows(wider, "marks")) > 0


def test_several_pooled_summaries_stand_in_one_plot(comparison: Comparison) -> None:
    result = comparison.results[0].orr
    figure = render_forest(result, title="t", figure_id="f")
    diamonds = {row["name"] for row in rows(figure, "corners")}
    assert len(diamonds) == 1 + len(result.others) == 3
    assert result.pooled is not None
    corners = [row["x"] for row in rows(figure, "corners")][:3]
    assert corners == [result.pooled.ci_lb, result.pooled.estimate, result.pooled.ci_ub]
    thin = next(row for row in rows(figure, "spans") if row["thickness"] < 1.5)
    assert (thin["x"], thin["x2"]) == (result.pooled.pi_lb, result.pooled.pi_ub)


def test_a_method_that_refuses_says_why(comparison: Comparison) -> None:
    figure = render_forest(comparison.results[1].orr, title="t", figure_id="f")
    assert "one cohort only" in " ".join(texts(figure))


def test_an_empty_measure_is_drawn_without_error() -> None:
    figure = render_forest(MeasureResult("CR", None, {}, {}, ()), title="t", figure_id="f")
    check_schema(figure)
    assert "No cohort can be pooled." in texts(figure)
    assert "No cohort can be pooled." in figure.summary


def test_the_level_is_the_one_used(comparison: Comparison) -> None:
    figure = render_forest(comparison.results[0].orr, title="t", figure_id="f", level=0.9)
    assert "ORR [90%]" in texts(figure)
    assert "95%" not in figure.caption
    assert "ORR [90% interval]" in figure.table.columns
