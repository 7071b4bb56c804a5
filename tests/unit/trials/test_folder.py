"""The tables of a trial in a folder: written whole, read back the same, refused where they are wrong."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.unit.trials.fabricated import fabricate_tables

from aftercar.foundation import InputError
from aftercar.trials.folder import load_manifest, load_tables, write_tables
from aftercar.trials.tables import TABLES, TrialTables


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tables(fabricate_tables(8), tmp_path)
    return tmp_path


def spoil(folder: Path, name: str, **changes: object) -> None:
    path = folder / "tables" / f"{name}.parquet"
    pd.read_parquet(path).assign(**changes).to_parquet(path, index=False)


def fault_of(folder: Path) -> str:
    with pytest.raises(InputError) as raised:
        load_tables(folder)
    return str(raised.value)


def test_tables_come_back_as_they_were(folder: Path) -> None:
    before, after = fabricate_tables(8), load_tables(folder)
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(before, name), getattr(after, name), check_dtype=False)
    assert list(after.subjects.columns)[-2:] == ["age", "high_risk_cytogenetics"], "covariates are kept"


def test_an_empty_table_keeps_the_types_of_a_full_one(tmp_path: Path) -> None:
    tables = dataclasses.replace(fabricate_tables(4), doses=pd.DataFrame(columns=list(TABLES["doses"])))
    write_tables(tables, tmp_path)
    doses = load_tables(tmp_path).doses
    assert len(doses) == 0 and doses["day"].dtype == np.float64 and doses["patient"].dtype == np.int64


def test_one_trial_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_tables(load_tables(folder), tmp_path / "again")
    for name in TABLES:
        first, second = (one / "tables" / f"{name}.parquet" for one in (folder, tmp_path / "again"))
        assert first.read_bytes() == second.read_bytes()


def test_a_folder_without_tables_is_named(tmp_path: Path) -> None:
    assert "has no folder 'tables'" in fault_of(tmp_path)
    assert "is no folder" in fault_of(tmp_path / "nowhere")


def test_every_missing_file_is_named(folder: Path) -> None:
    for name in ("visits", "clones"):
        (folder / "tables" / f"{name}.parquet").unlink()
    said = fault_of(folder)
    assert "tables/visits.parquet: the file does not exist" in said and "tables/clones.parquet" in said


@pytest.mark.parametrize("size", [0, 3, 200, -1])
def test_a_file_that_was_cut_off_is_named(size: int, folder: Path) -> None:
    path = folder / "tables" / "outcomes.parquet"
    path.write_bytes(path.read_bytes()[:size])
    assert "tables/outcomes.parquet: the file is cut off or no Parquet" in fault_of(folder)


def test_a_text_in_the_place_of_a_table_is_named(folder: Path) -> None:
    (folder / "tables" / "lines.parquet").write_text("arm,patient\nA,1\n" * 20)
    assert "tables/lines.parquet: the file is cut off or no Parquet" in fault_of(folder)


def test_a_damaged_page_is_named(folder: Path) -> None:
    path = folder / "tables" / "subjects.parquet"
    content = bytearray(path.read_bytes())
    content[10:60] = b"\xff" * 50
    path.write_bytes(bytes(content))
    assert "tables/subjects.parquet: the file is cut off or no Parquet" in fault_of(folder)


def test_missing_columns_are_named_with_what_they_hold(folder: Path) -> None:
    path = folder / "tables" / "outcomes.parquet"
    pd.read_parquet(path).drop(columns=["death_day", "arm"]).to_parquet(path, index=False)
    said = fault_of(folder)
    assert "outcomes.parquet, column death_day: the column 'death_day' is missing. It holds: death." in said
    assert "column arm" in said


@pytest.mark.parametrize(
    ("table", "column", "value", "word"),
    [
        ("outcomes", "death_day", "12", "not numbers"),
        ("outcomes", "end_day", True, "not numbers"),
        ("outcomes", "end_day", np.inf, "infinite"),
        ("outcomes", "treated", "yes", "not true or false"),
        ("outcomes", "cause_of_death", None, "missing where an empty text is meant"),
        ("outcomes", "arm", 1, "not text"),
        ("events", "grade", 1.5, "not whole"),
        ("subjects", "patient", np.nan, "not whole"),
        ("visits", "serum_m_g_per_dl", "high", "not numbers"),
    ],
)
def test_a_column_of_another_type_is_named(table: str, column: str, value: object, word: str, folder: Path) -> None:
    spoil(folder, table, **{column: value})
    said = fault_of(folder)
    assert f"{table}.parquet, column {column}:" in said and word in said


def test_a_patient_twice_is_refused(folder: Path) -> None:
    path = folder / "tables" / "outcomes.parquet"
    table = pd.read_parquet(path)
    pd.concat([table, table.iloc[:1]]).to_parquet(path, index=False)
    assert "outcomes.parquet, column patient: arm A, patient 1 stands twice." in fault_of(folder)


def test_a_row_of_nobody_is_refused(folder: Path) -> None:
    spoil(folder, "doses", patient=99)
    assert "doses.parquet, column patient: patient 99 is not in subjects.parquet." in fault_of(folder)


def test_a_row_of_an_arm_in_which_the_patient_is_not_is_refused(folder: Path) -> None:
    spoil(folder, "events", arm="C")
    assert "events.parquet, column arm: arm C, patient " in fault_of(folder)


def test_tables_that_contradict_themselves_are_not_written(tmp_path: Path) -> None:
    tables = fabricate_tables(4)
    bad = TrialTables(**{**vars_of(tables), "outcomes": tables.outcomes.drop(columns="treated")})
    with pytest.raises(InputError, match="treated"):
        write_tables(bad, tmp_path)
    assert list(tmp_path.iterdir()) == []


def vars_of(tables: TrialTables) -> dict[str, pd.DataFrame]:
    return {name: getattr(tables, name) for name in TABLES}


@pytest.mark.parametrize(
    ("content", "word"),
    [(None, "does not exist"), ("{", "no JSON:"), ("[1]", "no JSON object"), (b"\xff\xfe", "UTF-16")],
)
def test_a_manifest_that_is_none_is_refused(content: str | bytes | None, word: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError, match=word):
        load_manifest(tmp_path)
