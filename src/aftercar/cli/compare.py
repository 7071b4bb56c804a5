"""`aftercar compare`: the main job."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aftercar.cli import options
from aftercar.foundation import DEFAULT_SEED, Fault, InputError, write_atomic

if TYPE_CHECKING:
    from aftercar.strategy import Comparison, Simulated

EXAMPLE = "Example: aftercar compare --prior strict --out compare.html"


def compare(
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the HTML report here.")] = None,
    format: Annotated[options.TableFormat, typer.Option("--format", help="Form of the printed table.")] = (
        options.TableFormat.table
    ),
    therapy: options.Therapies = None,
    class_: options.Classes = None,
    strategy: options.Strategies = None,
    target: options.Targets = None,
    study: options.Studies = None,
    design: options.Designs = None,
    line: options.Lines = None,
    prior: options.Prior = options.PriorChoice.inclusive,
    counts: options.Counts = options.CountsChoice.inferred,
    level: Annotated[float, typer.Option("--level", help="Level of the intervals.")] = 0.95,
    draws: Annotated[int, typer.Option("--draws", help="Posterior draws behind the ranking.")] = 20_000,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the draws.")] = DEFAULT_SEED,
    patients: Annotated[
        int, typer.Option("--patients", help="Virtual patients of the simulated half; 0 shows the evidence alone.")
    ] = 160,
    sets: Annotated[
        int, typer.Option("--sets", help="Parameter sets of the simulated half; 0 takes typical values.")
    ] = 40,
    parameters: Annotated[
        options.ParametersChoice, typer.Option("--parameters", help="Where these sets come from.")
    ] = options.ParametersChoice.posterior,
    evidence: options.EvidenceDirectory = None,
    replace: options.Replace = False,
) -> None:
    """Compare salvage strategies after BCMA CAR-T relapse: pooled ORR, CR and PFS, certainty, probability of best.

    Ranks and pooled figures rest on observed evidence alone. The strategies were not randomised against one another.
    Beside them stands what a virtual trial gives for each: simulated, and labelled so.
    """
    from aftercar.strategy import CompareSettings, check_settings, compare_strategies

    if out is not None and out.suffix not in {".html", ".htm"}:
        raise InputError(Fault("option --out", f"'{out}' is no HTML file.", "Name it with the ending .html."))
    base = options.load_evidence(evidence, replace)
    filters = options.make_filters(
        base, therapies=therapy, classes=class_, strategies=strategy, targets=target, studies=study, designs=design,
        lines=line, prior=prior, counts=counts,
    )  # fmt: skip
    settings = CompareSettings(
        filters=filters,
        level=level,
        draws=draws,
        seed=seed,
        evidence_directory=options.name_of(evidence) if evidence else "",
        evidence_mode="replace" if replace else "extend",
        simulated_patients=patients,
        simulated_sets=sets if patients else 0,
        simulated_parameters=parameters.value,
    )
    check_settings(settings)
    with show_stages() as begin:
        comparison = compare_strategies(base, settings, progress=begin)
    comparison = simulate_beside(comparison)
    if out is not None:
        from aftercar.report import render_report

        write_atomic(out, render_report(comparison))
    _print(comparison, format)
    if out is not None:
        typer.echo(f"report: {out}", err=format is not options.TableFormat.table)


def _print(comparison: Comparison, format: options.TableFormat) -> None:
    from aftercar.strategy import comparison_frame, comparison_to_json

    if format is options.TableFormat.json:
        typer.echo(comparison_to_json(comparison))
    elif format is options.TableFormat.csv:
        typer.echo(comparison_frame(comparison).to_csv(index=False), nl=False)
    else:
        from aftercar.cli.printing import console
        from aftercar.report.terminal import render_table

        console(106).print(render_table(comparison))
        if comparison.simulated is not None:
            _print_simulated(comparison.simulated)


def _print_simulated(simulated: Simulated) -> None:
    from aftercar.cli.printing import console
    from aftercar.report.simulated_section import say_identified
    from aftercar.report.tension_terminal import render_tensions
    from aftercar.report.trial_terminal import render_beside

    shown = console(100)
    shown.print(render_beside(simulated.beside))
    for sentence in say_identified(simulated.identified):
        shown.print(sentence, markup=False, highlight=False)
    if simulated.tensions is not None and simulated.tensions.shown:
        shown.print()
        shown.print(render_tensions(simulated.tensions))


def simulate_beside(comparison: Comparison) -> Comparison:
    """Return the comparison with the simulated half that its settings ask for; a progress bar on stderr."""
    from aftercar.cli.simulate import show_progress
    from aftercar.strategy import list_simulated, simulate_strategies

    patients = comparison.settings.simulated_patients
    if not patients:
        return comparison
    total = patients * (1 + len(list_simulated(comparison).arms))
    with show_progress(total, shown=True) as advance:
        return simulate_strategies(comparison, advance=advance)


@contextmanager
def show_stages() -> Iterator[Callable[[str], None]]:
    """Show a progress bar on stderr; the yielded function begins the stage that it names."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from aftercar.strategy import STAGES

    with Progress(
        TextColumn("{task.description:<22}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("starting", total=len(STAGES))
        started = False

        def begin(stage: str) -> None:
            nonlocal started
            bar.update(task, description=stage, advance=1 if started else 0)
            started = True

        yield begin
