"""A fabricated trial with ties, censoring and pairs, and R's lung data, analysed here and by R survival."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from tests.unit.trials.fabricated import fabricate_tables

from aftercar.synthesis import check_proportionality, fit_cox
from aftercar.trials.analysis import (
    add_covariates,
    compare_hazards,
    compare_log_rank,
    compare_restricted_means,
    measure_follow_up,
    tabulate_curves,
    tabulate_incidence,
)
from aftercar.trials.endpoint_records import take_causes, take_records
from aftercar.trials.endpoints import summarise

SCRIPT = Path(__file__).parent / "trial_survival.R"
TAU = 400.0
TABLES = fabricate_tables(150, seed=7)
EXACT = {"rtol": 1e-9, "atol": 1e-12}  # closed forms in double precision on both sides
ITERATED = {"rtol": 1e-6, "atol": 1e-9}
COVARIATES = ("age", "high_risk_cytogenetics", "mechanism")


class Answers(NamedTuple):
    """What R found, by quantity and group, and its lung data."""

    values: dict[tuple[str, str], np.ndarray]
    lung: pd.DataFrame


def has_survival() -> bool:
    if shutil.which("Rscript") is None:
        return False
    return subprocess.run(["Rscript", "-e", "library(survival)"], capture_output=True).returncode == 0


pytestmark = [pytest.mark.oracle, pytest.mark.skipif(not has_survival(), reason="needs Rscript with survival")]


def records() -> pd.DataFrame:
    return add_covariates(TABLES, take_records(TABLES, "PFS"), COVARIATES)


@pytest.fixture(scope="module")
def r(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    folder = tmp_path_factory.mktemp("trial")
    # Half-days of the shortest durations are exact in decimal; all others are whole or continuous with 17 digits.
    records().assign(event=lambda d: d["event"].astype(int)).to_csv(folder / "records.csv", index=False)
    take_causes(TABLES).to_csv(folder / "causes.csv", index=False)
    command = ["Rscript", str(SCRIPT), str(folder / "records.csv"), str(folder / "causes.csv"), str(TAU)]
    done = subprocess.run([*command, str(folder / "out.csv")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = pd.read_csv(
        folder / "out.csv", keep_default_na=False, na_values=["NA", "NaN"], float_precision="round_trip"
    )
    values = {key: part["value"].to_numpy() for key, part in found.groupby(["quantity", "group"])}
    return Answers(values, pd.read_csv(folder / "lung.csv").assign(patient=lambda d: d.index))


def check_arms(data: pd.DataFrame, r: Answers, prefix: str, tau: float, reference: str) -> None:
    """Hold curves, restricted means, follow-up and log-rank against R's."""
    curves, follow_up = tabulate_curves(data, level=0.9), measure_follow_up(data, level=0.9).set_index("arm")
    means = compare_restricted_means(data, tau=tau, reference=reference)
    means = means[means["quantity"] == "restricted mean"].set_index("arm")
    for arm, curve in curves.groupby("arm"):
        begun = curve["survival"].to_numpy() < 1  # before the first event R's log-log limits are NA; here they are 1
        for name, column in {"time": "time", "surv": "survival", "std.err": "std_err"}.items():
            np.testing.assert_allclose(curve[column], r.values[prefix + name, arm], **EXACT, err_msg=f"{arm} {name}")
        for name, column in {"lower": "ci_lb", "upper": "ci_ub"}.items():
            np.testing.assert_allclose(curve[column][begun], r.values[prefix + name, arm][begun], **EXACT)
        np.testing.assert_allclose(
            means.loc[arm, ["estimate", "se"]].astype(float), r.values[prefix + "rmst", arm], **EXACT
        )
        found = follow_up.loc[arm, ["estimate", "ci_lb", "ci_ub"]].astype(float)
        np.testing.assert_allclose(found, r.values[prefix + "follow_up", arm], **EXACT)
    statistic = compare_log_rank(data)["statistic"]
    np.testing.assert_allclose(statistic, r.values[prefix + "log_rank", ""], **EXACT)


def test_the_data_have_ties_censoring_and_pairs() -> None:
    data = records()
    events = data.loc[data["event"], "duration"]
    assert events.duplicated().mean() > 0.5 and 20 < (~data["event"]).sum() and data["patient"].duplicated().sum() > 100


