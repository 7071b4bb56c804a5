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
        "--compare-off", "anti_car_antibodies", "--set", "growth_rate=0.03", "--sets", "8",
        "--format", "csv,parquet", "--format",
        "netcdf", "--out", "sim", cwd=room,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return room / "sim"


def test_typical_patient_is_headed_as_simulated(data: str) -> None:
    ended = run("simulate", "test_cart", "--data", data, "--days", "100")
    assert ended.returncode == 0, ended.stderr
    told = "SIMULATED, parameters calibrated to other first treatments, test_cart not: "
    assert ended.stdout.startswith(told)
    assert "typical patient [5%, 95% of the parameter sets]" in ended.stdout
    assert "parameters behind it are assumed" in ended.stdout
    assert "leading clone" in ended.stdout and "never for treating a patient" in ended.stdout
    days = [line.split()[0] for line in ended.stdout.splitlines() if line[:5].strip().isdigit()]
    assert days == ["0", "7", "14", "28", "60", "90", "100"]


@pytest.mark.parametrize(
    ("options", "told", "parameters"),
    [
        (("--sets", "0"), "SIMULATED, uncalibrated: ", "typical values of the catalogue"),
        (("--sets", "3", "--parameters", "prior"), "SIMULATED, uncalibrated: ", "3 sets of the prior"),
        (("--sets", "3", "--patients", "2"), "SIMULATED, parameters calibrated", "2 sets of the posterior"),
    ],
)
def test_the_output_says_which_parameters_were_taken(
    options: tuple[str, ...], told: str, parameters: str, data: str
) -> None:
    ended = run("simulate", "test_cart", "--data", data, "--days", "40", *options)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(told)
    assert f"parameters: {parameters}" in " ".join(ended.stdout.split())


