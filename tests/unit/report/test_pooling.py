"""Figures of a user's own table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.unit.report.reading import check_schema, rows, texts
from tests.unit.report.sample import pooled

from aftercar.report import render_forest_table, render_funnel

TABLE = pd.DataFrame(
    {"label": ["A", "B", "C"], "events": [6, 4, 0], "total": [28, 4, 7], "estimate": [0.21, 1.0, 0.0],
     "ci_lb": [0.08, 0.4, 0.0], "ci_ub": [0.41, 1.0, 0.41], "group": ["x", "x", "y"]}
)  # fmt: skip


def test_rows_groups_and_diamonds_are_drawn() -> None:
    figure = render_forest_table(TABLE, pooled={"GLMM": pooled(10, 39, 3), "REML": pooled(10, 39, 3)}, title="own")
    check_schema(figure)
    written = texts(figure)
    assert [name for name in ("A", "B", "C", "x", "y") if name not in written] == []
    assert written.count("x") == 1
    assert len({row["name"] for row in rows(figure, "corners")}) == 2
    assert len(figure.table) == 5


def test_a_refused_row_keeps_its_reason() -> None:
    table = pd.DataFrame(
        {"label": ["left out A", "left out B"], "k": [2, 2], "estimate": [0.5, np.nan], "ci_lb": [0.3, np.nan],
         "ci_ub": [0.7, np.nan], "note": ["", "all cohorts are alike"]}
    )  # fmt: skip
    figure = render_forest_table(table, pooled={}, title="leave-one-out")
    assert "all cohorts are alike" in texts(figure)
    assert len(rows(figure, "points")) == 1
    assert "nan" not in " ".join(texts(figure))


def test_the_funnel_is_centred_on_the_pooled_effect() -> None:
    table = pd.DataFrame({"label": ["A", "B"], "yi": [-1.0, 0.5], "sei": [0.4, 0.8]})
    figure = render_funnel(table, pooled=replace(pooled(10, 39, 2), coefficient=-0.3), title="funnel")
    check_schema(figure)
    lines = rows(figure, "funnel")
    middle = [row["x"] for row in lines if row["line"] == "middle"]
    assert middle == [-0.3, -0.3]
    left, right = (max(abs(row["x"] + 0.3) for row in lines if row["line"] == side) for side in ("left", "right"))
    assert left == pytest.approx(right, rel=1e-12)  # symmetric to rounding
    assert len(rows(figure, "points")) == 2


def test_a_funnel_without_a_pooled_effect_is_refused() -> None:
    table = pd.DataFrame({"label": ["A"], "yi": [0.0], "sei": [0.4]})
    with pytest.raises(ValueError, match="scale of pooling"):
        render_funnel(table, pooled=replace(pooled(1, 3, 1), coefficient=None), title="funnel")
