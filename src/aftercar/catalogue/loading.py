"""Loading the catalogue: the built-in evidence base, a user's directory over it, therapies and strategies."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from aftercar.catalogue._checks import check_tables
from aftercar.catalogue._placed import Placed
from aftercar.catalogue._toml import load_entries
from aftercar.catalogue.records import Cohort, Discrepancy, Finding, Outcome, Source, Strategy, Study, Therapy
from aftercar.foundation import Fault, InputError, hash_bytes
from aftercar.foundation.tables import load_table

BUILT_IN = Path(__file__).parent
TABLES: Mapping[str, type] = MappingProxyType(
    {
        "studies": Study,
        "cohorts": Cohort,
        "outcomes": Outcome,
        "sources": Source,
        "findings": Finding,
        "discrepancies": Discrepancy,
    }
)
_KEYS = {
    "studies": "study_id",
    "cohorts": "cohort_id",
    "outcomes": "outcome_id",
    "sources": "source_id",
    "findings": "finding_id",
    "discrepancies": "discrepancy_id",
}


@dataclass(frozen=True, slots=True)
class EvidenceBase:
    """The whole base, checked: each table as a mapping from id to record, in the order of its file.

    `hash` is the SHA-256 of every file that it was read from, so that a result can say on which evidence it rests.
    """

    studies: Mapping[str, Study]
    cohorts: Mapping[str, Cohort]
    outcomes: Mapping[str, Outcome]
    sources: Mapping[str, Source]
    findings: Mapping[str, Finding]
    discrepancies: Mapping[str, Discrepancy]
    therapies: Mapping[str, Therapy]
    strategies: Mapping[str, Strategy]
    hash: str


def load_base(directory: Path | None = None, *, mode: Literal["extend", "replace"] = "extend") -> EvidenceBase:
    """Load and check the evidence base.

    Parameters
    ----------
    directory
        A user's own directory with any of the six CSV tables and, if wanted, ``therapies/*.toml`` and
        ``strategies/*.toml``. None gives the built-in base.
    mode
        ``extend`` lays the user's rows over the built-in base (a row with an id that is there replaces it);
        ``replace`` uses the user's tables alone. Therapies and strategies are always laid over the built-in ones.

    Raises
    ------
    InputError
        Every fault of every table, each with file, row, column and mend.
    """
    if directory is None:
        return _load_built_in()
    return _load(directory, mode)


@lru_cache(maxsize=1)
def _load_built_in() -> EvidenceBase:
    return _load(None, "extend")


def _load(directory: Path | None, mode: Literal["extend", "replace"]) -> EvidenceBase:
    faults: list[Fault] = []
    if directory is not None:
        _check_directory(directory, faults)
    folders = [BUILT_IN] if directory is None or mode == "extend" else []
    tables = {name: _stack(name, _csv_files(name, folders, directory), faults) for name in TABLES}
    therapy_files = [*sorted(BUILT_IN.glob("therapies/*.toml")), *_user_toml(directory, "therapies")]
    strategy_files = [*sorted(BUILT_IN.glob("strategies/*.toml")), *_user_toml(directory, "strategies")]
    therapies = load_entries(therapy_files, Therapy, "therapy_id", faults)
    strategies = load_entries(strategy_files, Strategy, "strategy_id", faults)
    check_tables(tables, therapies, strategies, faults)
    if faults:
        raise InputError(faults)
    files = [path for name in TABLES for path in _csv_files(name, folders, directory)] + therapy_files + strategy_files
    records: dict[str, Any] = {name: _by_id(rows, _KEYS[name]) for name, rows in tables.items()}
    return EvidenceBase(
        **records,
        therapies=_by_id(therapies, "therapy_id"),
        strategies=_by_id(strategies, "strategy_id"),
        hash=hash_bytes(*(part for path in files for part in (path.name.encode(), path.read_bytes()))),
    )


def _check_directory(directory: Path, faults: list[Fault]) -> None:
    if not directory.is_dir():
        raise InputError(
            Fault(
                str(directory), "this is not a folder.", "Name a folder that holds studies.csv, cohorts.csv and so on."
            )
        )
    known = {f"{name}.csv" for name in TABLES}
    found = sorted(path.name for path in directory.iterdir() if path.suffix.lower() == ".csv")
    if not found and not _user_toml(directory, "therapies"):
        faults.append(
            Fault(
                str(directory), "the folder holds none of the tables.", f"Put there any of: {', '.join(sorted(known))}."
            )
        )
    faults.extend(
        Fault(name, "this is no table of the evidence base.", f"Known tables: {', '.join(sorted(known))}.")
        for name in found
        if name not in known
    )


def _csv_files(name: str, folders: list[Path], directory: Path | None) -> list[Path]:
    files = [folder / "cohorts" / f"{name}.csv" for folder in folders]
    # A link that leads nowhere counts as there, so that it is read and its fault named.
    if directory is not None and os.path.lexists(directory / f"{name}.csv"):
        files.append(directory / f"{name}.csv")
    return files


def _user_toml(directory: Path | None, kind: str) -> list[Path]:
    return [] if directory is None else sorted((directory / kind).glob("*.toml"))


def _stack(name: str, files: list[Path], faults: list[Fault]) -> list[Placed]:
    """Read the files of one table in order; a later row replaces an earlier one of the same id."""
    rows: dict[str, Placed] = {}
    for path in files:
        table = load_table(path, TABLES[name], faults=faults)
        for record, line in zip(table.rows, table.lines, strict=True):
            rows[getattr(record, _KEYS[name])] = Placed(record, table.file, line)
    return list(rows.values())


def _by_id(rows: Iterable[Placed], key: str) -> Mapping[str, Any]:
    return MappingProxyType({getattr(row.record, key): row.record for row in rows})
