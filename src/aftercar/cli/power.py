"""`aftercar power`: power and sample size of a proposed trial, from the patients of a virtual one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aftercar.cli.options import TableFormat
from aftercar.foundation import DEFAULT_SEED

if TYPE_CHECKING:
    import pandas as pd

    from aftercar.trials.endpoint_records import CountFrom
    from aftercar.trials.power import SampleSize

EXAMPLE = "Example: aftercar power results/trial --arms talquetamab --arms CT103A --measure PFS --per-arm 100"


def power(
    results: Annotated[Path, typer.Argument(help="Folder that `aftercar trial --out` wrote.")],
    arms: Annotated[
        list[str], typer.Option("--arms", help="Control, then experimental; or one arm with --historic. Repeatable.")
    ],
    measure: Annotated[
        str, typer.Option("--measure", help="PFS, OS, PFS2, TTNT, TIR; ORR, CBR, VGPR_OR_BETTER, CR, MRD_NEGATIVE.")
    ] = "PFS",
    per_arm: Annotated[int, typer.Option("--per-arm", help="Patients of the control (or the only) arm.")] = 100,
    find: Annotated[
        float | None, typer.Option("--find", help="Find the smallest trial with this power instead, e.g. 0.8.")
    ] = None,
    alpha: Annotated[float, typer.Option("--alpha", help="Two-sided level; exact tests are one-sided at half.")] = 0.05,
    historic: Annotated[
        float | None, typer.Option("--historic", help="Response rate (0 to 1) that a single arm must beat.")
    ] = None,
    ratio: Annotated[float, typer.Option("--ratio", help="Experimental patients per control patient.")] = 1.0,
    treated: Annotated[
        bool, typer.Option("--treated", help="Only treated patients, from their first day; else all, from entry.")
    ] = False,
    until: Annotated[
        float | None,
        typer.Option("--until", help="Follow everybody only so many days from entry, instead of to the end."),
    ] = None,
    trials: Annotated[int, typer.Option("--trials", help="Virtual trials.")] = 2000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the trials.")] = DEFAULT_SEED,
    format: Annotated[TableFormat, typer.Option("--format", help="Form of the answer.")] = TableFormat.table,
) -> None:
    """Estimate the power of a trial by drawing it many times from simulated patients, or find its size.

    Simulated; salvage is not calibrated. The power is averaged over the parameter sets of the virtual trial;
    `typical` has them at their average.
    """
    from aftercar.trials.folder import load_tables
    from aftercar.trials.power import estimate_power, find_sample_size

    tables = load_tables(results)
    if until is not None:
        from aftercar.trials.cut_off import cut_tables
        from aftercar.trials.design import set_entry

        tables = cut_tables(set_entry(tables, [0.0] * len(tables.subjects)), at=until)
    count_from: CountFrom = "treatment" if treated else "entry"
    if find is None:
        table = estimate_power(
            tables, arms=arms, measure=measure, per_arm=per_arm, alpha=alpha, historic=historic, ratio=ratio,
            count_from=count_from, trials=trials, seed=seed,
        )  # fmt: skip
        _print(table, format)
        return
    found = find_sample_size(
        tables, arms=arms, measure=measure, power=find, alpha=alpha, historic=historic, ratio=ratio,
        count_from=count_from, trials=trials, seed=seed,
    )  # fmt: skip
    _print_size(found, format)


def _print(table: pd.DataFrame, format: TableFormat) -> None:
    from aftercar.cli.printing import print_frame

    if format is not TableFormat.table:
        print_frame(table, format.value)
        return
    first = table.iloc[0]
    short = table[["test", "n_control", "n_experimental"]].assign(
        **{
            "power, %": [f"{100 * p:.1f} ± {100 * e:.1f}" for p, e in zip(table["power"], table["mc_se"], strict=True)],
            "typical, %": [
                f"{100 * p:.1f} ± {100 * e:.1f}"
                for p, e in zip(table["power_typical"], table["mc_se_typical"], strict=True)
            ],
        }
    )
    print_frame(
        short, "table", title=f"{first['experimental']} against {first['control']}: {first['measure']} (simulated)"
    )
    typer.echo(
        f"SIMULATED; salvage is not calibrated. Two-sided level {first['alpha']:g}; {first['trials']:,} virtual "
        "trials, ± is their Monte-Carlo standard error. Power is the mean over "
        f"{first['sets']} parameter set(s), each with its own effect; typical: all sets mixed."
    )


def _print_size(found: SampleSize, format: TableFormat) -> None:
    if format is TableFormat.json:
        path = json.loads(found.path.to_json(orient="records"))
        answer = {"per_arm": found.per_arm, "wanted_power": found.wanted_power, "path": path, "kind": "simulated"}
        typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        return
    _print(found.path, format)
    if format is TableFormat.table:
        two = bool(found.path["n_control"].max())  # a single arm has no control
        size = found.path["n_control" if two else "n_experimental"].max()
        where = " in the control arm" if two else ""
        reached = f"{found.per_arm} patients{where} reach {100 * found.wanted_power:g}% power."
        missed = f"Not even {size} patients{where} reach {100 * found.wanted_power:g}% power."
        typer.echo(missed if found.per_arm is None else reached)
