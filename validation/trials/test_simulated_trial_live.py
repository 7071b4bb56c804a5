"""A simulated, randomised trial exported as ADaM: R survival finds in its ADTTE what the program says of its tables."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.verification.trials.plans import make_plan

from aftercar.synthesis import fit_kaplan_meier
from aftercar.trials import TrialTables, build_adam, run_trial, take_records, write_adam
from aftercar.trials.analysis import compare_hazards, compare_log_rank, compare_restricted_means

SCRIPT = Path(__file__).parent / "adtte_survival.R"
TAU = 180.0
PLAN = """
name = "live"
population = "karmma_like"
patients = 150
index_days = 560
days = 400
design = "randomised"
accrual_days = 100
cut_off_day = 420
drop_out_per_year = 0.2
[[index]]
therapy = "ide_cel"
[[arms]]
name = "drug"
treatments = [{ therapy = "bortezomib" }]
[[arms]]
name = "engager"
treatments = [{ therapy = "talquetamab" }]
"""


def has_r() -> bool:
    if shutil.which("Rscript") is None:
        return False
    return subprocess.run(["Rscript", "-e", "library(survival); library(foreign)"], capture_output=True).returncode == 0


pytestmark = [pytest.mark.oracle, pytest.mark.skipif(not has_r(), reason="needs Rscript with survival and foreign")]


@pytest.fixture(scope="module")
def tables() -> TrialTables:
    return run_trial(make_plan(PLAN), seed=8).tables


@pytest.fixture(scope="module")
def records(tables: TrialTables) -> pd.DataFrame:
    return take_records(tables, "PFS")


@pytest.fixture(scope="module")
def r(tables: TrialTables, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], np.ndarray]:
    folder = tmp_path_factory.mktemp("simulated")
    write_adam(build_adam(tables, study="LIVE"), folder / "adam", formats=("xpt",))
    command = ["Rscript", str(SCRIPT), str(folder / "adam" / "adtte.xpt"), str(TAU), str(folder / "out.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = pd.read_csv(folder / "out.csv", keep_default_na=False, float_precision="round_trip")
    return {key: part["value"].to_numpy() for key, part in found.groupby(["quantity", "group"])}


def test_the_trial_has_events_and_censoring_in_both_arms(records: pd.DataFrame) -> None:
    for _, part in records.groupby("arm"):
        assert 10 < part["event"].sum() < len(part)


@pytest.mark.parametrize("arm", ["drug", "engager"])
def test_kaplan_meier(arm: str, records: pd.DataFrame, r: dict[tuple[str, str], np.ndarray]) -> None:
    part = records[records["arm"] == arm]
    curve = fit_kaplan_meier(part["duration"], part["event"]).to_frame()
    later = curve[curve["time"] > 0]
    np.testing.assert_allclose(later["time"], r["time", arm], rtol=1e-9)
    np.testing.assert_allclose(later["survival"], r["surv", arm], rtol=1e-9, atol=1e-12)


def test_log_rank(records: pd.DataFrame, r: dict[tuple[str, str], np.ndarray]) -> None:
    assert compare_log_rank(records)["statistic"].iloc[0] == pytest.approx(r["log_rank", ""][0], rel=1e-9)


def test_cox(records: pd.DataFrame, r: dict[tuple[str, str], np.ndarray]) -> None:
    found = compare_hazards(records, reference="drug").iloc[0]
    assert [found["coefficient"], found["se"]] == pytest.approx(r["cox", ""].tolist(), rel=1e-6)


def test_restricted_means(records: pd.DataFrame, r: dict[tuple[str, str], np.ndarray]) -> None:
    rows = compare_restricted_means(records, tau=TAU, reference="drug")
    found = rows[rows["quantity"] == "difference"].iloc[0]
    difference = r["rmst", "engager"][0] - r["rmst", "drug"][0]
    error = np.hypot(r["rmst", "engager"][1], r["rmst", "drug"][1])
    assert found["estimate"] == pytest.approx(difference, rel=1e-9)
    assert found["se"] == pytest.approx(error, rel=1e-9)
