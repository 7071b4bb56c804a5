"""The export as users of SAS transport files meet it: read by R (foreign, haven) and pyreadstat, analysed by survival.

The trial is fabricated: what is validated is that files hold what the program means, and that an analyst finds the
program's own curves and hazard ratio in them.
"""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat
import pytest
from tests.unit.trials.fabricated import fabricate_tables

from aftercar.synthesis import fit_kaplan_meier
from aftercar.synthesis.survival_comparison import fit_hazard_ratio
from aftercar.trials.adam import AdamDataset, build_adam, write_adam
from aftercar.trials.endpoint_records import take_records
from aftercar.trials.tables import TrialTables

SCRIPT = Path(__file__).parent / "read_adam.R"
NAMES = ["ADSL", "ADRS", "ADTTE", "ADLB", "ADEX", "ADAE"]
EPOCH = pd.Timestamp("1960-01-01")


def has_r(*packages: str) -> bool:
    if shutil.which("Rscript") is None:
        return False
    wanted = "; ".join(f"library({package})" for package in packages)
    return subprocess.run(["Rscript", "-e", wanted], capture_output=True).returncode == 0


pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(not has_r("foreign", "survival"), reason="needs Rscript with foreign and survival"),
]
READERS = [
    "foreign",
    pytest.param("haven", marks=pytest.mark.skipif(not has_r("haven"), reason="R has no package haven")),
]


@pytest.fixture(scope="module")
def trial() -> TrialTables:
    """120 patients in two arms, with days that are not whole: a day lost or added would move a curve."""
    tables = fabricate_tables(120, seed=11)
    outcomes = tables.outcomes.copy()
    part = np.random.default_rng(3).uniform(0, 1, len(outcomes))
    for column in ("death_day", "end_day", "drop_out_day", "last_visit_day"):
        outcomes[column] += part
    return dataclasses.replace(tables, outcomes=outcomes)


@pytest.fixture(scope="module")
def datasets(trial: TrialTables) -> Mapping[str, AdamDataset]:
    return build_adam(trial, study="LIVE")


@pytest.fixture(scope="module")
def folder(datasets: Mapping[str, AdamDataset], tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("adam") / "out"
    write_adam(datasets, target, formats=("xpt",))
    return target


@pytest.fixture(scope="module")
def by_r(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("by_r")
    done = subprocess.run(["Rscript", str(SCRIPT), str(folder), str(out)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


def as_sas(dataset: AdamDataset, name: str) -> np.ndarray:
    """Return a variable as a transport file holds it: dates as days since 1960-01-01."""
    column = dataset.table[name]
    if column.dtype.kind == "M":
        return (column - EPOCH).dt.days.to_numpy(dtype=float)
    return column.to_numpy()


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", NAMES)
def test_r_reads_every_value(name: str, reader: str, by_r: Path, datasets: Mapping[str, AdamDataset]) -> None:
    dataset = datasets[name]
    found = pd.read_csv(by_r / f"{reader}_{name.lower()}.csv", dtype=str, keep_default_na=False)
    assert list(found.columns) == list(dataset.table.columns) and len(found) == len(dataset.table)
    for one in dataset.variables:
        if one.kind == "text":
            assert found[one.name].tolist() == dataset.table[one.name].tolist(), one.name
        else:
            values = found[one.name].replace("NA", "nan").astype(float)
            np.testing.assert_array_equal(values, as_sas(dataset, one.name), err_msg=one.name)


@pytest.mark.parametrize("reader", READERS)
def test_r_finds_the_labels(reader: str, by_r: Path, datasets: Mapping[str, AdamDataset]) -> None:
    labels = pd.read_csv(by_r / "labels.csv", keep_default_na=False)
    labels = labels[labels["reader"] == reader]
    assert set(labels["dataset"]) == set(NAMES)
    for name, dataset in datasets.items():
        rows = labels[labels["dataset"] == name]
        expected = {one.name: one.label for one in dataset.variables}
        if reader == "haven":
            assert set(rows["file_label"]) == {dataset.label}
        assert dict(zip(rows["variable"], rows["label"], strict=True)) == expected


@pytest.mark.parametrize("name", NAMES)
def test_pyreadstat_reads_values_labels_and_dates(name: str, folder: Path, datasets: Mapping[str, AdamDataset]) -> None:
    dataset = datasets[name]
    table, about = pyreadstat.read_xport(folder / f"{name.lower()}.xpt", disable_datetime_conversion=True)
    assert (about.table_name, about.file_label) == (name, dataset.label)
    assert about.column_names_to_labels == {one.name: one.label for one in dataset.variables}
    for one in dataset.variables:
        np.testing.assert_array_equal(table[one.name].to_numpy(), as_sas(dataset, one.name))
        assert (about.original_variable_types[one.name] == "DATE9") == (one.kind == "date")


def test_survfit_of_the_file_is_our_kaplan_meier(by_r: Path, trial: TrialTables) -> None:
    found = pd.read_csv(by_r / "survfit.csv", float_precision="round_trip")
    records = take_records(trial, "PFS")
    assert set(found["arm"]) == set(records["arm"]) == {"A", "B"}
    for arm, rows in found.groupby("arm"):
        own = records[records["arm"] == arm]
        curve = fit_kaplan_meier(own["duration"], own["event"])
        # R takes times for equal that differ by less than 1.5e-8 of their size, and gives the first of them.
        np.testing.assert_allclose(rows["time"], curve.time, rtol=1e-12)
        np.testing.assert_array_equal(rows["n.risk"], curve.at_risk)
        np.testing.assert_array_equal(rows["n.event"], curve.events)
        np.testing.assert_array_equal(rows["n.censor"], curve.censored)
        np.testing.assert_allclose(rows["surv"], curve.survival, rtol=1e-12, atol=1e-15)


def test_coxph_of_the_file_prints_our_hazard_ratio(by_r: Path, trial: TrialTables) -> None:
    found = pd.read_csv(by_r / "coxph.csv", dtype=str).iloc[0]
    records = take_records(trial, "PFS").rename(columns={"duration": "time"})
    own = fit_hazard_ratio({arm: records[records["arm"] == arm] for arm in ("A", "B")})  # lifelines within
    np.testing.assert_allclose(float(found["hr"]), own.estimate, rtol=1e-6)
    np.testing.assert_allclose(float(found["se"]), own.se, rtol=1e-6)
    decimals = len(found["printed"].partition(".")[2])
    assert f"{own.estimate:.{decimals}f}" == found["printed"] and decimals >= 4
