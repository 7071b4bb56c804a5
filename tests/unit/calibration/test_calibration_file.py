"""The file that says what is fitted: loaded whole, every fault named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aftercar.calibration.space import build_space
from aftercar.catalogue import calibration as module
from aftercar.catalogue.calibration import load_calibration
from aftercar.catalogue.model_data import load_model_data
from aftercar.foundation import InputError
from aftercar.patients.parameter_sets import open_numbers

TEXT = (Path(module.__file__).parent / "calibration" / "index_treatment.toml").read_text(encoding="utf-8")
DATA = load_model_data()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('population = "legend2_like"', 'population = "legend3_like"', "no population 'legend3_like'"),
        ('therapy = "lcar_b38m"', 'therapy = "daratumumab"', "no product of cells"),
        ('shows = "karmma_dose300_orr"', 'shows = "karmma_dose3000_orr"', "no target 'karmma_dose3000_orr'"),
        ('shows = "karmma_dose300_orr"', 'shows = "karmma_os"', "median of OS is not read"),
        ('given = "legend2_orr"', 'given = "legend2_cr"', "its own denominator"),
        ('given = "legend2_orr"', 'given = "nobody"', "no target 'nobody'"),
        ("weights = [70, 54]", "weights = [70]", "a weight above zero"),
        ('cohorts = ["fumanba1"]', 'cohorts = ["fumanba2"]', "no cohort 'fumanba2'"),
        ("value = 0.4\nlow = 0.2\n", "value = 0.1\nlow = 0.2\n", "outside of low to high"),
        ("value = 0.4\nlow = 0.2\nhigh = 1.0\n", "", "has no range in the catalogue"),
        ('use = "check"', 'use = "guess"', "'fit' or 'check'"),
        ("dose_factor = 0.6666666667", "dose_factor = -1", "greater than 0"),
        ("value = 0.3\n", "value = -0.3\n", "below zero|outside low"),
        ("[discrepancy]", "[discrepancy", "not TOML"),
    ],
)
def test_a_fault_is_named(old: str, new: str, words: str, tmp_path: Path) -> None:
    assert old in TEXT
    file = tmp_path / "mine.toml"
    file.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=words):
        load_calibration(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml"):
        load_calibration(tmp_path / "none.toml")


def test_places_of_nothing_are_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(TEXT.replace('places = ["killing_rate"]', 'places = ["killing_rite"]'), encoding="utf-8")
    with pytest.raises(InputError, match="'killing_rite' is no number with a range"):
        build_space(load_calibration(file), DATA)


def test_scores_become_values_and_places_move_together() -> None:
    space = build_space(load_calibration(), DATA)
    d = len(space.labels)
    assert 8 <= d <= 14
    middle = space.values(np.zeros((1, d))).iloc[0]
    for label, places, number in zip(space.labels, space.places, space.numbers, strict=True):
        assert middle[label] == pytest.approx(number.value)
        known = open_numbers(DATA).get(places[0])
        assert known is None or (known.low, known.high) == (number.low, number.high)
    sets = space.sets(np.random.default_rng(1).standard_normal((20, d)), origin="prior").values
    assert (sets["cilta_cel.potency"] == sets["lcar_b38m.potency"]).all()
    assert "growth_rate~omega" in sets and sets["growth_rate~omega"].between(0.2, 1.0).all()
    up, down = (space.values(np.full((1, d), x)).iloc[0] for x in (1.0, -1.0))
    assert (up > down).all()
