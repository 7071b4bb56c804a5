"""Runs JAGS afresh, with shorter chains than those behind the golden values, and compares all three."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

FOLDER = Path(__file__).parents[2] / "tests" / "verification" / "synthesis" / "bayes"
ITERATIONS = "12000"


def load_test() -> ModuleType:
    spec = importlib.util.spec_from_file_location("against_jags", FOLDER / "test_bayes_against_jags.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def has_rjags() -> bool:
    if shutil.which("Rscript") is None:
        return False
    return subprocess.run(["Rscript", "-e", "library(rjags)"], capture_output=True, check=False).returncode == 0


@pytest.mark.oracle
@pytest.mark.skipif(not has_rjags(), reason="needs Rscript with rjags and JAGS")
def test_fresh_chains_agree_with_golden_values_and_with_the_quadrature(tmp_path: Path) -> None:
    out = tmp_path / "fresh.csv"
    command = ["Rscript", str(FOLDER / "golden_bayes.R"), str(FOLDER / "cohorts.csv"), str(out), ITERATIONS]
    subprocess.run(command, check=True, capture_output=True)
    fresh, golden = (
        pd.read_csv(out, keep_default_na=False),
        pd.read_csv(FOLDER / "golden_bayes.csv", keep_default_na=False),
    )
    keys = ["data_set", "quantity", "group", "share"]
    both = golden.merge(fresh, on=keys, suffixes=("_golden", "_fresh"), validate="one_to_one")
    assert len(both) == len(golden) == len(fresh)
    error = np.hypot(both["mcse_golden"], both["mcse_fresh"])
    z = (both["value_golden"] - both["value_fresh"]) / error
    # Monte-Carlo errors on 31 degrees of freedom each: see the ordinary test for the limit.
    assert np.abs(z).max() < 4.5
    module = load_test()
    for name, rows in fresh.groupby("data_set"):
        ours = module.quantiles_of(name)
        for row in rows.itertuples():
            if (row.quantity, row.group, row.share) in ours:
                assert abs(ours[row.quantity, row.group, row.share] - row.value) < 4.5 * row.mcse + 1e-4
