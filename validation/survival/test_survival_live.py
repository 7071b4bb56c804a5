"""Runs R survival afresh: the golden values still hold, and random patients come out alike."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aftercar.foundation import draw_stream
from aftercar.synthesis.kaplan_meier import CONF_TYPES, fit_kaplan_meier
from aftercar.synthesis.survival_comparison import fit_hazard_ratio, log_rank
from aftercar.synthesis.survival_summaries import median_survival, restricted_mean

GOLDEN = Path(__file__).parents[2] / "tests" / "verification" / "synthesis" / "survival"
RANDOM = Path(__file__).parent / "random_survival.R"
MISSING = {"keep_default_na": False, "na_values": ["NA", "NaN", "Inf"]}
EXACT = {"rtol": 1e-9, "atol": 1e-12}  # closed forms in double precision on both sides


def has_survival() -> bool:
    if shutil.which("Rscript") is None:
        return False
    return subprocess.run(["Rscript", "-e", "library(survival); library(MASS)"], capture_output=True).returncode == 0


pytestmark = [pytest.mark.oracle, pytest.mark.skipif(not has_survival(), reason="needs Rscript with survival and MASS")]


def run(script: Path, *arguments: str) -> None:
    done = subprocess.run(["Rscript", str(script), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_golden_values_are_what_r_gives_today(tmp_path: Path) -> None:
    run(GOLDEN / "golden_survival.R", str(tmp_path))
    fresh, golden = (pd.read_csv(folder / "golden_survival.csv", **MISSING) for folder in (tmp_path, GOLDEN))
    keys = ["set", "group", "conf_type", "quantity", "at"]
    pd.testing.assert_frame_equal(fresh[keys], golden[keys])
    np.testing.assert_allclose(fresh["value"], golden["value"], rtol=1e-8, atol=1e-12)  # other builds of R, other BLAS
    for table in sorted(GOLDEN.glob("data/*.csv")):
        if table.stem != "cabibbo":  # not R's
            assert (tmp_path / "data" / table.name).read_text() == table.read_text()


def draw_patients() -> pd.DataFrame:
    """Draw 24 groups of 4 to 60 patients: with ties or none, with delayed entry or none."""
    parts = []
    for number in range(24):
        rng = draw_stream(5, "live survival", number)
        n = int(rng.integers(4, 60))
        tied, late = number % 2 == 0, number % 4 >= 2
        entry = rng.uniform(0, 3, n) if late else np.zeros(n)
        entry[: n // 2] = 0.0
        latent, censoring = rng.exponential(8, n), rng.uniform(1, 20, n)
        time = entry + np.minimum(latent, censoring)
        if tied:
            entry, time = np.floor(entry), np.ceil(time)
        group = rng.permutation(np.arange(n) % 2)
        rows = {"set": number, "time": time, "event": (latent <= censoring) * 1, "entry": entry, "group": group}
        parts.append(pd.DataFrame(rows))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def random_sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("random")
    patients = draw_patients()
    patients.to_csv(folder / "patients.csv", index=False)
    run(RANDOM, str(folder / "patients.csv"), str(folder / "out.csv"))
    reread = pd.read_csv(folder / "patients.csv", float_precision="round_trip")
    return reread, pd.read_csv(folder / "out.csv", **MISSING)


def test_random_curves(random_sets: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    patients, golden = random_sets
    names = {"n.risk": "at_risk", "surv": "survival", "std.err": "std_err", "lower": "ci_lb", "upper": "ci_ub"}
    compared = 0
    for number, group in patients.groupby("set"):
        for conf_type in CONF_TYPES:
            curve = fit_kaplan_meier(group["time"], group["event"], entry=group["entry"], conf_type=conf_type)
            rows = golden[(golden["set"] == number) & (golden["conf_type"] == conf_type)]
            # R writes times to 15 digits: they are matched by order.
            for r_name, name in names.items():
                np.testing.assert_allclose(
                    getattr(curve, name), rows.loc[rows["quantity"] == r_name, "value"], **EXACT, err_msg=name
                )
            values = rows.set_index("quantity")["value"]
            median = median_survival(curve)
            found = [median.estimate, median.ci_lb, median.ci_ub]
            np.testing.assert_allclose(
                np.array(found, dtype=float), values[["median_quantile", "median_lower", "median_upper"]], **EXACT
            )
            mean = restricted_mean(curve, tau=float(group["time"].max()) / 2)
            np.testing.assert_allclose([mean.estimate, mean.se], values[["rmst", "rmst_se"]], **EXACT)
            compared += 1
    assert compared == 72


def test_random_comparisons(random_sets: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    patients, golden = random_sets
    tests = 0
    for number, both in patients.groupby("set"):
        groups = {str(name): part for name, part in both.groupby("group")}
        values = golden[(golden["set"] == number) & (golden["conf_type"] == "")].set_index("quantity")["value"]
        for quantity in ("score", "log_rank"):
            if quantity in values:
                np.testing.assert_allclose(log_rank(groups).statistic, values[quantity], rtol=1e-6, atol=1e-9)
                tests += 1
        # Where events are few the maximum can be at infinity; R warns, and there is nothing to compare.
        if all(part["event"].any() for part in groups.values()) and abs(values["cox"]) < 5:
            np.testing.assert_allclose(fit_hazard_ratio(groups).coefficient, values["cox"], rtol=1e-5, atol=1e-6)
    assert tests >= 12
