"""Whatever is wrong in a user's tables is told with the file, the entry, the field and the mend; never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aftercar.catalogue.model_data import load_model_data
from aftercar.foundation import InputError

PARAMETER = """
[new_rate]
meaning = "made up"
value = 1.0
unit = "1/day"
grade = "assumed"
source = "aftercar"
"""
DRUG = """
[pill.action]
kind = "drug"
schedule = [{ day = 0.0, amount = 1.0, unit = "dose" }]

[pill.action.values]
kill_rate = { value = 0.05, unit = "1/day", grade = "assumed", source = "aftercar" }
"""
CART = """
[cart.action]
kind = "product"
binds = { BCMA = 1.0 }
schedule = [{ day = 0.0, amount = 3e8, unit = "cell" }]
"""
ANTIGEN = """
[NEWTARGET]
name = "a new target"
source = "aftercar"

[[NEWTARGET.variants]]
id = "null"
name = "loss"
meaning = "lost"
mechanism = "antigen_loss"
"""

# room, text, words that the message must hold: the entry and field, what was found, the mend
CASES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "a number of a parameter that the slot does not have":
        ("therapies", DRUG.replace("kill_rate", "kill_speed"), ("pill", "kill_speed", "has no parameter", "Known")),
    "a wrong unit":
        ("therapies", DRUG.replace('unit = "1/day"', 'unit = "1/h"'), ("pill", "kill_rate", "1/h", "1/day", "Convert")),
    "a misspelt drug class, which nothing would resist":
        ("therapies", DRUG.replace("schedule", 'drug_class = "imidx"\nschedule'),
         ("pill", "drug_class", "resistance_imidx", "imid", "parameters/")),
    "an unknown antigen":
        ("therapies", CART.replace("BCMA", "BMCA"), ("cart", "binds", "BMCA", "Known: ", "GPRC5D")),
    "a missing schedule":
        ("therapies", CART.split("schedule")[0], ("cart", "schedule", "Write its doses")),
    "a missing kind":
        ("therapies", DRUG.replace('kind = "drug"\n', ""), ("pill", "kind", "required")),
    "an unknown kind":
        ("therapies", DRUG.replace('"drug"', '"potion"'), ("pill", "kind", "potion", "product")),
    "a value that is no number":
        ("therapies", DRUG.replace("0.05", "nan"), ("pill", "kill_rate", "finite")),
    "an infinite value":
        ("therapies", DRUG.replace("0.05", "inf"), ("pill", "kill_rate", "finite")),
    "a negative rate":
        ("therapies", DRUG.replace("0.05", "-0.05"), ("pill", "kill_rate", "-0.05", "0 or more")),
    "a text where a number belongs":
        ("therapies", DRUG.replace("0.05", '"0.05"'), ("pill", "kill_rate", "number", "0.05")),
    "a dose of nothing":
        ("therapies", DRUG.replace("amount = 1.0", "amount = 0.0"), ("pill", "schedule.0.amount", "greater than 0")),
    "a dose repeated every zero days":
        ("therapies", DRUG.replace('unit = "dose"', 'unit = "dose", every = 0.0'), ("pill", "schedule.0.every", "0")),
    "a dose in the wrong unit":
        ("therapies", DRUG.replace('"dose"', '"mg"'), ("pill", "schedule", "mg", "dose")),
    "a field that does not exist":
        ("therapies", DRUG.replace("kind =", "colour = 'red'\nkind ="), ("pill", "colour", "not permitted")),
    "a binding stronger than all":
        ("therapies", CART.replace("BCMA = 1.0", "BCMA = 1.5"), ("cart", "binds.BCMA", "1.5", "between 0 and 1")),
    "an unknown lymphodepletion":
        ("therapies", CART + 'lymphodepletion = "wishes"\n', ("cart", "lymphodepletion", "wishes", "Known")),
    "an unknown costimulation":
        ("therapies", CART + 'costimulation = "CD999"\n', ("cart", "costimulation", "CD999", "Known")),
    "a combination of an unknown therapy":
        ("therapies", '[duo.action]\nkind = "combination"\nparts = [{ therapy = "teclistamap" }]\n',
         ("duo", "parts", "teclistamap", "Known")),
    "a combination without parts":
        ("therapies", '[duo.action]\nkind = "combination"\n', ("duo", "parts", "List its parts")),
    "a combination that holds itself":
        ("therapies", '[duo.action]\nkind = "combination"\nparts = [{ therapy = "duo" }]\n', ("duo", "itself")),
    "an action that is no table":
        ("therapies", '[pill]\naction = "drug"\n', ("pill", "no table")),
    "a parameter without a unit":
        ("parameters", PARAMETER.replace('unit = "1/day"\n', ""), ("new_rate", "unit", "required")),
    "a parameter of an unknown grade":
        ("parameters", PARAMETER.replace('"assumed"', '"guessed"'), ("new_rate", "grade", "guessed", "measured")),
    "a parameter outside of its own range":
        ("parameters", PARAMETER + "low = 2.0\nhigh = 3.0\n", ("new_rate", "outside", "2")),
    "a parameter that is no number":
        ("parameters", PARAMETER.replace("1.0", "nan"), ("new_rate", "value", "finite")),
    "a parameter that is true":
        ("parameters", PARAMETER.replace("1.0", "true"), ("new_rate", "value", "number")),
    "a law without its numbers":
        ("parameters", PARAMETER + 'between_patients = { law = "lognormal" }\n', ("new_rate", "omega")),
    "a law whose ends are swapped":
        ("parameters", PARAMETER + 'between_patients = { law = "uniform", low = 2.0, high = 1.0 }\n',
         ("new_rate", "between_patients", "low")),
    "a law of negative width":
        ("parameters", PARAMETER + 'between_patients = { law = "lognormal", omega = -0.5 }\n',
         ("new_rate", "between_patients", "omega")),
    "a loguniform law that begins at zero":
        ("parameters", PARAMETER + 'between_patients = { law = "loguniform", low = 0.0, high = 1.0 }\n',
         ("new_rate", "between_patients", "low")),
    "an unknown law":
        ("parameters", PARAMETER + 'between_patients = { law = "gamma", omega = 1.0 }\n', ("new_rate", "law", "gamma")),
    "a burden of nothing":
        ("parameters", PARAMETER.replace("new_rate", "tumour_burden").replace("1.0", "0.0").replace("1/day", "cell"),
         ("tumour_burden", "value", "above zero")),
    "an antigen whose numbers are missing":
        ("antigens", ANTIGEN, ("NEWTARGET", "newtarget_receptors", "newtarget_null_share", "parameters/")),
    "an antigen with an unknown mechanism":
        ("antigens", ANTIGEN.replace("antigen_loss", "antigen_lost"), ("NEWTARGET", "antigen_lost", "Known")),
    "an antigen with two variants of one name":
        ("antigens", ANTIGEN + ANTIGEN[ANTIGEN.index("[[") :], ("NEWTARGET", "null", "twice")),
    "a mechanism without its switch":
        ("mechanisms", '[new]\nname = "n"\nsection = "2"\nswitch = "switch_new"\nmeaning = "m"\nseen_when_off = "s"\n'
                       'source = "aftercar"\n', ("new", "switch_new", "parameters/")),
    "a file that was cut off":
        ("therapies", DRUG[: len(DRUG) // 2], ("bad.toml", "not TOML")),
    "an entry that stands twice in one file":
        ("therapies", CART + CART, ("bad.toml", "not TOML")),
    "a file of no text":
        ("parameters", "\x00\x01", ("bad.toml",)),
    "brackets without end":
        ("parameters", "x = " + "[" * 20_000, ("bad.toml", "not TOML")),
    "an id with signs in it":
        ("parameters", PARAMETER.replace("[new_rate]", '["new rate;"]'), ("new rate;", "id")),
}  # fmt: skip


def load(folder: Path, room: str, text: str, name: str = "bad.toml") -> None:
    (folder / room).mkdir(exist_ok=True)
    (folder / room / name).write_bytes(text.encode())
    load_model_data(folder)


@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_told_with_its_place_and_mend(case: str, tmp_path: Path) -> None:
    room, text, words = CASES[case]
    with pytest.raises(InputError) as caught:
        load(tmp_path, room, text)
    message = str(caught.value)
    assert "bad.toml" in message
    assert all(word in message for word in words), message
    assert all(fault.mend for fault in caught.value.faults)
    assert "Traceback" not in message and "pydantic" not in message


@pytest.mark.parametrize("text", [PARAMETER, DRUG, CART])
def test_the_examples_are_good_before_they_are_spoiled(text: str, tmp_path: Path) -> None:
    load(tmp_path, "parameters" if text is PARAMETER else "therapies", text)


def test_the_same_id_in_two_files_of_a_user_is_a_fault(tmp_path: Path) -> None:
    load(tmp_path, "therapies", DRUG, "one.toml")
    with pytest.raises(InputError, match=r"'pill' stands in two files"):
        load(tmp_path, "therapies", DRUG, "two.toml")


def test_a_users_entry_replaces_ours(tmp_path: Path) -> None:
    load(tmp_path, "parameters", PARAMETER.replace("new_rate", "growth_rate"))
    assert load_model_data(tmp_path).parameters["growth_rate"].value == 1.0
    assert load_model_data().parameters["growth_rate"].value != 1.0


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, "therapies", CART.replace("BCMA", "BMCA") + DRUG.replace("kill_rate", "kill_speed"))
    assert len(caught.value.faults) == 2


def test_a_huge_file_is_refused_or_read_in_seconds(tmp_path: Path) -> None:
    many = "".join(PARAMETER.replace("new_rate", f"rate_{k}") for k in range(3000))
    load(tmp_path, "parameters", many)


@pytest.mark.parametrize("path", ["missing", "file.txt"])
def test_a_folder_that_is_none_is_told(path: str, tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("x")
    with pytest.raises(InputError, match="not a folder"):
        load_model_data(tmp_path / path)


def test_every_file_cut_off_anywhere_is_told_or_read(tmp_path: Path) -> None:
    """No cut of a good file may end in anything but data or an InputError."""
    read: Callable[[Path], object] = load_model_data
    for text, room in ((DRUG, "therapies"), (PARAMETER, "parameters"), (ANTIGEN, "antigens")):
        for end in range(1, len(text), 29):
            folder = tmp_path / f"{room}{end}"
            (folder / room).mkdir(parents=True)
            (folder / room / "cut.toml").write_text(text[:end])
            try:
                read(folder)
            except InputError as error:
                assert "cut.toml" in str(error)
