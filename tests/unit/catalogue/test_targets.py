"""The targets load, fit together, and every kind of fault in them is named by row and column."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from pybtex.database import parse_file

from aftercar.catalogue.loading import BUILT_IN
from aftercar.catalogue.targets import KineticTarget, ResponseTarget, load_targets
from aftercar.foundation import InputError, columns_of

TARGETS = load_targets()
ALL = {**TARGETS.kinetic, **TARGETS.response}


def write(folder: Path, **changes: str) -> Path:
    """Write a kinetic.csv with one good row, changed as asked."""
    row = dict.fromkeys(columns_of(KineticTarget), "")
    row.update(
        target_id="mine", therapy_id="cilta_cel", citation="review", population="ten patients", quantity="t_max",
        statistic="median", value="12", unit="day", use="compare", kind="review", locator="section 1", quote="twelve",
        checked="not_checked",
    )  # fmt: skip
    row.update(changes)
    with (folder / "kinetic.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(row)
    return folder


@pytest.mark.parametrize(("name", "record"), [("kinetic", KineticTarget), ("response", ResponseTarget)])
def test_table_has_every_column_of_its_record(name: str, record: type) -> None:
    with (BUILT_IN / "targets" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file)) == list(columns_of(record))


def test_every_citation_stands_in_the_bibliography() -> None:
    known = set(parse_file(str(BUILT_IN / "sources.bib")).entries)
    assert {one.citation for one in ALL.values()} <= known


def test_ids_are_unique_over_both_tables() -> None:
    assert len(ALL) == len(TARGETS.kinetic) + len(TARGETS.response)


def test_each_quote_holds_its_figure() -> None:
    """Read off the table itself: a figure that is neither in its quote nor explained in its note is a slip."""
    for one in ALL.values():
        text = (one.quote + one.note + one.locator + one.population).replace(",", "").replace("·", ".")
        digits = f"{one.value:g}"
        shown = digits in text or f"{one.value:.2f}" in text or f"{one.value:.1f}" in text
        assert shown or one.note or one.statistic in {"count", "direction"}, one.target_id


def test_kinetics_of_ciltacabtagene_are_those_of_its_sponsor() -> None:
    """Johnson & Johnson, CARVYKTI pharmacokinetics and pharmacodynamics, table of CARTITUDE-1."""
    printed = {"t_max": 12.71, "c_max": 48_692, "auc_0_28": 504_496, "auc_0_180": 1_033_373, "half_life": 23.5}
    for quantity, value in printed.items():
        assert TARGETS.kinetic[f"cartitude1_{quantity}"].value == value
    assert TARGETS.kinetic["cartitude1_c_max"].sd == 27_174
    # The mean concentration over 28 days cannot exceed the mean peak, nor the area to six months be the smaller one.
    assert 504_496 / 28 < 48_692 and 504_496 < 1_033_373


def test_soluble_bcma_falls_month_by_month() -> None:
    """PMID 36720180: 508,513, then 89,198, 8448 and 6010 pg/mL."""
    course = [TARGETS.kinetic[f"ciltacel_sbcma_month_{month}"] for month in range(4)]
    assert [one.value for one in course] == [508.513, 89.198, 8.448, 6.01]
    assert [round((one.timepoint_days or 0) / 30.4375) for one in course] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("changes", "column", "found"),
    [
        ({"therapy_id": "nothing"}, "therapy_id", "'nothing' is no therapy"),
        ({"unit": "copy/ug"}, "unit", "t_max is not measured in copy/ug"),
        ({"low": "13", "interval": "range"}, "value", "12 lies outside"),
        ({"high": "11", "interval": "range"}, "value", "12 lies outside"),
        ({"low": "9"}, "interval", "an interval needs its ends"),
        ({"interval": "ci95"}, "interval", "an interval needs its ends"),
        ({"value": "-1"}, "value", "-1 day cannot be"),
        ({"statistic": "direction"}, "value", "12 is no direction"),
        ({"quantity": "ada_share", "unit": "%", "value": "101"}, "value", "101 % cannot be"),
        ({"quantity": "ada_share", "unit": "%", "value": "50", "events": "6", "n": "10"}, "value", "50% is not 6/10"),
        ({"events": "11", "n": "10"}, "events", "11 of 10 cannot be"),
        ({"events": "1"}, "events", "1 of None cannot be"),
        ({"quantity": "sbcma_at", "unit": "ng/mL"}, "timepoint_days", "needs the day"),
        ({"quantity": "ORR"}, "quantity", "'ORR' is not one of the words"),
    ],
)
def test_fault_is_named(tmp_path: Path, changes: dict[str, str], column: str, found: str) -> None:
    with pytest.raises(InputError) as caught:
        load_targets(write(tmp_path, **changes))
    (fault,) = caught.value.faults
    assert (fault.file, fault.row, fault.column) == ("kinetic.csv", 2, column)
    assert found in fault.found


def test_user_row_is_laid_over_the_built_in_one(tmp_path: Path) -> None:
    own = load_targets(write(tmp_path, target_id="cartitude1_t_max"))
    assert own.kinetic["cartitude1_t_max"].value == 12
    assert len(own.kinetic) == len(TARGETS.kinetic)
    assert own.hash != TARGETS.hash


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a folder"):
        load_targets(tmp_path / "nowhere")
