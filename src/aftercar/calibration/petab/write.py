"""Writing a PEtab problem: a folder whole or not at all, its README among the files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from aftercar.calibration.petab.problem import PetabProblem
from aftercar.calibration.petab.readme import render_readme
from aftercar.foundation import Fault, InputError, Manifest, fill_folder

PROBLEM: Final = "problem.yaml"
SYSTEM: Final = "system.xml"
_TABLES: Final = ("parameters", "conditions", "measurements", "observables")
_OTHERS: Final = ("sources.tsv", "README.md", "manifest.json")
FILES: Final = (PROBLEM, SYSTEM, *(f"{name}.tsv" for name in _TABLES), *_OTHERS)


def check_folder(folder: Path) -> None:
    """Raise InputError where the folder holds what no export of a PEtab problem wrote and would be lost."""
    if folder.exists() and not folder.is_dir():
        raise InputError(Fault(str(folder), "this is a file.", "Name a folder."))
    if folder.is_dir():
        held = sorted(path.name for path in folder.iterdir())
        foreign = [name for name in held if name not in FILES]
        if foreign or (held and PROBLEM not in held):
            found = f"the folder holds '{(foreign or held)[0]}', which no export of a PEtab problem wrote."
            raise InputError(Fault(str(folder), found, "Name another folder."))


def write_petab(problem: PetabProblem, folder: Path, *, manifest: Manifest | None = None) -> None:
    """Write a problem; a folder of an earlier export is replaced. The same problem gives the same bytes.

    Raises
    ------
    InputError
        The folder holds something else.
    OSError
        The folder cannot be written.
    """
    check_folder(folder)
    tables = {
        "parameters": problem.parameters, "conditions": problem.conditions, "measurements": problem.measurements,
        "observables": problem.observables, "sources": problem.sources,
    }  # fmt: skip
    with fill_folder(folder) as new:
        (new / SYSTEM).write_text(problem.sbml(), encoding="utf-8", newline="\n")
        for name, table in tables.items():
            (new / f"{name}.tsv").write_text(_tsv(table), encoding="utf-8", newline="\n")
        (new / PROBLEM).write_text(_yaml(), encoding="utf-8", newline="\n")
        (new / "README.md").write_text(render_readme(problem), encoding="utf-8", newline="\n")
        if manifest is not None:
            (new / "manifest.json").write_text(manifest.to_json() + "\n", encoding="utf-8", newline="\n")


def _tsv(table: pd.DataFrame) -> str:
    """Return a table as PEtab reads it; numbers with ten digits, texts without tabs or line ends."""
    plain = table.map(lambda cell: " ".join(cell.split()) if isinstance(cell, str) else cell)
    return plain.to_csv(sep="\t", index=False, float_format="%.10g", lineterminator="\n")


def _yaml() -> str:
    return "\n".join(
        ["format_version: 1", "parameter_file: parameters.tsv", "problems:", f"- sbml_files:\n  - {SYSTEM}",
         *(f"  {name[:-1]}_files:\n  - {name}.tsv" for name in _TABLES[1:]), ""]
    )  # fmt: skip
