"""`aftercar power` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aftercar.foundation import Manifest, write_atomic
from aftercar.trials.folder import write_tables
from tests.end_to_end.commands import run
from tests.unit.trials.fabricated import fabricate_tables


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("power") / "trial"
    write_tables(fabricate_tables(60), folder)
    write_atomic(folder / "manifest.json", Manifest("aftercar trial", {}, 1, {}).to_json())
    return folder


def test_power_is_printed_with_its_error_and_says_that_it_is_simulated(results: Path) -> None:
    found = run("power", str(results), "--arms", "A", "--arms", "B", "--measure", "ORR", "--trials", "300")
    assert found.returncode == 0, found.stderr
    assert "SIMULATED; salvage is not calibrated" in found.stdout and "Monte-Carlo" in found.stdout
    assert "difference" in found.stdout and "fisher" in found.stdout and "±" in found.stdout


def test_json_has_the_whole_table_and_a_seed_gives_the_same(results: Path) -> None:
    options = ("--arms", "A", "--arms", "B", "--per-arm", "50", "--trials", "300", "--seed", "7", "--format", "json")
    first, second = (run("power", str(results), *options) for _ in range(2))
    assert first.stdout == second.stdout
    (row,) = json.loads(first.stdout)
    assert row["test"] == "log-rank" and row["n_control"] == 50 and row["kind"] == "simulated"
    assert 0 < row["power"] < 1 and row["mc_se"] == pytest.approx((row["power"] * (1 - row["power"]) / 300) ** 0.5)


def test_a_size_is_found_or_said_to_be_out_of_reach(results: Path) -> None:
    options = ("--arms", "A", "--measure", "ORR", "--trials", "300")
    found = run("power", str(results), *options, "--historic", "0.3", "--find", "0.8", "--format", "json")
    answer = json.loads(found.stdout)
    assert answer["per_arm"] in [row["n_experimental"] for row in answer["path"]]
    never = run("power", str(results), *options, "--historic", "0.9", "--find", "0.8")
    assert "Not even 2000 patients reach 80% power" in never.stdout


def test_faults_are_named(results: Path, tmp_path: Path) -> None:
    unknown = run("power", str(results), "--arms", "A", "--arms", "C")
    assert unknown.returncode == 2 and "no arm 'C'" in unknown.stderr and "A, B" in unknown.stderr
    assert run("power", str(tmp_path), "--arms", "A", "--arms", "B").returncode == 2
    shorter = run("power", str(results), "--arms", "A", "--arms", "B", "--until", "200", "--trials", "100")
    assert shorter.returncode == 0, shorter.stderr
