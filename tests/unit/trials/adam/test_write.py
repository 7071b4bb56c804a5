"""Files of the datasets: read back they hold what was written; what they cannot hold is refused before anything is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyreadstat
import pytest
from tests.unit.trials.fabricated import fabricate_tables

from aftercar.foundation import InputError, Manifest
from aftercar.trials.adam import FORMATS, AdamDataset, build_adam, write_adam

NAMES = ["ADSL", "ADRS", "ADTTE", "ADLB", "ADEX", "ADAE"]


@pytest.fixture(scope="module")
def datasets() -> Mapping[str, AdamDataset]:
    return build_adam(fabricate_tables(20), study="VIRT-01")


@pytest.fixture(scope="module")
def folder(datasets: Mapping[str, AdamDataset], tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("adam") / "out"
    assert write_adam(datasets, target) == tuple(NAMES)
    return target


def changed(dataset: AdamDataset, **columns: Any) -> dict[str, AdamDataset]:
    return {dataset.name: dataclasses.replace(dataset, table=dataset.table.assign(**columns))}


def test_a_folder_holds_each_dataset_in_each_form(folder: Path) -> None:
    files = {f"{name.lower()}.{form}" for name in NAMES for form in FORMATS} | {"variables.csv"}
    assert {path.name for path in folder.iterdir()} == files


@pytest.mark.parametrize("name", NAMES)
def test_a_transport_file_gives_back_values_labels_and_dates(
    name: str, folder: Path, datasets: Mapping[str, AdamDataset]
) -> None:
    dataset = datasets[name]
    path = folder / f"{name.lower()}.xpt"
    table, about = pyreadstat.read_xport(path, disable_datetime_conversion=True)
    assert about.table_name == name and about.file_label == dataset.label
    assert about.column_names_to_labels == {one.name: one.label for one in dataset.variables}
    for one in dataset.variables:
        if one.kind == "date":
            assert about.original_variable_types[one.name] == "DATE9"
            days = (dataset.table[one.name] - pd.Timestamp("1960-01-01")).dt.days
            np.testing.assert_array_equal(table[one.name], days.astype(float))  # missing is missing
        elif one.kind == "number":
            np.testing.assert_array_equal(table[one.name], dataset.table[one.name])  # to the last bit
        else:
            assert table[one.name].tolist() == dataset.table[one.name].tolist()
    assert path.read_bytes().startswith(b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!"), "version 5, not 8"


def test_dates_of_a_transport_file_are_dates_to_its_readers(folder: Path, datasets: Mapping[str, AdamDataset]) -> None:
    table, _ = pyreadstat.read_xport(folder / "adsl.xpt")
    own = datasets["ADSL"].table["DTHDT"]
    assert table["DTHDT"].isna().eq(own.isna()).all()
    assert (pd.to_datetime(table["DTHDT"]).dropna() == own.dropna()).all()


@pytest.mark.parametrize("name", NAMES)
def test_csv_and_parquet_give_back_the_same(name: str, folder: Path, datasets: Mapping[str, AdamDataset]) -> None:
    dataset = datasets[name]
    dates = [one.name for one in dataset.variables if one.kind == "date"]
    texts = {one.name: str for one in dataset.variables if one.kind == "text"}
    plain = pd.read_csv(
        folder / f"{name.lower()}.csv", dtype=texts, parse_dates=dates, keep_default_na=False,
        na_values={column: [""] for column in dataset.table if column not in texts}, float_precision="round_trip",
    )  # fmt: skip
    plain[dates] = plain[dates].astype("datetime64[s]")
    pd.testing.assert_frame_equal(plain, dataset.table, check_dtype=False, check_exact=True)
    stored = pq.read_table(folder / f"{name.lower()}.parquet")
    assert (
        stored.schema.metadata[b"label"].decode() == dataset.label and stored.schema.metadata[b"origin"] == b"simulated"
    )
    labels = {field.name: field.metadata[b"label"].decode() for field in stored.schema}
    assert labels == {one.name: one.label for one in dataset.variables}
    frame = stored.to_pandas()
    frame[dates] = frame[dates].apply(pd.to_datetime).astype("datetime64[s]")
    pd.testing.assert_frame_equal(frame, dataset.table, check_dtype=False, check_exact=True)


def test_whole_numbers_are_written_as_such_and_dates_as_iso(folder: Path) -> None:
    first = pd.read_csv(folder / "adsl.csv", dtype=str, keep_default_na=False).iloc[0]
    assert first["PATIENT"] == "1" and first["TRT01PN"] == "1" and len(first["RANDDT"]) == len("2000-01-01")


def test_the_table_of_variables_describes_every_file(folder: Path, datasets: Mapping[str, AdamDataset]) -> None:
    described = pd.read_csv(folder / "variables.csv", keep_default_na=False)
    assert set(described["dataset"]) == set(NAMES) and set(described["origin"]) == {"simulated"}
    for name, rows in described.groupby("dataset"):
        table, about = pyreadstat.read_xport(folder / f"{str(name).lower()}.xpt")
        assert rows["variable"].tolist() == list(table.columns)
        assert dict(zip(rows["variable"], rows["length"], strict=True)) == about.variable_storage_width
    assert set(described["type"]) == {"Char", "Num"} and (described["derivation"] != "").all()


def test_one_trial_gives_the_same_bytes_at_any_time(
    folder: Path, tmp_path: Path, datasets: Mapping[str, AdamDataset]
) -> None:
    write_adam(datasets, tmp_path / "again")
    for file in folder.iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes(), file.name
    assert b"01JAN60:00:00:00" in (folder / "adsl.xpt").read_bytes()[:640]


def test_only_what_is_asked_for_is_written_and_an_older_export_is_replaced(
    tmp_path: Path, datasets: Mapping[str, AdamDataset]
) -> None:
    target = tmp_path / "out"
    write_adam(datasets, target)
    manifest = Manifest("aftercar export", {}, 1, {})
    assert write_adam({"ADSL": datasets["ADSL"]}, target, formats=("csv",), manifest=manifest) == ("ADSL",)
    assert {path.name for path in target.iterdir()} == {"adsl.csv", "variables.csv", "manifest.json"}


def test_a_dataset_without_rows_is_left_out(tmp_path: Path, datasets: Mapping[str, AdamDataset]) -> None:
    empty = dataclasses.replace(datasets["ADLB"], table=datasets["ADLB"].table.iloc[:0])
    assert write_adam({"ADSL": datasets["ADSL"], "ADLB": empty}, tmp_path / "out") == ("ADSL",)
    assert not list((tmp_path / "out").glob("adlb*"))


@pytest.mark.parametrize(
    ("column", "value", "word"),
    [
        ("ARM", "x" * 201, "has 201 characters; a transport file holds 200"),
        ("ARM", "≥2 prior lines", "not printable ASCII"),
        ("ARM", "two\nlines", "not printable ASCII"),
        ("TUMORBL", 16.0**62, "4.52313e+74 is no number of a transport file"),
        ("TUMORBL", -np.inf, "-inf is no number of a transport file"),
        ("TUMORBL", 1e-80, "1e-80 is no number of a transport file"),
    ],
)
def test_what_a_transport_file_cannot_hold_is_refused_before_anything_is_written(
    column: str, value: object, word: str, tmp_path: Path, datasets: Mapping[str, AdamDataset]
) -> None:
    bad = changed(datasets["ADSL"], **{column: value})
    with pytest.raises(InputError) as raised:
        write_adam(bad, tmp_path / "out")
    assert f"ADSL.xpt, column {column}: " in str(raised.value) and word in str(raised.value)
    assert list(tmp_path.iterdir()) == []
    write_adam(bad, tmp_path / "out", formats=("csv", "parquet"))  # these hold it
    assert pd.read_csv(tmp_path / "out" / "adsl.csv")[column].iloc[0] == value


def test_the_longest_text_and_the_largest_number_pass_unharmed(
    tmp_path: Path, datasets: Mapping[str, AdamDataset]
) -> None:
    n = len(datasets["ADSL"].table)
    powers = np.linspace(-64, 61, n).round()
    wide = {"TUMORBL": 16.0**powers * np.nextafter(16, 1), "ANTIBBL": -(16.0**-65), "MPROTBL": 16.0**powers * 1.3}
    write_adam(changed(datasets["ADSL"], ARM="x" * 200, **wide), tmp_path / "out")
    table, _ = pyreadstat.read_xport(tmp_path / "out" / "adsl.xpt")
    assert table["ARM"].iloc[0] == "x" * 200
    for name, values in wide.items():
        np.testing.assert_array_equal(table[name], values)


@pytest.mark.parametrize(
    ("name", "label", "word"),
    [("TOOLONGNAME", "x", "no SAS name"), ("lower", "x", "no SAS name"), ("OK", "x" * 41, "has 41 characters"),
     ("OK", "µg", "ASCII")],
)  # fmt: skip
def test_names_and_labels_must_fit(
    name: str, label: str, word: str, tmp_path: Path, datasets: Mapping[str, AdamDataset]
) -> None:
    one = datasets["ADSL"]
    variables = (dataclasses.replace(one.variables[0], name=name, label=label), *one.variables[1:])
    bad = dataclasses.replace(one, variables=variables, table=one.table.rename(columns={"STUDYID": name}))
    with pytest.raises(InputError, match=word):
        write_adam({"ADSL": bad}, tmp_path / "out", formats=("xpt",))


def test_every_fault_is_told_at_once(tmp_path: Path, datasets: Mapping[str, AdamDataset]) -> None:
    bad = changed(datasets["ADSL"], ARM="ä", MECHAN="ö") | changed(datasets["ADEX"], EXTRT="ü")
    with pytest.raises(InputError) as raised:
        write_adam(bad, tmp_path / "out")
    assert {fault.column for fault in raised.value.faults} == {"ARM", "MECHAN", "EXTRT"}


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path, datasets: Mapping[str, AdamDataset]) -> None:
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(InputError, match=r"holds 'thesis.docx', which no export wrote"):
        write_adam(datasets, tmp_path)
    (tmp_path / "thesis.docx").rename(tmp_path / "adsl.csv")
    with pytest.raises(InputError, match=r"holds 'adsl.csv', which no export wrote"):
        write_adam(datasets, tmp_path)  # without a table of variables it is somebody's own
    with pytest.raises(InputError, match="this is a file"):
        write_adam(datasets, tmp_path / "adsl.csv")


def test_a_write_that_fails_leaves_the_older_export(
    tmp_path: Path, datasets: Mapping[str, AdamDataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    write_adam({"ADSL": datasets["ADSL"]}, target)
    before = {path.name: path.read_bytes() for path in target.iterdir()}

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pyreadstat, "write_xport", fail)
    with pytest.raises(OSError, match="No space"):
        write_adam(datasets, target)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("formats", [("sas7bdat",), ()])
def test_an_unknown_format_is_refused(
    formats: tuple[str, ...], tmp_path: Path, datasets: Mapping[str, AdamDataset]
) -> None:
    with pytest.raises(InputError, match="Use csv, parquet, xpt"):
        write_adam(datasets, tmp_path / "out", formats=formats)
