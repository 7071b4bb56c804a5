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
    assert "SIMULATED; first treatment calibrated to published cohorts, salvage not" in result.stdout
    endpoints = pd.read_csv(tmp_path / "out" / "endpoints.csv")
    assert set(endpoints["kind"]) == {"simulated"}
    assert set(endpoints["arm"]) == {"talquetamab", "nothing but dexamethasone"}
    outcomes = pd.read_parquet(tmp_path / "out" / "tables" / "outcomes.parquet")
    index = pd.read_parquet(tmp_path / "out" / "index.parquet")
    assert len(index) == 40 and len(outcomes) == 2 * (index["ended_by"] == "progression").sum()
    assert "SIMULATED" in (tmp_path / "out" / "report.html").read_text()
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["seed"] == 3 and set(manifest["hashes"]) == {"model_data", "plan", "population", "parameter_sets"}
    assert manifest["config"]["population"] == "karmma_like"


def test_one_seed_gives_the_same_bytes(plan: Path, tmp_path: Path) -> None:
    for name, workers in (("a", "1"), ("b", "2")):
        options = ("--patients", "20", "--workers", workers, "--out", str(tmp_path / name))
        assert run("trial", str(plan), *options).returncode == 0
    for file in ("endpoints.csv", "by_mechanism.csv", "tables/visits.parquet", "index.parquet"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--seed", "-1"], "option --seed"),
        (["--patients", "0"], "option --patients"),
        (["--sets", "-2"], "option --sets"),
        (["--dask", "tcp://127.0.0.1:1"], "no scheduler answers"),
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


def test_a_folder_of_another_trial_is_refused_and_left_as_it_is(plan: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("trial", str(plan), "--patients", "12", "--out", str(out)).returncode == 0
    before = (out / "tables" / "lines.parquet").read_bytes()
    result = run("trial", str(plan), "--patients", "12", "--seed", "9", "--out", str(out))
    assert result.returncode == 2 and "another seed" in result.stderr
    assert (out / "tables" / "lines.parquet").read_bytes() == before


def test_lines_and_rules_run_from_a_population_that_relapsed(tmp_path: Path) -> None:
    file = tmp_path / "lines.toml"
    file.write_text(
        """population = "after_bcma_cart"
patients = 24
days = 200
design = "randomised"
then = ["drug"]
[[lines]]
name = "by antigen"
choose = [{ when = { bcma_loss_share = { at_least = 0.5 } }, line = "engager" }, { line = "drug" }]
[[lines]]
name = "engager"
treatments = [{ therapy = "talquetamab" }]
[[lines]]
name = "drug"
treatments = [{ therapy = "bortezomib" }]
[[arms]]
name = "guided"
lines = ["by antigen"]
[[arms]]
name = "engager for all"
lines = ["engager"]
"""
    )
    result = run("trial", str(file), "--sets", "4", "--parameters", "prior", "--out", str(tmp_path / "out"))
    assert result.returncode == 0, result.stderr
    assert (
        "were randomised" in result.stdout
        and "4 sets of the prior" in result.stdout
        and "uncalibrated" in result.stdout
    )
    lines = pd.read_parquet(tmp_path / "out" / "tables" / "lines.parquet")
    assert set(lines["name"]) >= {"engager", "drug"} and lines["line"].max() == 2


def test_a_trial_is_exported_and_asked_for_its_power(plan: Path, tmp_path: Path) -> None:
    out, adam = tmp_path / "out", tmp_path / "adam"
    assert run("trial", str(plan), "--out", str(out)).returncode == 0
    exported = run("export", str(out), "--adam", str(adam), "--format", "csv", "--format", "xpt")
    assert exported.returncode == 0, exported.stderr
    subjects = pd.read_csv(adam / "adsl.csv")
    outcomes = pd.read_parquet(out / "tables" / "outcomes.parquet")
    assert len(subjects) == len(outcomes) and (adam / "adtte.xpt").is_file()
    arms = ("--arms", "talquetamab", "--arms", "nothing but dexamethasone")
    asked = run("power", str(out), *arms, "--measure", "ORR", "--per-arm", "30")
    assert asked.returncode == 0, asked.stderr
    assert "simulated" in asked.stdout.lower()


def test_compare_sets_the_simulated_half_beside_and_makes_it_again(tmp_path: Path) -> None:
    page = tmp_path / "compare.html"
    names = ("--strategy", "gprc5d_bsab", "--strategy", "bcma_bsab", "--strategy", "allogeneic_transplant")
    result = run("compare", *names, "--patients", "24", "--sets", "3", "--out", str(page))
    assert result.returncode == 0, result.stderr
    assert "beside SIMULATED" in result.stdout and "GPRC5D bispecific antibody" in result.stdout
    text = page.read_text()
    assert '<section id="simulated">' in text and "24 (karmma_like) had ide_cel" in text
    again = run("reproduce", str(page))
    assert again.returncode == 0 and "byte for byte" in again.stdout, again.stdout + again.stderr
    table = run("compare", *names, "--patients", "24", "--sets", "3", "--format", "json")
    beside = json.loads(table.stdout)["simulated"]
    assert beside["kind"] == "simulated" and {row["arm"] for row in beside["beside"]} == {"teclistamab", "talquetamab"}
    assert all(row["orr_simulated_parameters_lb"] is not None for row in beside["beside"])


def test_a_comparison_without_an_arm_has_no_simulated_half(tmp_path: Path) -> None:
    result = run("compare", "--strategy", "allogeneic_transplant", "--patients", "24", "--format", "json")
    if result.returncode == 0:
        assert json.loads(result.stdout)["simulated"] is None
    else:
        assert "no cohort fits" in result.stderr
