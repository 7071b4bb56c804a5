"""What CAR-T, lymphodepletion, transplant and radiation do: complete, consistent, and as their sources say."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pybtex.database import parse_file

from aftercar.catalogue import load_base
from aftercar.catalogue.biology import Action, Number
from aftercar.catalogue.loading import BUILT_IN
from aftercar.catalogue.model_data import load_model_data
from aftercar.foundation import InputError
from aftercar.model import Treatment, arrange_course
from tests.unit.docs.blocks import DOCS, read_blocks

DATA = load_model_data()
BASE = load_base()
CITATIONS = set(parse_file(str(BUILT_IN / "sources.bib")).entries)
FILES = (
    "bcma_cart", "second_bcma_cart", "other_target_cart", "around_cart", "radiation_and_transplant", "mixed_salvage",
)  # fmt: skip
ENTRIES = {
    key: entry
    for name in FILES
    for key, entry in tomllib.loads((BUILT_IN / "therapies" / f"{name}.toml").read_text(encoding="utf-8")).items()
}
ACTIONS = {key: DATA.actions[key] for key in ENTRIES if key in DATA.actions}
PRODUCTS = {key: action for key, action in ACTIONS.items() if action.kind == "product"}
# Names under which reports pool several treatments, or do not say which it was: there is nothing to simulate.
CLASSES = {
    "cart_trials_unspecified": "the antigen is not stated",
    "any_first_salvage": "whatever was given first",
    "any_salvage": "whatever was given",
    "not_tcell_redirecting": "anything but CAR-T and bispecific antibodies",
    "other_combinations": "MAPK inhibitor, checkpoint inhibitor or another trial in one group",
}
# Targets of the evidence base in the words of the system. The laboratory work on fibroblasts leaves both antigens
# unnamed: BCMA and FAP are assumed, and its note says so. PD-1 is silenced inside the cell, not bound.
ANTIGENS = {
    "FcRH5": "FCRH5", "NKG2D ligands": "NKG2DL", "kappa light chain": "KAPPA", "myeloma antigen": "BCMA",
    "CAF antigen": "FAP",
}  # fmt: skip
NOT_BOUND = {"PD-1"}


def numbers() -> Iterator[tuple[str, Number]]:
    """Yield every number of the actions and of the costimulatory signals, with its place."""
    for key, action in ACTIONS.items():
        yield from ((f"{key}.{name}", number) for name, number in action.values.items())
        if action.vein_to_vein_days is not None:
            yield f"{key}.vein_to_vein_days", action.vein_to_vein_days
    for key, signal in DATA.costimulation.items():
        for name in ("activation", "exhaustion", "memory_formation", "persistence"):
            yield f"{key}.{name}", getattr(signal, name)


NUMBERS = dict(numbers())


def value(therapy: str, name: str) -> float:
    """Return a number of a therapy, or the default of its slot."""
    action = DATA.actions[therapy]
    return action.values.get(name, DATA.slot_parameters(action.kind)[name]).value


def test_every_therapy_has_an_action_or_is_a_class() -> None:
    assert set(ENTRIES) - set(ACTIONS) == set(CLASSES)


@pytest.mark.parametrize("therapy", ACTIONS)
def test_a_plan_with_it_can_be_arranged(therapy: str) -> None:
    course = arrange_course([Treatment(therapy, day=60.0)], days=200.0)
    assert course.doses
    assert min(float(dose.time) for dose in course.doses if isinstance(dose.time, float)) >= 0


@pytest.mark.parametrize("place", NUMBERS)
def test_every_number_says_where_it_is_from(place: str) -> None:
    number = NUMBERS[place]
    assert number.source in CITATIONS | {"aftercar"}
    if number.source == "aftercar":
        assert number.grade in {"assumed", "definition", "fitted"}
    assert number.note or number.locator
    if number.grade == "assumed":
        assert number.low is not None and number.high is not None, "an assumption says how wide it is"


@pytest.mark.parametrize("therapy", [key for key, action in ACTIONS.items() if action.schedule])
def test_every_schedule_says_where_it_is_from(therapy: str) -> None:
    key = re.match(r"[a-z0-9_]+(?=[:;,])", ACTIONS[therapy].schedule_source)
    assert key is not None and key.group() in CITATIONS | {"aftercar"}
    if key.group() == "aftercar":
        assert "assumed" in ACTIONS[therapy].schedule_source


def test_parts_of_combinations_act() -> None:
    for key, action in ACTIONS.items():
        assert [part.therapy for part in action.parts if part.therapy not in DATA.actions] == [], key
        if action.kind == "combination":
            assert action.note, key


@pytest.mark.parametrize("therapy", PRODUCTS)
def test_a_product_binds_its_targets(therapy: str) -> None:
    targets = {ANTIGENS.get(name, name) for name in BASE.therapies[therapy].targets} - NOT_BOUND
    assert set(PRODUCTS[therapy].binds) == targets
    # The recognition of several antigens is one minus a product of misses: a strength above 1 would be a miss below 0.
    assert all(0 < strength <= 1 for strength in PRODUCTS[therapy].binds.values())
    assert PRODUCTS[therapy].requires


@pytest.mark.parametrize("therapy", PRODUCTS)
def test_a_product_has_lymphodepletion_or_says_why_not(therapy: str) -> None:
    regimen = PRODUCTS[therapy].lymphodepletion
    if regimen is None:
        assert "without lymphodepletion" in PRODUCTS[therapy].note
    else:
        assert DATA.actions[regimen].kind == "lymphodepletion"


def doses(action: Action) -> list[tuple[float, float, str]]:
    return [(entry.day, entry.amount, entry.unit) for entry in action.schedule]


@pytest.mark.parametrize(
    ("therapy", "total", "unit", "words"),
    [
        # Table 1 at ashpublications.net/view-large/11527903: "150, 300, 450 x 10^6 CAR+ T", "0.75 x 10^6 CAR T+/kg".
        ("ide_cel", 450e6, "cell", "150, 300 and 450 million"),
        ("cilta_cel", 0.75e6, "cell/kg", "0.75 million"),
        # sec.gov, 5-year abstract: "median dose of 0.51 x 10^6 (range, 0.07-2.10 x 10^6) ... 3 split (n=65) infusions".
        ("lcar_b38m", 0.51e6, "cell/kg", "0.51 million CAR+ T cells/kg (0.07 to 2.10)"),
        # Blood 2021;137:2890, abstract: "1 x 10^6 CAR-positive T cells/kg in the expansion cohort".
        ("ct103a", 1e6, "cell/kg", "1 million CAR+ T cells/kg in the expansion cohort"),
        # J Hematol Oncol 2020, Table 1, NCT02215967 (2): 16 patients, 9 x 10^6/kg.
        ("nci_bcma_cart", 9e6, "cell/kg", "16 patients at 9 million"),
        # PubMed 36690811: "320 x 10^6 CAR+ T cells and a fludarabine-, cyclophosphamide- and ALLO-647-based".
        ("allogeneic_bcma_cart", 320e6, "cell", "320 million"),
    ],
)
def test_dose_is_the_reported_one(therapy: str, total: float, unit: str, words: str) -> None:
    given = doses(ACTIONS[therapy])
    assert math.isclose(sum(amount for _, amount, _ in given), total, rel_tol=1e-12)
    assert {used for _, _, used in given} == {unit}
    assert words in ACTIONS[therapy].schedule_source


def test_lcar_b38m_is_split_as_reported() -> None:
    """Days 0, 3 and 6 (Blood 134, Suppl 1, 1858); 20, 30 and 50% of the total (Xi'an abstract)."""
    given = doses(ACTIONS["lcar_b38m"])
    assert [day for day, _, _ in given] == [0, 3, 6]
    whole = sum(amount for _, amount, _ in given)
    assert [round(amount / whole, 9) for _, amount, _ in given] == [0.2, 0.3, 0.5]


def test_lymphodepletion_is_three_days_and_ends_before_the_infusion() -> None:
    for therapy in ("cyclophosphamide_fludarabine", "cyclophosphamide_alone", "bendamustine"):
        (entry,) = ACTIONS[therapy].schedule
        assert (entry.day, entry.every, entry.times) == (-5, 1, 3), therapy
        course = arrange_course([Treatment("ide_cel", lymphodepletion=therapy)], days=10.0)
        assert course.start == -5
        assert {float(d.time) for d in course.doses if d.target == "t_depletion"} == {-5.0, -4.0, -3.0}


def test_regimens_stand_in_the_order_of_the_review() -> None:
    """Review, 2.2.1: fewer antibodies after Cy/Flu than after Cy. 2.4: bendamustine alone is less durable."""
    reference = "cyclophosphamide_fludarabine"
    assert value("cyclophosphamide_alone", "b_depletion") < value(reference, "b_depletion")
    assert value("cyclophosphamide_alone", "t_depletion") <= value(reference, "t_depletion")
    assert value("bendamustine", "t_depletion") < value(reference, "t_depletion")


def test_immunogenicity_follows_the_origin_of_the_binder() -> None:
    """CT103A: 1 of 18 had antibodies (Blood 2021); LCAR-B38M: 34 of 55 (review, 2.2.1). The value is their ratio."""
    measured = ACTIONS["ct103a"].values["immunogenicity"]
    assert abs(measured.value - (1 / 18) / (34 / 55)) < 0.05  # it is rounded to one digit
    assert value("ct103a", "immunogenicity") < value("humanised_bcma_cart", "immunogenicity")
    assert value("humanised_bcma_cart", "immunogenicity") < value("murine_bcma_cart", "immunogenicity") == 1.0
    for human in ("hrc0202", "human_bcma_cart"):
        assert value(human, "immunogenicity") == value("ct103a", "immunogenicity")
    assert value("cilta_cel", "immunogenicity") == value("lcar_b38m", "immunogenicity")


def test_costimulation_has_the_directions_of_the_review() -> None:
    """Review, 2.2.1, and the persistence of CD19 CAR-T: 14 days with CD28 against 168 and 92 days with 4-1BB."""
    assert set(DATA.costimulation) == {"cd28", "4_1bb", "icos_4_1bb", "ox40"}
    cd28, reference = DATA.costimulation["cd28"], DATA.costimulation["4_1bb"]
    for name in ("activation", "exhaustion", "memory_formation", "persistence"):
        assert getattr(reference, name).value == 1.0
    assert cd28.activation.value > 1 and cd28.exhaustion.value > 1
    assert cd28.memory_formation.value < 1 and cd28.persistence.value < 1
    assert cd28.persistence.low is not None and cd28.persistence.low <= 14 / 168 < 14 / 92 <= cd28.persistence.value
    assert DATA.costimulation["icos_4_1bb"].persistence.value > 1
    assert DATA.costimulation["ox40"].memory_formation.value > 1


def test_local_radiation_spares_the_marrow() -> None:
    assert value("radiotherapy", "marrow_reach") == 0 and value("radiotherapy", "emd_reach") == 1
    assert value("iopofosine_i131", "marrow_reach") == 1
    # The half-life of iodine-131 is 8.02 days; the rate is printed to three digits.
    assert math.isclose(value("iopofosine_i131", "elimination_rate"), math.log(2) / 8.02, rel_tol=1e-3)


def test_a_single_high_dose_kills_what_its_note_says() -> None:
    """Kill after one dose of a K-PD drug: kill_rate / elimination * ln(1 + dose / half); the note says 1.5 log10."""
    kill, loss, half = (value("high_dose_melphalan", n) for n in ("kill_rate", "elimination_rate", "half_amount"))
    assert math.isclose(kill / loss * math.log(1 + 1 / half) / math.log(10), 1.5, abs_tol=0.05)
    assert "1.5 log10" in ACTIONS["high_dose_melphalan"].values["kill_rate"].note


def test_lenalidomide_maintenance_is_lenalidomide_in_smaller_doses() -> None:
    """Doses of 10 mg against 25 mg: all else must be equal, or one drug would have two strengths."""
    assert math.isclose(
        value("lenalidomide_maintenance", "half_amount") * 10, value("lenalidomide_alone", "half_amount") * 25
    )
    for name in ("elimination_rate", "kill_rate", "t_cell_boost"):
        assert value("lenalidomide_maintenance", name) == value("lenalidomide_alone", name), name


def test_the_same_product_again_meets_its_own_antibodies() -> None:
    """A re-infusion takes the slot of the first infusion, another construct takes its own."""
    again = arrange_course([Treatment("ide_cel"), Treatment("ide_cel_reinfusion", day=300.0)], days=400.0)
    assert dict(again.slots) == {"product1": "ide_cel"}
    assert {d.target for d in again.doses if float(d.time) in {0.0, 300.0}} == {"product1_infused"}
    other = arrange_course([Treatment("ide_cel"), Treatment("ct103a", day=300.0)], days=400.0)
    assert other.slots["product2"] == "ct103a"


def test_users_may_lay_their_own_action_over_the_catalogue(tmp_path: Path) -> None:
    (tmp_path / "therapies").mkdir()
    text = (BUILT_IN / "therapies" / "bcma_cart.toml").read_text(encoding="utf-8").replace("450e6", "300e6")
    (tmp_path / "therapies" / "mine.toml").write_text(text, encoding="utf-8")
    assert load_model_data(tmp_path).actions["ide_cel"].schedule[0].amount == 300e6
    assert DATA.actions["ide_cel"].schedule[0].amount == 450e6


def printed_recipe() -> str:
    """Return the file that docs/how-to/add-a-therapy.md prints as an example of actions."""
    (block,) = (b for b in read_blocks(DOCS / "how-to" / "add-a-therapy.md") if b.caption == "mine/therapies/mine.toml")
    return block.body


def test_the_printed_recipe_serves_evidence_and_system(tmp_path: Path) -> None:
    (tmp_path / "therapies").mkdir()
    (tmp_path / "therapies" / "mine.toml").write_text(printed_recipe(), encoding="utf-8")
    assert load_base(tmp_path).therapies["ward_cart"].targets == ("BCMA", "GPRC5D")
    assert load_model_data(tmp_path).actions["ward_both"].parts[1].day == 30


@pytest.mark.parametrize(
    ("right", "wrong", "place"),
    [
        ("GPRC5D = 0.8", "GPRC5E = 0.8", "ward_cart.action.binds"),
        ("immunogenicity = {", "immunity = {", "ward_cart.action.values.immunity"),
        ('unit = "1/day", grade', 'unit = "1/h", grade', "ward_tablet.action.values.elimination_rate"),
        ('lymphodepletion = "cyclophosphamide_fludarabine"', 'lymphodepletion = "flu"', "ward_cart.action.lymphodepl"),
        ('therapy = "ward_tablet"', 'therapy = "ward_pill"', "ward_both.action.parts"),
        ('kind = "combination"', 'kind = "drug"', "ward_both.action.schedule"),
    ],
)
def test_a_wrong_action_is_refused_with_its_place(tmp_path: Path, right: str, wrong: str, place: str) -> None:
    (tmp_path / "therapies").mkdir()
    assert right in printed_recipe()
    (tmp_path / "therapies" / "mine.toml").write_text(printed_recipe().replace(right, wrong), encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(place)):
        load_model_data(tmp_path)
