"""Writes the reference pages that follow from the data: tables, catalogue, commands. Called by conf.py."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import typer.main

from aftercar.catalogue import EvidenceBase, Outcome, load_base
from aftercar.catalogue.biology import GRADES, ModelParameter, Spread
from aftercar.catalogue.laboratory_columns import load_laboratory_columns
from aftercar.catalogue.loading import BUILT_IN, TABLES
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.mortality import load_mortality
from aftercar.catalogue.targets import Target, load_targets
from aftercar.catalogue.toxicity import Rate, TherapyToxicity, load_toxicity
from aftercar.cli import app
from aftercar.clinic import load_criteria
from aftercar.clinic.assays import load_assays
from aftercar.evidence import strategy_of
from aftercar.foundation import Column, columns_of
from aftercar.model import build_structure, build_system
from aftercar.report.model_diagram import KIND_WORDS, NODES, find_drawn_influences, render_model_diagram
from aftercar.report.model_equations import TITLES, Equation, Reading, part_description
from aftercar.report.model_text import acts_on, doses_text, grade_line, state_table

KINDS = {
    "id": "id",
    "ids": "ids, parted by `;`",
    "text": "text",
    "count": "whole number",
    "number": "number",
    "percent": "number from 0 to 100",
    "year": "year",
    "choice": "one of the words",
}


GRADE_MEANINGS = {
    "measured": "measured in patients",
    "in_vitro": "measured in vitro",
    "fitted": "fitted, in a paper or by us",
    "assumed": "assumed: no source has it",
    "definition": "a definition: a reference point, a switch, a conversion",
}


def write_pages(folder: Path) -> None:
    """Write every generated page into the folder; a page that has not changed is let be, so that builds stay quick."""
    base = load_base()
    pages: dict[str, Callable[[EvidenceBase], Iterable[str]]] = {
        "tables": lambda _: _tables(),
        "therapies": _therapies,
        "strategies": _strategies,
        "cohorts": _cohorts,
        "findings": _findings,
        "conflicts": _conflicts,
        "commands": lambda _: _commands(),
        "parameters": lambda _: _parameters(),
        "antigens": lambda _: _antigens(),
        "mechanisms": lambda _: _mechanisms(),
        "targets": lambda _: _targets(),
        "criteria": lambda _: _criteria(),
        "assays": lambda _: _assays(),
        "event_kinds": lambda _: _event_kinds(),
        "toxicity": lambda _: _toxicity(),
        "mortality": lambda _: _mortality(),
        "laboratory_columns": lambda _: _laboratory_columns(),
        "model_drawing": lambda _: _model_drawing(),
        "model_equations": lambda _: _model_equations(),
        "model_clones": lambda _: _model_clones(),
        "model_therapies": lambda _: _model_therapies(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    texts = {f"{name}.md": "\n".join(lines(base)) + "\n" for name, lines in pages.items()}
    for name, text in (texts | {"system.svg": _drawing()}).items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def cell(text: object) -> str:
    """Return text that fits a cell of a Markdown table. Back-quotes keep their meaning, no other mark has one."""
    return re.sub(r"([\\*{}\[\]<>|$#~^])", r"\\\1", " ".join(str(text).split()))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Return the lines of a Markdown table. Cells are Markdown: pass plain text through `cell`."""
    yield "| " + " | ".join(header) + " |"
    yield "|" + " --- |" * len(header)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def _tables() -> Iterator[str]:
    for name, record in TABLES.items():
        yield f"## {name}.csv\n"
        yield cell(" ".join((record.__doc__ or "").split("\n\n")[0].split())) + "\n"
        rows = [(f"`{title}`", _kind(spec), _need(spec), _meaning(spec)) for title, spec in columns_of(record).items()]
        yield from table(("column", "holds", "", "meaning"), rows)


def _kind(spec: Column) -> str:
    unit = f", {cell(spec.unit)}" if spec.unit and spec.unit not in KINDS[spec.kind] else ""
    least = f", at least {spec.minimum:g}" if spec.minimum is not None else ""
    return KINDS[spec.kind] + unit + least


