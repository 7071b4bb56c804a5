"""Where the model and the evidence disagree, as the shipped answers have it, and which assumption would resolve it.

Nothing is simulated here: `validation/calibration/tensions.py` does that, and its answers are shipped. Where they rest
on other numbers than are in use, that is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from aftercar.calibration.assumptions import hash_basis
from aftercar.catalogue.model_data import ModelData
from aftercar.catalogue.tensions import (
    OF_SALVAGE,
    Candidate,
    Tension,
    TensionResults,
    hash_definitions,
    load_tension_results,
    load_tensions,
)
from aftercar.strategy.results import StrategyResult


@dataclass(frozen=True, slots=True)
class TensionFigure:
    """A published figure and what simulation says of it; shares from 0 to 1, NaN where there is none.

    `predicted_lb`, `predicted_ub`: 90% interval of such a cohort's figure. `inside`: whether the published one lies in
    it.
    """

    readout: str
    name: str
    measure: str
    events: float
    total: float
    simulated: float
    predicted_lb: float
    predicted_ub: float
    inside: bool


@dataclass(frozen=True, slots=True)
class TensionCandidate:
    """An assumption, and what becomes of the figures under it.

    `resolves`, `leaves`: figures that disagreed and do not any more, or still do. `breaks`: figures that did not
    disagree before, of the tension itself or fitted ones of the first treatment. `asked`: whether the model has a term
    for it; if not, all are empty.
    """

    statement: str
    why_open: str
    asked: bool
    resolves: tuple[str, ...]
    leaves: tuple[str, ...]
    breaks: tuple[str, ...]
    figures: tuple[TensionFigure, ...]


@dataclass(frozen=True, slots=True)
class ShownTension:
    """A tension with its figures and candidates. `disagrees`: whether any figure lies outside of what is predicted."""

    tension_id: str
    title: str
    evidence: str
    disagrees: bool
    figures: tuple[TensionFigure, ...]
    candidates: tuple[TensionCandidate, ...]


@dataclass(frozen=True, slots=True)
class Tensions:
    """Tensions that concern what is shown. `stale`: why the answers may not hold any more; `size`: how they were made.

    Simulated.
    """

    shown: tuple[ShownTension, ...]
    stale: tuple[str, ...]
    size: str


def list_tensions(results: tuple[StrategyResult, ...], data: ModelData) -> Tensions:
    """Return the tensions that concern a cohort of the results, or the first treatment."""
    asked, answers = load_tensions(), load_tension_results()
    counts = {
        line.cohort_id: (line.events, line.total) for row in results for line in row.orr.cohorts
    }  # fmt: skip
    known = counts.keys() | {line.cohort_id for row in results for line in row.pfs}
    shown = tuple(
        read_tension(one, answers.table)
        for one in asked.values()
        if any(readout.measure not in OF_SALVAGE or readout.cohort in known for readout in one.readouts)
    )
    return Tensions(shown, find_stale(answers, counts, data), say_size(answers.basis))


def find_stale(
    answers: TensionResults, counts: Mapping[str, tuple[int | None, int | None]], data: ModelData
) -> tuple[str, ...]:  # fmt: skip
    """Return in words on what else than is in use the answers rest; empty where they hold.

    Parameters
    ----------
    counts
        Responders and patients by cohort, as the comparison has them.
    """
    reasons = []
    if answers.basis.get("basis") != hash_basis(data):
        reasons.append("other parameters, populations or calibrated draws")
    if answers.basis.get("definitions") != hash_definitions():
        reasons.append("other questions")
    for row in answers.table[answers.table["measure"] == "ORR"].to_dict("records"):
        events, total = counts.get(str(row["readout"]), (None, None))
        if None not in (events, total) and (events, total) != (row["events"], row["total"]):
            reasons.append(f"{row['events']:.0f}/{row['total']:.0f} of {row['readout']}, here {events}/{total}")
    return tuple(dict.fromkeys(reasons))


def say_size(basis: Mapping[str, Any]) -> str:
    """Return in words how the answers were made."""
    return (
        f"{basis['patients']} virtual patients with the first treatment, the same in every run, {basis['sets']} sets "
        f"of the posterior, discrepancy between cohorts {basis['discrepancy']:g} (logit)"
    )


def read_tension(tension: Tension, table: pd.DataFrame) -> ShownTension:
    """Return a tension as the table of answers has it."""
    mine = table[table["tension"] == tension.id]
    names = {one.id: one.name for one in tension.readouts}
    base = {one.readout: one for one in _figures(mine[mine["candidate"] == ""], names)}
    fitted = table[(table["tension"] == "") | table["tension"].isna()]
    before = {one.readout: one.inside for one in _figures(fitted, names)}
    before |= {name: one.inside for name, one in base.items()}
    return ShownTension(
        tension.id, tension.title, tension.evidence, not all(one.inside for one in base.values()),
        tuple(base.values()),
        tuple(
            _candidate(one, _figures(mine[mine["candidate"] == key], names), before, own=frozenset(names))
            for key, one in tension.candidates.items()
        ),
    )  # fmt: skip


def _candidate(
    candidate: Candidate, figures: tuple[TensionFigure, ...], before: Mapping[str, bool], *, own: frozenset[str]
) -> TensionCandidate:  # fmt: skip
    moved: dict[tuple[bool, bool], list[str]] = {}
    for one in figures:
        moved.setdefault((before[one.readout], one.inside), []).append(one.readout)
    out = (name for name in moved.get((False, False), []) if name in own)
    resolved = (name for name in moved.get((False, True), []) if name in own)
    return TensionCandidate(
        candidate.statement, candidate.why_open, candidate.can_be_simulated, tuple(resolved), tuple(out),
        tuple(moved.get((True, False), [])), figures,
    )  # fmt: skip


def _figures(rows: pd.DataFrame, names: Mapping[str, str]) -> tuple[TensionFigure, ...]:
    """Return rows as figures; a fitted one of the first treatment is named by what it measures."""
    return tuple(
        TensionFigure(
            readout=row["readout"], name=names.get(row["readout"], _fitted(row)), measure=row["measure"],
            events=float(row["events"]), total=float(row["total"]), simulated=float(row["simulated"]),
            predicted_lb=float(row["predicted_lb"]), predicted_ub=float(row["predicted_ub"]),
            inside=bool(row["inside"]),
        )
        for row in rows.to_dict("records")
    )  # fmt: skip


def _fitted(row: Mapping[Any, Any]) -> str:
    """Return the name of a fitted figure: what it measures, among whom, and its id."""
    return f"{str(row['measure']).replace(' | ', ' among ')} ({row['readout']})"
