"""The figure or page of `aftercar pool`."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
from markupsafe import Markup

from aftercar.foundation import Manifest
from aftercar.report import words
from aftercar.report.document import render_document
from aftercar.report.embedding import embed_json
from aftercar.report.figure import Figure, render_png, render_svg
from aftercar.report.pooling import render_forest_table, render_funnel
from aftercar.synthesis.analysis import ProportionAnalysis

DISCLAIMER = "For research and trial design only. Not medical advice; never for treating a patient."


def render_pool(
    analysis: ProportionAnalysis, *, title: str, form: Literal["html", "svg", "png"] | str, manifest: Manifest
) -> str | bytes:
    """Return a pooled table as a page with all its figures, or its forest plot as a picture.

    Parameters
    ----------
    form
        ``html``, ``svg`` or ``png``.

    Raises
    ------
    ValueError
        `form` is another word.
    """
    if form not in {"html", "svg", "png"}:
        raise ValueError(f"form must be html, svg or png, got {form!r}")
    forest = _forest(analysis, title)
    if form == "svg":
        return render_svg(forest)
    if form == "png":
        return render_png(forest)
    figures = [forest, *_more_figures(analysis)]
    return render_document(
        "pool.html.j2",
        figures=figures,
        title=f"Pooled proportion: {title}",
        disclaimer=DISCLAIMER,
        analysis=analysis,
        method=words.method_name(analysis.overall),
        tables=_tables(analysis),
        manifest=manifest,
        manifest_data=Markup(embed_json(manifest.to_dict())),
    )


def _forest(analysis: ProportionAnalysis, title: str) -> Figure:
    pooled = {words.method_name(analysis.overall): analysis.overall}
    if analysis.groups is not None:
        pooled |= dict(analysis.groups.groups)
    return render_forest_table(analysis.cohorts, pooled=pooled, title=title, figure_id="forest")


def _more_figures(analysis: ProportionAnalysis) -> list[Figure]:
    parts = (
        (analysis.panel, "How the answer moves with the method", "method-panel"),
        (analysis.without, "Pooled without each cohort in turn", "leave-one-out"),
        (analysis.cumulative, "Pooled cumulatively", "cumulative"),
    )
    figures = [
        render_forest_table(table, pooled={}, title=title, figure_id=figure_id)
        for table, title, figure_id in parts
        if len(table) > 1
    ]
    if len(analysis.funnel) > 1 and analysis.overall.coefficient is not None:
        figures.append(render_funnel(analysis.funnel, pooled=analysis.overall, title="Funnel plot"))
    return figures


def _tables(analysis: ProportionAnalysis) -> list[tuple[str, pd.DataFrame]]:
    tables = []
    if analysis.regression is not None:
        table = analysis.regression.table.reset_index(names="coefficient").map(_short)
        tables.append((f"Meta-regression ({analysis.regression.method}, {analysis.regression.scale} scale)", table))
    if analysis.asymmetry:
        rows = [
            {"Test": name, "Statistic": _short(test.statistic), "p": _short(test.p_value), "Cohorts": str(test.k),
             "Notes": " ".join(test.notes)}
            for name, test in analysis.asymmetry.items()
        ]  # fmt: skip
        tables.append(("Small-study effects", pd.DataFrame(rows)))
    return tables


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return words.MISSING if value != value else f"{value:.4g}"
    return words.dash(value)
