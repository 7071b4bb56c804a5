"""Numbers of published models: complete, sourced, and refused when they are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from pybtex.database import parse_file

from aftercar.engine import check_units, list_unitless
from aftercar.foundation import InputError
from aftercar.model.published import (
    binding_model,
    kimmel2021_model,
    load_numbers,
    poels2025_model,
    stein2019_model,
)
from aftercar.model.published.values import read_numbers

MODELS = ("stein2019", "kimmel2021", "poels2025", "engager_binding")
ABOUT = '[about]\nsource = "a"\nread_in = "b"\nnot_read = "c"\n'
NUMBER = 'meaning = "m"\nvalue = 1\nunit = "1"\nstatus = "fitted"\nsource = "a"\nlocator = "Table 1"\n'


@pytest.mark.parametrize("model", MODELS)
def test_every_source_is_in_the_bibliography(model: str) -> None:
    root = Path(__file__).parents[4]
    files = (root / "docs" / "methods.bib", root / "src" / "aftercar" / "catalogue" / "sources.bib")
    known = {key for path in files for key in parse_file(str(path)).entries}
    numbers = load_numbers(model)
    assert {numbers.source, *(v.source for v in numbers.values.values())} <= known


@pytest.mark.parametrize("model", MODELS)
def test_every_number_has_a_place_and_every_assumption_a_reason(model: str) -> None:
    numbers = load_numbers(model)
    assert len(numbers.read_in) > 20 and len(numbers.not_read) > 20
    for v in numbers.values.values():
        assert v.locator and v.meaning, v.name
        assert v.note or v.status != "assumed", f"{v.name} is assumed without a reason"
        assert v.low is None or v.high is None or v.low < v.high, v.name


@pytest.mark.parametrize("model", [stein2019_model, kimmel2021_model, poels2025_model, binding_model])
def test_units_of_every_equation_agree(model) -> None:
    network = model()
    assert list_unitless(network) == []
    assert [str(fault) for fault in check_units(network)] == []


def test_a_file_with_faults_names_all_of_them() -> None:
    text = ABOUT + '[x]\nmeaning = "m"\nvalue = nan\nunit = "1"\nstatus = "guessed"\nsource = "a"\ncolour = "red"\n'
    with pytest.raises(InputError) as caught:
        read_numbers(text, "x.toml")
    found = str(caught.value)
    for words in ("lacks 'locator'", "the value nan", "the status 'guessed'", "the unknown field 'colour'"):
        assert words in found


def test_a_file_without_its_origin_is_refused() -> None:
    with pytest.raises(InputError, match="lacks 'not_read'"):
        read_numbers('[about]\nsource = "a"\nread_in = "b"\n[x]\n' + NUMBER, "x.toml")


def test_a_number_is_read_with_its_unit() -> None:
    numbers = read_numbers(ABOUT + "[x]\n" + NUMBER, "x.toml")
    assert numbers["x"] == 1.0
    assert numbers.quantities()["x"].unit == "1"
    assert numbers.quantities(leave_out=("x",)) == {}
