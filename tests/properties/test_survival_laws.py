"""Laws of survival curves, of rebuilding them, and of pooling them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aftercar.synthesis.kaplan_meier import CONF_TYPES, ConfType, fit_kaplan_meier, survival_at
from aftercar.synthesis.medians import pool_medians
from aftercar.synthesis.reconstruction import ReconstructedData, reconstruct_individual_data
from aftercar.synthesis.summary_curve import pool_survival_curves
from aftercar.synthesis.survival_comparison import log_rank
from aftercar.synthesis.survival_summaries import median_survival, restricted_mean

patients = st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=1, max_size=60)
conf_types = st.sampled_from(CONF_TYPES)


@given(patients, conf_types)
def test_curve_falls_and_stays_within_its_limits(rows: list[tuple[int, bool]], conf_type: ConfType) -> None:
    time, event = zip(*rows, strict=True)
    curve = fit_kaplan_meier(time, event, conf_type=conf_type)
    assert np.all(np.diff(np.append(1.0, curve.survival)) <= 0)
    known = curve.survival > 0
    assert np.all(curve.ci_lb[known] <= curve.survival[known] + 1e-12)
    assert np.all(curve.ci_ub[known] >= curve.survival[known] - 1e-12)
    assert np.all((curve.ci_lb[known] >= 0) & (curve.ci_ub[known] <= 1))
    assert curve.at_risk[0] == len(rows)
    assert curve.events.sum() + curve.censored.sum() == len(rows)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=60))
def test_without_censoring_it_is_the_empirical_curve(times: list[int]) -> None:
    curve = fit_kaplan_meier(times, [1] * len(times))
    empirical = [np.mean(np.array(times) > time) for time in curve.time]
    np.testing.assert_allclose(curve.survival, empirical, atol=1e-12)
    tau = float(max(times))
    found = restricted_mean(curve, tau=tau)
    # The mean and its error, with n and not n − 1 below: closed form of Greenwood's sum without censoring.
    assert found.estimate == pytest.approx(np.mean(times))
    assert found.se == pytest.approx(np.std(times) / np.sqrt(len(times)), abs=1e-9)


@given(patients, st.floats(0.01, 100))
def test_a_change_of_unit_changes_times_alone(rows: list[tuple[int, bool]], factor: float) -> None:
    time, event = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    one, other = fit_kaplan_meier(time, event), fit_kaplan_meier(time * factor, event)
    np.testing.assert_allclose(other.survival, one.survival, atol=1e-12)
    before, after = median_survival(one), median_survival(other)
    for side in ("estimate", "ci_lb", "ci_ub"):
        expected = getattr(before, side)
        assert getattr(after, side) == (None if expected is None else pytest.approx(expected * factor))


@given(patients, patients)
def test_log_rank_does_not_care_for_the_order_of_groups(
    one: list[tuple[int, bool]], other: list[tuple[int, bool]]
) -> None:
    tables = {name: pd.DataFrame(rows, columns=["time", "event"]) for name, rows in (("a", one), ("b", other))}
    merged = pd.concat(tables.values())
    times = merged.loc[merged["event"], "time"]
    together = [t for t in times if all((table["time"] >= t).any() for table in tables.values())]
    pooled_risk = [int((merged["time"] >= t).sum()) for t in together]
    if not any(n > int((times == t).sum()) for t, n in zip(together, pooled_risk, strict=True)):
        return  # nothing to compare; refused, see the unit tests
    forward = log_rank(tables)
    backward = log_rank(dict(reversed(tables.items())))
    assert forward.statistic == pytest.approx(backward.statistic, abs=1e-9)
    assert sum(forward.observed) == pytest.approx(sum(forward.expected))
    assert 0 <= forward.p <= 1


@st.composite
def digitised(draw: st.DrawFn) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, list[float], list[int]]:
    """Draw patients, and read their curve off a figure with noise on both axes."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    n = draw(st.integers(5, 200))
    latent = rng.exponential(draw(st.sampled_from([3.0, 10.0, 40.0])), n)
    censoring = rng.uniform(draw(st.sampled_from([0.0, 6.0, 12.0])), 24, n)
    table = pd.DataFrame({"time": np.maximum(np.minimum(latent, censoring), 1e-3), "event": latent <= censoring})
    curve = fit_kaplan_meier(table["time"], table["event"])
    end = float(curve.time[-1])
    time = np.sort(np.append(rng.uniform(0, end, draw(st.integers(20, 120))), [0.0, end]))
    noise = draw(st.sampled_from([0.0, 0.002, 0.005]))
    height = survival_at(curve, time)["survival"].to_numpy() + rng.uniform(-noise, noise, time.size)
    height[0] = 1.0
    risk_time = list(np.arange(0, end, draw(st.sampled_from([3.0, 6.0, 100.0]))))
    return table, time, height, risk_time, [int((table["time"] >= start).sum()) for start in risk_time]


