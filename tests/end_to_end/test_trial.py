"""`aftercar trial` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.end_to_end.commands import run

PLAN = """population = "karmma_like"
patients = 40
index_days = 500
days = 84

[[index]]
therapy = "ide_cel"

[[arms]]
name = "talquetamab"
treatments = [{ therapy = "talquetamab" }]

[[arms]]
name = "nothing but dexamethasone"
treatments = [{ therapy = "dexamethasone" }]
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "plan.toml"
    file.write_text(PLAN)
    return file


def test_the_tables_are_written_and_say_that_they_are_simulated(plan: Path, tmp_path: Path) -> None:
    result = run("trial", str(plan), "--seed", "3", "--out", str(tmp_path / "out"))
    assert result.returncode == 0, result.stderr
    assert "SIMULATED, uncalibrated" in result.stdout and "talquetamab" in result.stdout
    endpoints = pd.read_csv(tmp_path / "out" / "endpoints.csv")
    assert set(endpoints["kind"]) == {"simulated"}
    assert set(endpoints["arm"]) == {"talquetamab", "nothing but dexamethasone"}
    patients = pd.read_parquet(tmp_path / "out" / "patients.parquet")
    index = pd.read_parquet(tmp_path / "out" / "index.parquet")
    assert len(index) == 40 and len(patients) == 2 * index["progressed"].sum()
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["seed"] == 3 and set(manifest["hashes"]) == {"model_data", "plan", "population"}
    assert manifest["config"]["population"] == "karmma_like"


def test_one_seed_gives_the_same_bytes(plan: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert run("trial", str(plan), "--patients", "20", "--out", str(tmp_path / name)).returncode == 0
    for file in ("endpoints.csv", "by_mechanism.csv", "patients.parquet", "index.parquet"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--seed", "-1"], "option --seed"),
        (["--patients", "0"], "option --patients"),
        (["--data", "nowhere"], "nowhere"),
        (["--out", "/dev/null/x"], "/dev/null"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(
    arguments: list[str], word: str, plan: Path, tmp_path: Path
) -> None:
    result = run("trial", str(plan), *arguments)
    assert result.returncode == 2 and word in result.stderr and "Traceback" not in result.stderr


def test_a_plan_with_a_fault_names_file_and_line(plan: Path) -> None:
    plan.write_text(PLAN.replace('"talquetamab" }', '"talk" }'))
    result = run("trial", str(plan))
    assert result.returncode == 2 and "plan.toml row 11" in result.stderr


def test_the_built_in_trial_stands_beside_the_evidence(tmp_path: Path) -> None:
    result = run("trial", "after_ide_cel", "--patients", "12", "--observed", "--out", str(tmp_path / "out"))
    assert result.returncode == 0, result.stderr
    beside = pd.read_csv(tmp_path / "out" / "observed_and_simulated.csv")
    assert len(beside) >= 20 and beside["arm"].is_unique and beside["strategy"].is_unique
    engager = beside[beside["arm"] == "talquetamab"].iloc[0]
    assert engager["strategy"] == "GPRC5D bispecific antibody"
    assert 0 < engager["orr_observed_lb"] < engager["orr_observed"] < engager["orr_observed_ub"] < 1
    assert "Observed (pooled cohorts" in result.stdout


def test_a_trial_that_names_no_strategy_has_nothing_beside_it(plan: Path, tmp_path: Path) -> None:
    result = run("trial", str(plan), "--patients", "12", "--observed", "--out", str(tmp_path / "out"))
    assert result.returncode == 0, result.stderr
    assert "No arm names a strategy" in result.stdout