def _need(spec: Column) -> str:
    return "key" if spec.key else ("required" if spec.required else "may be empty")


def _meaning(spec: Column) -> str:
    words = ": " + ", ".join(f"`{word}`" for word in spec.choices) if spec.choices else ""
    return cell(spec.meaning) + words


def _therapies(base: EvidenceBase) -> Iterator[str]:
    for title, classes in _class_groups(base).items():
        yield f"## {cell(title[0].upper() + title[1:])}\n"
        rows = [
            (
                f"**{cell(one.name)}** `{one.therapy_id}`"
                + (f" ({cell(', '.join(one.synonyms))})" if one.synonyms else ""),
                f"`{one.strategy_class}`",
                cell(", ".join(one.targets)),
                cell(one.mechanism),
                cell(one.source),
            )
            for one in base.therapies.values()
            if one.strategy_class in classes
        ]
        yield from table(("therapy", "class", "targets", "how it acts", "source"), rows)


def _class_groups(base: EvidenceBase) -> dict[str, tuple[str, ...]]:
    """Return classes of therapy under the row of the comparison that holds them; the rest together at the end."""
    groups = {strategy.name: strategy.classes for strategy in base.strategies.values()}
    held = {name for classes in groups.values() for name in classes}
    rest = sorted({therapy.strategy_class for therapy in base.therapies.values()} - held)
    used = {therapy.strategy_class for therapy in base.therapies.values()}
    groups = {title: classes for title, classes in groups.items() if used & set(classes)}
    return groups | {"In no row of the comparison": tuple(rest)}


def _strategies(base: EvidenceBase) -> Iterator[str]:
    rows = []
    for one in base.strategies.values():
        cohorts = [name for name, cohort in base.cohorts.items() if strategy_of(base, cohort.therapy_id) == one]
        classes = ", ".join(f"`{name}`" for name in one.classes)
        ranked = "yes" if one.ranked else "no"
        rows.append(
            (f"**{cell(one.name)}**", f"`{one.strategy_id}`", classes, str(len(cohorts)), ranked, cell(one.note))
        )
    yield from table(("strategy", "id", "classes of therapy", "cohorts", "ranked", "note"), rows)


def _cohorts(base: EvidenceBase) -> Iterator[str]:
    groups: dict[str, list[tuple[str, ...]]] = {strategy.name: [] for strategy in base.strategies.values()}
    for cohort_id, cohort in base.cohorts.items():
        study, therapy = base.studies[cohort.study_id], base.therapies[cohort.therapy_id]
        strategy = strategy_of(base, cohort.therapy_id)
        title = strategy.name if strategy else "In no row of the comparison"
        figures = [one for one in base.outcomes.values() if one.cohort_id == cohort_id and one.preferred == "yes"]
        groups.setdefault(title, []).append(
            (
                f"`{cohort_id}`",
                cell(f"{therapy.name}; {study.name} ({study.design}, {study.year or 'year not stated'})"),
                cell(cohort.population),
                f"`{cohort.prior_bcma}`",
                "; ".join(cell(f"{one.measure} {figure_text(one)}") for one in figures) or "—",
            )
        )
    for title, rows in groups.items():
        if rows:
            yield f"## {cell(title[0].upper() + title[1:])}\n"
            yield from table(("cohort", "therapy and study", "patients", "prior anti-BCMA", "observed"), rows)


def figure_text(outcome: Outcome) -> str:
    """Return an observed figure as a person writes it: 6/28 (21%), 74%, n not reported, 8.8 (5.6 to NR) months."""
    if outcome.events is not None and outcome.total is not None:
        return f"{outcome.events}/{outcome.total} ({100 * outcome.events / outcome.total:.0f}%)"
    if outcome.percent is not None:
        feasible = f", feasible {outcome.feasible_counts.split(';')[0]}" if outcome.feasible_counts else ""
        return f"{outcome.percent:g}%, n not reported{feasible}"
    estimate = "" if outcome.estimate is None else f"{outcome.estimate:g}"
    at = f" at {outcome.timepoint_months:g} months" if outcome.unit == "%" and outcome.timepoint_months else ""
    unit = "%" if outcome.unit == "%" else f" {outcome.unit}"
    if outcome.ci_lb is None:
        return f"{estimate}{unit}{at}"
    upper = "NR" if outcome.ci_ub is None else f"{outcome.ci_ub:g}"
    return f"{estimate} ({outcome.ci_lb:g} to {upper}){unit}{at}"


