"""The page on coverage shows what the simulation found, and the defaults keep the promise made there."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "validation" / "coverage"
TABLE = pd.read_csv(FOLDER / "coverage.csv")


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_of_the_page_are_those_of_the_file() -> None:
    tabulate = load("tabulate")
    page = (ROOT / "docs" / "explanation" / "coverage.md").read_text(encoding="utf-8")
    shown = page.split(tabulate.START)[1].split(tabulate.END)[0].strip()
    assert shown == tabulate.write_tables(TABLE), "run validation/coverage/tabulate.py --write"


def test_every_truth_and_method_is_there_once() -> None:
    simulate = load("simulate")
    truths = len(simulate.COHORTS) * len(simulate.RATES) * len(simulate.TAUS)
    assert len(TABLE) == truths * len(simulate.METHODS)
    assert not TABLE.duplicated(["method", "k", "rate", "tau"]).any()
    assert (TABLE["replicates"] == simulate.REPLICATES).all()


@pytest.mark.parametrize("default", ["GLMM, Wald t", "Bayes"])
def test_the_defaults_cover_92_percent_for_every_truth(default: str) -> None:
    assert TABLE[TABLE["method"] == default]["coverage"].min() >= 0.92


def test_a_row_is_made_again_by_its_key() -> None:
    """One truth, afresh, with the code as it is now: the counts are the same, and the limits to rounding."""
    simulate = load("simulate")
    truth = {"k": 8, "rate": 0.75, "tau": 0.6}
    row = next(simulate.simulate_cell(8, 0.75, 0.6, 500, simulate.DEFAULT_SEED, ["logit DL, z"]))
    found = TABLE[(TABLE[list(truth)] == pd.Series(truth)).all(axis=1) & (TABLE["method"] == "logit DL, z")].iloc[0]
    assert row["coverage"] == found["coverage"]
    assert row["median_width"] == pytest.approx(found["median_width"], abs=1e-4)
