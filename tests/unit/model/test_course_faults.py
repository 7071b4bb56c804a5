"""Plans that cannot be: each is told with its place in the plan; and what a good plan becomes."""

from __future__ import annotations

import pytest
from tests.unit.model.sample import CART, DRUG, ENGAGER

from aftercar.foundation import InputError
from aftercar.model import Treatment, arrange_course


@pytest.mark.parametrize(
    ("treatment", "words"),
    [
        (Treatment("ide_cell"), ["treatment 1", "ide_cell", "Known", "ide_cel"]),
        (Treatment(""), ["treatment 1", "Known"]),
        (Treatment(ENGAGER, days=0.0), ["lasts 0", "above zero"]),
        (Treatment(ENGAGER, days=-3.0), ["lasts -3", "above zero"]),
        (Treatment(ENGAGER, days=float("nan")), ["lasts nan", "above zero"]),
        (Treatment(ENGAGER, day=float("nan")), ["day nan", "Give a day"]),
        (Treatment(ENGAGER, day=float("inf")), ["day inf", "Give a day"]),
        (Treatment(CART, dose_factor=0.0), ["dose factor is 0", "above zero"]),
        (Treatment(CART, dose_factor=float("nan")), ["dose factor is nan"]),
        (Treatment(CART, dose_factor=float("inf")), ["dose factor is inf"]),
        (Treatment(CART, lymphodepletion="sunshine"), ["sunshine", "Known"]),
        (Treatment(CART, values={"potenci": 1.0}), ["product", "potenci", "Known"]),
        (Treatment(CART, values={"potency": float("nan")}), ["product_potency", "no finite number"]),
        (Treatment(CART, values={"potency": -1.0}), ["product_potency", "0 or more"]),
        (Treatment(CART, values={"memory_share": 1.4}), ["product_memory_share", "between 0 and 1"]),
        (Treatment(ENGAGER, values={"affinity": 0.0}), ["engager_affinity", "above zero"]),
        (Treatment("pi_combination", values={"kill_rate": 1.0}), ["combination", "one of its parts"]),
    ],
)
def test_an_impossible_treatment_is_told(treatment: Treatment, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        arrange_course([treatment], days=100)
    for word in words:
        assert word in str(caught.value)


def test_all_faults_of_a_plan_are_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        arrange_course([Treatment("nothing"), Treatment(CART, dose_factor=-1.0), Treatment(ENGAGER, days=0)], days=100)
    assert [str(fault).split(":")[0].split(" (")[0] for fault in caught.value.faults] == [
        "treatment 1", "treatment 2", "treatment 3"]  # fmt: skip


@pytest.mark.parametrize("days", [0.0, -5.0, float("nan"), float("inf")])
def test_a_course_has_an_end_after_its_beginning(days: float) -> None:
    with pytest.raises(InputError, match="above zero"):
        arrange_course([Treatment(ENGAGER)], days=days)


def test_the_same_therapy_again_takes_the_slot_it_had() -> None:
    course = arrange_course([Treatment(CART), Treatment("cilta_cel", day=100), Treatment(CART, day=200)], days=300)
    assert course.slots == {"product1": CART, "product2": "cilta_cel"}
    infusions = [d.time for d in course.doses if d.target == "product1_infused"]
    assert min(infusions) == 0.0 and max(infusions) >= 200.0


def test_lymphodepletion_comes_before_the_cells_and_can_be_left_out() -> None:
    course = arrange_course([Treatment(CART, day=50)], days=100)
    before = [d.time for d in course.doses if d.target == "t_depletion"]
    assert before and max(before) < 50
    bare = arrange_course([Treatment(CART, day=50, lymphodepletion="none")], days=100)
    assert not [d for d in bare.doses if d.target == "t_depletion"]


def test_a_factor_multiplies_every_dose_and_days_end_it() -> None:
    full = arrange_course([Treatment(ENGAGER)], days=100)
    half = arrange_course([Treatment(ENGAGER, dose_factor=0.5, days=30)], days=100)
    first = {d.time: d.factor for d in full.doses}
    assert all(d.factor == pytest.approx(0.5 * first[d.time]) for d in half.doses)
    assert max(d.time for d in half.doses) < 30 <= max(d.time for d in full.doses)


def test_more_therapies_than_usual_get_more_slots() -> None:
    engagers = [Treatment(x, day=100.0 * k) for k, x in enumerate((ENGAGER, "talquetamab", "elranatamab"))]
    course = arrange_course(engagers, days=400)
    assert course.structure.engagers == 3 and course.parameters["engager2_start"] == 100.0


def test_an_engager_may_begin_before_day_0() -> None:
    course = arrange_course([Treatment(ENGAGER, day=-10)], days=30)
    from tests.unit.model.sample import run

    assert float(run(course)["engager1_central"].max()) > 0


def test_resistance_to_the_class_of_a_drug_comes_from_the_patient() -> None:
    course = arrange_course([Treatment(DRUG)], days=100)
    assert course.links["drug1_resistance_start"].startswith("resistance_")
    own = arrange_course([Treatment(DRUG, values={"resistance_start": 0.2})], days=100)
    assert not own.links and own.parameters["drug1_resistance_start"] == 0.2
