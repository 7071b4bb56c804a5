"""`aftercar simulate` as a user meets it: one patient, many, side by side, files, and everything that can be wrong."""

from __future__ import annotations

import importlib
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from aftercar.report import read_manifest, read_result
from tests.end_to_end.commands import run

# Therapies of the tests' own, so that no change of a drug's numbers moves these tests.
THERAPIES = """
[test_depletion.action]
kind = "lymphodepletion"
schedule = [{ day = -5.0, amount = 1.0, unit = "dose", every = 1.0, times = 3 }]

[test_cart.action]
kind = "product"
binds = { BCMA = 1.0 }
lymphodepletion = "test_depletion"
schedule = [{ day = 0.0, amount = 4.5e8, unit = "cell" }]

[test_engager.action]
kind = "engager"
binds = { GPRC5D = 1.0 }
schedule = [{ day = 0.0, amount = 0.4, unit = "mg/kg", every = 7.0 }]
"""
PLAN = """
[[treatment]]
therapy = "test_engager"
day = 60
days = 30
dose_factor = 0.5

[[treatment]]
therapy = "test_cart"
lymphodepletion = "none"
values = { potency = 0.8 }
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("data")
    (folder / "therapies").mkdir()
    (folder / "therapies" / "tests.toml").write_text(THERAPIES, encoding="utf-8")
    return str(folder)


@pytest.fixture(scope="module")
def folder(data: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty patients with and without a mechanism, in every form of data."""
    room = tmp_path_factory.mktemp("many")
    ended = run(
        "simulate", "test_cart", "--then", "test_engager@60:30", "--data", data, "--patients", "20", "--days", "120",
        "--compare-off", "anti_car_antibodies", "--set", "growth_rate=0.03", "--format", "csv,parquet", "--format",
        "netcdf", "--out", "sim", cwd=room,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return room / "sim"


def test_typical_patient_is_headed_as_simulated(data: str) -> None:
    ended = run("simulate", "test_cart", "--data", data, "--days", "100")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("SIMULATED, uncalibrated: ")
    assert "parameters behind it are assumed" in ended.stdout
    assert "leading clone" in ended.stdout and "never for treating a patient" in ended.stdout
    days = [line.split()[0] for line in ended.stdout.splitlines() if line[:5].strip().isdigit()]
    assert days == ["0", "7", "14", "28", "60", "90", "100"]


def test_many_patients_give_whole_files(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "trajectories.csv", "trajectories.parquet", "trajectories.nc", "patients.csv", "summary.csv", "outcomes.csv",
        "report.html", "manifest.json",
    }  # fmt: skip
    assert not list(folder.parent.glob(".sim*")), "a temporary folder was left"


def test_all_forms_of_the_data_agree(folder: Path) -> None:
    text = pd.read_csv(folder / "trajectories.csv")
    table = pd.read_parquet(folder / "trajectories.parquet")
    grid = xr.open_dataset(io.BytesIO((folder / "trajectories.nc").read_bytes()), engine="scipy")
    assert list(text.columns) == list(table.columns) and len(text) == len(table)
    assert set(text["arm"]) == {"as planned", "without: Anti-CAR antibodies"}
    # The CSV has eight digits.
    np.testing.assert_allclose(text["tumour_total"], table["tumour_total"], rtol=1e-7)
    one = table[(table["arm"] == "as planned") & (table["patient"] == 3)]
    np.testing.assert_array_equal(grid["m_protein"].isel(arm=0).sel(patient=3), one["m_protein"])
    assert grid["tumour_total"].attrs["units"] == "cell"


def test_arms_share_their_patients(folder: Path) -> None:
    people = pd.read_csv(folder / "patients.csv").set_index(["arm", "patient"])
    arms = [people.loc[arm] for arm in ("as planned", "without: Anti-CAR antibodies")]
    differs = {name for name in people.columns if not arms[0][name].equals(arms[1][name])}
    assert differs == {"switch_anti_car_antibodies"}
    assert (people["growth_rate"] == 0.03).all()
    table = pd.read_csv(folder / "trajectories.csv")
    before = table[table["day"] <= 0].groupby("arm")["tumour_total"].apply(list)
    assert before.iloc[0] == before.iloc[1], "same luck before the mechanism can act"


def test_summary_and_outcomes_are_those_of_the_trajectories(folder: Path) -> None:
    table, summary = pd.read_csv(folder / "trajectories.csv"), pd.read_csv(folder / "summary.csv")
    row = summary[(summary["arm"] == "as planned") & (summary["day"] == 28) & (summary["quantity"] == "tumour_total")]
    values = table[(table["arm"] == "as planned") & (table["day"] == 28)]["tumour_total"]
    assert row["median"].item() == pytest.approx(values.median(), rel=1e-6)
    assert row["q05"].item() == pytest.approx(values.quantile(0.05), rel=1e-6)
    outcomes = pd.read_csv(folder / "outcomes.csv")
    planned = table[(table["arm"] == "as planned") & (table["day"] >= 0)]
    protein = planned.pivot(index="patient", columns="day", values="m_protein_g_per_dl")
    fallen = int((protein.min(axis=1) <= 0.5 * protein[0.0]).sum())
    first = outcomes[(outcomes["arm"] == "as planned")].iloc[0]
    assert (first["patients"], first["of"]) == (fallen, 20)


def test_report_carries_manifest_and_result(folder: Path) -> None:
    page = (folder / "report.html").read_text(encoding="utf-8")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert read_manifest(page) == manifest
    assert manifest["command"].startswith("aftercar simulate test_cart --then test_engager@60:30")
    assert set(manifest["hashes"]) == {"model_data"} and manifest["config"]["set"] == {"growth_rate": 0.03}
    assert read_result(page)["uncalibrated"] is True
    assert "SIMULATED, uncalibrated" in page and "Anti-CAR antibodies" in page


def test_the_same_command_gives_the_same_bytes_over_an_older_run(data: str, tmp_path: Path) -> None:
    words = ("simulate", "test_cart", "--data", data, "--patients", "40", "--days", "60", "--out", "sim")
    first = run(*words, "--workers", "1", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    before = {path.name: path.read_bytes() for path in (tmp_path / "sim").iterdir()}
    again = run(*words, "--workers", "1", cwd=tmp_path)
    assert again.returncode == 0 and again.stdout == first.stdout
    assert {path.name: path.read_bytes() for path in (tmp_path / "sim").iterdir()} == before
    other = run(*words, "--workers", "3", cwd=tmp_path)
    after = {path.name: path.read_bytes() for path in (tmp_path / "sim").iterdir()}
    told = {"manifest.json", "report.html"}  # these print the command
    assert other.returncode == 0
    assert {k: v for k, v in after.items() if k not in told} == {k: v for k, v in before.items() if k not in told}
    elsewhere = run(*words, "--seed", "5", cwd=tmp_path)
    assert elsewhere.returncode == 0
    assert (tmp_path / "sim" / "trajectories.csv").read_bytes() != before["trajectories.csv"]


def test_a_plan_in_a_file_is_the_plan_in_words(data: str, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(PLAN, encoding="utf-8")
    ended = run("simulate", "--plan", "plan.toml", "--data", data, "--days", "120", "--out", "sim", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    manifest = json.loads((tmp_path / "sim" / "manifest.json").read_text(encoding="utf-8"))
    assert [one["therapy"] for one in manifest["config"]["plan"]] == ["test_engager", "test_cart"]
    assert set(manifest["hashes"]) == {"model_data", "plan"}
    people = pd.read_csv(tmp_path / "sim" / "patients.csv")
    assert people["product1_potency"].item() == 0.8
    table = pd.read_csv(tmp_path / "sim" / "trajectories.csv")
    assert table["day"].min() == 0, "no lymphodepletion, nothing before day 0"
    given = table.set_index("day")["engager1_concentration"]
    assert given[59] == 0 and given[61] > 0 and given[110] < given[85]


def test_a_switched_off_mechanism_is_named_and_off(data: str) -> None:
    ended = run("simulate", "test_cart", "--data", data, "--days", "90", "--off", "exhaustion")
    assert ended.returncode == 0, ended.stderr
    assert "switched off:" in ended.stdout


@pytest.mark.parametrize("place", ["aftercar.patients.arms.simulate", "aftercar.cli.simulate_files.write_atomic"])
def test_an_interrupted_run_leaves_the_older_folder_whole(
    place: str, data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while patients are simulated, or between two files."""
    words = ("simulate", "test_cart", "--data", data, "--days", "60", "--patients", "40", "--out", "sim")
    assert run(*words, cwd=tmp_path).returncode == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "sim").iterdir()}
    module, name = place.rsplit(".", 1)
    real, calls = getattr(importlib.import_module(module), name), []

    def interrupted(*arguments: object, **options: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr(place, interrupted)
    ended = run(*words, "--seed", "5", cwd=tmp_path)
    assert ended.returncode == 130 and len(calls) == 2
    assert "interrupted: files are written whole or not at all" in ended.stderr and "Traceback" not in ended.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "sim").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["sim"], "a temporary folder was left"


BAD = {
    "no plan": ((), "there is no treatment"),
    "unknown therapy": (("test_carts",), "Did you mean test_cart"),
    "empty day": (("test_cart@",), "'test_cart@' is no treatment"),
    "day in words": (("test_cart@monday",), "the day 'monday' is no number"),
    "infinite day": (("test_cart@inf",), "the day 'inf' is no number"),
    "empty duration": (("test_engager@3:",), "'test_engager@3:' is no treatment"),
    "negative duration": (("test_engager@3:-1",), "it lasts -1 days"),
    "begins after the end": (("test_cart@900",), "begins on day 900, after the last day 730"),
    "words and file": (("test_cart", "--plan", "plan.toml"), "both as words and as a file"),
    "no file": (("--plan", "nowhere.toml"), "the file does not exist"),
    "unknown mechanism": (("test_cart", "--off", "exhaustionn"), "Did you mean exhaustion"),
    "unknown mechanism compared": (("test_cart", "--compare-off", "x" * 99), "option --compare-off"),
    "compared and off": (("test_cart", "--off", "exhaustion", "--compare-off", "exhaustion"), "each mechanism once"),
    "unknown parameter": (("test_cart", "--set", "growth_rat=1"), "Did you mean growth_rate"),
    "value without name": (("test_cart", "--set", "0.3"), "has no name and value"),
    "value in words": (("test_cart", "--set", "growth_rate=fast"), "'fast' is no number"),
    "set twice": (("test_cart", "--set", "growth_rate=1", "--set", "growth_rate=2"), "was set twice"),
    "negative value": (("test_cart", "--set", "growth_rate=-1"), "Give a value of 0 or more"),
    "no days": (("test_cart", "--days", "0"), "option --days"),
    "days are no number": (("test_cart", "--days", "nan"), "option --days"),
    "no interval": (("test_cart", "--every", "0"), "option --every"),
    "patients below zero": (("test_cart", "--patients", "-3"), "option --patients"),
    "seed below zero": (("test_cart", "--seed", "-3"), "option --seed"),
    "too much": (("test_cart", "--patients", "9000000"), "values would be kept"),
    "unknown form": (("test_cart", "--format", "xlsx", "--out", "sim"), "'xlsx' is no known form"),
    "form without folder": (("test_cart", "--format", "csv"), "nothing is written without --out"),
    "no report without folder": (("test_cart", "--no-report"), "nothing is written without --out"),
    "folder of others": (("test_cart", "--out", "others"), "which no simulation wrote"),
    "folder is a file": (("test_cart", "--out", "others/thing.txt"), "is a file"),
    "folder in a file": (("test_cart", "--out", "others/thing.txt/sim"), "nothing can be written into"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_with_the_mend(case: str, data: str, tmp_path: Path) -> None:
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "thing.txt").write_text("mine", encoding="utf-8")
    words, told = BAD[case]
    ended = run("simulate", *words, "--data", data, cwd=tmp_path)
    assert ended.returncode == 2
    assert told in " ".join(ended.stderr.split()) and "error: " in ended.stderr
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["others", "thing.txt"]


_CART = "[[treatment]]\ntherapy = 'test_cart'\n"
BAD_PLANS = {
    "no TOML": ("[[treatment", "plan.toml: this is not TOML"),
    "empty": ("", "it holds no table [[treatment]]"),
    "other table": ("[[therapy]]\nx = 1\n", "'therapy' has no place here"),
    "one table": ("[treatment]\ntherapy = 'test_cart'\n", "it holds no table [[treatment]]"),
    "no therapy": ("[[treatment]]\nday = 3\n", "column treatment 1.therapy: it is missing"),
    "unknown field": (_CART + "dose = 3\n", "column treatment 1.dose: there is no such field"),
    "wrong type": (_CART + "day = 'x'\n", "column treatment 1.day: 'x' has the wrong type"),
    "no number": (_CART + "day = nan\n", "column treatment 1.day: nan is no finite number"),
    "value no number": (_CART + "values = { potency = 'x' }\n", "treatment 1.values.potency"),
    "unknown": (_CART + _CART.replace("cart", "cat"), "column treatment 2: there is no therapy"),
    "regimen": (_CART + "lymphodepletion = 'test_cart'\n", "'test_cart' is no lymphodepletion"),
    "value unknown": (_CART + "values = { x = 1 }\n", "a product has no parameter 'x'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_PLANS)
def test_bad_plan_is_named_with_file_and_entry(case: str, data: str, tmp_path: Path) -> None:
    text, told = BAD_PLANS[case]
    (tmp_path / "plan.toml").write_text(text, encoding="utf-8")
    ended = run("simulate", "--plan", "plan.toml", "--data", data, "--out", "sim", cwd=tmp_path)
    assert ended.returncode == 2
    assert told in " ".join(ended.stderr.split())
    assert not (tmp_path / "sim").exists()
