"""`aftercar trial`: strategies in the same virtual patients who relapsed, or randomised between them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aftercar.cli import options
from aftercar.foundation import DEFAULT_SEED, Fault, InputError, Manifest, command_line, hash_bytes, write_atomic

if TYPE_CHECKING:
    import pandas as pd

    from aftercar.patients import ParameterSets
    from aftercar.trials.plan import TrialPlan
    from aftercar.trials.run import Prepared
    from aftercar.trials.storage import Runner
    from aftercar.trials.summary import TrialSummary
    from aftercar.trials.tables import TrialTables

EXAMPLE = "Example: aftercar trial after_ide_cel --observed --sets 20 --out results/trial"


def trial(
    plan: Annotated[
        str, typer.Argument(help="The trial as a TOML file (population, arms, lines), or `after_ide_cel`, built in.")
    ],
    patients: Annotated[
        int | None, typer.Option("--patients", help="How many get the first treatment, instead of the plan's.")
    ] = None,
    sets: Annotated[
        int, typer.Option("--sets", help="Sets of population parameters; 0 takes the catalogue's typical values.")
    ] = 40,
    parameters: Annotated[
        options.ParametersChoice, typer.Option("--parameters", help="Where the sets come from.")
    ] = options.ParametersChoice.posterior,
    seed: Annotated[int, typer.Option("--seed", help="Seed of patients and luck.")] = DEFAULT_SEED,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder with parameters/, therapies/, populations/ ... of yours.")
    ] = None,
    observed: Annotated[
        bool, typer.Option("--observed", help="Show the pooled evidence beside arms that stand for a strategy.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for tables, report and manifest; an interrupted run goes on there."),
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", help="Threads; by default one a processor.")] = None,
    dask: Annotated[
        str | None, typer.Option("--dask", help="Address of a Dask scheduler that runs the trial; the same bits.")
    ] = None,
) -> None:
    """Run a virtual trial: who relapses after the first treatment enters the arms, in the state of that day.

    Simulated. The first treatment is calibrated to published cohorts, salvage is not. Intervals of sampling and of
    parameters stand apart.
    """
    _check_options(seed, patients, sets, workers)
    from aftercar.catalogue.model_data import load_model_data
    from aftercar.catalogue.populations import load_populations
    from aftercar.trials.plan import find_plan, load_plan
    from aftercar.trials.run import prepare_trial

    model = load_model_data(data)
    populations = load_populations(data, model) if data is not None else load_populations()
    file = find_plan(plan)
    request = load_plan(file, model, populations)
    if patients is not None:
        request = request.model_copy(update={"patients": patients})
    prepared = prepare_trial(
        request, seed=seed, sets=sets, parameters=parameters.value, data=model, populations=populations
    )
    manifest = _manifest(prepared, sets, parameters.value, seed, hash_bytes(file.read_bytes()))
    summary, pictured = _run(prepared, manifest, out=out, workers=workers, dask=dask, directory=data)
    _report(request, summary, pictured, manifest, prepared.conduct.sets, observed=observed, out=out)


def _check_options(seed: int, patients: int | None, sets: int, workers: int | None) -> None:
    for option, value, least in (("--seed", seed, 0), ("--patients", patients, 1), ("--sets", sets, 0),
                                 ("--workers", workers, 1)):  # fmt: skip
        if value is not None and value < least:
            raise InputError(Fault(f"option {option}", f"{value} is below {least}.", f"Give {least} or more."))


def _manifest(prepared: Prepared, sets: int, parameters: str, seed: int, plan_hash: str) -> Manifest:
    bases = "".join(one.population.model_dump_json() for one in prepared.firsts)
    drawn = prepared.conduct.sets
    hashes = {"model_data": prepared.conduct.data.hash, "plan": plan_hash, "population": hash_bytes(bases.encode())}
    if drawn is not None:
        hashes["parameter_sets"] = drawn.hash
    asked = {"sets": sets, "parameters": parameters if sets else "typical", "per_block": prepared.per_block}
    config = prepared.plan.model_dump(mode="json") | asked
    return Manifest(command_line(), config, seed, hashes)


def _run(
    prepared: Prepared, manifest: Manifest, *, out: Path | None, workers: int | None, dask: str | None,
    directory: Path | None,
) -> tuple[TrialSummary, TrialTables]:  # fmt: skip
    """Run the trial; return its results, and the tables that pictures of single patients are made of."""
    from aftercar.trials.run import join_blocks
    from aftercar.trials.storage import load_pictured, store_trial, summarise_folder
    from aftercar.trials.summary import summarise_trial

    with _runner(prepared, manifest, workers=workers, dask=dask, directory=directory) as run:
        if out is not None:
            store_trial(prepared, out, manifest=manifest, run=run)
            return summarise_folder(prepared.plan, out), load_pictured(prepared.plan, out)
        blocks = dict(run(range(prepared.blocks)))
    whole = join_blocks(prepared.plan, [blocks[k] for k in sorted(blocks)])
    return summarise_trial(whole), whole.tables


@contextmanager
def _runner(
    prepared: Prepared, manifest: Manifest, *, workers: int | None, dask: str | None, directory: Path | None
) -> Iterator[Runner]:
    """Yield what runs blocks, on threads or on a cluster, with a progress bar."""
    from functools import partial

    from aftercar.cli.simulate import show_progress
    from aftercar.trials.run import run_blocks

    plan = prepared.plan
    total = plan.patients * (1 + len(plan.arms))
    with show_progress(total, shown=plan.patients > 1) as advance:
        if dask is None:
            yield partial(run_blocks, prepared, workers=workers, advance=advance)
            return
        from aftercar.trials.cluster import Request, open_cluster, run_on_cluster

        request = Request(
            plan.model_dump_json(), int(manifest.seed or 0), int(manifest.config["sets"]),
            "prior" if manifest.config["parameters"] == "prior" else "posterior", prepared.per_block,
            str(directory.absolute()) if directory is not None else None, prepared.conduct.data.hash,
        )  # fmt: skip
        with open_cluster(dask) as client:
            each = 1 + len(plan.arms)
            yield partial(
                run_on_cluster, client, request, advance=advance,
                patients_of=lambda block: each * len(prepared.patients_of(block)),
            )  # fmt: skip


def _report(
    plan: TrialPlan, summary: TrialSummary, pictured: TrialTables, manifest: Manifest, sets: ParameterSets | None, *,
    observed: bool, out: Path | None,
) -> None:  # fmt: skip
    from aftercar.cli.printing import console
    from aftercar.report.trial_terminal import render_beside, render_trial

    beside = _set_beside(plan, summary.endpoints) if observed else None
    console(160).print(render_trial(plan, summary, sets))
    if beside is not None and len(beside):
        console(160).print(render_beside(beside))
    elif beside is not None:
        typer.echo("No arm names a strategy of `aftercar compare`: nothing is shown beside it.")
    if out is not None:
        _write(summary, beside, out)
        write_atomic(out / "report.html", _page(plan, summary, pictured, manifest, sets, beside))
        typer.echo(f"folder: {out}{os.sep}")


def _set_beside(plan: TrialPlan, endpoints: pd.DataFrame) -> pd.DataFrame:
    """Return the pooled evidence beside the arms."""
    from aftercar.catalogue import load_base
    from aftercar.strategy import CompareSettings, compare_strategies, set_beside
    from aftercar.trials.endpoint_records import LEVEL

    return set_beside(compare_strategies(load_base(), CompareSettings(level=LEVEL)), plan, endpoints)


def _write(summary: TrialSummary, beside: pd.DataFrame | None, out: Path) -> None:
    for name in ("endpoints", "by_mechanism", "subgroups"):
        write_atomic(out / f"{name}.csv", getattr(summary, name).to_csv(index=False))
    if beside is not None:
        write_atomic(out / "observed_and_simulated.csv", beside.to_csv(index=False))


def _page(
    plan: TrialPlan, summary: TrialSummary, pictured: TrialTables, manifest: Manifest, sets: ParameterSets | None,
    beside: pd.DataFrame | None,
) -> str:  # fmt: skip
    from aftercar.patients.parameter_choice import is_calibrated
    from aftercar.report.trial_page import TrialResults, render_trial_page
    from aftercar.trials import take_records
    from aftercar.trials.summary import count_from

    paired = plan.design == "paired"
    settings = {
        "Population": plan.population,
        "First treatment": f"{' + '.join(one.therapy for one in plan.index) or 'as the population says'}: "
        f"{summary.flow.treated:,} patients",
        "Design": "paired: every patient in every arm" if paired else "randomised, permuted blocks",
        "Follow-up": f"{plan.days:g} days from entry",
        "Criteria": f"{plan.criteria}, confirmed",
        "Parameter sets": f"{manifest.config['sets']} of the {manifest.config['parameters']}" if sets else "typical",
    }
    survival = {measure: take_records(pictured, measure, count_from=count_from(plan)) for measure in ("PFS", "OS")}
    return render_trial_page(
        TrialResults(
            title=plan.name, tables=pictured, endpoints=summary.endpoints, by_mechanism=summary.by_mechanism,
            survival=survival, manifest=manifest, settings=settings, beside=beside,
            calibrated=is_calibrated(sets), fates=summary.fates, entered=summary.flow.entered,
            since="first day of treatment" if paired else "entry",
        )
    )  # fmt: skip