def _findings(base: EvidenceBase) -> Iterator[str]:
    topics = dict.fromkeys(finding.topic for finding in base.findings.values())
    for topic in topics:
        yield f"### {topic.replace('_', ' ')}\n"
        rows = [
            (cell(one.statement), cell(base.sources[one.source_id].locator))
            for one in base.findings.values()
            if one.topic == topic
        ]
        yield from table(("finding", "stands in"), rows)


def _conflicts(base: EvidenceBase) -> Iterator[str]:
    rows = []
    for one in base.discrepancies.values():
        about = ", ".join(f"`{name}`" for name in one.cohort_ids) or f"`{one.study_id}`"
        rows.append((about, one.severity, cell(one.review_says), cell(one.other_says), cell(one.used_here)))
    yield from table(("about", "kind", "the review says", "the other says", "used here, and why"), rows)


def _commands() -> Iterator[str]:
    root: Any = typer.main.get_command(app)
    for name, command in root.commands.items():
        inner: Mapping[str, Any] = getattr(command, "commands", {})
        yield f"## aftercar {name}\n"
        if inner:
            yield (command.help or "") + "\n"
            for part, one in inner.items():
                yield f"### aftercar {name} {part}\n"
                yield from _command(f"aftercar {name} {part}", one)
        else:
            yield from _command(f"aftercar {name}", command)


def _command(words: str, command: Any) -> Iterator[str]:
    yield (command.help or "").strip() + "\n"
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    usage = " ".join(one.name.upper() if one.required else f"[{one.name.upper()}]" for one in arguments)
    example = [f"# {command.epilog.split(': ')[0]}", command.epilog.split(": ", 1)[1]] if command.epilog else []
    yield "\n".join(["```text", f"{words} {usage} [OPTIONS]".replace("  ", " "), "", *example, "```", ""])
    rows = []
    for one in command.params:
        given = one.name.upper() if one in arguments else ", ".join(one.opts)
        rows.append((f"`{given}`", cell(one.help or _choices(one) or ""), _default(one.default)))
    yield from table(("option", "meaning", "default"), rows)


def _choices(parameter: Any) -> str:
    annotation = parameter.type_descriptor.annotation
    return (
        ", ".join(word.value for word in annotation)
        if isinstance(annotation, type) and issubclass(annotation, Enum)
        else ""
    )


def _default(value: Any) -> str:
    if value is None or value is False:
        return "—"
    return f"`{value.value if isinstance(value, Enum) else value}`"


def _criteria() -> Iterator[str]:
    rows = [
        (
            f"`{one.name}` {cell(one.meaning)}", cell(_number(one.value) + ("" if one.unit == "1" else f" {one.unit}")),
            cell(one.locator), f"`{one.read_in}`" if one.read_in else "not yet read", cell(one.note),
        )
        for one in load_criteria().thresholds.values()
    ]  # fmt: skip
    yield from table(("threshold", "value", "place in the article", "read in", "note"), rows)


def _event_kinds() -> Iterator[str]:
    rows = [
        (
            f"`{one.id}` {cell(one.name)}", cell(one.meaning), cell(one.scale),
            f"{one.lowest_grade} to {one.highest_grade}", one.cause_of_death if one.highest_grade == 5 else "",
            cell(one.note),
        )
        for one in load_toxicity().kinds.values()
    ]  # fmt: skip
    yield from table(("event", "meaning", "scale", "grades", "a fatal one counts as", "note"), rows)


