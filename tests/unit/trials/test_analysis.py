"""Arms held against each other: what the methods say, pairs, what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.unit.trials.fabricated import fabricate_tables

from aftercar.foundation import InputError, NotPoolableError, draw_stream
from aftercar.synthesis import (
    check_proportionality,
    fit_cox,
    fit_cumulative_incidence,
    fit_hazard_ratio,
    fit_kaplan_meier,
    log_rank,
    restricted_mean_difference,
)
from aftercar.trials.analysis import (
    add_covariates,
    check_hazards,
    compare_hazards,
    compare_log_rank,
    compare_restricted_means,
    is_paired,
    measure_follow_up,
    tabulate_curves,
    tabulate_incidence,
)
from aftercar.trials.endpoint_records import take_causes, take_records

TABLES = fabricate_tables(120)
PFS = take_records(TABLES, "PFS")
# The same records as if nobody were in two arms.
APART = PFS.assign(patient=PFS["patient"] + np.where(PFS["arm"] == "B", 10_000, 0))


def test_every_result_names_its_method() -> None:
    assert "log-log interval, level 0.9" in tabulate_curves(PFS)["method"].iloc[0]
    assert "pairs taken as independent" in compare_log_rank(PFS)["method"].iloc[0]
    assert compare_log_rank(APART)["method"].iloc[0] == "log-rank"
    assert "Efron" in compare_hazards(PFS, reference="A")["method"].iloc[0]
    assert "robust to pairs" in compare_hazards(PFS, reference="A")["method"].iloc[0]
    assert "robust" not in compare_hazards(APART, reference="A")["method"].iloc[0]
    assert "Grambsch-Therneau" in check_hazards(PFS, reference="A")["method"].iloc[0]
    assert "reversed Kaplan-Meier" in measure_follow_up(PFS)["method"].iloc[0]
    assert "Aalen-Johansen" in tabulate_incidence(TABLES)["method"].iloc[0]


def test_without_pairs_hazards_and_restricted_means_are_the_plain_ones() -> None:
    assert is_paired(PFS) and not is_paired(APART)
    groups = {arm: part.rename(columns={"duration": "time"}) for arm, part in APART.groupby("arm")}
    plain = fit_hazard_ratio(groups)
    ours = compare_hazards(APART, reference="A", level=0.95).iloc[0]
    assert ours[["estimate", "ci_lb", "ci_ub", "p"]].tolist() == pytest.approx(
        [plain.estimate, plain.ci_lb, plain.ci_ub, plain.p], rel=1e-6
    )
    curves = {arm: fit_kaplan_meier(part["duration"], part["event"]) for arm, part in APART.groupby("arm")}
    known = restricted_mean_difference(curves["B"], curves["A"], tau=300.0, level=0.9)
    found = compare_restricted_means(APART, tau=300.0, reference="A").iloc[2]
    assert found[["estimate", "se", "ci_lb", "p"]].tolist() == pytest.approx(
        [known.estimate, known.se, known.ci_lb, known.p], rel=1e-12
    )


def test_causes_add_up_to_one_minus_survival() -> None:
    causes = take_causes(TABLES)
    assert set(causes["cause"]) == {"", "death", "progression"}
    found = tabulate_incidence(TABLES)
    for arm, part in found.groupby("arm"):
        curve = fit_kaplan_meier(*(PFS.loc[PFS["arm"] == arm, name] for name in ("duration", "event")))
        total = part.groupby("time")["incidence"].sum()
        np.testing.assert_allclose(total, 1 - curve.survival, atol=1e-12)
    known = found.dropna()
    assert ((known["ci_lb"] <= known["incidence"]) & (known["incidence"] <= known["ci_ub"])).all()
    assert known["ci_lb"].min() >= 0 and known["ci_ub"].max() <= 1


def test_one_cause_alone_is_kaplan_meier_upside_down() -> None:
    found = fit_cumulative_incidence([1, 2, 2, 3, 5], ["a", "a", "", "a", ""])
    curve = fit_kaplan_meier([1, 2, 2, 3, 5], [1, 1, 0, 1, 0])
    np.testing.assert_allclose(found["incidence"], 1 - curve.survival, atol=1e-15)
    np.testing.assert_allclose(found["std_err"], curve.std_err, rtol=1e-12)  # Greenwood's
    with pytest.raises(InputError, match="nobody had any cause"):
        fit_cumulative_incidence([1, 2], ["", ""])


def test_a_strong_covariate_is_seen_and_strata_take_it_out() -> None:
    rng = draw_stream(1, "covariate")
    n = 300
    risk = rng.integers(0, 2, n)
    time = np.ceil(rng.exponential(100 / (1 + 4 * risk)))
    fit = fit_cox(time, np.ones(n), pd.DataFrame({"risk": risk, "noise": rng.normal(size=n)}))
    found = fit.to_frame().set_index("term")
    assert found.loc["risk", "ci_lb"] < 5 < found.loc["risk", "ci_ub"]
    assert found.loc["noise", "ci_lb"] < 1 < found.loc["noise", "ci_ub"]
    groups = {str(g): pd.DataFrame({"time": time[risk == g], "event": 1, "site": 0}) for g in (0, 1)}
    assert log_rank(groups, strata="site").statistic == pytest.approx(log_rank(groups).statistic, rel=1e-12)
    # Without ties the score statistic is that of the log-rank test.
    untied = time + rng.uniform(0, 0.5, n)
    groups = {str(g): pd.DataFrame({"time": untied[risk == g], "event": 1}) for g in (0, 1)}
    score = fit_cox(untied, np.ones(n), pd.DataFrame({"risk": risk})).score_statistic
    assert score == pytest.approx(log_rank(groups).statistic, rel=1e-9)


def test_a_hazard_ratio_that_changes_is_found_out() -> None:
    rng = draw_stream(1, "crossing")
    early = np.concatenate([rng.exponential(10, 100), 60 + rng.exponential(10, 100)])
    steady = rng.exponential(50, 200)
    event, arm = np.ones(400), pd.DataFrame({"arm": np.repeat([0, 1], 200)})
    changing = check_proportionality(fit_cox(np.concatenate([early, steady]), event, arm))
    constant = check_proportionality(fit_cox(np.concatenate([steady, 2 * rng.exponential(50, 200)]), event, arm))
    assert changing["p"].iloc[0] < 0.01 < constant["p"].iloc[0]
    assert changing["term"].tolist() == ["arm", "all terms"]


def test_patients_without_a_covariate_are_counted_as_left_out() -> None:
    records = add_covariates(TABLES, PFS, ["age", "mechanism"])
    records.loc[records["patient"] <= 10, "age"] = np.nan
    missing = int(records["age"].isna().sum())
    found = compare_hazards(records, reference="A", covariates=["age", "mechanism"])
    assert found["left_out"].eq(missing).all() and found["n"].eq(len(records) - missing).all()
    assert found["term"].tolist() == ["B", "age", "mechanism_antigen kept, CAR-T cells gone"]


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InputError, match="'C' with the arms A, B"):
        compare_hazards(PFS, reference="C")
    with pytest.raises(InputError, match="no column of the subjects"):
        add_covariates(TABLES, PFS, ["height"])
    with pytest.raises(InputError, match="column age is missing"):
        compare_hazards(PFS, reference="A", covariates=["age"])
    with pytest.raises(InputError, match="constant among those at risk"):
        fit_cox([1, 2, 3], [1, 1, 1], pd.DataFrame({"x": [1, 1, 1]}))
    with pytest.raises(InputError, match="is not a number"):
        fit_cox([1, 2, 3], [1, 1, 1], pd.DataFrame({"x": ["a", "b", "c"]}))
    with pytest.raises(InputError, match="a value is missing"):
        fit_cox([1, 2, 3], [1, 1, 1], pd.DataFrame({"x": [1, 2, np.nan]}))
    with pytest.raises(NotPoolableError, match="no maximum"):
        fit_cox([1, 2, 3, 4], [1, 1, 0, 0], pd.DataFrame({"x": [1, 1, 0, 0]}))
    with pytest.raises(NotPoolableError, match="no event"):
        fit_cox([1, 2], [0, 0], pd.DataFrame({"x": [1, 0]}))
    with pytest.raises(InputError, match="strata"):
        log_rank({"a": pd.DataFrame({"time": [1], "event": [1]}), "b": pd.DataFrame({"time": [1], "event": [1]})},
                 strata="site")  # fmt: skip
    with pytest.raises(InputError, match="no transform"):
        check_proportionality(fit_cox([1, 2, 3], [1, 1, 1], pd.DataFrame({"x": [1, 0, 1]})), transform="rank")
    early = PFS.assign(duration=PFS["duration"] + 500)
    with pytest.raises(InputError, match="moves the area before tau"):
        compare_restricted_means(early, tau=100.0, reference="A")
