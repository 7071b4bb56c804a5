"""Units of equations: what fits passes, and each kind of disagreement is named with its place and its two terms."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import sympy as sp

from aftercar.engine import (
    BirthDeath,
    Dose,
    Infusion,
    Network,
    Quantity,
    check_units,
    exp,
    hill,
    list_unitless,
    log,
    maximum,
    minimum,
    named,
    require_units,
    simulate,
    sqrt,
    trace_model,
    where,
)
from aftercar.engine.network import Event, EventAssignment, Parameter, State, symbol
from aftercar.foundation import InputError


def model_of(rates: Any, time_unit: str = "day", **units: str) -> Network:
    """Return a model whose states are x and y; all other names are parameters."""
    quantities = {name: Quantity(1.0, unit) for name, unit in units.items()}
    states = {k: q for k, q in quantities.items() if k in ("x", "y")}
    parameters = {k: q for k, q in quantities.items() if k not in states}
    return trace_model(rates, states=states, parameters=parameters, time_unit=time_unit, name="m")


def words(model: Network, **how: Any) -> list[str]:
    return [str(fault) for fault in check_units(model, **how)]


def car_t(states: Any, parameters: Any) -> dict[str, Any]:
    s, p = states, parameters
    killing = named("killing", p.kill * s.killers * s.tumour / (p.half + s.tumour), unit="cell/day")
    bound = named("bound", 2.0 * p.kd * s.drug / (p.kd + sqrt(s.drug * s.drug + 4.0 * p.kd * s.drug)))
    return {
        "tumour": p.growth * s.tumour * log(p.capacity / s.tumour) - killing,
        "killers": (p.expansion * hill(s.tumour, p.half, p.steepness) - p.death) * s.killers * exp(-bound / p.kd),
        "drug": where(s.drug > 0, -p.ke * maximum(s.drug, 0) * (s.drug / p.kd) ** p.steepness, 0.0),
        "clone": BirthDeath(birth=p.growth, death=p.death, arrival=p.mutation * p.growth * s.tumour),
    }


CAR_T_STATES = {"tumour": "cell", "killers": "cell", "drug": "nM", "clone": "cell"}
CAR_T_PARAMETERS = {
    "kill": "1/day", "half": "cell", "growth": "1/day", "capacity": "cell", "expansion": "1/day", "death": "1/day",
    "kd": "nmol/L", "ke": "1/day", "steepness": "1", "mutation": "1",
}  # fmt: skip


def car_t_model(**other: str) -> Network:
    return trace_model(
        car_t,
        states={k: Quantity(1.0, other.get(k, u)) for k, u in CAR_T_STATES.items()},
        parameters={k: Quantity(1.0, other.get(k, u)) for k, u in CAR_T_PARAMETERS.items()},
        time_unit=other.get("time", "day"), name="car_t",
    )  # fmt: skip


def test_a_model_whose_units_fit_has_no_fault() -> None:
    require_units(car_t_model())


@pytest.mark.parametrize("name", [*CAR_T_STATES, *(k for k in CAR_T_PARAMETERS if k != "steepness")])
def test_one_wrong_unit_anywhere_is_found(name: str) -> None:
    assert check_units(car_t_model(**{name: "kg"}))


@pytest.mark.parametrize("name", ["growth", "death", "kill", "expansion", "ke"])
def test_a_rate_per_hour_among_rates_per_day_is_found(name: str) -> None:
    faults = words(car_t_model(**{name: "1/h"}))
    assert faults and all("factor 24" in fault for fault in faults)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (model_of(lambda x, k, y: {"x": k * x + y}, x="mg", y="cell", k="1/day"),
         "the rate of 'x': 'y' is in cell and is added to 'k*x' in mg/d. Correct the equation or a unit."),
        (model_of(lambda x, k: {"x": -k * x}, x="mg", k="mg/day"),
         "the rate of 'x': '-k*x' is in mg^2/d, but should be in mg/d."),
        (model_of(lambda x: {"x": -1.0}, x="mg"), "the rate of 'x': '-1.0' is in 1, but should be in mg/d"),
        (model_of(lambda x, k: {"x": exp(k) * 0.0 + k * exp(x)}, x="mg", k="mg/day"),
         "the rate of 'x': the argument of exp, 'x', is in mg, but should be dimensionless."),
        (model_of(lambda x, k: {"x": k * log(x)}, x="cell", k="cell/day"), "the argument of log, 'x', is in cell"),
        (model_of(lambda x, k, n: {"x": k * x * 2**n}, x="1", k="1/day", n="day"), "the exponent, 'n', is in d"),
        (model_of(lambda x, k, n, h: {"x": k * hill(x, h, n)}, x="nM", k="nM/day", n="1", h="pM"),
         "'x**n' is in nM^(n) and is added to 'h**n' in pM^(n)"),
        (model_of(lambda x, time: {"x": where(time > 10, 0, 1.0 * x)}, x="1"),
         "'10' is in 1 and is compared with 'time' in d"),
        (model_of(lambda x, y, k: {"x": k * minimum(x, y)}, x="mg", y="kg", k="1/day"),
         "'y' is in kg and is compared with 'x' in mg. Convert one of them (factor 1e+06)."),
        (model_of(lambda x, y, k: {"x": k * where(x > 0, x, y)}, x="mg", y="cell", k="1/day"),
         "'y' is in cell and is an alternative to 'x' in mg"),
        (model_of(lambda x, k: {"x": -named("loss", k * x, unit="mg")}, x="mg", k="1/day"),
         "the rule for 'loss': 'k*x' is in mg/d, but should be in mg."),
        (model_of(lambda x, k: {"x": -named("loss", k * x)}, x="mg", k="1"),
         "the rate of 'x': '-loss' is in mg, but should be in mg/d"),
        (model_of(lambda x, k: {"x": BirthDeath(k, k, k)}, x="cell", k="1/day"),
         "the arrival of 'x': 'k' is in 1/d, but should be in cell/d"),
        (model_of(lambda x, k: {"x": BirthDeath(k * x, k)}, x="cell", k="1/day"),
         "the birth of 'x': 'k*x' is in cell/d, but should be in 1/d"),
        (model_of(lambda x, k: {"x": k * x}, x="mgg", k="1/day"), "'x': the unit 'mgg' is not understood"),
    ],
)  # fmt: skip
def test_each_disagreement_names_its_place_and_terms(model: Network, expected: str) -> None:
    faults = words(model)
    assert any(expected in fault for fault in faults), faults


def test_one_mistake_is_one_fault() -> None:
    model = model_of(lambda x, y, k: {"x": k * x + y, "y": k * y}, x="mg", y="cell", k="1/day")
    assert len(check_units(model)) == 1


def test_zero_fits_every_unit_and_other_numbers_do_not() -> None:
    assert not check_units(model_of(lambda x, k: {"x": k * maximum(x, 0.0)}, x="mg", k="1/day"))
    assert check_units(model_of(lambda x, k: {"x": k * maximum(x, 1e-9)}, x="mg", k="1/day"))


def test_a_quantity_without_a_unit_is_unknown_and_listed() -> None:
    model = model_of(lambda x, y, k: {"x": k * x + y, "y": exp(y)}, time_unit="", x="mg", y="cell", k="")
    assert list_unitless(model) == ["k", "time"]
    # y is added to something unknown, but exp of cells is wrong whatever k is
    assert [f.found for f in check_units(model)] == [
        "the rate of 'y': the argument of exp, 'y', is in cell, but should be dimensionless."
    ]
    with pytest.raises(InputError, match="'k' has no unit"):
        require_units(model)


def test_a_factor_that_is_unknown_hides_nothing_beside_it() -> None:
    assert check_units(model_of(lambda x, k: {"x": k * exp(x)}, x="mg", k=""))


def test_start_values_are_checked_where_they_follow_from_parameters() -> None:
    model = trace_model(
        lambda x: {"x": 0.0}, states={"x": Quantity(lambda size, factor: size * factor, "mg")}, time_unit="day",
        parameters={"size": Quantity(2.0, "kg"), "factor": Quantity(1.0, "1")}, name="m",
    )  # fmt: skip
    assert words(model) == [
        "m: the initial value of 'x': 'factor*size' is in kg, but should be in mg. Convert one of them (factor 1e+06)."
    ]


def test_events_are_checked() -> None:
    x, k = symbol("x"), symbol("k")
    event = Event("switch", sp.Gt(x, k), (EventAssignment("x", 2 * k),), delay=x)
    model = Network(
        "m", (State("x", sp.Integer(1), sp.Integer(0), "mg"),), (Parameter("k", 1.0, "1/day"),), events=(event,),
        time_unit="day",
    )  # fmt: skip
    assert [fault.split(":")[1] for fault in words(model)] == [
        " the trigger of event 'switch'", " the delay of event 'switch'", " event 'switch', assignment to 'x'",
    ]  # fmt: skip


def test_receptors_cells_and_molecules_are_no_pure_numbers() -> None:
    def bind(x: Any, y: Any, on: Any) -> dict[str, Any]:
        return {"x": -on * y * x, "y": -on * y * x}

    assert not check_units(model_of(bind, x="receptor/cell", y="receptor/cell", on="cell/receptor/day"))
    for on in ("1/day", "cell/molecule/day", "1/receptor/day"):
        assert len(check_units(model_of(bind, x="receptor/cell", y="receptor/cell", on=on))) == 2


def test_own_base_units() -> None:
    model = model_of(lambda x, k: {"x": k * x}, x="trimer", k="1/day")
    assert "not understood" in words(model)[0]
    assert not words(model, base_units=["trimer"])


@pytest.mark.parametrize(
    "unit", ["10^6 cell", "cell/uL", "ng/mL", "g/dL", "mg/m^2", "IU/L", "%", "1/(nM*d)", "copies/ug"]
)
def test_units_of_the_field_are_understood(unit: str) -> None:
    assert not check_units(model_of(lambda x, k: {"x": k * x}, x=unit, k="1/d"))


def test_equal_units_in_other_words_are_equal() -> None:
    # 1 M = 1 mol/L; 1 ng/mL = 1 ug/L; a dose in cells per 1e6 cells is a pure number
    assert not check_units(model_of(lambda x, y, k: {"x": k * (x + y)}, x="nM", y="nmol/L", k="1/day"))
    assert not check_units(model_of(lambda x, y, k: {"x": k * (x + y)}, x="ng/mL", y="ug/L", k="1/(24 h)"))
    assert check_units(model_of(lambda x, y, k: {"x": k * (x + y)}, x="1e6 cell", y="cell", k="1/day"))


def test_a_dose_in_another_unit_is_refused() -> None:
    model = model_of(lambda x, k: {"x": -k * x}, x="mg", k="1/day")
    with pytest.raises(InputError, match=r"dose 2: its amount is in 'ug', the state 'x' in 'mg'"):
        simulate(model, times=[0, 1], doses=[Dose(0, "x", 1.0, unit="mg"), Infusion(0, "x", 1.0, 0.5, unit="ug")])
    simulate(model, times=[0, 1], doses=[Dose(0, "x", 1.0, unit="milligram")])


def test_the_engine_does_not_load_pint() -> None:
    code = "import sys, aftercar.engine; sys.exit('pint' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