def _toxicity() -> Iterator[str]:
    rates = load_toxicity()
    header = ("therapy, event", "any grade", "grade 3 or higher", "fatal", "when", "grade", "source", "note")
    rows = [
        _toxicity_row(entry, event, rate) for entry in rates.therapies.values() for event, rate in entry.events.items()
    ]
    yield from table(header, rows)
    yield "### Borrowed, or without rates\n"
    others = [
        (f"`{one.id}`", f"`{one.same_as}`" if one.same_as else "—", cell(one.note))
        for one in rates.therapies.values()
        if one.same_as or not one.events
    ]
    yield from table(("therapy", "takes the rates of", "note"), others)


def _toxicity_row(entry: TherapyToxicity, event: str, rate: Rate) -> tuple[str, ...]:
    if rate.onset is not None:
        when = f"day {rate.onset.median:g} ({rate.onset.low:g} to {rate.onset.high:g}), {rate.onset.grade}"
        basis = (rate.onset.source, rate.onset.note)
    else:
        assert rate.exposure is not None
        when = f"over {rate.exposure.days:g} days, {rate.exposure.grade}"
        basis = (rate.exposure.source, rate.exposure.note)
    where = f"{rate.source}: {rate.locator}" if rate.locator else rate.source
    timing = ": ".join(part for part in basis if part and part != "aftercar")
    return (
        f"`{entry.id}` `{event}`", _share(rate, "events", "percent"), _share(rate, "severe", "severe_percent"),
        _share(rate, "fatal", "fatal_percent"), cell(f"{when} ({timing})" if timing else when), f"`{rate.grade}`",
        cell(where), cell(rate.note),
    )  # fmt: skip


def _share(rate: Rate, count: str, percent: str) -> str:
    """Return a share as its source prints it, a star where it is no source's."""
    number, printed = getattr(rate, count), getattr(rate, percent)
    if number is None and printed is None:
        return "—"
    words = f"{number}/{rate.total}" if number is not None else f"{printed:g}%"
    return words + (r"\*" if {count, percent} & set(rate.assumed) else "")


def _mortality() -> Iterator[str]:
    rows = []
    for name, one in load_mortality().numbers.items():
        wide = "—" if one.low is None or one.high is None else f"{_number(one.low)} to {_number(one.high)}"
        where = f"{one.source}: {one.locator}" if one.locator else one.source
        value = cell(_number(one.value) + ("" if one.unit == "1" else f" {one.unit}"))
        rows.append((f"`{name}` {cell(one.meaning)}", value, wide, f"`{one.grade}`", cell(where), cell(one.note)))
    yield from table(("number", "value", "range", "grade", "source", "note"), rows)


def _assays() -> Iterator[str]:
    rows = [
        (
            f"`{one.name}` {cell(one.meaning)}", cell(_number(one.value) + ("" if one.unit == "1" else f" {one.unit}")),
            f"`{one.grade}`", cell(f"{one.source}: {one.locator}" if one.locator else one.source), cell(one.note),
        )
        for one in load_assays().values()
    ]  # fmt: skip
    yield from table(("number", "value", "grade", "source", "note"), rows)


def _laboratory_columns() -> Iterator[str]:
    kinds = {"role": "", "quantity": "number", "count": "whole number", "sign": "positive or negative"}
    rows = [
        (f"`{one.name}`", kinds[one.kind], cell(", ".join(one.units)), cell(one.meaning), cell(", ".join(one.synonyms)))
        for one in load_laboratory_columns().values()
    ]
    yield from table(("column", "holds", "units", "meaning", "also read as"), rows)


def _parameters() -> Iterator[str]:
    data = load_model_data()
    counts = Counter(one.grade for one in data.parameters.values())
    rows = [(f"`{grade}`", GRADE_MEANINGS[grade], str(counts[grade])) for grade in GRADES]
    yield from table(("grade", "how the number is known", "parameters"), [*rows, ("all", "", str(counts.total()))])
    files: dict[str, list[str]] = {}
    for name in data.parameters:
        files.setdefault(data.files[name], []).append(name)
    for file, names in files.items():
        yield f"## {file}\n"
        first = (BUILT_IN / "parameters" / file).read_text(encoding="utf-8").splitlines()[0]
        yield cell(first.removeprefix("#").strip()) + "\n"
        header = ("parameter", "value", "range", "between patients", "grade", "source", "note")
        yield from table(header, [_parameter(name, data.parameters[name]) for name in names])


