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
"""


def load(folder: Path, text: str) -> TrialPlan:
    file = folder / "plan.toml"
    file.write_text(text)
    return load_plan(file, load_model_data(), load_populations())


def test_a_plan_is_read_as_written(tmp_path: Path) -> None:
    plan = load(tmp_path, GOOD)
    assert [arm.name for arm in plan.arms] == ["talquetamab", "two drugs"]
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
