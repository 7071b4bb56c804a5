"""`aftercar trial`: salvage arms in the same virtual patients who relapsed after a first treatment."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aftercar.foundation import DEFAULT_SEED, Fault, InputError, Manifest, command_line, hash_bytes, write_atomic

if TYPE_CHECKING:
    import pandas as pd

    from aftercar.trials.run import Trial

EXAMPLE = "Example: aftercar trial after_ide_cel --observed --out results/trial"


def trial(
    plan: Annotated[
        str, typer.Argument(help="The trial as a TOML file (population, index, arms), or `after_ide_cel`, built in.")
    ],
    patients: Annotated[
        int | None, typer.Option("--patients", help="How many get the first treatment, instead of the plan's.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of patients and luck.")] = DEFAULT_SEED,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder with parameters/, therapies/, populations/ ... of yours.")
    ] = None,
    observed: Annotated[
        bool, typer.Option("--observed", help="Show the pooled evidence beside arms that stand for a strategy.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for tables (CSV, Parquet) and the manifest.")
    ] = None,
) -> None:
    """Run a virtual trial: who relapses after the first treatment enters every arm, in the state of that day.

    Simulated and uncalibrated: most parameters are assumed. Intervals are those of sampling alone.
    """
    if seed < 0:
        raise InputError(Fault("option --seed", f"{seed} is below 0.", "Give 0 or more."))
    if patients is not None and patients < 1:
        raise InputError(Fault("option --patients", f"{patients} patients.", "Give 1 or more."))
    if out is not None:
        from aftercar.cli.simulate_files import check_folder

        check_folder(out)
    from aftercar.catalogue.model_data import load_model_data
    from aftercar.catalogue.populations import load_populations
    from aftercar.cli.simulate import show_progress
    from aftercar.trials.plan import find_plan, load_plan
    from aftercar.trials.run import run_trial

    model = load_model_data(data)
    populations = load_populations(data, model) if data is not None else load_populations()
    file = find_plan(plan)
    request = load_plan(file, model, populations)
    if patients is not None:
        request = request.model_copy(update={"patients": patients})
    with show_progress(request.patients * (1 + len(request.arms)), shown=request.patients > 1) as advance:
        run = run_trial(request, seed=seed, data=model, populations=populations, advance=advance)
    hashes = {
        "model_data": model.hash,
        "plan": hash_bytes(file.read_bytes()),
        "population": hash_bytes(run.relapsed.population.model_dump_json().encode()),
    }
    beside = _set_beside(run, hashes) if observed else None
    _print(run, beside)
    if out is not None:
        manifest = Manifest(command_line(), request.model_dump(mode="json"), seed, hashes)
        _write(run, beside, manifest, out)
        typer.echo(f"folder: {out}{os.sep}")


def _set_beside(run: Trial, hashes: dict[str, str]) -> pd.DataFrame:
    """Return the pooled evidence beside the arms, and add the evidence to the hashes."""
    from aftercar.catalogue import load_base
    from aftercar.strategy import CompareSettings, compare_strategies, set_beside
    from aftercar.trials.endpoints import LEVEL

    base = load_base()
    hashes["evidence"] = base.hash
    return set_beside(compare_strategies(base, CompareSettings(level=LEVEL)), run)


def _print(run: Trial, beside: pd.DataFrame | None) -> None:
    from aftercar.cli.printing import console
    from aftercar.report.trial_terminal import render_beside, render_trial

    console(140).print(render_trial(run))
    if beside is not None and len(beside):
        console(140).print(render_beside(beside))
    elif beside is not None:
        typer.echo("No arm names a strategy of `aftercar compare`: nothing is shown beside it.")


def _write(run: Trial, beside: pd.DataFrame | None, manifest: Manifest, out: Path) -> None:
    """Write all tables, each whole or not at all; the manifest last."""
    write_atomic(out / "endpoints.csv", run.endpoints.to_csv(index=False))
    write_atomic(out / "by_mechanism.csv", run.by_mechanism.to_csv(index=False))
    if beside is not None:
        write_atomic(out / "observed_and_simulated.csv", beside.to_csv(index=False))
    write_atomic(out / "patients.parquet", _parquet(run.patients))
    write_atomic(out / "index.parquet", _parquet(run.relapsed.index.reset_index()))
    write_atomic(out / "manifest.json", manifest.to_json() + os.linesep)


def _parquet(table: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()
