"""`aftercar simulate`: a plan of treatment in the typical patient, or in many virtual patients."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aftercar.cli import options
from aftercar.cli.simulate_files import DataFormat, check_folder, make_files, write_folder
from aftercar.foundation import DEFAULT_SEED, Fault, InputError, Manifest, command_line, hash_bytes

if TYPE_CHECKING:  # the model is loaded where it is used, so that other commands start fast
    from aftercar.catalogue.model_data import ModelData
    from aftercar.model import Treatment
    from aftercar.patients import ParameterSets

EXAMPLE = (
    "Example: aftercar simulate ide_cel --then talquetamab@400 --patients 200 --compare-off anti_car_antibodies "
    "--out results/sim"
)
_MOST_DAYS = 36_525  # a century
_PLAN, _SYSTEM, _OUTPUT = "Plan", "The system", "Output"


def simulate(
    context: typer.Context,
    therapies: Annotated[
        list[str] | None,
        typer.Argument(help="Therapies: `ide_cel`, `talquetamab@400` (from day 400), `lenalidomide@60:365` (for 365)."),
    ] = None,
    then: Annotated[
        list[str] | None,
        typer.Option("--then", help="One more therapy, written alike. Repeatable.", rich_help_panel=_PLAN),
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", help="The plan as a TOML file of [[treatment]] instead.", rich_help_panel=_PLAN),
    ] = None,
    days: Annotated[float, typer.Option("--days", help="Last day.", rich_help_panel=_PLAN)] = 730.0,
    patients: Annotated[
        int, typer.Option("--patients", help="How many virtual patients; 0: the typical one.", rich_help_panel=_SYSTEM)
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Seed of patients and luck.", rich_help_panel=_SYSTEM)] = (
        DEFAULT_SEED
    ),
    off: Annotated[
        list[str] | None,
        typer.Option("--off", help="Switch a mechanism off. Repeatable.", rich_help_panel=_SYSTEM),
    ] = None,
    compare_off: Annotated[
        list[str] | None,
        typer.Option(
            "--compare-off",
            help="Add the same patients, with the same luck, without this mechanism. Repeatable.",
            rich_help_panel=_SYSTEM,
        ),
    ] = None,
    sets: Annotated[
        int, typer.Option("--sets", help="Parameter sets; 0: the catalogue's typical values.", rich_help_panel=_SYSTEM)
    ] = 40,
    parameters: Annotated[
        options.ParametersChoice,
        typer.Option("--parameters", help="Where the sets come from.", rich_help_panel=_SYSTEM),
    ] = options.ParametersChoice.posterior,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="NAME=VALUE of a parameter, for all patients; wins over sets.", rich_help_panel=_SYSTEM
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Folder with parameters/, therapies/ ... of yours.", rich_help_panel=_SYSTEM),
    ] = None,
    every: Annotated[
        float | None,
        typer.Option("--every", help="Days between output times; 1, or 7 for many.", rich_help_panel=_OUTPUT),
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers", help="Threads; 0: one per processor.", rich_help_panel=_OUTPUT)
    ] = 0,
    format: Annotated[
        list[str] | None,
        typer.Option("--format", help="csv, parquet, netcdf; a list, or repeated.", rich_help_panel=_OUTPUT),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for data, report, manifest.", rich_help_panel=_OUTPUT)
    ] = None,
    no_report: Annotated[
        bool, typer.Option("--no-report", help="Write no HTML report.", rich_help_panel=_OUTPUT)
    ] = False,
) -> None:
    """Simulate a plan of treatment: burden by clone, CAR-T cells, M-protein, soluble BCMA, drugs, host.

    Simulated. Patients belong in turn to draws of the calibrated posterior; a first treatment is calibrated, salvage is
    not, and the output says what is and how many parameters are assumed. The typical patient is shown with the band
    over the sets.
    """
    every = every if every is not None else 7.0 if patients else 1.0
    _check_options(context, days=days, patients=patients, seed=seed, sets=sets, every=every, workers=workers, out=out)
    formats = read_formats(format)
    if out is not None:
        check_folder(out)
    from aftercar.catalogue.model_data import load_model_data
    from aftercar.cli.plan_text import parse_values, read_plan
    from aftercar.patients.arms import simulate_arms

    model = load_model_data(data)
    treatments = read_plan([*(therapies or []), *(then or [])], plan, model)
    values = parse_values(set_ or [])
    off, compare_off = off or [], compare_off or []
    _check_request(treatments, days, values, off, compare_off, model)
    drawn = _choose_sets(treatments, parameters, min(sets, patients or sets), seed=seed, data=data, model=model)
    with show_progress(max(patients, 1) * (1 + len(compare_off)), shown=patients > 1) as advance:
        run = simulate_arms(
            treatments, days=days, patients=patients, seed=seed, values=values, switched_off=off,
            compare_off=compare_off, every=every, workers=workers or os.cpu_count() or 1, sets=drawn, data=model,
            advance=advance,
        )  # fmt: skip
    if out is not None:
        config = _config(
            treatments, days=days, patients=patients, off=off, compare_off=compare_off, set=values, every=every,
            formats=[str(form) for form in formats], data=data.name if data else "", sets=sets,
            parameters=parameters.value if drawn is not None else "typical",
        )  # fmt: skip
        hashes = {"model_data": model.hash} | ({"plan": hash_bytes(plan.read_bytes())} if plan else {})
        hashes |= {"parameter_sets": drawn.hash} if drawn is not None else {}
        manifest = Manifest(command_line(), config, seed, hashes)
        write_folder(out, make_files(run, manifest, formats=formats, report=not no_report))
    from aftercar.cli.printing import console
    from aftercar.report.trajectories_terminal import render_trajectories_table

    console(140).print(render_trajectories_table(run))
    if out is not None:
        typer.echo(f"folder: {out}" + ("" if no_report else f"  report: {out / 'report.html'}"))


def _check_options(
    context: typer.Context, *, days: float, patients: int, seed: int, sets: int, every: float, workers: int,
    out: Path | None,
) -> None:  # fmt: skip
    faults = []
    if not 0 < days <= _MOST_DAYS:
        faults.append(Fault("option --days", f"{days:g} days.", f"Give more than 0, at most {_MOST_DAYS:,}."))
    if not 0 < every <= _MOST_DAYS:
        faults.append(Fault("option --every", f"a value every {every:g} days.", "Give a number above 0."))
    for name, value in (("patients", patients), ("seed", seed), ("sets", sets), ("workers", workers)):
        if value < 0:
            faults.append(Fault(f"option --{name}", f"{value} is below 0.", "Give 0 or more."))
    for name in ("format", "no_report"):
        if out is None and str(context.get_parameter_source(name)).endswith("COMMANDLINE"):
            shown = name.replace("_", "-")
            faults.append(Fault(f"option --{shown}", "nothing is written without --out.", "Add --out FOLDER."))
    if faults:
        raise InputError(faults)


def _choose_sets(
    plan: Sequence[Treatment], parameters: options.ParametersChoice, n: int, *, seed: int, data: Path | None,
    model: ModelData,
) -> ParameterSets | None:  # fmt: skip
    """Return the sets of the options; no more than there are patients."""
    from aftercar.catalogue.populations import load_populations
    from aftercar.patients.parameter_choice import choose_sets_for_plan

    known = load_populations(data, model) if data is not None else load_populations()
    return choose_sets_for_plan(plan, parameters.value, n, seed=seed, data=model, populations=known)


def _check_request(
    plan: Sequence[Treatment],
    days: float,
    values: Mapping[str, float],
    off: Sequence[str],
    compare_off: Sequence[str],
    model: ModelData,
) -> None:
    """Raise InputError for unknown names, with the nearest known ones."""
    from aftercar.cli.plan_text import check_names
    from aftercar.model import arrange_course

    for option, given in (("--off", off), ("--compare-off", compare_off)):
        listed = "aftercar model --mechanisms"
        check_names(given, model.mechanisms, option=f"option {option}", what="mechanism", listed=listed)
    twice = [name for name in compare_off if name in off or list(compare_off).count(name) > 1]
    if twice:
        found = f"'{twice[0]}' is compared twice, or switched off in all arms."
        raise InputError(Fault("option --compare-off", found, "Name each mechanism once."))
    late = [one for one in plan if one.day > days]
    if late:
        found = f"{late[0].therapy} begins on day {late[0].day:g}, after the last day {days:g}."
        raise InputError(Fault("plan", found, "Raise --days."))
    course = arrange_course(plan, days=days, data=model)
    known = [*(k for k, p in model.parameters.items() if not p.slot), *course.parameters]
    check_names(values, known, option="option --set", what="parameter", listed="aftercar model --parameters")


def read_formats(texts: Sequence[str] | None) -> tuple[DataFormat, ...]:
    """Read the forms of the data: repeated options, or lists with commas; CSV if none is given."""
    given = [part.strip() for text in texts or ["csv"] for part in text.split(",")]
    known = [str(form) for form in DataFormat]
    faults = [
        Fault("option --format", f"'{one[:60]}' is no known form.", f"Use {', '.join(known)}.")
        for one in given
        if one not in known
    ]
    if faults:
        raise InputError(faults)
    return tuple(form for form in DataFormat if str(form) in given)


def _config(plan: Sequence[Treatment], **settings: Any) -> dict[str, Any]:
    treatments = [
        {"therapy": one.therapy, "day": one.day, "days": one.days, "dose_factor": one.dose_factor,
         "lymphodepletion": one.lymphodepletion, "values": dict(one.values)}
        for one in plan
    ]  # fmt: skip
    return {"plan": treatments, **settings}


@contextmanager
def show_progress(total: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """Show a bar of patients on stderr; the yielded function moves it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("patients"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not shown) as bar:
        task = bar.add_task("patients", total=total)
        yield lambda n: bar.advance(task, n)
