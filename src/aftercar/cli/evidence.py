"""`aftercar evidence`: look at the base, check tables of one's own, take it elsewhere."""

from __future__ import annotations

import difflib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from aftercar.catalogue import EvidenceBase, Outcome, Study
from aftercar.catalogue.citations import load_citation
from aftercar.catalogue.counts import parse_counts
from aftercar.catalogue.loading import TABLES
from aftercar.catalogue.records import DESIGNS, LINES, MEASURES, PRIOR_BCMA, ROLES
from aftercar.cli import options
from aftercar.cli.printing import print_frame, print_pairs
from aftercar.evidence import (
    evidence_frame,
    filter_cohorts,
    outcome_row,
    poolable_counts,
    records_frame,
    share_patients,
    strategy_of,
)
from aftercar.foundation import Fault, InputError, write_atomic

app = typer.Typer(
    help="List, filter, show, check and export the evidence base.",
    epilog="Example: aftercar evidence list --target GPRC5D --prior strict",
    no_args_is_help=True,
)

_LIST_COLUMNS = {
    "cohort_id": "cohort",
    "therapy": "therapy",
    "measure": "measure",
    "figure": "figure",
    "cohort_prior_bcma": "prior anti-BCMA",
    "cohort_line": "line",
    "design": "design",
    "source_locator": "source",
}


@app.command("list", epilog="Example: aftercar evidence list --class BsAb_GPRC5D --prior strict --format csv")
def list_cohorts(
    therapy: options.Therapies = None,
    class_: options.Classes = None,
    strategy: options.Strategies = None,
    target: options.Targets = None,
    study: options.Studies = None,
    design: options.Designs = None,
    line: options.Lines = None,
    role: Annotated[list[str] | None, typer.Option("--role", help=f"One of {', '.join(ROLES)}. Repeatable.")] = None,
    prior: options.Prior = options.PriorChoice.any,
    measure: Annotated[list[str] | None, typer.Option("--measure", help="E.g. ORR, CR, PFS. Repeatable.")] = None,
    format: Annotated[options.TableFormat, typer.Option("--format")] = options.TableFormat.table,
    evidence: options.EvidenceDirectory = None,
    replace: options.Replace = False,
) -> None:
    """List figures, one a line, with where each stands."""
    base = options.load_evidence(evidence, replace)
    _check_words("role", role, ROLES)
    _check_words("measure", measure, MEASURES)
    filters = options.make_filters(
        base, therapies=therapy, classes=class_, strategies=strategy, targets=target, studies=study, designs=design,
        lines=line, roles=role or [], prior=prior,
    )  # fmt: skip
    frame = evidence_frame(base, filter_cohorts(base, filters))
    if frame.empty:
        raise InputError(Fault("option filters", "no cohort fits all of them.", "Loosen one, e.g. --prior any."))
    if measure:
        frame = frame[frame["measure"].isin(measure)]
        if frame.empty:
            raise InputError(Fault("option --measure", "no figure of it fits the filters.", "Loosen one of them."))
    if format is options.TableFormat.table:
        frame = frame.assign(figure=[_figure(base.outcomes[name]) for name in frame["outcome_id"]])
        frame = frame[list(_LIST_COLUMNS)].rename(columns=_LIST_COLUMNS)
    print_frame(frame, format.value, title=f"{len(frame)} figures (observed)")


@app.command(epilog="Example: aftercar evidence show karmma_reinfusion")
def show(
    cohort_id: Annotated[str, typer.Argument(help="Id of the cohort: see `aftercar evidence list`.")],
    evidence: options.EvidenceDirectory = None,
    replace: options.Replace = False,
) -> None:
    """Show one cohort with every figure, its sources and quotes, and what is disputed about it."""
    base = options.load_evidence(evidence, replace)
    if cohort_id not in base.cohorts:
        _check_words("cohort", [cohort_id], tuple(base.cohorts))
    for title, pairs in _cohort_pages(base, cohort_id):
        print_pairs(title, pairs)


