"""Make a finished calibration the shipped posterior, and put its tables into docs/explanation/calibration.md.

.venv/bin/python -m aftercar calibrate --out FOLDER          # the calibration itself: an hour on one core
.venv/bin/python validation/calibration/ship.py FOLDER
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from aftercar.catalogue import posterior as catalogue
from aftercar.foundation import write_atomic

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "calibration.md"


def percent(value: float) -> str:
    return f"{100 * value:.0f}"


def tabulate_parameters(rows: pd.DataFrame) -> str:
    lines = ["| parameter | unit | prior, median (95%) | posterior, median (95%) | shrinkage | presses against |",
             "| --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    for row in rows.fillna("").itertuples():
        lines.append(
            f"| {row.parameter} | {row.unit} | {row.prior_median:.3g} ({row.prior_lb:.3g}–{row.prior_ub:.3g}) | "
            f"{row.median:.3g} ({row.lb:.3g}–{row.ub:.3g}) | {row.shrinkage:.2f} | "
            f"{f'the {row.presses} end' if row.presses else ''} |"
        )
    return "\n".join(lines)


def tabulate_targets(rows: pd.DataFrame) -> str:
    lines = ["| figure | observed, % | n | simulated, % (95%) | such a cohort, % (95%) | z | verdict |",
             "| --- | --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    for row in rows.itertuples():
        verdict = "met with discrepancy" if row.verdict == "met" != row.strict else row.verdict
        lines.append(
            f"| `{row.target}`: {row.what.replace(' | ', ' among ')} | {percent(row.observed)} | {row.n:.0f} | "
            f"{percent(row.simulated)} ({percent(row.lb)}–{percent(row.ub)}) | {percent(row.pi_lb)}–"
            f"{percent(row.pi_ub)} | {row.z:+.1f} | {verdict} |"
        )
    return "\n".join(lines)


def tabulate_directions(rows: pd.DataFrame) -> str:
    shown = pd.concat([rows.head(4), rows.tail(4)])
    return "\n".join(["| variance left | direction |", "| --- | --- |",
                      *(f"| {row.variance:.2f} | {row.parameters} |" for row in shown.itertuples())])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    home = Path(catalogue.__file__).parent / "posterior"
    for ending in ("csv", "json"):
        write_atomic(home / f"{catalogue.BUILT_IN}.{ending}", (folder / f"posterior.{ending}").read_bytes())
    targets = pd.read_csv(folder / "targets.csv")
    verification = pd.read_csv(folder / "verification.csv")
    difference = (verification["simulated"] - verification["emulated"]).abs()
    tables = {
        "parameters": tabulate_parameters(pd.read_csv(folder / "parameters.csv")),
        "fitted": tabulate_targets(targets[targets["use"] == "fit"]),
        "held back": tabulate_targets(targets[targets["use"] == "check"]),
        "directions": tabulate_directions(pd.read_csv(folder / "directions.csv")),
        "verification": (
            f"In {verification['patients'].max():,} patients of each cohort, simulated anew at the draws, shares "
            f"differ from the emulated ones by {100 * difference.mean():.1f} points on average and "
            f"{100 * difference.max():.1f} at most ({verification['z'].abs().max():.1f} standard errors)."
        ),
    }
    page = PAGE.read_text(encoding="utf-8")
    for name, text in tables.items():
        start, end = f"<!-- {name}: start -->", f"<!-- {name}: end -->"
        before, rest = page.split(start)
        page = f"{before}{start}\n\n{text}\n\n{end}{rest.split(end)[1]}"
    write_atomic(PAGE, page)


if __name__ == "__main__":
    main()
