"""The door of the engine: models, doses, outputs, reports of failure."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sympy as sp

from aftercar.engine import (
    Dose,
    Infusion,
    IntegrationWarning,
    Network,
    Quantity,
    Settings,
    exp,
    list_failures,
    log,
    named,
    repeat,
    simulate,
    trace_model,
    where,
)
from aftercar.engine.network import Parameter, Rule, symbol
from aftercar.foundation import InputError

TIGHT = Settings(rtol=1e-9, atol=1e-12)


def elimination(drug, ke):
    return {"drug": -ke * drug}


@pytest.fixture(scope="module")
def pk() -> Network:
    return trace_model(elimination, states={"drug": Quantity(0.0, "mg")}, parameters={"ke": 0.1}, time_unit="day")


def test_a_model_of_three_lines_gives_a_labelled_dataset(pk: Network) -> None:
    data = simulate(pk, times=[0, 10, 20], doses=[Dose(0, "drug", 100)], patients={"ke": np.full(1000, 0.1)})
    assert data["drug"].dims == ("patient", "time")
    assert data["drug"].shape == (1000, 3)
    assert data["drug"].attrs["units"] == "mg"
    assert data["time"].attrs["units"] == "day"
    np.testing.assert_allclose(data["drug"].sel(patient=7), 100 * np.exp([0, -1, -2]), rtol=1e-6)


def test_the_value_at_a_dose_is_the_value_after_it(pk: Network) -> None:
    data = simulate(pk, times=[0, 1, 2], doses=[Dose(0, "drug", 5), Dose(1, "drug", 7)], settings=TIGHT)
    np.testing.assert_allclose(data["drug"][0], [5, 5 * np.exp(-0.1) + 7, (5 * np.exp(-0.1) + 7) * np.exp(-0.1)])


def test_infusion_follows_its_closed_form(pk: Network) -> None:
    # dC/dt = R - ke C: R/ke (1 - exp(-ke t)) while it runs; integrator tolerance 1e-9
    data = simulate(pk, times=[0, 1, 2, 3, 10], doses=[Infusion(1, "drug", 100, 2.0)], settings=TIGHT)
    peak = 50 / 0.1 * (1 - np.exp(-0.2))
    expected = [0, 0, 50 / 0.1 * (1 - np.exp(-0.1)), peak, peak * np.exp(-0.7)]
    np.testing.assert_allclose(data["drug"][0], expected, rtol=1e-8, atol=1e-9)


def test_back_to_back_infusions_keep_the_second_rate(pk: Network) -> None:
    course = repeat(Infusion(0, "drug", 10, 1.0), every=1.0, times=3)
    data = simulate(pk, times=[0, 3], doses=course, settings=TIGHT)
    assert data["drug"][0, -1].item() == pytest.approx(10 / 0.1 * (1 - np.exp(-0.3)), rel=1e-8)


def test_doses_by_parameter_and_by_patient(pk: Network) -> None:
    model = trace_model(elimination, states={"drug": 0.0}, parameters={"ke": 0.1, "size": 3.0})
    patients = {"ke": [0.1, 0.2], "size": [3.0, 4.0]}
    data = simulate(
        model, times=[0, 1], doses=[Dose(0, "drug", "size", 2.0), Dose(0, "drug", (1.0, 2.0))], patients=patients
    )
    np.testing.assert_allclose(data["drug"][:, 0], [7.0, 10.0])


def test_doses_at_each_patients_own_time(pk: Network) -> None:
    data = simulate(
        pk, times=[0, 5], doses=[Dose((1.0, 4.0), "drug", 1.0)], patients={"ke": [0.1, 0.1]}, settings=TIGHT
    )
    np.testing.assert_allclose(data["drug"][:, 1], np.exp([-0.4, -0.1]), rtol=1e-8)


def test_a_pulse_in_the_equations_is_not_stepped_over() -> None:
    def pulse(x, time, begin):
        return {"x": where(time > begin, where(time < begin + 0.001, 1000.0, 0.0), 0.0)}

    model = trace_model(pulse, states={"x": 0.0}, parameters={"begin": 50.0})
    data = simulate(model, times=[0, 100], patients={"begin": [10.0, 60.0]})
    np.testing.assert_allclose(data["x"][:, 1], 1.0, rtol=1e-6)


def test_rules_are_outputs() -> None:
    def two(a, b, k):
        total = named("total", a + b, unit="cell")
        return {"a": -k * total, "b": k * total}

    model = trace_model(two, states={"a": 3.0, "b": Quantity("b0")}, parameters={"k": 0.1, "b0": 2.0})
    data = simulate(model, times=[0, 1], outputs=["total", "k", "b"])
    assert data["total"].attrs["units"] == "cell"
    np.testing.assert_allclose(data["total"][0], 5.0)
    np.testing.assert_allclose(data["k"][0], 0.1)


def test_start_values_may_follow_from_parameters() -> None:
    model = trace_model(elimination, states={"drug": lambda ke, size: ke * size}, parameters={"ke": 0.1, "size": 20.0})
    patients = {"size": [10.0, 30.0]}
    np.testing.assert_allclose(simulate(model, times=[0], patients=patients)["drug"][:, 0], [1.0, 3.0])
    np.testing.assert_allclose(simulate(model, times=[0], patients={"drug": [5.0]})["drug"][:, 0], [5.0])


def gompertz(tumour, effector, growth, capacity, kill, half, expansion, death):
    meeting = effector * tumour / (half + tumour)
    return {
        "tumour": growth * tumour * log(capacity / tumour) - kill * meeting,
        "effector": expansion * meeting - death * effector,
    }


@pytest.fixture(scope="module")
def wild() -> tuple[Network, pd.DataFrame]:
    nominal = {"growth": 0.01, "kill": 5.0, "half": 1e8, "expansion": 0.8, "death": 0.1}
    model = trace_model(gompertz, states={"tumour": 1e9, "effector": 0.0}, parameters={**nominal, "capacity": 1e12})
    rng = np.random.default_rng(1)
    return model, pd.DataFrame({k: v * np.exp(2 * rng.standard_normal(10_000)) for k, v in nominal.items()})


def test_ten_thousand_wild_draws_go_to_the_end_without_negative_cells(wild: tuple[Network, pd.DataFrame]) -> None:
    # Kill rates up to thousands per day drive cells far below one: where plain solvers turn negative, crash or hang.
    model, patients = wild
    data = simulate(
        model, times=np.arange(0, 400, 10.0), patients=patients, doses=[Dose(5, "effector", 1e7)],
        settings=Settings(rtol=1e-6, atol=1e-3, workers=2),
    )  # fmt: skip
    assert (data["stopped_because"] == "").all()
    assert float(data["tumour"].min()) >= 0.0
    assert np.isfinite(data["tumour"]).all()


def test_results_do_not_depend_on_company_order_or_workers(wild: tuple[Network, pd.DataFrame]) -> None:
    model, patients = wild
    patients = patients.iloc[:1200]

    def run(table: pd.DataFrame, **how: object) -> np.ndarray:
        settings = Settings(rtol=1e-6, atol=1e-3, **how)  # type: ignore[arg-type]
        data = simulate(
            model, times=np.arange(0, 400, 50.0), patients=table, doses=[Dose(5, "effector", 1e7)], settings=settings
        )
        return np.concatenate([data["tumour"].to_numpy(), data["effector"].to_numpy()], axis=1)

    alone = run(patients)
    order = np.random.default_rng(3).permutation(len(patients))
    np.testing.assert_array_equal(run(patients, workers=2), alone)
    np.testing.assert_array_equal(run(patients.iloc[order]), alone[order])
    np.testing.assert_array_equal(run(patients.iloc[17:18]), alone[17:18])


def test_a_patient_that_cannot_be_integrated_is_reported_and_the_others_go_on() -> None:
    def blow_up(x, k):
        return {"x": k * x**2}  # reaches infinity at 1/k

    model = trace_model(blow_up, states={"x": 1.0}, parameters={"k": 1.0})
    patients = pd.DataFrame({"k": [0.01, 1.0, 0.02]}, index=["a", "b", "c"])
    with pytest.warns(IntegrationWarning, match="1 of 3 patients stopped early .patient b at time 1"):
        data = simulate(model, times=[0, 0.5, 2], patients=patients)
    failures = list_failures(data, patients)
    assert list(failures.index) == ["b"]
    assert failures.loc["b", "k"] == 1.0
    assert failures.loc["b", "stopped_at"] == pytest.approx(1.0, rel=1e-6)
    np.testing.assert_allclose(data["x"].sel(patient="a"), 1 / (1 - 0.01 * np.array([0, 0.5, 2])), rtol=1e-6)
    assert np.isnan(data["x"].sel(patient="b", time=2))


def test_a_budget_of_steps_ends_a_patient_not_the_batch() -> None:
    def oscillate(x, y, w):
        return {"x": w * y, "y": -w * x}

    model = trace_model(
        oscillate,
        states={"x": Quantity(1.0, nonnegative=False), "y": Quantity(0.0, nonnegative=False)},
        parameters={"w": 1.0},
    )
    with pytest.warns(IntegrationWarning, match="step budget spent"):
        data = simulate(model, times=[0, 1], patients={"w": [1.0, 1e7]}, settings=Settings(max_steps=500))
    assert list(data["stopped_because"].to_numpy()) == ["", "step budget spent"]
    assert data["x"][0, 1].item() == pytest.approx(np.cos(1.0), rel=1e-5)


def test_a_state_driven_below_zero_by_its_equations_is_named() -> None:
    model = trace_model(lambda x: {"x": -1.0}, states={"x": 1.0}, parameters={}, name="sink")
    with pytest.warns(IntegrationWarning, match="driven below zero"):
        data = simulate(model, times=[0, 2])
    assert data["stopped_at"][0].item() == pytest.approx(1.0, abs=1e-3)


def test_functions_run_on_numbers_too() -> None:
    assert exp(0.0) == 1.0 and log(1.0) == 0.0
    assert named("anything", 3.0) == 3.0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"patients": {"kee": [1.0]}}, "the model has no 'kee'. Did you mean 'ke'"),
        ({"patients": {"ke": [1.0, np.nan]}}, "'ke' is not a finite number for 1 patients, first patient 1"),
        ({"patients": {"ke": [-0.1]}}, "'ke' is negative"),
        ({"patients": {"ke": [0.1], "drug": [1.0, 2.0]}}, "different lengths"),
        ({"patients": 0}, "0 patients"),
        ({"times": [0, 2, 1]}, "time 1 follows 2"),
        ({"times": [0, np.inf]}, "finite"),
        ({"outputs": ["drgu"]}, "Did you mean 'drug'"),
        ({"doses": [Dose(0, "dose", 1)]}, "there is no state 'dose'"),
        ({"doses": [Dose(0, "drug", "amount")]}, "no parameter 'amount'"),
        ({"doses": [Dose(np.nan, "drug", 1)]}, "the time is not a finite number"),
        ({"doses": [Infusion(0, "drug", 1, 0.0)]}, "lasts 0.0"),
        ({"doses": [Infusion(0, "drug", 1, 2.0), Infusion(1, "drug", 1, 2.0)]}, "before that of dose 1 ends"),
        ({"doses": [Dose((0.0, 1.0, 2.0), "drug", 1)]}, "3 values of time for 1 patients"),
        ({"settings": Settings(atol={"drog": 1e-3})}, "the model has no 'drog'"),
        ({"settings": Settings(atol=0.0)}, "not above zero"),
        ({"settings": Settings(rtol=np.nan)}, "settings: rtol is not above zero"),
        ({"settings": Settings(longest_step=0.0, max_steps=0)}, "longest_step is not above zero(.|\n)*max_steps is"),
        ({"doses": [Dose(0, "drug", np.nan)]}, "dose 1: the amount is not a finite number"),
        ({"doses": [Infusion(0, "drug", 1, -1.0)]}, "lasts -1.0"),
        ({"doses": [Dose(0, "drug", 1, unit="g")]}, "dose 1: its amount is in 'g', the state 'drug' in 'mg'"),
        ({"patients": {"drug": [-1.0]}}, "'drug' is negative"),
    ],
)
def test_bad_input_is_named(pk: Network, arguments: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        simulate(pk, **{"times": [0, 1], **arguments})


def test_overlapping_repeats_are_refused() -> None:
    with pytest.raises(InputError, match="overlap"):
        repeat(Infusion(0, "drug", 1, 2.0), every=1.0, times=2)
    with pytest.raises(InputError, match="interval"):
        repeat(Dose(0, "drug", 1), every=0.0, times=2)
    assert [d.time for d in repeat(Dose(1, "drug", 1), every=7, times=3)] == [1, 8, 15]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda drug, kx: {"drug": -kx * drug}, "asks for 'kx'"),
        (lambda drug, ke: {"dragon": -ke * drug}, "a rate is given for 'dragon'"),
    ],
)
def test_faults_of_a_model_are_named(function: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        trace_model(function, states={"drug": 1.0}, parameters={"ke": 1.0}, name="bad")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "rate", "words"),
    [
        (1.0, -1.0, "'ke' may not be negative and is -1"),
        (-2.0, 1.0, "'drug' may not be negative and is -2"),
        (1.0, np.nan, "the value of 'ke' is nan"),
        (np.inf, 1.0, "the value of 'drug' is inf"),
    ],
)
def test_numbers_that_cannot_be_are_refused(start: float, rate: float, words: str) -> None:
    with pytest.raises(InputError, match=words):
        trace_model(elimination, states={"drug": start}, parameters={"ke": rate})
    with pytest.raises(InputError, match="the parameter 'ke' may not be negative"):
        Network("m", parameters=(Parameter("ke", -1.0),), constraints=frozenset({"ke"}))


def test_circular_rules_are_refused() -> None:
    a, b = symbol("a"), symbol("b")
    with pytest.raises(InputError, match="the rules run in a circle: a -> b -> a"):
        Network("m", rules=(Rule("a", b + 1), Rule("b", a + 1)))
    with pytest.raises(InputError, match="the initial values run in a circle"):
        Network("m", parameters=(Parameter("a", b + 1), Parameter("b", a + 1)))
    with pytest.raises(InputError, match="uses 'b', which is neither"):
        Network("m", rules=(Rule("a", b + 1),))
    with pytest.raises(InputError, match="'a' stands for two things"):
        Network("m", rules=(Rule("a", sp.Integer(1)), Rule("a", sp.Integer(2))))


def test_a_dose_at_the_very_moment_the_equations_change_is_given_once() -> None:
    def switch(x, time):
        return {"x": where(time >= 2.0, 1.0, 0.0)}

    model = trace_model(switch, states={"x": 0.0}, parameters={})
    data = simulate(model, times=[0, 2, 3], doses=[Dose(2.0, "x", 10.0)], settings=TIGHT)
    np.testing.assert_allclose(data["x"][0], [0.0, 10.0, 11.0], rtol=1e-9)
    ends = simulate(model, times=[0, 2], settings=TIGHT)
    assert ends["x"][0, 1].item() == pytest.approx(0.0, abs=1e-12)


def test_a_course_of_doses_takes_fewer_steps_a_dose_than_single_doses() -> None:
    model = trace_model(
        lambda depot, drug, ka, ke: {"depot": -ka * depot, "drug": ka * depot - ke * drug},
        states={"depot": 0.0, "drug": 0.0}, parameters={"ka": 0.7, "ke": 0.05}, name="oral",
    )  # fmt: skip
    one = simulate(model, times=[0, 7], doses=[Dose(0, "depot", 100)])
    many = simulate(model, times=[0, 350], doses=repeat(Dose(0, "depot", 100), every=7, times=50))
    assert many["steps"].item() < 0.7 * 50 * one["steps"].item()
    assert many["refused_steps"].item() <= 5
    decay = np.exp(-7 * 0.05 * np.arange(1, 51)), np.exp(-7 * 0.7 * np.arange(1, 51))
    expected = 100 * 0.7 / (0.7 - 0.05) * (decay[0].sum() - decay[1].sum())
    assert many["drug"].values[0, -1] == pytest.approx(expected, rel=1e-5)  # ten times the tolerance
