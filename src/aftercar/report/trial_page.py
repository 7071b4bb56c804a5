"""The page of a virtual trial: one HTML file that opens from disk, prints, and carries its results. Simulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from markupsafe import Markup

from aftercar.foundation import Manifest
from aftercar.report import words
from aftercar.report.document import render_document
from aftercar.report.embedding import embed_json
from aftercar.report.figure import Figure
from aftercar.report.simulated_section import beside_table, simulated_warning
from aftercar.report.trajectories_words import DISCLAIMER
from aftercar.report.trial_agreement import agreement_figures
from aftercar.report.trial_clones import clone_figures
from aftercar.report.trial_endpoints import full_table, main_table
from aftercar.report.trial_events import event_figure
from aftercar.report.trial_looks import arm_names
from aftercar.report.trial_mechanisms import mechanism_figure
from aftercar.report.trial_survival import survival_figure
from aftercar.report.trial_swimmer import swimmer_figure
from aftercar.report.trial_waterfall import waterfall_figure
from aftercar.trials.summary import count_fates
from aftercar.trials.tables import TrialTables


@dataclass(frozen=True)
class TrialResults:
    """What the page shows. All of it is simulated, but for the observed half of `beside`.

    Attributes
    ----------
    tables
        What the trial left behind; of a trial too large to draw, the tables of some of its patients.
    endpoints
        Columns arm, measure, events, n, estimate, ci_lb, ci_ub, parameters_lb, parameters_ub, unit, kind; those of
        parameters may be missing.
    by_mechanism
        Columns arm, mechanism, events, n, estimate, ci_lb, ci_ub.
    survival
        For each endpoint to draw (PFS, OS), in their order: columns arm, patient, duration [day], event.
    settings
        What the headline says of the trial, by name: population, design, criteria and so on.
    beside
        Observed beside simulated, as `aftercar.strategy.set_beside` gives it.
    since
        What the survival curves count from.
    fates, entered
        What became of everybody (`aftercar.trials.summary.count_fates`), and how many entered; taken from `tables`
        where they are not given.
    """

    title: str
    tables: TrialTables
    endpoints: pd.DataFrame
    by_mechanism: pd.DataFrame
    survival: Mapping[str, pd.DataFrame]
    manifest: Manifest
    settings: Mapping[str, object] = field(default_factory=dict)
    beside: pd.DataFrame | None = None
    calibrated: bool = False
    level: float = 0.90
    since: str = "first day of treatment"
    fates: pd.DataFrame | None = None
    entered: int | None = None


def render_trial_page(trial: TrialResults) -> str:
    """Return a virtual trial as one self-contained HTML page; the same results give the same bytes."""
    parts = draw_trial(trial)
    beside = trial.beside if trial.beside is not None and len(trial.beside) else None
    return render_document(
        "trial.html.j2",
        figures=[one for figures in parts.values() for one in figures],
        title=f"Virtual trial: {trial.title}",
        disclaimer=DISCLAIMER,
        warning=simulated_warning(trial.calibrated),
        facts=headline_facts(trial),
        level_text=words.level_text(trial.level),
        calibrated=trial.calibrated,
        wide_intervals="parameters_lb" in trial.endpoints and bool(trial.endpoints["parameters_lb"].notna().any()),
        main=main_table(trial.endpoints),
        full=full_table(trial.endpoints),
        parts=parts,
        missing=_missing(trial, parts),
        beside=None if beside is None else beside_table(beside),
        fates=fate_table(count_fates(trial.tables) if trial.fates is None else trial.fates),
        manifest=trial.manifest,
        manifest_json=trial.manifest.to_json(),
        manifest_data=Markup(embed_json(trial.manifest.to_dict())),
        result_data=Markup(embed_json(_result(trial))),
    )


def draw_trial(trial: TrialResults) -> dict[str, list[Figure]]:
    """Return the figures by the part of the page that they stand in; a part without data is empty."""
    tables, arms = trial.tables, arm_names(trial.tables)
    curves = [
        survival_figure(measure, records, arms, since=trial.since, level=trial.level)
        for measure, records in trial.survival.items()
        if len(records)
    ]
    mechanisms = [mechanism_figure(trial.by_mechanism, level=trial.level)] if len(trial.by_mechanism) else []
    events = event_figure(tables)
    return {
        "survival": curves,
        "response": ([] if tables.visits.empty else [waterfall_figure(tables)]) + mechanisms,
        "courses": [swimmer_figure(tables)] if len(tables.outcomes) else [],
        "clones": clone_figures(tables),
        "safety": [] if events is None else [events],
        "beside": []
        if trial.beside is None or trial.beside.empty
        else agreement_figures(trial.beside, level=trial.level),
    }


def headline_facts(trial: TrialResults) -> list[tuple[str, str]]:
    """Return what stands in the headline: what was set, then how many patients and arms, and the seed."""
    arms = arm_names(trial.tables)
    facts = [(str(name), str(value)) for name, value in trial.settings.items()]
    facts.append(("Virtual patients", f"{_entered(trial):,}"))
    facts.append(("Arms", str(len(arms))))
    facts.append(("Seed", words.dash(trial.manifest.seed)))
    facts.append(
        (
            "Parameters",
            "first treatment calibrated, salvage not" if trial.calibrated else "uncalibrated; most are assumed",
        )
    )
    return facts


def fate_table(fates: pd.DataFrame) -> pd.DataFrame:
    """Return what became of the patients of each arm (`count_fates`), for readers."""
    titles = {"arm": "Arm", "entered": "Entered", "treated": "Treated", "progressed": "Progressed under the first line",
              "next_line": "Began another line", "died": "Died", "dropped_out": "Dropped out"}  # fmt: skip
    return fates.rename(columns=titles).astype(str)


def _entered(trial: TrialResults) -> int:
    return len(trial.tables.subjects) if trial.entered is None else trial.entered


def _missing(trial: TrialResults, parts: Mapping[str, list[Figure]]) -> list[str]:
    """Say which pictures are not there, and why, and who is in those that are."""
    found = []
    drawn = len(trial.tables.subjects)
    if drawn < _entered(trial):
        found.append(f"Pictures show the first {drawn:,} patients who entered; endpoints and counts are of everybody.")
    if trial.tables.visits.empty:
        found.append("No waterfall of M-protein, and bars by line of treatment: the run kept no visits.")
    if not parts["clones"]:
        found.append("No clones: the run kept none.")
    if not parts["safety"]:
        found.append("No adverse events: none happened under a first line, or none were simulated.")
    if not trial.tables.outcomes["treated"].any():
        found.append("No survival curves: nobody was treated.")
    return found


def _result(trial: TrialResults) -> dict[str, Any]:
    """Return the results as plain data."""
    frames = {"endpoints": trial.endpoints, "by_mechanism": trial.by_mechanism}
    if trial.beside is not None:
        frames["beside"] = trial.beside
    answer: dict[str, Any] = {"kind": "simulated", "calibrated": trial.calibrated, "level": trial.level}
    return answer | {name: _records(frame) for name, frame in frames.items()}


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as plain data; what is missing, or infinite, is null."""
    return [
        {str(k): _plain(v) for k, v in row.items()} for row in frame.astype(object).to_dict("records")
    ]  # fmt: skip


def _plain(value: Any) -> Any:
    if pd.isna(value) or value in (float("inf"), float("-inf")):
        return None
    return value.item() if hasattr(value, "item") else value