def test_curves_restricted_means_follow_up_and_log_rank(r: Answers) -> None:
    check_arms(records(), r, "", TAU, "A")
    strata = compare_log_rank(records(), strata="mechanism")["statistic"]
    np.testing.assert_allclose(strata, r.values["stratified", ""], **EXACT)
    medians = summarise(TABLES).query("measure == 'PFS'").set_index("arm")["estimate"] * 30.4375
    for arm in ("A", "B"):
        np.testing.assert_allclose(medians[arm], r.values["median", arm][0], **EXACT)


@pytest.mark.parametrize(
    ("name", "covariates", "strata"),
    [("paired", (), None), ("adjusted", COVARIATES[:2], None), ("strata", ("age",), "mechanism")],
)
def test_hazard_ratios(r: Answers, name: str, covariates: tuple[str, ...], strata: str | None) -> None:
    found = compare_hazards(records(), reference="A", covariates=covariates, strata=strata)
    np.testing.assert_allclose(found["coefficient"], r.values[name + "_coef", ""], **ITERATED)
    np.testing.assert_allclose(found["se"], r.values[name + "_se", ""], **ITERATED)
    assert found["method"].str.contains("robust").all()


def test_hazard_ratio_and_proportionality_of_independent_patients(r: Answers) -> None:
    data = records()
    arm = pd.DataFrame({"B": (data["arm"] == "B") * 1.0})
    single = fit_cox(data["duration"], data["event"], arm)
    np.testing.assert_allclose(single.to_frame()["coefficient"], r.values["cox_coef", ""], **ITERATED)
    np.testing.assert_allclose(single.to_frame()["se"], r.values["cox_se", ""], **ITERATED)
    fit = fit_cox(data["duration"], data["event"], arm.assign(age=data["age"], risk=data["high_risk_cytogenetics"]))
    for transform in ("km", "identity"):
        found = check_proportionality(fit, transform=transform)
        np.testing.assert_allclose(found["statistic"], r.values[f"zph_{transform}", ""], rtol=1e-6, atol=1e-8)


def test_cumulative_incidence(r: Answers) -> None:
    for (arm, cause), part in tabulate_incidence(TABLES).groupby(["arm", "cause"]):
        np.testing.assert_allclose(part["incidence"], r.values[f"incidence_{cause}", arm], **EXACT)
        np.testing.assert_allclose(part["std_err"], r.values[f"incidence_se_{cause}", arm], **EXACT)


def test_lung(r: Answers) -> None:
    """Also against the figures that R 4.2.2 with survival 3.5-3 printed when the reference was made."""
    check_arms(r.lung, r, "lung_", 365.0, "male")
    hazards = compare_hazards(r.lung, reference="male", level=0.95)
    np.testing.assert_allclose(
        hazards.loc[0, ["coefficient", "se"]].astype(float), r.values["lung_cox", ""], **ITERATED
    )
    assert hazards["coefficient"].iloc[0] == pytest.approx(-0.53102, abs=5e-6)
    assert hazards.loc[0, ["estimate", "ci_lb", "ci_ub"]].tolist() == pytest.approx([0.588, 0.42372, 0.81598], abs=5e-6)
    means = compare_restricted_means(r.lung, tau=365.0, reference="male").set_index(["quantity", "arm"])
    assert means.loc[("restricted mean", "male"), ["estimate", "se"]].tolist() == pytest.approx(
        [241.49509, 10.358226], abs=5e-6
    )
    assert means.loc[("restricted mean", "female"), ["estimate", "se"]].tolist() == pytest.approx(
        [297.46541, 10.791324], abs=5e-6
    )
    difference = compare_restricted_means(r.lung, tau=965.0, reference="male", level=0.95).iloc[2]
    # survRM2 as printed at https://github.com/kassambara/survminer/pull/827
    assert difference[["estimate", "ci_lb", "ci_ub"]].tolist() == pytest.approx(
        [131.8557, 53.93005, 209.7813], abs=5e-4
    )
    assert difference["p"] == pytest.approx(0.0009118595, rel=1e-5)
    assert compare_log_rank(r.lung)["statistic"].iloc[0] == pytest.approx(10.33, abs=5e-3)
