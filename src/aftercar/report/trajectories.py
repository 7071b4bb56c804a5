"""The page of `aftercar simulate`: one HTML file that opens from disk, prints, and carries its tables as data."""

from __future__ import annotations

from typing import Any

import pandas as pd
from markupsafe import Markup

from aftercar.foundation import Manifest
from aftercar.patients.arms import Trajectories
from aftercar.patients.parameter_choice import is_calibrated, parameter_words
from aftercar.patients.readouts import CALIBRATED, count_outcomes, list_parameters, tabulate_ranges
from aftercar.report import words
from aftercar.report.document import render_document
from aftercar.report.embedding import embed_json
from aftercar.report.trajectories_figures import trajectory_figures
from aftercar.report.trajectories_terminal import level_frame, outcome_frame, sets_note
from aftercar.report.trajectories_words import (
    DISCLAIMER,
    GRADE_WORDS,
    calibration_text,
    plan_text,
    ranges_text,
    set_text,
    simulated_sentence,
    switched_off_text,
)


def render_trajectories(run: Trajectories, manifest: Manifest) -> str:
    """Return a run as one self-contained HTML page; the same run gives the same bytes."""
    who = "the typical patient" if run.single else words.plural(len(run.arms[0].people), "virtual patient")
    limits = ranges_text(run)
    return render_document(
        "trajectories.html.j2",
        figures=(figures := trajectory_figures(run)),
        title=f"Simulated course of {who}",
        disclaimer=DISCLAIMER,
        drawn=figures,
        warning=simulated_sentence(run),
        asked=_asked(run),
        plan=plan_frame(run),
        levels=[(arm.name, level_frame(run, arm)) for arm in run.arms],
        outcomes=None if run.single else outcome_frame(run),
        ranges=f": {limits}" if limits else "",
        sets_note=sets_note(run),
        calibrated=is_calibrated(run.sets),
        calibration=calibration_text(run),
        with_sets=run.sets is not None,
        several=len(run.arms) > 1,
        single=run.single,
        mechanisms=_mechanisms(run),
        parameters=_parameters(run),
        manifest=manifest,
        manifest_data=Markup(embed_json(manifest.to_dict())),
        result_data=Markup(embed_json(_result(run))),
    )


def plan_frame(run: Trajectories) -> pd.DataFrame:
    """Return the plan as a table: what was given, where it stands in the system, from when to when."""
    slots: dict[str, list[str]] = {}
    for slot, therapy in run.course.slots.items():
        slots.setdefault(therapy, []).append(slot)
    rows = []
    for one in sorted(run.plan, key=lambda one: one.day):
        action = run.model_data.actions[one.therapy]
        regimen = one.lymphodepletion or action.lymphodepletion or "none"
        rows.append(
            {
                "Therapy": one.therapy,
                "Kind": action.kind,
                "Day": f"{one.day:g}",
                "For": f"{one.days:g} days" if one.days is not None else "as the therapy says",
                "Dose": "as the therapy says" if one.dose_factor == 1.0 else f"times {one.dose_factor:g}",
                "Lymphodepletion": regimen,
                "Binds": ", ".join(action.binds) or words.MISSING,
                "In the system": ", ".join(slots.get(one.therapy, [])) or words.MISSING,
            }
        )
    return pd.DataFrame(rows)


def _asked(run: Trajectories) -> list[tuple[str, str]]:
    pairs = [
        ("Plan", plan_text(run)),
        ("Parameters", parameter_words(run.sets)),
        ("To day", f"{run.course.end:g}"),
        ("Seed", str(run.seed)),
    ]
    off = run.arms[0].switched_off
    pairs.append(("Mechanisms switched off", switched_off_text(run, off) if off else "none"))
    if len(run.arms) > 1:
        names = "; ".join(arm.name for arm in run.arms)
        pairs.append(("Arms", f"{names}. The same patients, with the same luck, in each."))
    if run.values:
        pairs.append(("Set by you", set_text(run)))
    return pairs


def _mechanisms(run: Trajectories) -> list[tuple[str, str, str]]:
    """Return the mechanisms that are off somewhere: name, in which arms, what is seen when it is off."""
    off = dict.fromkeys(m for arm in run.arms for m in arm.switched_off)
    known = run.model_data.mechanisms
    everywhere = set(run.arms[0].switched_off)
    return [
        (known[m].name, "in all arms" if m in everywhere else "in its own arm", known[m].seen_when_off) for m in off
    ]


def _parameters(run: Trajectories) -> pd.DataFrame:
    table = list_parameters(run)
    return pd.DataFrame(
        {
            "Parameter": table["name"],
            "Typical value": [
                f"{value:.4g}" if low == high else f"{value:.4g} [{low:.4g}, {high:.4g}]"
                for value, low, high in zip(table["value"], table["low"], table["high"], strict=True)
            ],
            "Unit": table["unit"],
            "How it is known": [
                _known_text(grade, low < high)
                for grade, low, high in zip(table["grade"], table["low"], table["high"], strict=True)
            ],
            "Source": table["source"],
        }
    )


def _known_text(grade: str, drawn: bool) -> str:
    known = GRADE_WORDS.get(grade, grade)
    return f"{known}; drawn from its range" if drawn and grade != CALIBRATED else known


def _result(run: Trajectories) -> dict[str, Any]:
    """Return the tables as plain data."""
    answer: dict[str, Any] = {
        "kind": "simulated", "uncalibrated": not is_calibrated(run.sets), "calibration": calibration_text(run),
        "parameters": parameter_words(run.sets), "arms": {},
    }  # fmt: skip
    for arm in run.arms:
        frames = {"levels": tabulate_ranges(arm, run.reading_days, sets=run.sets_of(arm))}
        if not run.single:
            frames["outcomes"] = count_outcomes(arm, run.course.structure, sets=run.sets_of(arm))
        answer["arms"][arm.name] = {name: _records(frame) for name, frame in frames.items()}
    return answer


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(k): (None if pd.isna(v) else v) for k, v in row.items()} for row in frame.astype(object).to_dict("records")
    ]
