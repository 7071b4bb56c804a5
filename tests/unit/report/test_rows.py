"""Rows are laid out so that nothing stands on anything else."""

from __future__ import annotations

from tests.unit.report.reading import walk

from aftercar.report._rows import LINE, NARROW, WIDE, Rows, percent_scale, row_specs, side_width


def test_a_long_label_takes_as_many_lines_as_it_needs() -> None:
    rows = Rows(NARROW)
    rows.label("a strategy with a name that is far too long for the screen of a phone", right="12/34")
    assert len(rows.labels) > 1
    assert all(len(row["text"]) <= NARROW[0] for row in rows.labels)
    assert [row["y"] for row in rows.labels] == [LINE * (line + 0.5) for line in range(len(rows.labels))]
    assert rows.side[0]["y"] == rows.labels[0]["y"]
    assert rows.y == LINE * len(rows.labels)


def test_a_word_longer_than_the_line_is_broken_not_cut() -> None:
    rows = Rows(NARROW)
    rows.label("x" * 100, short=True)
    assert "".join(row["text"] for row in rows.labels) == "x" * 100


def test_wide_and_narrow_differ_only_in_wrapping() -> None:
    text = "a label that fits on one line of a wide screen only"

    def draw(rows: Rows) -> None:
        rows.label(text, right="1/2")
        rows.point(0.5, y=rows.band(), size=50, colour="#000000")

    wide, narrow = row_specs(draw, percent_scale("share"))
    assert len(text) <= WIDE[0]
    assert len(wide["datasets"]["label normal 0"]) == 1
    assert len(narrow["datasets"]["label normal 0"]) == 2
    assert wide["hconcat"][0]["height"] < narrow["hconcat"][0]["height"]


def test_layers_without_data_are_left_out() -> None:
    wide, _ = row_specs(lambda rows: rows.label("only a label"), percent_scale("share"))
    assert set(wide["datasets"]) == {"frame", "label normal 0"}
    assert len(wide["hconcat"]) == 1


def test_every_layer_has_its_data_by_name() -> None:
    def draw(rows: Rows) -> None:
        rows.key("sign", colour="#000000", shape="circle")
        rows.label("bold", right="1/2", bold=True)
        rows.mark(0, "+", y=8, colour="#ffffff", tip="low")
        rows.mark(1, "?", y=8, colour="#ffffff", tip="some")
        y = rows.band()
        rows.span(0.1, 0.9, y=y, thickness=2, colour="#000000")
        rows.diamond(0.2, 0.5, 0.7, y=y, colour="#000000")
        rows.bar(0.4, y=y, thickness=8, colour="#000000")
        rows.rule()

    wide, _ = row_specs(draw, percent_scale("share"))
    named = {node["data"]["name"] for node in walk(wide["hconcat"]) if "data" in node}
    assert named == set(wide["datasets"])
    marks = sorted(row["x"] for row in wide["datasets"]["marks"])
    assert marks[1] - marks[0] > 15  # the mark that sums up stands apart
    assert side_width(100) > 100