@app.command(epilog="Example: aftercar evidence check my_tables/")
def check(
    directory: Annotated[
        Path, typer.Argument(help="Folder with studies.csv, cohorts.csv, outcomes.csv, sources.csv ...")
    ],
    replace: options.Replace = False,
) -> None:
    """Check tables of your own; says every fault with file, row, column and mend."""
    base = options.load_evidence(directory, replace)
    counts = ", ".join(f"{len(getattr(base, name))} {name}" for name in TABLES)
    typer.echo(f"{directory}: good. {'It holds' if replace else 'Together with the built-in base'}: {counts}.")


@app.command(epilog="Example: aftercar evidence export evidence.parquet")
def export(
    path: Annotated[Path, typer.Argument(help="FILE.csv or FILE.parquet: one flat table. A folder: the six tables.")],
    evidence: options.EvidenceDirectory = None,
    replace: options.Replace = False,
) -> None:
    """Write the base as one flat table, or as its tables, for R, Python or a spreadsheet."""
    if not path.name:
        raise InputError(Fault("export", "no file is named.", "Name FILE.csv, FILE.parquet or a new folder."))
    base = options.load_evidence(evidence, replace)
    match path.suffix:
        case ".csv":
            write_atomic(path, evidence_frame(base).to_csv(index=False))
        case ".parquet":
            buffer = io.BytesIO()
            evidence_frame(base).to_parquet(buffer, index=False)
            write_atomic(path, buffer.getvalue())
        case "":
            for name in TABLES:
                write_atomic(
                    path / f"{name}.csv", records_frame(getattr(base, name), record=TABLES[name]).to_csv(index=False)
                )
        case other:
            raise InputError(Fault(str(path), f"'{other}' is no known form.", "Use .csv, .parquet or a folder."))
    typer.echo(f"wrote {path} (evidence {base.hash[:12]})")


@app.command(epilog="Example: aftercar evidence therapies --format csv")
def therapies(
    format: Annotated[options.TableFormat, typer.Option("--format")] = options.TableFormat.table,
    evidence: options.EvidenceDirectory = None,
) -> None:
    """List the therapies: id, class, targets, mechanism of action."""
    frame = records_frame(options.load_evidence(evidence, False).therapies)
    columns = ["therapy_id", "name", "strategy_class", "targets", "mechanism"]
    print_frame(frame[columns] if format is options.TableFormat.table else frame, format.value, title="Therapies")


@app.command(epilog="Example: aftercar evidence findings --format csv")
def findings(
    format: Annotated[options.TableFormat, typer.Option("--format")] = options.TableFormat.table,
    evidence: options.EvidenceDirectory = None,
    replace: options.Replace = False,
) -> None:
    """List results that are no proportion and no time: mechanisms, cases, feasibility."""
    base = options.load_evidence(evidence, replace)
    print_frame(records_frame(base.findings), format.value, title="Findings")


@app.command(epilog="Example: aftercar evidence conflicts")
def conflicts(
    format: Annotated[options.TableFormat, typer.Option("--format")] = options.TableFormat.table,
    evidence: options.EvidenceDirectory = None,
    replace: options.Replace = False,
) -> None:
    """List where sources disagree, and which figure is used."""
    base = options.load_evidence(evidence, replace)
    print_frame(records_frame(base.discrepancies), format.value, title="Conflicts between sources")


@app.command(epilog="Example: aftercar evidence words")
def words() -> None:
    """List the words that filters and tables understand."""
    base = options.load_evidence(None, False)
    classes = sorted({therapy.strategy_class for therapy in base.therapies.values()})
    targets = sorted({target for therapy in base.therapies.values() for target in therapy.targets})
    lists: dict[str, Iterable[str]] = {
        "--strategy": base.strategies,
        "--class": classes,
        "--target": targets,
        "--design": DESIGNS,
        "--line": LINES,
        "--role": ROLES,
        "--measure": MEASURES,
        "prior_bcma": PRIOR_BCMA,
        "--study": base.studies,
    }
    print_pairs("Words", [(name, ", ".join(values)) for name, values in lists.items()])


