"""Ask which assumption would resolve each tension between evidence and model: docs/explanation/tensions.md.

    .venv/bin/python validation/calibration/tensions.py            # some minutes
    .venv/bin/python validation/calibration/tensions.py --write    # into the page and the shipped answers
    .venv/bin/python validation/calibration/tensions.py --folder FOLDER, then --answers FOLDER --write

`aftercar compare` shows the shipped answers (`src/aftercar/catalogue/validation/tensions.csv`), and says so where they
rest on other numbers than are in use.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from aftercar.calibration.assumptions import answer, describe_basis, prepare
from aftercar.catalogue import load_base, tensions
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.catalogue.tensions import TensionResults, check_tensions, load_tension_results, load_tensions
from aftercar.foundation import DEFAULT_SEED, show_notices, write_atomic
from aftercar.report.tension_words import CANDIDATE_HEADS, FIGURE_HEADS, candidate_cells, figure_cells, say_tension
from aftercar.strategy.tensions import ShownTension, read_tension, say_size
from aftercar.trials import find_plan, load_plan

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "tensions.md"
SHIPPED = Path(tensions.__file__).parent / "validation"
PATIENTS, SETS = 600, 40


def simulate(patients: int, sets: int, only: tuple[str, ...] = ()) -> TensionResults:
    """Return the answers to all tensions, or to some."""
    data = load_model_data()
    plan = load_plan(find_plan("after_ide_cel"), data, load_populations())
    asked = load_tensions()
    check_tensions(asked, data)
    setting = prepare(plan, data, load_base(), patients=patients, sets=sets, seed=DEFAULT_SEED)
    chosen = [one for key, one in asked.items() if not only or key in only]
    table = answer(chosen, setting, advance=lambda words: print(f"... {words}", flush=True))
    return TensionResults(table, describe_basis(setting))


def tabulate(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = tuple(heads)
    lines = [heads, tuple("---" for _ in heads), *map(tuple, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_page(page: str, found: TensionResults) -> str:
    """Return the page with its generated parts made from the answers."""
    shown = [read_tension(one, found.table) for one in load_tensions().values()]
    for name, text in (
        ("size", f"Made with {say_size(found.basis)}. Hash of numbers `{str(found.basis['basis'])[:12]}`."),
        ("short", "\n".join(f"- {say_tension(one)}" for one in shown)),
        ("tensions", "\n\n".join(map(write_tension, shown))),
    ):
        start, end = f"<!-- {name}: start -->", f"<!-- {name}: end -->"
        before, rest = page.split(start)
        page = f"{before}{start}\n\n{text}\n\n{end}{rest.split(end)[1]}"
    return page


def write_tension(one: ShownTension) -> str:
    asked = load_tensions()[one.tension_id].candidates.values()
    reasons = "\n".join(f"- *{each.statement}.* {each.why_open} ({each.source}, {each.locator})" for each in asked)
    return "\n\n".join([
        f"## {one.title}", one.evidence, tabulate(FIGURE_HEADS, map(figure_cells, one.figures)),
        tabulate(CANDIDATE_HEADS, (candidate_cells(each, one) for each in one.candidates)), "Why it is open:", reasons,
    ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=PATIENTS)
    parser.add_argument("--sets", type=int, default=SETS)
    parser.add_argument("--only", action="append", default=[], help="a tension; repeatable")
    parser.add_argument("--folder", type=Path, default=None, help="where to keep the answers")
    parser.add_argument("--answers", type=Path, default=None, help="answers that lie in a folder, not simulated anew")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    if given.only and (given.write or given.answers):
        parser.error("what is shipped is all of it")
    if given.answers is not None:
        found = load_tension_results(given.answers)
    else:
        with show_notices():
            found = simulate(given.patients, given.sets, tuple(given.only))
    folder = SHIPPED if given.write else given.folder
    if given.write:
        write_atomic(PAGE, write_page(PAGE.read_text(encoding="utf-8"), found))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / "tensions.csv", found.table.to_csv(index=False, float_format="%.6g"))
        write_atomic(folder / "tensions.json", json.dumps(found.basis, indent=2) + "\n")
    with pd.option_context("display.width", 250, "display.max_rows", 500, "display.max_columns", 30):
        print(found.table.to_string(float_format=lambda x: f"{x:.3f}"))


if __name__ == "__main__":
    main()
