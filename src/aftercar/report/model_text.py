"""The system as tables: states, equations, parameters by grade, mechanisms, antigens, therapies with their sources."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from aftercar.catalogue.biology import GRADES, Action, Number, Part, Spread
from aftercar.catalogue.model_data import ModelData
from aftercar.engine import Network
from aftercar.engine.network import symbol
from aftercar.report.model_equations import TITLES, Reading, part_of

PURPOSE = "For research and trial design only. Simulated, uncalibrated; not medical advice."
GRADE_WORDS = {
    "measured": "measured in patients", "in_vitro": "measured in vitro", "fitted": "fitted, here or in a paper",
    "assumed": "assumed", "definition": "definitions and switches",
}  # fmt: skip


def state_table(network: Network) -> pd.DataFrame:
    """Return every state with its part, unit, start value in the typical patient, and whether few are counted."""
    values = {symbol(p.id): float(p.value) for p in network.parameters}
    rows = [
        {
            "state": s.id, "part": TITLES[part_of(s.id)].lower(), "unit": s.unit,
            "start": float(s.initial.xreplace(values)), "counted": "yes" if s.counted else "no",
        }
        for s in network.states
    ]  # fmt: skip
    return pd.DataFrame(rows)


def equation_table(data: ModelData) -> pd.DataFrame:
    """Return the printed equations as a table."""
    rows = [
        {"part": e.part, "name": e.name, "what": e.kind, "equation": e.text, "unit": e.unit}
        for e in Reading(data).equations()
    ]
    return pd.DataFrame(rows)


def parameter_table(data: ModelData, grade: str | None = None) -> pd.DataFrame:
    """Return every parameter with value, unit, range, law between patients, grade and source."""
    rows = [
        {
            "parameter": name, "meaning": p.meaning, **_number(p), "file": data.files.get(name, ""),
            "slot": p.slot, "locator": p.locator, "note": p.note,
        }
        for name, p in data.parameters.items()
        if grade is None or p.grade == grade
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _number(p: Number) -> dict[str, object]:
    return {
        "value": p.value, "unit": p.unit, "low": p.low, "high": p.high,
        "between_patients": spread_text(p.between_patients), "grade": p.grade, "source": p.source,
    }  # fmt: skip


def spread_text(law: Spread | None) -> str:
    """Return how a parameter differs between patients, as ``lognormal, omega 0.4``."""
    if law is None:
        return ""
    given = law.model_dump(exclude={"law", "source", "note"}, exclude_none=True)
    return ", ".join([law.law, *(f"{name} {value:g}" for name, value in given.items())])


def grade_counts(data: ModelData) -> dict[str, int]:
    """Return how many numbers of the system have each grade: its parameters and those of its therapies."""
    numbers = [*data.parameters.values(), *(n for a in data.actions.values() for n in a.values.values())]
    return {grade: sum(n.grade == grade for n in numbers) for grade in GRADES}


def grade_line(data: ModelData) -> str:
    """Return the counts by grade in one sentence, the assumed first: nobody should have to look for them."""
    counts = grade_counts(data)
    order = sorted(counts, key=lambda grade: grade != "assumed")
    words = ", ".join(f"{counts[grade]} {GRADE_WORDS[grade]}" for grade in order)
    return f"{sum(counts.values())} numbers: {words}."


def mechanism_table(data: ModelData) -> pd.DataFrame:
    """Return the mechanisms with their switches and what is seen when each is off."""
    return pd.DataFrame(
        [
            {
                "mechanism": m.id, "name": m.name, "review": m.section, "switch": m.switch, "meaning": m.meaning,
                "seen_when_off": m.seen_when_off,
            }
            for m in data.mechanisms.values()
        ]
    )  # fmt: skip


def antigen_table(data: ModelData) -> pd.DataFrame:
    """Return the antigens: receptors on a cell, whether shed, variants that escape, who binds them."""
    return pd.DataFrame(
        [
            {
                "antigen": a.id, "name": a.name,
                "per_cell": _value(data, f"{a.id.lower()}_receptors"),
                "shed": "yes" if a.shed else "no",
                "variants": ", ".join(v.id for v in a.variants),
                "bound_by": ", ".join(k for k, action in data.actions.items() if a.id in action.binds),
                "source": a.source,
            }
            for a in data.antigens.values()
        ]
    )  # fmt: skip


def _value(data: ModelData, name: str) -> float | None:
    return data.parameters[name].value if name in data.parameters else None


def therapy_table(data: ModelData) -> pd.DataFrame:
    """Return the therapies that can be simulated, with what each acts on."""
    return pd.DataFrame(
        [
            {
                "therapy": name, "kind": action.kind, "acts_on": acts_on(action, data), "doses": doses_text(action),
                "requires": ", ".join(action.requires), "name": data.descriptions[name].name,
                "mechanism": data.descriptions[name].mechanism, "source": data.descriptions[name].source,
                "schedule_source": action.schedule_source,
                "vein_to_vein_days": action.vein_to_vein_days.value if action.vein_to_vein_days else None,
            }
            for name, action in data.actions.items()
        ]
    )  # fmt: skip


def acts_on(action: Action, data: ModelData) -> str:
    """Return what a therapy acts on: antigens, and the parts of the system that its numbers move."""
    if action.kind == "combination":
        return " + ".join(f"{p.therapy} (day {p.day:g})" if p.day else p.therapy for p in action.parts)
    if action.kind == "lymphodepletion":
        return "host lymphocytes"
    found = [f"{antigen} ({strength:g})" if strength != 1 else antigen for antigen, strength in action.binds.items()]
    slot = data.slot_parameters(action.kind)
    values = {**slot, **action.values}
    if action.kind == "drug" and values["kill_rate"].value * values["untargeted"].value > 0:
        found.append("myeloma cells, whatever they carry")
    found += [slot[k].meaning for k in slot if k.endswith(_EFFECTS) and k != "resistance_loss" and values[k].value > 0]
    return "; ".join(found) or "nothing by itself"


_EFFECTS = ("_block", "_loss", "_boost", "knockdown")


def doses_text(action: Action) -> str:
    """Return a schedule in words."""
    return "; ".join(
        f"day {d.day:g}: {d.amount:g} {d.unit}"
        + (f" every {d.every:g} days" if d.every else "")
        + (f", {d.times} times" if d.times else "")
        + (f" over {d.infusion_days:g} days" if d.infusion_days else "")
        for d in action.schedule
    )


def therapy_pairs(name: str, data: ModelData) -> list[tuple[str, str]]:
    """Return everything about one therapy, with sources: its own numbers, then those of its slot that stand."""
    action, words = data.actions[name], data.descriptions[name]
    pairs = [
        ("name", words.name), ("mechanism", words.mechanism), ("targets", ", ".join(words.targets)),
        ("source", words.source), ("kind", action.kind), ("acts on", acts_on(action, data)),
        ("doses", doses_text(action)),
        ("source of doses", action.schedule_source), ("costimulation", action.costimulation or ""),
        ("class", action.drug_class or ""), ("lymphodepletion", action.lymphodepletion or ""),
        ("given for", f"{action.duration_days:g} days" if action.duration_days else ""),
        ("requires", ", ".join(action.requires)), ("note", action.note),
    ]  # fmt: skip
    pairs += [(f"part {p.therapy}", _part_text(p, data)) for p in action.parts]
    own: Mapping[str, Number] = action.values
    if action.vein_to_vein_days:
        own = {"vein_to_vein_days": action.vein_to_vein_days, **own}
    pairs += [(k, number_text(n)) for k, n in own.items()]
    if action.costimulation:
        signal = data.costimulation[action.costimulation]
        pairs += [(f"{k} (of {signal.name})", number_text(getattr(signal, k))) for k in _COSTIMULATED if k not in own]
        own = {**dict.fromkeys(_COSTIMULATED, signal.activation), **own}
    rest = {k: n for k, n in data.slot_parameters(action.kind).items() if k not in own}
    pairs += [(f"{k} (of any {action.kind})", number_text(n)) for k, n in rest.items()]
    return [pair for pair in pairs if pair[1]]


def _part_text(part: Part, data: ModelData) -> str:
    action = data.actions[part.therapy]
    given = doses_text(action) or acts_on(action, data)
    return f"from day {part.day:g}: {given}. In full: aftercar model --therapy {part.therapy}"


_COSTIMULATED = ("activation", "exhaustion", "memory_formation", "persistence")


def number_text(n: Number) -> str:
    """Return a number with its unit, grade, source and locator on one line."""
    spread = f"; between patients {spread_text(n.between_patients)}" if n.between_patients else ""
    extent = f", {n.low:g} to {n.high:g}" if n.low is not None and n.high is not None else ""
    where = ", ".join(x for x in (n.source, n.locator) if x)
    unit = "" if n.unit == "1" else f" {n.unit}"
    return f"{n.value:g}{unit}{extent} [{n.grade}: {where}]{spread}{'. ' + n.note if n.note else ''}"