def test_typical_values_write_what_they_wrote_before_there_were_sets(data: str, tmp_path: Path) -> None:
    ended = run(
        "simulate", "test_cart", "--data", data, "--days", "40", "--patients", "3", "--sets", "0", "--out", "sim",
        cwd=tmp_path,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    manifest = json.loads((tmp_path / "sim" / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["hashes"]) == {"model_data"}
    assert manifest["config"]["sets"] == 0 and manifest["config"]["parameters"] == "typical"
    columns = {path.name: set(pd.read_csv(path).columns) for path in (tmp_path / "sim").glob("*.csv")}
    assert set(columns) == {"trajectories.csv", "patients.csv", "summary.csv", "outcomes.csv"}
    assert not [name for names in columns.values() for name in names if name.startswith("parameter")]


def test_the_typical_patient_under_each_set_has_one_luck(data: str, tmp_path: Path) -> None:
    """Sets that say the same give the same course, to the last bit: the band holds parameters and nothing else."""
    words = ("simulate", "test_cart", "--data", data, "--days", "60", "--sets", "4", "--format", "csv,netcdf")
    ended = run(*words, "--out", "sim", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    table, sets = (pd.read_csv(tmp_path / "sim" / name) for name in ("trajectories.csv", "parameter_sets.csv"))
    assert sorted(table["parameter_set"].unique()) == [0, 1, 2, 3, 4] and (table["patient"] == 1).all()
    people = pd.read_csv(tmp_path / "sim" / "patients.csv").set_index("parameter_set")
    np.testing.assert_allclose(people.loc[1:, "growth_rate"], sets["growth_rate"], rtol=1e-7)
    assert people.loc[0, "growth_rate"] == pytest.approx(sets["growth_rate"].median(), rel=1e-7)
    grid = xr.open_dataset(io.BytesIO((tmp_path / "sim" / "trajectories.nc").read_bytes()), engine="scipy")
    assert grid["tumour_total"].dims == ("arm", "parameter_set", "time")
    assert grid.attrs["parameters"] == "4 sets of the posterior" and "test_cart not" in grid.attrs["kind"]
    under = grid["tumour_total"].isel(arm=0).sel(parameter_set=[1, 2, 3, 4], time=28.0).to_numpy()
    summary = pd.read_csv(tmp_path / "sim" / "summary.csv")
    row = summary[(summary["day"] == 28) & (summary["quantity"] == "tumour_total")]
    assert row["parameters_lb"].item() == pytest.approx(np.quantile(under, 0.05), rel=1e-7)
    assert row["parameters_ub"].item() == pytest.approx(np.quantile(under, 0.95), rel=1e-7)
    columns = [name for name in sets if name != "set"]
    fixed = [f"--set={name}={float(sets[name][0])!r}" for name in columns if name in people]
    assert len(fixed) > 5
    alike = run(*words, *fixed, "--set=product1_cd4_share=0.5", "--out", "alike", cwd=tmp_path)
    assert alike.returncode == 0, alike.stderr
    same = pd.read_csv(tmp_path / "alike" / "trajectories.csv").drop(columns="parameter_set")
    runs = [part.reset_index(drop=True) for _, part in same.groupby(np.arange(len(same)) // (len(same) // 5))]
    assert all(part.equals(runs[0]) for part in runs)
    replaced = " ".join(alike.stdout.split()).partition("in place of calibrated values: ")[2].partition(")")[0]
    assert {"growth_rate", "expansion_rate", "product1_cd4_share"} <= set(replaced.split(", "))
    assert "growth_rate = 0.0" in (tmp_path / "alike" / "report.html").read_text(encoding="utf-8")


def test_many_patients_give_whole_files(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "trajectories.csv", "trajectories.parquet", "trajectories.nc", "patients.csv", "summary.csv", "outcomes.csv",
        "parameter_sets.csv", "report.html", "manifest.json",
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
    protein, chain = (
        planned.pivot(index="patient", columns="day", values=name)
        for name in ("m_protein_g_per_dl", "free_light_chain")
    )
    marker = protein.where(protein.max(axis=1) > 1e-6, chain)
    marker = marker[marker.max(axis=1) > 1e-6]
    fallen = int((marker.min(axis=1) <= 0.5 * marker[0.0]).sum())
    first = outcomes[(outcomes["arm"] == "as planned")].iloc[0]
    assert (first["patients"], first["of"]) == (fallen, len(marker))


def test_report_carries_manifest_and_result(folder: Path) -> None:
    page = (folder / "report.html").read_text(encoding="utf-8")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert read_manifest(page) == manifest
    assert manifest["command"].startswith("aftercar simulate test_cart --then test_engager@60:30")
    assert set(manifest["hashes"]) == {"model_data", "parameter_sets"}
    assert manifest["config"]["set"] == {"growth_rate": 0.03}
    assert (manifest["config"]["sets"], manifest["config"]["parameters"]) == (8, "posterior")
    result = read_result(page)
    assert result["uncalibrated"] is False and result["parameters"] == "8 sets of the posterior"
    assert result["calibration"].endswith("test_cart, test_engager not")
    assert "SIMULATED, parameters calibrated to other first treatments" in page and "Anti-CAR antibodies" in page
    assert "in place of calibrated values: growth_rate" in page and "whatever their parameter set" in page


def test_patients_belong_to_sets_in_turn_in_every_form(folder: Path) -> None:
    expected = [(patient - 1) % 8 + 1 for patient in range(1, 21)]
    people = pd.read_csv(folder / "patients.csv")
    assert people.loc[people["arm"] == "as planned", "parameter_set"].tolist() == expected
    table = pd.read_parquet(folder / "trajectories.parquet")
    assert ((table["patient"] - 1) % 8 + 1 == table["parameter_set"]).all()
    grid = xr.open_dataset(io.BytesIO((folder / "trajectories.nc").read_bytes()), engine="scipy")
    assert grid["parameter_set"].to_numpy().tolist() == expected
    assert len(grid.attrs["parameter_sets_sha256"]) == 64
    sets = pd.read_csv(folder / "parameter_sets.csv").set_index("set")
    planned = people[people["arm"] == "as planned"]
    drawn = planned["expansion_rate"].to_numpy() / sets.loc[expected, "expansion_rate"].to_numpy()
    assert np.log(drawn).std() < np.log(planned["expansion_rate"]).std() or np.ptp(drawn) < 1e-6
    outcomes = pd.read_csv(folder / "outcomes.csv")
    known = outcomes[outcomes["parameters_lb"].notna()]
    assert len(known) and (known["parameters_lb"] <= known["parameters_ub"]).all()


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
    assert set(manifest["hashes"]) == {"model_data", "plan", "parameter_sets"}
    people = pd.read_csv(tmp_path / "sim" / "patients.csv")
    assert len(people) == 41 and (people["product1_potency"] == 0.8).all()
    table = pd.read_csv(tmp_path / "sim" / "trajectories.csv")
    table = table[table["parameter_set"] == 0]
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
    "sets below zero": (("test_cart", "--sets", "-3"), "option --sets"),
    "more sets than draws": (("test_cart", "--sets", "9000"), "the posterior has"),
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
