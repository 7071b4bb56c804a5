"""The numbers of the hazard of death: where they come from, and that every fault of a user's file is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aftercar.catalogue.mortality import UNITS, load_mortality
from aftercar.foundation import InputError

# Period life table of the United States, 2020 (ssa_lifetable2020): probability of death within a year, men and women.
LIFE_TABLE = {
    50: (0.005998, 0.003476), 55: (0.009109, 0.005261), 60: (0.013485, 0.007926), 65: (0.018943, 0.011265),
    70: (0.026137, 0.016634), 75: (0.040633, 0.027715), 80: (0.065568, 0.047148), 85: (0.109139, 0.083403),
}  # fmt: skip
NUMBER = """[myeloma_hazard]
meaning = "mine"
value = 0.05
unit = "1/day"
grade = "assumed"
source = "aftercar"
"""


def test_every_number_is_there_with_its_unit() -> None:
    assert {name: number.unit for name, number in load_mortality().numbers.items()} == dict(UNITS)


def test_the_background_is_within_16_percent_of_the_life_table() -> None:
    mortality = load_mortality()
    for age, both in LIFE_TABLE.items():
        published = float(np.mean([-np.log1p(-q) for q in both]))
        years = age + 0.5 - mortality["background_age"]
        assert mortality["background_hazard"] * np.exp(mortality["background_slope"] * years) == pytest.approx(
            published, rel=0.16
        ), age


def test_a_users_number_replaces_the_built_in_one(tmp_path: Path) -> None:
    (tmp_path / "mortality.toml").write_text(NUMBER, encoding="utf-8")
    mine = load_mortality(tmp_path)
    assert mine["myeloma_hazard"] == 0.05
    assert mine["background_slope"] == load_mortality()["background_slope"]
    assert mine.hash != load_mortality().hash


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (NUMBER.replace("1/day", "1/year"), "the unit is '1/year', not '1/day'"),
        (NUMBER.replace("0.05", "-0.05"), "the value is -0.05"),
        (NUMBER.replace("myeloma_hazard", "myeloma_risk"), "no term of the hazard has this number"),
        (NUMBER.replace('"aftercar"', '"nobody"'), "'nobody' is not in sources.bib"),
        (NUMBER + "low = 0.1\n", "lies outside low 0.1"),
        (NUMBER + 'between_patients = { law = "lognormal", omega = 0.5 }\n', "which nothing draws"),
        (NUMBER.replace('unit = "1/day"\n', ""), "Field required"),
        (NUMBER.replace("myeloma_hazard", "myeloma_steepness").replace("0.05", "0.0").replace("1/day", "1"), "is 0."),
    ],
)
def test_a_fault_is_named_with_its_file(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "mortality.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_mortality(tmp_path)
    assert fault in str(caught.value) and "mortality.toml" in str(caught.value)
