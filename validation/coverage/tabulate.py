"""Turns coverage.csv into the tables of docs/explanation/coverage.md.

python validation/coverage/tabulate.py            # prints them
python validation/coverage/tabulate.py --write    # puts them between the marks of the page
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "explanation" / "coverage.md"
START, END = "<!-- tables: start -->", "<!-- tables: end -->"


def pivot(data: pd.DataFrame, value: str, columns: str, how: str = "mean") -> pd.DataFrame:
    """Return one row a method in the order of the file, averaged over all else."""
    order = list(dict.fromkeys(data["method"]))
    table = data.pivot_table(index="method", columns=columns, values=value, aggfunc=how)  # type: ignore[arg-type]
    return table.loc[order]


def to_markdown(table: pd.DataFrame, head: str, digits: int = 1, factor: float = 100.0) -> str:
    """Return a table with a method by row, numbers times `factor`."""
    names = [f"{head} = {column:g}" for column in table.columns]
    lines = ["| method | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for method, row in table.iterrows():
        lines.append(f"| {method} | " + " | ".join(f"{factor * x:.{digits}f}" for x in row) + " |")
    return "\n".join(lines)


def write_tables(data: pd.DataFrame) -> str:
    """Return all tables of the page."""
    parts = []
    for k, rows in data.groupby("k"):
        parts += [f"### {k} cohorts: coverage of the 95 % interval [%], by tau, averaged over the five rates"]
        parts += [to_markdown(pivot(rows, "coverage", "tau"), "tau")]
    parts += ["### Worst single truth (rate and tau) for each number of cohorts [%]"]
    parts += [to_markdown(pivot(data, "coverage", "k", "min"), "k")]
    parts += ["### Coverage by the true rate, averaged over tau and k [%]"]
    parts += [to_markdown(pivot(data, "coverage", "rate"), "rate")]
    parts += ["### Median width of the 95 % interval [points], averaged over rates and tau"]
    parts += [to_markdown(pivot(data, "median_width", "k"), "k")]
    parts += ["### Coverage of the 95 % prediction interval [%], averaged over the rates and tau > 0"]
    parts += [to_markdown(pivot(data[data["tau"] > 0], "pi_coverage", "k"), "k")]
    parts += ["### Median width of the prediction interval [points], averaged over rates and tau > 0"]
    parts += [to_markdown(pivot(data[data["tau"] > 0], "pi_median_width", "k"), "k")]
    parts += ["### Median error of the estimate [points] at tau = 0.6, averaged over k"]
    parts += [to_markdown(pivot(data[data["tau"] == 0.6], "median_error", "rate"), "rate")]
    refused = data.assign(refused=1 - data["answered"] / data["replicates"])
    parts += ["### Data refused [%], averaged over tau and k"]
    parts += [to_markdown(pivot(refused, "refused", "rate"), "rate", digits=2)]
    return "\n\n".join(parts)


def main() -> None:
    """Print the tables, or write them into the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    tables = write_tables(pd.read_csv(HERE / "coverage.csv"))
    if not arguments.write:
        print(tables)
        return
    before, rest = PAGE.read_text(encoding="utf-8").split(START)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{START}\n\n{tables}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
