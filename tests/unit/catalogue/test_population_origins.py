"""Populations that come from others: what cannot be is named with file and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.foundation import InputError

GOOD = """[mine]
name = "mine"
meaning = "relapsed"
source = "aftercar"
[[mine.came_from]]
population = "karmma_like"
treatments = [{ therapy = "ide_cel" }]
share = 0.25
source = "aftercar"
[[mine.came_from]]
population = "cartitude1_like"
treatments = [{ therapy = "cilta_cel" }]
share = 0.75
source = "aftercar"
"""


def load(folder: Path, text: str) -> None:
    (folder / "populations").mkdir()
    (folder / "populations" / "mine.toml").write_text(text)
    assert "mine" in load_populations(folder, load_model_data())


def test_shares_of_others_make_a_population(tmp_path: Path) -> None:
    load(tmp_path, GOOD)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('"karmma_like"', '"karma"', "there is no population 'karma'"),
        ('"karmma_like"', '"after_bcma_cart"', "comes from other populations itself"),
        ('"ide_cel"', '"ide_sell"', "there is no therapy 'ide_sell'"),
        ("share = 0.25", "share = 0.5", "the shares add up to 1.25"),
        ("share = 0.25", "share = -1", "greater than 0"),
        ('[{ therapy = "ide_cel" }]', "[]", "at least 1 item"),
        ('meaning = "relapsed"', 'eligibility = [{ quantity = "age", at_least = 3 }]\nmeaning = ""', "laws of its own"),
    ],
)  # fmt: skip
def test_a_fault_is_named(old: str, new: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=word):
        load(tmp_path, GOOD.replace(old, new, 1))
