"""The report of `aftercar compare`: one HTML file that opens from disk, prints, and carries its own result as data."""

from __future__ import annotations

from markupsafe import Markup

from aftercar.report import words
from aftercar.report._sections import build_sections, describe_filters, describe_identified
from aftercar.report.document import render_document
from aftercar.report.embedding import embed_json
from aftercar.report.sensitivity import render_confounding, split_sensitivity
from aftercar.report.simulated_section import SimulatedSection, render_simulated_section
from aftercar.report.summary import render_ranking, render_summary
from aftercar.report.tension_section import TensionSection, render_tension_section
from aftercar.strategy.agreement import SIMULATED_LEVEL
from aftercar.strategy.export import comparison_to_dict
from aftercar.strategy.results import DISCLAIMER, Comparison

TITLE = "Salvage after BCMA CAR-T relapse in multiple myeloma: what was observed, and how sure we are"
_CONTENTS = (
    ("summary", "Summary"), ("strategies", "Strategies"), ("conflicts", "Conflicts"),
    ("sensitivity-section", "Sensitivity"), ("confounding-section", "Confounding"), ("methods", "Methods"),
    ("limits", "Limits"), ("reproduce", "Reproduce"),
)  # fmt: skip
_SUMMARY_COLUMNS = (
    ("Strategy", "text"), ("Cohorts", "number"), ("Responders/ patients", "number"), ("ORR [interval]", "number"),
    ("New cohort", "number"), ("CR [interval]", "number"), ("PFS, months", "number"), ("Certainty of ORR", "number"),
    ("Highest ORR", "number"), ("Rank, 90%", "number"),
)  # fmt: skip
_CERTAINTY_ORDER = {"very low": 1, "low": 2, "moderate": 3, "high": 4}


def render_report(comparison: Comparison) -> str:
    """Return the whole comparison as one self-contained HTML page; the same comparison gives the same bytes.

    The simulated half, where the comparison has one, is a section of its own after the observed strategies.
    """
    simulated, tensions = _simulated(comparison), _tensions(comparison)
    sections = build_sections(comparison)
    overview = [render_summary(comparison), render_ranking(comparison), render_summary(comparison, measure="CR")]
    sensitivity, confounding = split_sensitivity(comparison), render_confounding(comparison)
    severities = [
        (severity, name, sum(one.severity == severity for one in comparison.discrepancies))
        for severity, name in words.SEVERITY_WORDS.items()
    ]
    drawn = [*overview, *(one for section in sections for one in section.figures), *sensitivity, confounding]
    contents = list(_CONTENTS)
    if simulated is not None:
        contents.insert(2, ("simulated", "Simulated"))
    if tensions is not None:
        contents.insert(3, ("tensions", "Disagreements"))
    return render_document(
        "report.html.j2",
        figures=[*drawn, *(simulated.figures if simulated is not None else ())],
        simulated=simulated,
        tensions=tensions,
        identified=describe_identified(comparison),
        title=TITLE,
        disclaimer=DISCLAIMER,
        contents=contents,
        comparison=comparison,
        manifest=comparison.manifest,
        manifest_json=comparison.manifest.to_json(),
        sections=sections,
        overview=overview[0],
        overview_figures=overview,
        asked=describe_filters(comparison),
        sensitivity_figures=sensitivity,
        confounding_figure=confounding,
        severities=severities,
        summary_columns=_SUMMARY_COLUMNS,
        certainty_order=_CERTAINTY_ORDER,
        level_text=words.level_text(comparison.settings.level),
        manifest_data=Markup(embed_json(comparison.manifest.to_dict())),
        result_data=Markup(embed_json(comparison_to_dict(comparison))),
    )


def _simulated(comparison: Comparison) -> SimulatedSection | None:
    found = comparison.simulated
    if found is None:
        return None
    return render_simulated_section(
        found.beside,
        found.by_mechanism,
        found.facts,
        calibrated=found.calibrated,
        level=SIMULATED_LEVEL,
        observed_level=comparison.settings.level,
        identified=found.identified,
    )


def _tensions(comparison: Comparison) -> TensionSection | None:
    found = comparison.simulated
    return render_tension_section(found.tensions) if found is not None and found.tensions is not None else None
