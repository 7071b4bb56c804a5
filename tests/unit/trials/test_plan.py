"""Plans of trials: every fault with the line where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.foundation import InputError
from aftercar.trials.plan import TrialPlan, load_plan

GOOD = """name = "What after ide-cel?"
population = "karmma_like"
patients = 100
days = 365

[[index]]
therapy = "ide_cel"

[[arms]]
name = "talquetamab"
treatments = [{ therapy = "talquetamab" }]

[[arms]]
name = "two drugs"
[[arms.treatments]]
therapy = "pi_combination"
[[arms.treatments]]
therapy = "lenalidomide_alone"
day = 60

[[arms]]
name = "guided"
lines = ["by antigen", "drug"]

[[lines]]
name = "by antigen"
choose = [
  { line = "engager", when = { bcma_loss_share = { at_least = 0.5 }, best_response = { is_in = ["CR", "sCR"] } } },
  { line = "drug" },
]

[[lines]]
name = "engager"
treatments = [{ therapy = "teclistamab" }]

[[lines]]
name = "drug"
treatments = [{ therapy = "bortezomib" }]
bridging = [{ therapy = "dexamethasone" }]
"""


def load(folder: Path, text: str) -> TrialPlan:
    file = folder / "plan.toml"
    file.write_text(text)
    return load_plan(file, load_model_data(), load_populations())


def test_a_plan_is_read_as_written(tmp_path: Path) -> None:
    plan = load(tmp_path, GOOD)
    assert [arm.name for arm in plan.arms] == ["talquetamab", "two drugs", "guided"]
    assert plan.arms[1].treatments[1].day == 60.0 and plan.index_days == 1095.0


@pytest.mark.parametrize(
    ("old", "new", "line", "word"),
    [
        ('"karmma_like"', '"karma"', 2, "no population 'karma'"),
        ("patients = 100", "patients = 0", 3, "greater than or equal to 1"),
        ("patients = 100", 'patients = "many"', 3, "valid integer"),
        ("days = 365", "days = -1", 4, "greater than 0"),
        ("days = 365", "days = nan", 4, ""),
        ("days = 365", 'days = 365\ncriteria = "imwg1890"', 5, "no criteria"),
        ('therapy = "ide_cel"', 'therapy = "ide_sell"', 7, "no therapy of this name"),
        ('name = "talquetamab"', 'name = "two drugs"', 14, "two arms are called"),
        ('therapy = "talquetamab"', 'therapy = "talk"', 11, "no therapy of this name"),
        ('[{ therapy = "talquetamab" }]', "[]", 11, "at least 1 item"),
        ("day = 60", "day = 900", 19, "after the last day"),
        ("day = 60", "days = -3", 19, "greater than 0"),
        ("day = 60", "dose_factor = 0", 19, "greater than 0"),
        ("day = 60", "dose = 2", 19, "not permitted"),
        ("day = 60", 'lymphodepletion = "water"', 18, "no therapy of this name"),
        ('"ide_cel"', '"ide_cel"\nday = 2000', 8, "after the last day"),
        ("days = 365", 'days = 365\ndesign = "sequential"', 5, "'paired' or 'randomised'"),
        ("days = 365", "days = 365\naccrual_days = 90\ncut_off_day = 60", 6, "while patients enter until day 90"),
        ("days = 365", "days = 365\ndrop_out_per_year = -1", 5, "greater than or equal to 0"),
        ("days = 365", 'days = 365\nthen = ["surgery"]', 5, "no line 'surgery'"),
        ('lines = ["by antigen", "drug"]', 'lines = ["by antigen", "surgery"]', 23, "no line 'surgery'"),
        ('lines = ["by antigen", "drug"]', "lines = []", 23, "at least 1 item"),
        ('lines = ["by antigen", "drug"]', "ratio = 1", 21, "an arm has treatments, or lines by name"),
        ('{ line = "drug" }', '{ line = "by antigen" }', 27, "leads back to itself"),
        ('{ line = "drug" }', '{ line = "drug", when = { line = { below = 3 } } }', 27, "for everybody else"),
        ("at_least = 0.5", "at_least = 0.5, below = 0.2", 28, "nothing is at least 0.5 and below 0.2"),
        ("at_least = 0.5", 'is_in = ["high"]', 28, "is a number"),
        ("bcma_loss_share", "bcma_status", 28, "the clinic does not know 'bcma_status'"),
        ('is_in = ["CR", "sCR"]', 'is_in = ["CR", "remission"]', 28, "'remission' is no response"),
        ('is_in = ["CR", "sCR"]', "at_least = 3", 28, "is a category"),
        (", when = { bcma_loss_share", ' }, { line = "engager", when = { bcma_loss_share', 28, "takes everybody"),
        ('[{ therapy = "teclistamab" }]', '[{ therapy = "tec" }]', 34, "no therapy of this name"),
        (
            '[{ therapy = "dexamethasone" }]',
            '[{ therapy = "dexamethasone", day = -3 }]',
            39,
            "begins before progression",
        ),
        ('name = "engager"', 'name = "drug"', 37, "two lines are called"),
    ],
)
def test_a_fault_is_named_with_its_line(old: str, new: str, line: int, word: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, GOOD.replace(old, new))
    assert any(fault.row == line and word in fault.found for fault in caught.value.faults), str(caught.value)


@pytest.mark.parametrize("text", ["", "= 3", "population = 3", "arms = 4", "[[arms]]\n", "index = []"])
def test_what_is_no_plan_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        load(tmp_path, text)


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    for name, content in (("gone.toml", None), ("bin.toml", b"\xff\xfe\x00")):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name):
            load_plan(tmp_path / name, load_model_data(), load_populations())
