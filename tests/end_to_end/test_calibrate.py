"""`aftercar calibrate` as a user meets it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pandas as pd
import pytest

from aftercar.catalogue.model_data import load_model_data
from aftercar.foundation import InputError
from aftercar.patients import OtherBasisWarning, apply_set, load_posterior
from tests.end_to_end.commands import run

SMALL = """meaning = "a small one"

[discrepancy]
value = 0.3
unit = "1"
grade = "assumed"
source = "aftercar"

[parameters.growth_rate]
places = ["growth_rate"]
why = "durability"

[parameters.exhaustion_rate]
places = ["exhaustion_rate"]
why = "depth"

[cohorts.karmma_450]
population = "karmma_like"
therapy = "ide_cel"
days = 400
meaning = "KarMMa"

[targets.orr]
cohorts = ["karmma_450"]
shows = "karmma_dose450_orr"

[targets.pfs10]
cohorts = ["karmma_450"]
shows = "german_ide_cel_pfs10"
use = "check"
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder of a small calibration, and what was printed."""
    folder = tmp_path_factory.mktemp("calibrate")
    (folder / "small.toml").write_text(SMALL, encoding="utf-8")
    result = run("calibrate", "--quick", "--patients", "300", "--draws", "20", "--seed", "4",
                 "--file", str(folder / "small.toml"), "--out", str(folder / "out"))  # fmt: skip
    assert result.returncode == 0, result.stderr
    return folder, result.stdout


def test_every_target_is_printed_observed_beside_simulated(done: tuple[Path, str]) -> None:
    text = done[1]
    assert "SIMULATED" in text and "held back: predicted, not fitted" in text
    assert "orr" in text and "pfs10" in text and "shrinkage" in text and "R-hat" in text
    checks = pd.read_csv(done[0] / "out" / "targets.csv")
    assert list(checks["use"]) == ["fit", "check"]
    assert checks["observed"].round(3).tolist() == [0.815, 0.47]


def test_the_folder_holds_the_posterior_and_what_it_rests_on(done: tuple[Path, str]) -> None:
    out = done[0] / "out"
    manifest = json.loads((out / "manifest.json").read_text())
    described = json.loads((out / "posterior.json").read_text())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sets = load_posterior(out)
    assert len(sets.values) == 20 and sets.origin == "posterior"
    for name in ("informs", "profiles", "limits", "correlations"):
        assert (out / f"{name}.csv").exists()
    limits = pd.read_csv(out / "limits.csv")
    assert list(limits["parameter"]) == ["growth_rate", "exhaustion_rate"]
    assert set(limits["closes"]) <= {"both", "low", "high", "neither"}
    assert sets.hash == described["sets"] == manifest["hashes"]["posterior"], "what is shipped is what was checked"
    assert manifest["config"]["calibration"]["meaning"] == "a small one"


def test_a_posterior_of_another_catalogue_warns(done: tuple[Path, str]) -> None:
    changed = apply_set(load_model_data(), {"turnover": 0.06})
    with pytest.warns(OtherBasisWarning, match="other parameters"):
        load_posterior(done[0] / "out", data=changed)


def test_a_second_run_reads_what_the_first_simulated(done: tuple[Path, str]) -> None:
    folder = done[0]
    kept = {path.name: path.stat().st_mtime_ns for path in (folder / "out" / "simulated").iterdir()}
    before = (folder / "out" / "posterior.csv").read_bytes()
    again = run("calibrate", "--quick", "--patients", "300", "--draws", "20", "--seed", "4",
                "--file", str(folder / "small.toml"), "--out", str(folder / "out"))  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert {path.name: path.stat().st_mtime_ns for path in (folder / "out" / "simulated").iterdir()} == kept
    assert (folder / "out" / "posterior.csv").read_bytes() == before


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("all of it")
    result = run("calibrate", "--quick", "--out", str(tmp_path))
    assert result.returncode == 2 and "thesis.txt" in result.stderr


def test_a_posterior_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "posterior.json").write_text("{}")
    with pytest.raises(InputError, match=r"posterior\.csv"):
        load_posterior(tmp_path)
    (tmp_path / "posterior.csv").write_text("growth_rate\nfast\n")
    with pytest.raises(InputError, match="cannot be read"):
        load_posterior(tmp_path)
