"""`aftercar compare`: the main job."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from aftercar.cli import options
from aftercar.foundation import DEFAULT_SEED, Fault, InputError, write_atomic

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
    evidence: options.EvidenceDirectory = None,
    replace: options.Replace = False,
) -> None:
    """Compare salvage strategies after BCMA CAR-T relapse: pooled ORR, CR and PFS, certainty, probability of best.

    Observed evidence only. The strategies were not randomised against one another.
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
    )
    check_settings(settings)
    with show_stages(out is not None) as begin:
        comparison = compare_strategies(base, settings, progress=begin)
        if out is not None:
            from aftercar.report import render_report

            begin("drawing the report")
            write_atomic(out, render_report(comparison))
    _print(comparison, format)
    if out is not None:
        typer.echo(f"report: {out}", err=format is not options.TableFormat.table)


def _print(comparison: object, format: options.TableFormat) -> None:
    from aftercar.strategy import Comparison, comparison_frame, comparison_to_json

    assert isinstance(comparison, Comparison)
    if format is options.TableFormat.json:
        typer.echo(comparison_to_json(comparison))
    elif format is options.TableFormat.csv:
        typer.echo(comparison_frame(comparison).to_csv(index=False), nl=False)
    else:
        from aftercar.cli.printing import console
        from aftercar.report.terminal import render_table

        console(100).print(render_table(comparison))


@contextmanager
def show_stages(with_report: bool) -> Iterator[Callable[[str], None]]:
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
        task = bar.add_task("starting", total=len(STAGES) + with_report)
        started = False

        def begin(stage: str) -> None:
            nonlocal started
            bar.update(task, description=stage, advance=1 if started else 0)
            started = True

        yield begin
