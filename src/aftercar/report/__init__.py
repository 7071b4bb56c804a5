"""Results for people: figures, the terminal table, and HTML files that need no network. Computes no statistics."""

from aftercar.report.embedding import read_manifest, read_result
from aftercar.report.figure import Choice, Figure, render_png, render_svg
from aftercar.report.forest import render_forest
from aftercar.report.medians import render_median_plot
from aftercar.report.page import render_report
from aftercar.report.pool_page import render_pool
from aftercar.report.pooling import render_forest_table, render_funnel
from aftercar.report.sensitivity import render_confounding, render_sensitivity
from aftercar.report.simulated_section import SimulatedSection, render_simulated_section
from aftercar.report.summary import render_ranking, render_summary
from aftercar.report.terminal import render_table
from aftercar.report.trial_page import TrialResults, render_trial_page

__all__ = [
    "Choice",
    "Figure",
    "SimulatedSection",
    "TrialResults",
    "read_manifest",
    "read_result",
    "render_confounding",
    "render_forest",
    "render_forest_table",
    "render_funnel",
    "render_median_plot",
    "render_png",
    "render_pool",
    "render_ranking",
    "render_report",
    "render_sensitivity",
    "render_simulated_section",
    "render_summary",
    "render_svg",
    "render_table",
    "render_trial_page",
]
