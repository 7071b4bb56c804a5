"""`aftercar export` as a user meets it, on a folder of a fabricated trial."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyreadstat
import pytest

from aftercar.foundation import Manifest
from aftercar.trials.folder import write_tables
from tests.end_to_end.commands import run
from tests.unit.trials.fabricated import fabricate_tables


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    write_tables(fabricate_tables(30), folder)
    manifest = Manifest("aftercar trial plan.toml", {"patients": 30}, 7, {"plan": "abc"})
    (folder / "manifest.json").write_text(manifest.to_json())
    return folder


def test_a_trial_becomes_a_folder_of_datasets(results: Path, tmp_path: Path) -> None:
    done = run("export", str(results), "--adam", str(tmp_path / "adam"), "--study", "VIRT-01")
    assert done.returncode == 0, done.stderr
    assert "SIMULATED" in done.stdout and "ADTTE" in done.stdout
    subjects, about = pyreadstat.read_xport(tmp_path / "adam" / "adsl.xpt")
    assert len(subjects) == 60 and set(subjects["STUDYID"]) == {"VIRT-01"} and "(simulated)" in about.file_label
    assert {path.suffix for path in (tmp_path / "adam").iterdir()} == {".csv", ".parquet", ".xpt", ".json"}
    manifest = json.loads((tmp_path / "adam" / "manifest.json").read_text())
    assert manifest["seed"] == 7 and manifest["hashes"]["trial_plan"] == "abc"
    assert manifest["config"]["study"] == "VIRT-01" and len(manifest["hashes"]["tables"]) == 64


def test_options_choose_forms_origin_and_calendar(results: Path, tmp_path: Path) -> None:
    done = run(
        "export", str(results), "--adam", str(tmp_path / "adam"), "--format", "csv", "--anchor", "2030-06-01",
        "--count-from", "entry",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not list((tmp_path / "adam").glob("*.xpt"))
    subjects = pd.read_csv(tmp_path / "adam" / "adsl.csv")
    assert subjects["RANDDT"].min() >= "2030-06-01" and set(subjects["STUDYID"]) == {"AFTERCAR"}
    times = pd.read_csv(tmp_path / "adam" / "adtte.csv")
    assert (times.query("PARAMCD == 'OS'")["STARTDT"] == times.query("PARAMCD == 'OS'")["RANDDT"]).all()


def test_what_the_trial_did_not_keep_is_left_out_and_said(results: Path, tmp_path: Path) -> None:
    doses = results / "tables" / "doses.parquet"
    pd.read_parquet(doses).iloc[:0].to_parquet(doses, index=False)
    done = run("export", str(results), "--adam", str(tmp_path / "adam"))
    assert done.returncode == 0, done.stderr
    assert "left out" in done.stdout and not (tmp_path / "adam" / "adex.xpt").exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--study", "my study"], "is no identifier of a study"),
        (["--anchor", "yesterday"], "option --anchor"),
        (["--anchor", "0001-01-01"], "option --anchor"),
        (["--format", "sas7bdat"], "--format"),
        (["--count-from", "birth"], "--count-from"),
    ],
)
def test_options_that_cannot_be_are_refused(arguments: list[str], word: str, results: Path, tmp_path: Path) -> None:
    done = run("export", str(results), "--adam", str(tmp_path / "adam"), *arguments)
    assert done.returncode == 2 and word in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "adam").exists()


def test_the_folder_for_the_datasets_must_be_named(results: Path) -> None:
    done = run("export", str(results))
    assert done.returncode == 2 and "--adam" in done.stderr


def test_malformed_folders_are_refused_with_file_and_column(results: Path, tmp_path: Path) -> None:
    target = str(tmp_path / "adam")
    assert "is no folder" in run("export", str(tmp_path / "nowhere"), "--adam", target).stderr
    tables = results / "tables"
    whole = (tables / "outcomes.parquet").read_bytes()
    (tables / "outcomes.parquet").write_bytes(whole[: len(whole) // 2])
    (tables / "visits.parquet").unlink()
    done = run("export", str(results), "--adam", target)
    assert done.returncode == 2 and "error: tables/outcomes.parquet: the file is cut off" in done.stderr
    assert "error: tables/visits.parquet: the file does not exist" in done.stderr
    assert not Path(target).exists()


def test_a_folder_without_a_manifest_is_refused(results: Path, tmp_path: Path) -> None:
    (results / "manifest.json").unlink()
    done = run("export", str(results), "--adam", str(tmp_path / "adam"))
    assert done.returncode == 2 and "manifest.json" in done.stderr


def test_an_arm_with_a_name_beyond_ascii_goes_everywhere_but_into_a_transport_file(
    results: Path, tmp_path: Path
) -> None:
    tables = fabricate_tables(30)
    renamed = {
        name: getattr(tables, name).assign(arm=lambda t: t["arm"].replace("A", "Arm α"))
        for name in ("lines", "outcomes", "visits", "events", "doses", "clones")
    }
    write_tables(type(tables)(subjects=tables.subjects, **renamed), results)
    refused = run("export", str(results), "--adam", str(tmp_path / "adam"))
    assert refused.returncode == 2 and "'Arm α'" in refused.stderr and "ADSL.xpt, column ARM" in refused.stderr
    done = run("export", str(results), "--adam", str(tmp_path / "adam"), "--format", "csv", "--format", "parquet")
    assert done.returncode == 0, done.stderr


def test_help_has_an_example() -> None:
    done = run("export", "--help")
    assert done.returncode == 0 and "Example: aftercar export" in done.stdout
