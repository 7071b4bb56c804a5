"""Rates of adverse events: what they resolve to, and that every fault of a user's file is named."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from aftercar.catalogue.loading import BUILT_IN
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.toxicity import ToxicityRates, load_toxicity
from aftercar.foundation import InputError

RATES = load_toxicity()
CRS = """[ide_cel.events.crs]
total = 100
events = 80
severe = 10
onset = { median = 2.0, low = 1.0, high = 9.0, grade = "measured", source = "munshi2021" }
grade = "measured"
source = "munshi2021"
"""


def load(tmp_path: Path, text: str, name: str = "mine.toml") -> ToxicityRates:
    (tmp_path / "toxicity").mkdir(exist_ok=True)
    (tmp_path / "toxicity" / name).write_text(text, encoding="utf-8")
    return load_toxicity(tmp_path)


def test_every_therapy_that_can_be_simulated_has_rates() -> None:
    assert [key for key in load_model_data().actions if not RATES.has(key)] == []
    for key in load_model_data().actions:
        RATES.find(key)


def test_every_arm_of_the_built_in_trial_has_rates() -> None:
    plan = tomllib.loads((BUILT_IN / "trials" / "after_ide_cel.toml").read_text(encoding="utf-8"))
    given = [one["therapy"] for arm in plan["arms"] for one in arm["treatments"]]
    silent = {"radiotherapy", "mapk_triple"}  # no events reported, none found: their notes say so
    assert {therapy for therapy in given if not RATES.find(therapy)} == silent
    assert all(RATES.therapies[therapy].note for therapy in silent)


def test_what_is_measured_says_where_and_what_is_assumed_says_why() -> None:
    for key, entry in RATES.therapies.items():
        for event, rate in entry.events.items():
            assert rate.grade in {"measured", "assumed"}, (key, event)
            if rate.grade == "measured":
                assert rate.source != "aftercar" and rate.locator, (key, event)
            else:
                assert rate.note, (key, event)
            if rate.assumed:
                assert rate.note, (key, event)


def test_a_combination_has_for_each_event_the_part_with_the_most_of_it() -> None:
    both = RATES.find("talquetamab_daratumumab")
    assert both["anaemia"].therapy == "talquetamab"  # severe 31% against 18%
    assert both["thrombocytopenia"].therapy == "daratumumab"  # the other names none
    assert both["crs"].rate == RATES.find("talquetamab")["crs"].rate


def test_a_combination_with_an_entry_keeps_to_it() -> None:
    assert {one.therapy for one in RATES.find("anti_cd38_combination").values()} == {"anti_cd38_combination"}


def test_borrowed_rates_name_their_owner_and_own_ones_stand_before_them() -> None:
    found = RATES.find("ct103a")
    assert (found["crs"].borrowed, found["infection"].borrowed) == ("", "ide_cel")
    assert {one.therapy for one in found.values()} == {"ct103a"}
    assert RATES.find("hrc0202")["crs"].borrowed == "ct103a"  # through two hands


def test_a_part_that_starts_later_moves_its_events() -> None:
    action = load_model_data().actions["bcma_cart_pomalidomide"]
    day = next(part.day for part in action.parts if part.therapy == "pomalidomide_maintenance")
    assert day > 0
    assert RATES.find("bcma_cart_pomalidomide")["crs"].day == 0
    assert RATES.find("bcma_cart_pomalidomide")["infection"].day == day  # the more severe of the two


def test_a_users_entry_replaces_the_built_in_one(tmp_path: Path) -> None:
    found = load(tmp_path, CRS).find("ide_cel")
    assert set(found) == {"crs"}
    assert found["crs"].rate.any_share == 0.8
    assert found["crs"].rate.fatal_share == 0.0
    assert load(tmp_path, CRS).find("cilta_cel") == RATES.find("cilta_cel")
    assert load(tmp_path, CRS).hash != RATES.hash


def test_a_user_may_add_a_kind_of_event(tmp_path: Path) -> None:
    kind = '[rash]\nname = "rash"\nmeaning = "a rash"\nscale = "CTCAE"\ngrade = "assumed"\nsource = "aftercar"\n'
    load(tmp_path, kind, "event_kinds.toml")
    assert "rash" in load(tmp_path, CRS.replace("events.crs", "events.rash")).find("ide_cel")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (CRS.replace("ide_cel", "no_such_therapy"), "there is no therapy 'no_such_therapy'"),
        (CRS.replace("events = 80", "events = 120"), "events 120 exceeds total 100"),
        (CRS.replace("total = 100\n", ""), "events 80 exceeds total None"),
        (CRS.replace("severe = 10", "severe = 90"), "nor more fatal ones than severe ones"),
        (CRS.replace("severe = 10", "severe = 10\nfatal = 11"), "nor more fatal ones than severe ones"),
        (CRS.replace("events = 80", "percent = 180.0"), "less than or equal to 100"),
        (CRS.replace("events = 80", "percent = -1.0"), "greater than or equal to 0"),
        (CRS.replace("events = 80", "events = 80\npercent = 80.0"), "events and percent say the same"),
        (CRS.replace("events = 80\nsevere = 10\n", ""), "give events or percent"),
        (CRS.replace("events.crs", "events.crss"), "there is no kind of event 'crss'"),
        (CRS.replace("events.crs", "events.dysgeusia"), "CTCAE ends at grade 2"),
        (CRS.replace("events.crs", "events.treatment_death"), "is always fatal"),
        (CRS.replace('grade = "measured"\nsource', 'grade = "sure"\nsource'), "Input should be 'measured'"),
        (CRS.replace("median = 2.0", "median = 20.0"), "lies outside low 1 to high 9"),
        (CRS.replace('source = "munshi2021"\n', 'source = "nobody"\n'), "'nobody' is not in sources.bib"),
        (CRS.replace("total", 'assumed = ["fatal"]\ntotal'), "no share that is given"),
        ("[ide_cel]\n", "say in a note why not"),
        ('[ide_cel]\nas = "bcma_cart"\n', "borrowed in a circle"),
        ('[ide_cel]\nas = "nowhere"\n', "no rates are known for 'nowhere'"),
        (CRS.replace("onset", "exposure"), "Extra inputs are not permitted"),
        ("[ide_cel\n", "this is not TOML"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_file(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, text)
    assert fault in str(caught.value)
    assert "mine.toml" in str(caught.value)


def test_an_event_needs_a_time(tmp_path: Path) -> None:
    lines = [line for line in CRS.splitlines() if not line.startswith("onset")]
    with pytest.raises(InputError, match="give an onset, or an exposure"):
        load(tmp_path, "\n".join(lines))


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = CRS.replace("events.crs", "events.crss") + CRS.replace("ide_cel", "nobody")
    with pytest.raises(InputError) as caught:
        load(tmp_path, text)
    assert "crss" in str(caught.value) and "nobody" in str(caught.value)


def test_an_unknown_therapy_has_no_rates() -> None:
    with pytest.raises(InputError, match="no rates of adverse events are known"):
        RATES.find("any_salvage")
