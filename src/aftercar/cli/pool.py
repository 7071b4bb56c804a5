"""`aftercar pool`: pool proportions or medians, of the base or of a table of one's own."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
import typer

from aftercar.catalogue.user_tables import load_counts, load_medians
from aftercar.cli import options
from aftercar.evidence import select_cohorts
from aftercar.foundation import Fault, InputError, Manifest, NotPoolableError, command_line, hash_bytes, write_atomic

if TYPE_CHECKING:  # the estimators are loaded where they are used, so that other commands start fast
    from aftercar.synthesis.analysis import ProportionAnalysis

EXAMPLE = "Example: aftercar pool mine.csv --events r --total n --by drug --method reml --hksj --format json"
_OWN = "Your table"
_HOW = "Method"


class MethodChoice(StrEnum):
    """Estimators on offer."""

    glmm = "glmm"
    reml = "reml"
    dl = "dl"
    pm = "pm"
    ml = "ml"
    fe = "fe"
    bayes = "bayes"


class ScaleChoice(StrEnum):
    """Scales of pooling by inverse variance."""

    logit = "logit"
    arcsine = "arcsine"
    freeman_tukey = "freeman-tukey"


class PoolFormat(StrEnum):
    """Form of the printed answer."""

    table = "table"
    json = "json"


def pool(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="A CSV of your own; without it the evidence base is pooled.")
    ] = None,
    events: Annotated[str | None, typer.Option("--events", help="Column of responders.", rich_help_panel=_OWN)] = None,
    total: Annotated[str | None, typer.Option("--total", help="Column of evaluable.", rich_help_panel=_OWN)] = None,
    label: Annotated[str | None, typer.Option("--label", help="Column of names.", rich_help_panel=_OWN)] = None,
    by: Annotated[str | None, typer.Option("--by", help="Column of groups.", rich_help_panel=_OWN)] = None,
    covariate: Annotated[
        list[str] | None,
        typer.Option("--covariate", help="Column for meta-regression. Repeatable.", rich_help_panel=_OWN),
    ] = None,
    order: Annotated[
        str | None, typer.Option("--order", help="Column for cumulative pooling.", rich_help_panel=_OWN)
    ] = None,
    median: Annotated[
        str | None,
        typer.Option("--median", help="Pool medians of this column instead.", rich_help_panel=_OWN),
    ] = None,
    lower: Annotated[str, typer.Option("--lower", help="Its lower limit.", rich_help_panel=_OWN)] = "ci_lb",
    upper: Annotated[str, typer.Option("--upper", help="Its upper limit.", rich_help_panel=_OWN)] = "ci_ub",
    method: Annotated[MethodChoice, typer.Option("--method", rich_help_panel=_HOW)] = MethodChoice.glmm,
    scale: Annotated[ScaleChoice, typer.Option("--scale", rich_help_panel=_HOW)] = ScaleChoice.logit,
    hksj: Annotated[bool, typer.Option("--hksj", help="Hartung-Knapp interval.", rich_help_panel=_HOW)] = False,
    level: Annotated[float, typer.Option("--level", help="Level of the intervals.", rich_help_panel=_HOW)] = 0.95,
    minimum_k: Annotated[
        int, typer.Option("--minimum-k", min=3, help="Fewest cohorts for tests of asymmetry.", rich_help_panel=_HOW)
    ] = 10,
    measure: Annotated[str, typer.Option("--measure", help="Of the base: ORR, CR, VGPR ...")] = "ORR",
    therapy: options.Therapies = None,
    class_: options.Classes = None,
    strategy: options.Strategies = None,
    target: options.Targets = None,
    study: options.Studies = None,
    design: options.Designs = None,
    line: options.Lines = None,
    prior: options.Prior = options.PriorChoice.inclusive,
    counts: options.Counts = options.CountsChoice.inferred,
    evidence: options.EvidenceDirectory = None,
    replace: options.Replace = False,
    format: Annotated[PoolFormat, typer.Option("--format")] = PoolFormat.table,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Forest plot: .html, .svg or .png.")] = None,
) -> None:
    """Pool proportions with random effects; say how the answer moves with method, cohort, group and covariate."""
    from aftercar.synthesis.analysis import analyse_proportions

    _check_options(context, file, events, total, median, out)
    if file is not None and median is not None:
        frame = load_medians(file, median=median, lower=lower, upper=upper, label=label, by=by)
        _answer_medians(frame, file, level, format)
        return
    left_out: list[tuple[str, str]] = []
    if file is not None:
        assert events is not None and total is not None
        columns = [*(covariate or []), *([order] if order else [])]
        frame = load_counts(file, events=events, total=total, label=label, by=by, covariates=columns)
        data_hash, asked = hash_bytes(file.read_bytes()), {}
    else:
        base = options.load_evidence(evidence, replace)
        filters = options.make_filters(
            base, therapies=therapy, classes=class_, strategies=strategy, targets=target, studies=study,
            designs=design, lines=line, prior=prior, counts=counts,
        )  # fmt: skip
        selection = select_cohorts(base, measure, filters)
        left_out = [(one.cohort.cohort_id, one.reason) for one in selection.left_out]
        frame = _base_frame(selection.used, by)
        data_hash, asked = base.hash, {"measure": measure, "filters": filters.to_dict()}
    analysis = analyse_proportions(
        frame,
        method=method.value,
        scale=scale.value,
        hksj=hksj,
        level=level,
        covariates=covariate or (),
        order=frame[order].tolist() if order else None,
        minimum_k=minimum_k,
    )
    manifest = Manifest(command_line(), {**asked, **analysis.overall.method_card}, None, {"data": data_hash})
    _answer(analysis, left_out, manifest, format, out, title=file.name if file else f"{measure}, evidence base")


# Options that mean something only for the evidence base, only for a table of one's own, only for proportions.
_OF_THE_BASE = (
    "measure", "therapy", "class_", "strategy", "target", "study", "design", "line", "prior", "counts", "evidence",
    "replace",
)  # fmt: skip
_OF_A_FILE = ("label", "covariate", "order", "lower", "upper")
_OF_PROPORTIONS = ("events", "total", "covariate", "order", "method", "scale", "hksj", "minimum_k", "out")


def _check_options(
    context: typer.Context,
    file: Path | None,
    events: str | None,
    total: str | None,
    median: str | None,
    out: Path | None,
) -> None:
    if file is not None and median is None and (events is None or total is None):
        raise InputError(
            Fault("option --events", "a table of your own needs its columns.", "Add --events COL --total COL.")
        )
    if file is None and (events or total or median):
        raise InputError(Fault("option --events", "there is no file.", "Name the CSV before the options."))
    if file is None:
        _check_absent(context, _OF_A_FILE, "it needs a table of your own", "Name a CSV, or leave it out.")
    else:
        _check_absent(context, _OF_THE_BASE, "it asks the evidence base, and a file is given", "Leave one of them out.")
    if median is not None:
        _check_absent(context, _OF_PROPORTIONS, "it is for proportions, and medians are pooled", "Leave it out.")
    if out is not None and out.suffix not in {".html", ".svg", ".png"}:
        raise InputError(Fault("option --out", f"'{out}' is no known form.", "Use .html, .svg or .png."))


def _check_absent(context: typer.Context, names: tuple[str, ...], found: str, mend: str) -> None:
    """Raise InputError for options that were given and would be passed over in silence."""
    given = [name for name in names if str(context.get_parameter_source(name)).endswith("COMMANDLINE")]
    if given:
        raise InputError(Fault(f"option --{name.rstrip('_').replace('_', '-')}", f"{found}.", mend) for name in given)


def _base_frame(used: Any, by: str | None) -> pd.DataFrame:
    """The selected cohorts as a table; groups are those of a column of the studies, cohorts or therapies."""
    groups = {
        "class": lambda one: one.therapy.strategy_class,
        "therapy": lambda one: one.therapy.therapy_id,
        "design": lambda one: one.study.design,
        "prior_bcma": lambda one: one.cohort.prior_bcma,
        "line": lambda one: one.cohort.line,
        "unit_of_analysis": lambda one: one.cohort.unit_of_analysis,
    }
    if not used:
        raise NotPoolableError("No cohort with counts fits the filters. Loosen one, e.g. --prior any.")
    frame = pd.DataFrame([{"label": one.cohort.cohort_id, "events": one.events, "total": one.total} for one in used])
    if by is not None:
        if by not in groups:
            raise InputError(Fault("option --by", f"'{by}' is no grouping of the base.", f"Use {', '.join(groups)}."))
        frame["group"] = [groups[by](one) for one in used]
    return frame


def _answer(
    analysis: ProportionAnalysis,
    left_out: list[tuple[str, str]],
    manifest: Manifest,
    format: PoolFormat,
    out: Path | None,
    *,
    title: str,
) -> None:
    if out is not None:
        from aftercar.report import render_pool

        content = render_pool(analysis, title=title, form=out.suffix[1:], manifest=manifest)
        write_atomic(out, content)
    if format is PoolFormat.json:
        parts = {field.name: getattr(analysis, field.name) for field in dataclasses.fields(analysis)}
        answer = {**parts, "left_out": [{"cohort_id": name, "reason": why} for name, why in left_out]}
        typer.echo(_to_json({**answer, "manifest": manifest.to_dict()}))
    else:
        from aftercar.cli.pool_text import print_analysis

        print_analysis(analysis, left_out, title)
    if out is not None:
        typer.echo(f"figure: {out}", err=format is PoolFormat.json)


def _answer_medians(frame: pd.DataFrame, file: Path, level: float, format: PoolFormat) -> None:
    from aftercar.cli.pool_text import print_medians
    from aftercar.synthesis.medians import pool_medians

    groups = {"all": frame} | (dict(iter(frame.groupby("group", sort=False))) if "group" in frame else {})
    pooled = {}
    for name, part in groups.items():
        pooled[str(name)] = pool_medians(
            part["median"].to_numpy(float),
            part["ci_lb"].to_numpy(float),
            part["ci_ub"].to_numpy(float),
            labels=part["label"].astype(str).tolist(),
            pooled_level=level,
        )
    if format is PoolFormat.json:
        manifest = Manifest(command_line(), {}, None, {"data": hash_bytes(file.read_bytes())})
        typer.echo(_to_json({"medians": pooled, "manifest": manifest.to_dict()}))
    else:
        print_medians(pooled)


def _to_json(value: Any) -> str:
    return json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    """Return plain types: tables as lists of rows, dataclasses as mappings, missing numbers as null."""
    if isinstance(value, pd.DataFrame):
        indexed = value if isinstance(value.index, pd.RangeIndex) else value.reset_index(names="name")
        return [_plain(row) for row in indexed.to_dict("records")]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
