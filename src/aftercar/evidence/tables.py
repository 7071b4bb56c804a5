"""The base as flat tables, for reading, exporting and for other programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from aftercar.catalogue import Cohort, EvidenceBase, Finding, Outcome, Study
from aftercar.evidence.selection import strategy_of
from aftercar.foundation import columns_of

_WHOLE = {
    name
    for record in (Study, Cohort, Outcome, Finding)
    for name, spec in columns_of(record).items()
    if spec.kind in {"count", "year"}
}


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
    return _keep_whole(pd.DataFrame(rows))


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


def records_frame(records: Mapping[str, Any], *, record: type | None = None) -> pd.DataFrame:
    """Return one table of the base as it stands in its file, lists joined by ``;``.

    `record` is the type of the rows, so that a table without rows keeps its columns.
    """
    rows = [asdict(one) for one in records.values()]
    frame = _keep_whole(pd.DataFrame(rows, columns=list(columns_of(record)) if record and not rows else None))
    for name in frame.columns:
        if frame[name].map(lambda value: isinstance(value, tuple)).any():
            frame[name] = frame[name].map(";".join)
    return frame


def _keep_whole(frame: pd.DataFrame) -> pd.DataFrame:
    """Give columns of whole numbers a type that knows missing values: 74 and not 74.0."""
    return frame.astype({name: "Int64" for name in frame.columns if name.removeprefix("cohort_") in _WHOLE})
