"""`aftercar export --petab` as a user meets it, checked by PEtab's own library."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.end_to_end.commands import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("petab") / "problem"
    done = run("export", "--petab", str(target))
    assert done.returncode == 0, done.stderr
    assert "8 measurements" in done.stdout and "survival are not in it" in done.stdout
    return target


@pytest.fixture(scope="module")
def petab() -> Any:
    return pytest.importorskip("petab.v1", reason="petab is not installed: dependency group dev")


def test_the_linter_of_petab_finds_nothing(folder: Path, petab: Any) -> None:
    problem = petab.Problem.from_yaml(folder / "problem.yaml")
    assert not petab.lint_problem(problem)
    assert len(problem.measurement_df) == 8 and len(problem.x_free_ids) == len(problem.parameter_df)


def test_the_linter_would_find_a_fault(folder: Path, petab: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    text = (broken / "parameters.tsv").read_text(encoding="utf-8")
    (broken / "parameters.tsv").write_text(text.replace("sbcma_assay_factor", "another_factor"), encoding="utf-8")
    assert petab.lint_problem(petab.Problem.from_yaml(broken / "problem.yaml"))


def test_petab_maps_estimated_parameters_to_the_numbers_of_a_cohort(folder: Path, petab: Any) -> None:
    problem = petab.Problem.from_yaml(folder / "problem.yaml")
    mappings = problem.get_optimization_to_simulation_parameter_mapping(warn_unmapped=False)
    conditions = problem.get_simulation_conditions_from_measurement_df()["simulationConditionId"]
    found = dict(zip(conditions, (one[1] for one in mappings), strict=True))["cartitude1"]
    assert found["product1_potency"] == "biepitopic_potency" and found["product1_cd4_share"] == "cd4_share"
    assert found["sbcma_assay_factor"] == "sbcma_assay_factor" and found["killing_rate"] == "killing_rate"
    assert found["dose_product1_infused_day_0"] > 1e7 and found["dose_product1_infused_day_3"] == 0


def test_the_folder_says_what_it_is_and_where_its_numbers_are_from(folder: Path) -> None:
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert "This is not the calibration" in readme and "population_counts" in readme and "Apache License" in readme
    sources = pd.read_csv(folder / "sources.tsv", sep="\t").set_index("id")
    measured = pd.read_csv(folder / "measurements.tsv", sep="\t")["datasetId"]
    estimated = pd.read_csv(folder / "parameters.tsv", sep="\t")["parameterId"]
    assert set(sources.index) == {*measured, *estimated}
    assert sources["source"].notna().all() and sources.loc[measured, "locator"].notna().all()
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert {len(one) for one in manifest["hashes"].values()} == {64} and manifest["seed"] is None


def test_another_run_replaces_the_folder_by_the_same_bytes(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert run("export", "--petab", str(folder)).returncode == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["trial", "--petab", "OUT"], "option --petab"),
        (["--petab", "OUT", "--adam", "adam"], "option --petab"),
        (["--petab", "OUT", "--format", "csv"], "option --petab"),
        (["trial", "--adam", "OUT", "--file", "mine.toml"], "belong to --petab"),
        (["--petab", "OUT", "--file", "nowhere.toml"], "nowhere.toml"),
        ([], "--petab"),
    ],
)
def test_requests_that_cannot_be_are_refused(arguments: list[str], word: str, tmp_path: Path) -> None:
    done = run("export", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and word in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "OUT").exists()


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    done = run("export", "--petab", str(tmp_path))
    assert done.returncode == 2 and "notes.txt" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