def _check_words(name: str, given: list[str] | None, known: tuple[str, ...]) -> None:
    for word in given or ():
        if word not in known:
            close = difflib.get_close_matches(word, known, n=3, cutoff=0.4)
            mend = f"Did you mean {', '.join(close)}?" if close else f"Known: {', '.join(known[:12])}."
            raise InputError(Fault(f"option --{name}", f"'{word}' is not known.", mend))


def _figure(outcome: Outcome) -> str:
    """Return a figure as a person writes it: 6/28 (21%), 74% of n?, 8.8 (5.6 to NR) months."""
    if outcome.events is not None and outcome.total is not None:
        return f"{outcome.events}/{outcome.total} ({100 * outcome.events / outcome.total:.0f}%)"
    if outcome.percent is not None:
        return f"{outcome.percent:g}% of n?"
    estimate = "" if outcome.estimate is None else f"{outcome.estimate:g}"
    if outcome.ci_lb is None:
        return f"{estimate} {outcome.unit}"
    upper = "NR" if outcome.ci_ub is None else f"{outcome.ci_ub:g}"
    return f"{estimate} ({outcome.ci_lb:g} to {upper}) {outcome.unit}"


def _cohort_pages(base: EvidenceBase, cohort_id: str) -> list[tuple[str, list[tuple[str, str]]]]:
    cohort = base.cohorts[cohort_id]
    study, therapy = base.studies[cohort.study_id], base.therapies[cohort.therapy_id]
    strategy = strategy_of(base, therapy.therapy_id)
    head = [
        ("study", f"{study.name} ({study.design}, {study.year or 'year not stated'}) {study.registry}".strip()),
        ("citation", _citation(study)),
        ("therapy", f"{therapy.name}: {therapy.mechanism}"),
        ("strategy", strategy.name if strategy else "none"),
        ("patients", cohort.population),
        ("prior anti-BCMA", cohort.prior_bcma),
        ("line", f"{cohort.line}, counted by {cohort.unit_of_analysis}"),
        ("shares patients with", ", ".join(_relatives(base, cohort_id)) or "no other cohort"),
        ("note", " ".join((cohort.note, study.note)).strip()),
    ]
    pages = [(f"{cohort_id}", [pair for pair in head if pair[1]])]
    for outcome in base.outcomes.values():
        if outcome.cohort_id == cohort_id:
            row = outcome_row(base, outcome.outcome_id)
            pairs = [
                (
                    outcome.measure,
                    _figure(outcome) + (" (used)" if outcome.preferred == "yes" else " (kept beside)"),
                ),
                ("counts", _counts_used(outcome)),
                ("where", row["source_locator"]),
                ("quote", f"“{row['source_quote']}”"),
                ("checked", row["source_checked"]),
                ("derivation", outcome.derivation),
            ]
            pages.append((outcome.outcome_id, [pair for pair in pairs if pair[1]]))
    for entry in base.discrepancies.values():
        if cohort_id in entry.cohort_ids:
            pairs = [("review", entry.review_says), ("other", entry.other_says), ("used here", entry.used_here)]
            pages.append((f"conflict {entry.discrepancy_id}", pairs))
    return pages


def _citation(study: Study) -> str:
    if study.citation:
        return load_citation(study.citation)
    return f"reference {study.review_reference} of the review" if study.review_reference else ""


def _counts_used(outcome: Outcome) -> str:
    """Say which counts stand for a percentage whose source prints none."""
    if outcome.events is not None or outcome.percent is None:
        return ""
    counts = poolable_counts(outcome, "inferred")
    if counts is None:
        return "not pooled: the denominator is not reported"
    number = len(parse_counts(outcome.feasible_counts))
    which = "the only feasible count" if number == 1 else f"the smallest of {number} feasible counts"
    return f"pooled as {counts[0]}/{counts[1]}, {which}"


def _relatives(base: EvidenceBase, cohort_id: str) -> list[str]:
    cohort = base.cohorts[cohort_id]
    return [other.cohort_id for other in base.cohorts.values() if other is not cohort and share_patients(cohort, other)]
