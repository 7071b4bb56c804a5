"""The base as flat tables, for reading, exporting and for other programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from aftercar.catalogue import Cohort, EvidenceBase
from aftercar.evidence.selection import strategy_of


def evidence_frame(base: EvidenceBase, cohorts: Iterable[Cohort] | None = None) -> pd.DataFrame:
    """Return one row a figure, with its cohort, study, therapy and source beside it.

    Parameters
    ----------
    cohorts
        Which cohorts; None for all. Columns keep the names of the tables they come from.
    """
    wanted = {cohort.cohort_id for cohort in (base.cohorts.values() if cohorts is None else cohorts)}
    rows = [
        outcome_row(base, outcome_id) for outcome_id, outcome in base.outcomes.items() if outcome.cohort_id in wanted
    ]
    return pd.DataFrame(rows)


def outcome_row(base: EvidenceBase, outcome_id: str) -> dict[str, Any]:
    """Return a figure with everything that belongs to it, as one flat row."""
    outcome = base.outcomes[outcome_id]
    cohort = base.cohorts[outcome.cohort_id]
    study = base.studies[cohort.study_id]
    therapy = base.therapies[cohort.therapy_id]
    source = base.sources[outcome.source_id]
    strategy = strategy_of(base, cohort.therapy_id)
    row = asdict(outcome)
    row |= {f"{key}" if key.endswith("_id") else f"cohort_{key}": value for key, value in asdict(cohort).items()}
    row |= {
        "study": study.name,
        "design": study.design,
        "year": study.year,
        "registry": study.registry,
        "therapy": therapy.name,
        "strategy_class": therapy.strategy_class,
        "strategy_id": strategy.strategy_id if strategy else "",
        "targets": ";".join(therapy.targets),
        "source_kind": source.kind,
        "source_locator": source.locator,
        "source_quote": source.quote,
        "source_checked": source.checked,
    }
    row["cohort_overlap_family"] = ";".join(cohort.overlap_family)
    return row


def records_frame(records: Mapping[str, Any]) -> pd.DataFrame:
    """Return one table of the base as it stands in its file, lists joined by ``;``."""
    rows = [asdict(record) for record in records.values()]
    frame = pd.DataFrame(rows)
    for name in frame.columns:
        if frame[name].map(lambda value: isinstance(value, tuple)).any():
            frame[name] = frame[name].map(";".join)
    return frame