def _parameter(name: str, one: ModelParameter) -> tuple[str, ...]:
    unit = "" if one.unit == "1" else f" {one.unit}"
    wide = "—" if one.low is None or one.high is None else f"{_number(one.low)} to {_number(one.high)}"
    where = f"{one.source}: {one.locator}" if one.locator else one.source
    return (
        f"`{name}` {cell(one.meaning)}", cell(_number(one.value) + unit), wide, cell(_spread(one.between_patients)),
        f"`{one.grade}`", cell(where), cell(one.note),
    )  # fmt: skip


def _number(value: float) -> str:
    """Return a number to six figures, large and small ones to four with their power of ten."""
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        return f"{value:.6g}"
    return re.sub(r"e\+?(-?)0*", r"e\1", f"{value:.4g}")


def _spread(spread: Spread | None) -> str:
    """Return a law between patients in words, with what it rests on."""
    if spread is None:
        return "—"
    omega, share = spread.omega, 100 * (spread.probability or 0)
    minority = f"{share:g}% have {spread.factor or 0:g} times the others' value"
    words = {
        "lognormal": f"lognormal, omega {omega}",
        "logitnormal": f"logit-normal, omega {omega}",
        "two_group_lognormal": f"lognormal, omega {omega}; {minority}",
        "normal": f"normal, SD {spread.sd}",
        "bernoulli": f"1 in {share:g}% of patients, else 0",
        "uniform": f"uniform, {spread.low} to {spread.high}",
        "loguniform": f"log-uniform, {spread.low} to {spread.high}",
        "zero_or_uniform": f"0 in {share:g}% of patients, else {spread.low} to {spread.high}",
        "categorical": "categories as " + " : ".join(f"{one:g}" for one in spread.shares or ()),
        "by_category": f"by `{spread.of}`: "
        + ", ".join(f"{one:.3g}" for one in spread.values or ())
        + (f"; lognormal, omega {omega}" if omega else ""),
    }[spread.law]
    basis = "; ".join(part for part in (spread.source, spread.note) if part)
    return f"{words} ({basis or 'assumed'})"


def _antigens() -> Iterator[str]:
    data = load_model_data()
    rows = []
    for one in data.antigens.values():
        kinds = [f"**{cell(variant.name)}**: {cell(variant.meaning)}" for variant in one.variants]
        known = data.parameters.get(f"{one.id.lower()}_receptors")
        density = "—" if known is None else f"{known.value:,.0f} (`{known.grade}`)"
        shed = "yes" if one.shed else "no"
        rows.append((f"**{cell(one.name)}**", density, shed, "; ".join(kinds) or "—", cell(one.source), cell(one.note)))
    header = ("antigen", "molecules per cell of density 1", "shed", "forms that therapy selects", "source", "note")
    yield from table(header, rows)


def _mechanisms() -> Iterator[str]:
    rows = [
        (
            f"**{cell(one.name)}** `{one.id}`",
            cell(one.meaning),
            f"`{one.switch}`",
            cell(one.seen_when_off),
            cell(one.source),
        )
        for one in load_model_data().mechanisms.values()
    ]
    yield from table(("mechanism", "what it does", "switch", "seen when it is off", "source"), rows)


def _targets() -> Iterator[str]:
    targets = load_targets()
    for title, rows in (
        ("Kinetics, biomarkers, escape", targets.kinetic),
        ("Response and durability", targets.response),
    ):
        yield f"## {title}\n"
        header = ("target", "therapy", "patients", "quantity", "figure", "source", "read again", "note")
        yield from table(header, [_target(one) for one in rows.values()])


