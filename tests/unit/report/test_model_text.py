"""What is printed about the system is the system: no equation lost, none that differs, no assumption hidden."""

from __future__ import annotations

import re

import numpy as np
import pytest
import sympy as sp

from aftercar.catalogue.biology import GRADES
from aftercar.catalogue.model_data import ModelData, load_model_data
from aftercar.engine import check_units
from aftercar.engine.network import symbol
from aftercar.engine.readable import load_python
from aftercar.model import build_structure, build_system
from aftercar.report import model_text as text
from aftercar.report.model_equations import TITLES, Equation, Reading, part_description, part_of


@pytest.fixture(scope="module")
def data() -> ModelData:
    return load_model_data()


@pytest.fixture(scope="module")
def reading(data: ModelData) -> Reading:
    return Reading(data)


@pytest.fixture(scope="module")
def equations(reading: Reading) -> list[Equation]:
    return reading.equations()


def test_names_for_intermediate_values_change_nothing(data: ModelData) -> None:
    structure = build_structure(data, products=1, engagers=1, drugs=1, counted=False)
    plain, detailed = (build_system(data, structure, intermediates=wanted) for wanted in (False, True))
    assert len(detailed.rules) > 5 * len(plain.rules)
    assert {r.id for r in plain.rules} < {r.id for r in detailed.rules}
    rng = np.random.default_rng(3)
    n = len(plain.states)
    for _ in range(3):
        y = list(np.exp(rng.normal(size=n)))
        p = [float(q.value) * float(np.exp(0.3 * rng.normal())) for q in plain.parameters]
        one, other = (np.array(load_python(m)[0](1.0, y, p, [0.0] * n)) for m in (plain, detailed))
        np.testing.assert_allclose(other, one, rtol=1e-12)  # the order of the same operations


def test_units_of_intermediate_values_agree(reading: Reading) -> None:
    assert [str(fault) for fault in check_units(reading.network)] == []


def test_every_equation_is_printed_or_is_like_one_that_is(reading: Reading, equations: list[Equation]) -> None:
    printed = {e.name for e in equations}
    names = {s.id for s in reading.network.states} | {r.id for r in reading.network.rules}
    clones = sorted((c.id for c in reading.structure.clones), key=len, reverse=True)
    any_clone = re.compile("|".join(clones))
    forms = {any_clone.sub("*", name).replace("emd_*", "*").replace("marrow_*", "*") for name in printed}
    assert printed <= names
    assert [n for n in names if any_clone.sub("*", n).replace("emd_*", "*").replace("marrow_*", "*") not in forms] == []


def test_printed_equations_are_the_ones_that_are_integrated(reading: Reading, equations: list[Equation]) -> None:
    """Each printed line, read back as mathematics, equals the traced expression at a random point."""
    rng = np.random.default_rng(5)
    network = reading.network
    names = [*network.names, "time"]
    point = dict(zip(names, np.exp(0.3 * rng.normal(size=len(names))), strict=True))
    states = {s.id: s for s in network.states}
    rules = {r.id: r.value for r in network.rules}
    space = {name: symbol(name) for name in names} | {"max": sp.Max, "min": sp.Min}
    for word in ("birth", "death", "arrival"):
        space[word] = lambda state, word=word: getattr(states[state.name].counted, word)  # type: ignore[misc]
    numbers = {symbol(k): v for k, v in point.items()} | {sp.Symbol("<time>", real=True): point["time"]}
    for e in equations:
        counted = e.name in states and states[e.name].counted is not None
        truth = (
            rules[e.name] if e.kind == "value"
            else states[e.name].rate if e.kind == "rate" else getattr(states[e.name].counted, e.kind)
        )  # fmt: skip
        shown = eval(e.text, {"exp": sp.exp, "log": sp.log, "sqrt": sp.sqrt, "__builtins__": {}}, space)
        value = float(sp.sympify(shown).xreplace(numbers))
        expected = float(truth.replace(lambda x: x.func.__name__ == "max", lambda x: sp.Max(*x.args)).xreplace(numbers))
        assert value == pytest.approx(expected, rel=1e-9), (e.name, e.kind, counted)


def test_parts_are_files_that_describe_themselves(reading: Reading, equations: list[Equation]) -> None:
    assert {e.part for e in equations} == set(TITLES)
    assert all(len(part_description(part)) > 80 for part in TITLES)
    observables = {e.name for e in equations if e.part == "observables"}
    plain = {r.id for r in build_system(reading.data, reading.structure).rules}
    assert observables <= plain, "an intermediate value fell into the last part because no pattern names it"
    assert part_of("marrow_plasma_cells") == "observables" and part_of("marrow_bulk") == "tumour"


def test_latex_stands_for_every_equation(equations: list[Equation]) -> None:
    assert all(" = " in e.latex and e.latex.count("{") == e.latex.count("}") for e in equations)
    assert not any("1.0 " in e.latex for e in equations)


def test_states_start_where_the_typical_patient_starts(data: ModelData) -> None:
    table = text.state_table(build_system(data)).set_index("state")
    burden = table.loc[[n for n in table.index if re.match(r"(marrow|emd)_", n)], "start"].sum()
    assert burden == pytest.approx(data.parameters["tumour_burden"].value, rel=1e-9)  # shares sum to one
    assert table.loc["product1_effector", "start"] == 0
    assert set(table["counted"]) == {"yes", "no"}


def test_no_assumption_is_hidden(data: ModelData) -> None:
    counts = text.grade_counts(data)
    own = sum(len(a.values) for a in data.actions.values())
    assert sum(counts.values()) == len(data.parameters) + own and set(counts) == set(GRADES)
    line = text.grade_line(data)
    assert line.index("assumed") < line.index("measured") and f"{counts['assumed']} assumed" in line
    assumed = text.parameter_table(data, "assumed")
    assert set(assumed["grade"]) == {"assumed"}
    assert len(assumed) == sum(p.grade == "assumed" for p in data.parameters.values())


def test_tables_hold_every_entry(data: ModelData) -> None:
    assert list(text.parameter_table(data)["parameter"]) == list(data.parameters)
    assert list(text.mechanism_table(data)["mechanism"]) == list(data.mechanisms)
    assert list(text.antigen_table(data)["antigen"]) == list(data.antigens)
    therapies = text.therapy_table(data).set_index("therapy")
    assert list(therapies.index) == list(data.actions)
    assert "BCMA" in therapies.loc["ide_cel", "acts_on"]
    assert all(therapies["acts_on"])


def test_a_therapy_is_shown_with_the_source_of_every_number(data: ModelData) -> None:
    for name, action in data.actions.items():
        pairs = dict(text.therapy_pairs(name, data))
        for key, number in action.values.items():
            assert number.source in pairs[key] and number.grade in pairs[key], (name, key)
        slot = data.slot_parameters(action.kind)
        costimulated = 4 if action.costimulation else 0
        shown = [k for k in pairs if k.endswith(f"(of any {action.kind})")]
        assert len(shown) >= len(set(slot) - set(action.values)) - costimulated