@settings(max_examples=60, deadline=None)
@given(digitised(), st.booleans())
def test_rebuilt_patients_are_all_there_and_give_the_curve_back(figure: tuple, with_total: bool) -> None:
    table, time, height, risk_time, at_risk = figure
    rebuilt = rebuild(time, height, risk_time, at_risk, int(table["event"].sum()) if with_total else None)
    assert len(rebuilt.data) == len(table)
    assert rebuilt.data["time"].between(0, time[-1], inclusive="right").all()
    assert rebuilt.intervals[["events", "censored"]].to_numpy().sum() == len(table)
    assert (rebuilt.intervals[["events", "censored"]] >= 0).all(axis=None)
    # Patients are whole: at each point the curve may miss by half of the step that one event makes there.
    curve = fit_kaplan_meier(rebuilt.data["time"], rebuilt.data["event"])
    points = rebuilt.curve.time <= curve.time[-1]
    table_at = survival_at(curve, rebuilt.curve.time[points])
    before = np.searchsorted(curve.time, rebuilt.curve.time[points], side="left")
    step = np.append(1.0, curve.survival)[before] / np.maximum(table_at["at_risk"], 1)
    error = np.abs(table_at["survival"] - rebuilt.curve.survival[points])
    someone = table_at["at_risk"] > 0
    assert (error[someone] <= 0.5 * step[someone] + 1e-9).all()


@settings(max_examples=30, deadline=None)
@given(digitised(), st.floats(0.02, 50))
def test_rebuilding_knows_no_units(figure: tuple, factor: float) -> None:
    _, time, height, risk_time, at_risk = figure
    one = rebuild(time, height, risk_time, at_risk)
    other = rebuild(time * factor, height * 100, [start * factor for start in risk_time], at_risk, unit="percent")
    # Rounding of a half patient can fall either way after the change of unit: the counts may differ by very few.
    assert abs(int(one.data["event"].sum()) - int(other.data["event"].sum())) <= 2
    assert other.rmse == pytest.approx(one.rmse, abs=0.01)


def rebuild(
    time: np.ndarray,
    height: np.ndarray,
    risk_time: list[float],
    at_risk: list[int],
    total: int | None = None,
    unit: str = "fraction",
) -> ReconstructedData:
    return reconstruct_individual_data(
        time, height, unit=unit, risk_time=risk_time, at_risk=at_risk, total_events=total, tolerance=0.02
    )


medians = st.lists(st.tuples(st.floats(0.5, 60), st.floats(1.05, 4), st.floats(1.05, 4)), min_size=1, max_size=8)


@given(medians, st.floats(0.01, 100))
def test_pooled_median_lies_between_the_extremes_and_follows_the_unit(
    rows: list[tuple[float, float, float]], factor: float
) -> None:
    median, down, up = (np.array(column) for column in zip(*rows, strict=True))
    pooled = pool_medians(median, median / down, median * up)
    assert median.min() * (1 - 1e-9) <= pooled.estimate <= median.max() * (1 + 1e-9)
    assert pooled.ci_lb <= pooled.estimate <= pooled.ci_ub
    scaled = pool_medians(median * factor, median / down * factor, median * up * factor)
    assert scaled.estimate == pytest.approx(pooled.estimate * factor, rel=1e-6)
    assert sum(row.weight for row in pooled.used) == pytest.approx(100)


@st.composite
def life_tables(draw: st.DrawFn) -> pd.DataFrame:
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    parts = []
    for study in range(draw(st.integers(2, 6))):
        length = draw(st.integers(1, 5))
        survival = np.cumprod(rng.uniform(0.3, 1.0, length))
        at_risk = np.maximum(1.0, 40 * np.append(1.0, survival[:-1]))
        parts.append(
            pd.DataFrame({"study": study, "time": range(1, length + 1), "survival": survival, "at_risk": at_risk})
        )
    return pd.concat(parts, ignore_index=True)


@settings(max_examples=60, deadline=None)
@given(life_tables(), conf_types)
def test_summary_curve_is_a_survival_curve(table: pd.DataFrame, conf_type: ConfType) -> None:
    pooled = pool_survival_curves(table, conf_type=conf_type)
    frame = pooled.to_frame()
    limits = frame[["survival", "ci_lb", "ci_ub", "pi_lb", "pi_ub"]]
    assert ((limits >= 0) & (limits <= 1)).all(axis=None)
    assert np.all(np.diff(pooled.survival) <= 0)
    assert (frame["ci_lb"] <= frame["survival"] + 1e-12).all()
    assert (frame["ci_ub"] >= frame["survival"] - 1e-12).all()
    assert (frame["pi_lb"] <= frame["ci_lb"] + 1e-12).all()
    assert (frame["pi_ub"] >= frame["ci_ub"] - 1e-12).all()
    shuffled = pool_survival_curves(table.sample(frac=1, random_state=1), conf_type=conf_type)
    np.testing.assert_allclose(shuffled.survival, pooled.survival, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(life_tables())
def test_equal_cohorts_pool_to_themselves_as_they_grow(table: pd.DataFrame) -> None:
    one = table[table["study"] == 0]
    grown = one.assign(at_risk=one["at_risk"] * 1e6)  # the correction of 1/4 and 1/2 fades with size
    pooled = pool_survival_curves(pd.concat([grown, grown.assign(study=1)]))
    np.testing.assert_allclose(pooled.survival[1:], one["survival"], atol=1e-5)
    np.testing.assert_allclose(pooled.tau2, 0, atol=1e-9)