def _target(one: Target) -> tuple[str, ...]:
    ends = [f"{end:g}" if end is not None else "not reached" for end in (one.low, one.high)]
    interval = f" ({one.interval.replace('_', ' ')} {ends[0]} to {ends[1]})" if one.interval else ""
    spread = f" (SD {one.sd:g})" if one.sd is not None else ""
    at = f" on day {one.timepoint_days:g}" if one.timepoint_days is not None else ""
    count = f", {one.events}/{one.n}" if one.events is not None else (f", n = {one.n}" if one.n else "")
    figure = f"{one.statistic.replace('_', ' ')} {one.value:g} {one.unit}{interval}{spread}{at}{count}"
    return (
        f"`{one.target_id}`", f"`{one.therapy_id}`" if one.therapy_id else "—", cell(one.population),
        f"`{one.quantity}` ({one.use})", cell(figure), cell(f"{one.citation}; {one.kind.replace('_', ' ')}"),
        cell(one.checked.replace("_", " ")), cell(one.note),
    )  # fmt: skip


def _model_drawing() -> Iterator[str]:
    """The drawing scrolls on a narrow page; the table says the same in words."""
    data = load_model_data()
    yield '```{raw} html\n<div style="overflow-x: auto"><div style="min-width: 1000px">'
    yield _drawing().rstrip()
    yield "</div></div>\n```\n"
    yield "Scroll to the right, or [open the drawing by itself](_generated/system.svg).\n"
    yield "<details><summary>The same as a table</summary>\n"
    names = {node.id: node.label.replace("\n", " ") for node in NODES}
    rows = [
        (
            cell(names[one.source]),
            KIND_WORDS[one.kind],
            cell(names[one.target]),
            cell(", ".join(data.mechanisms[m].name for m in one.switches) or "—"),
        )
        for one in find_drawn_influences(data)[0]
    ]
    yield from table(("this", "does", "to this", "not with these mechanisms off"), rows)
    yield "</details>\n"


@cache
def _drawing() -> str:
    return render_model_diagram(load_model_data())


def _model_equations() -> Iterator[str]:
    data = load_model_data()
    equations = Reading(data).equations()
    states = state_table(build_system(data))
    for part, title in TITLES.items():
        yield f"### {title}\n"
        yield f"`src/aftercar/model/{part}.py`\n"
        yield part_description(part).strip() + "\n"
        yield from _equations([one for one in equations if one.part == part])
        rows = [
            (f"`{row.state}`", cell("—" if row.unit == "1" else row.unit), f"{row.start:.4g}", row.counted)
            for row in states[states["part"] == title.lower()].itertuples()
        ]
        if rows:
            yield from table(("state", "unit", "start, typical patient", "few are counted"), rows)


def _equations(equations: Sequence[Equation]) -> Iterator[str]:
    """Write equations as formulas, each under the name by which it can be asked for."""
    for one in equations:
        if one.latex:
            yield f"```{{math}}\n\\small {one.latex}\n```\n"


def _model_clones() -> Iterator[str]:
    structure = build_structure()
    rows = [
        (
            f"`{clone.id}`",
            cell("; ".join(f"{antigen}: {variant.name}" for antigen, variant in clone.variants.items()) or "the bulk"),
            ", ".join(f"`{c.source}`" for c in structure.changes if c.target == clone.id) or "—",
        )
        for clone in structure.clones
    ]
    yield from table(("clone", "differs from the bulk in", "arises from"), rows)


def _model_therapies() -> Iterator[str]:
    data = load_model_data()
    yield cell(grade_line(data)) + "\n"
    for kind in ("product", "engager", "drug", "lymphodepletion", "combination"):
        rows = [
            (f"`{name}`", cell(acts_on(action, data)), cell(doses_text(action) or "—"), cell(action.schedule_source))
            for name, action in data.actions.items()
            if action.kind == kind
        ]
        if rows:
            yield f"### {_KIND_TITLES[kind]}\n"
            yield from table(("therapy", "acts on", "doses", "source of the doses"), rows)


_KIND_TITLES = {
    "product": "CAR-T products",
    "engager": "T-cell engagers",
    "drug": "Other drugs, radiation",
    "lymphodepletion": "Lymphodepletion",
    "combination": "Combinations",
}
