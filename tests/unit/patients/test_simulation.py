"""What the results may not depend on, and which requests are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.model.sample import CART, ENGAGER, course_of

from aftercar.foundation import InputError
from aftercar.model import Treatment, arrange_course
from aftercar.patients import draw_patients, simulate_course, simulate_plan
from aftercar.patients.simulation import default_settings

OUTPUTS = ["tumour_total", "car_t_total", "marrow_bcma_null", "m_protein", "product1_antibody"]


def simulated(people, counted: bool, **how):
    course = course_of(CART, days=120, counted=counted)
    settings = default_settings(course.structure, **how)
    return simulate_course(course, people, seed=2, every=20.0, outputs=OUTPUTS, settings=settings)


@pytest.mark.parametrize("counted", [False, True])
def test_the_order_of_patients_changes_nothing(counted: bool) -> None:
    people = draw_patients(course_of(CART), n=24, seed=2)
    shuffled = people.iloc[np.random.default_rng(0).permutation(24)]
    one, other = simulated(people, counted), simulated(shuffled, counted)
    for name in OUTPUTS:
        np.testing.assert_array_equal(one[name], other[name].sel(patient=one["patient"]), err_msg=name)


@pytest.mark.parametrize("counted", [False, True])
def test_a_part_of_the_patients_gives_their_part_of_the_result(counted: bool) -> None:
    people = draw_patients(course_of(CART), n=24, seed=2)
    one, other = simulated(people, counted), simulated(people.iloc[7:12], counted)
    for name in OUTPUTS:
        np.testing.assert_array_equal(one[name][7:12], other[name], err_msg=name)


def test_the_number_of_workers_changes_nothing() -> None:
    people = draw_patients(course_of(CART), n=600, seed=2)  # more than one block of work
    one, other = simulated(people, True, workers=1), simulated(people, True, workers=3)
    for name in OUTPUTS:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_the_same_patients_and_the_same_luck_before_the_plans_part() -> None:
    """Two plans that differ from day 60 on give the same until then, up to the length of the steps."""
    one = simulate_plan([Treatment(CART)], days=100, patients=12, every=20.0, counted=False)
    other = simulate_plan(
        [Treatment(CART), Treatment(ENGAGER, day=60)], days=100, patients=12, every=20.0, counted=False
    )
    before = one["time"].values <= 40
    np.testing.assert_allclose(
        one["tumour_total"].values[:, before], other["tumour_total"].values[:, before], rtol=1e-3, atol=1.0
    )
    assert np.any(other["tumour_total"].values[:, -1] < 0.9 * one["tumour_total"].values[:, -1])


def test_switching_a_mechanism_off_is_setting_its_switch() -> None:
    one = simulate_plan([Treatment(CART)], days=40, every=20.0, counted=False, switched_off=["soluble_decoy"])
    other = simulate_plan([Treatment(CART)], days=40, every=20.0, counted=False, values={"switch_soluble_decoy": 0.0})
    np.testing.assert_array_equal(one["tumour_total"], other["tumour_total"])
    assert one.attrs["switched_off"] == "soluble_decoy" and one.attrs["kind"] == "simulated"


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"days": -1.0}, ["-1", "above zero"]),
        ({"days": float("nan")}, ["nan", "above zero"]),
        ({"every": 0.0}, ["every 0", "above zero"]),
        ({"switched_off": ["magic", "wishes"]}, ["magic", "wishes", "Known"]),
        ({"values": {"growth_rat": 0.1}}, ["growth_rat", "no parameter"]),
        ({"values": {"growth_rate": float("nan")}}, ["growth_rate", "no finite number"]),
        ({"values": {"growth_rate": float("inf")}}, ["growth_rate", "no finite number"]),
        ({"values": {"growth_rate": -0.1}}, ["growth_rate", "0 or more"]),
        ({"values": {"product1_potenc": 1.0}}, ["product1_potenc"]),
        ({"values": {"tumour_burden": 0.0}}, ["tumour_burden", "above zero"]),
        ({"values": {"marrow_capacity": 0.0}}, ["marrow_capacity", "above zero"]),
        ({"values": {"half_density": 0.0}}, ["half_density", "above zero"]),
        ({"values": {"emd_share": 1.5}}, ["emd_share", "between 0 and 1"]),
        ({"values": {"bcma_low_share": 2.0}}, ["bcma_low_share", "between 0 and 1"]),
        ({"values": {"switch_exhaustion": 3.0}}, ["switch_exhaustion", "between 0 and 1"]),
        ({"values": {"product1_memory_share": 1.2}}, ["product1_memory_share", "between 0 and 1"]),
        ({"patients": -3}, ["patients", "-3"]),
        ({"outputs": ["tumor"]}, ["tumor"]),
    ],
)  # fmt: skip
def test_an_impossible_request_is_refused_with_its_reason(request_, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        simulate_plan([Treatment(CART)], **{"days": 30.0, "counted": False, **request_})
    for word in words:
        assert word in str(caught.value)


def test_all_impossible_values_are_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        simulate_plan(
            [Treatment(CART)], days=30, values={"nonsense": 1.0, "growth_rate": -1.0, "turnover": float("nan")}
        )
    assert len(caught.value.faults) == 3


def test_a_course_of_fewer_slots_than_it_needs_is_refused() -> None:
    small = replace(course_of(CART).structure, products=1)
    with pytest.raises(InputError, match="slot"):
        arrange_course([Treatment(CART), Treatment("cilta_cel", day=100)], days=200, structure=small)
