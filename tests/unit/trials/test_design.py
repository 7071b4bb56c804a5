"""Allocation, accrual, cut-off and the doors of the power functions."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from tests.unit.trials.fabricated import fabricate_tables

from aftercar.foundation import InputError
from aftercar.trials.cut_off import cut_tables
from aftercar.trials.design import allocate, draw_accrual, drop_out_hazard, set_entry, take_allocated
from aftercar.trials.endpoint_records import TIMES, take_records
from aftercar.trials.power import estimate_power, find_sample_size
from aftercar.trials.tables import TABLES as COLUMNS
from aftercar.trials.tables import TrialTables

TABLES = fabricate_tables(120)


def test_blocks_keep_arms_balanced_within_strata() -> None:
    arm = allocate(TABLES.subjects, arms={"A": 2, "B": 1}, strata=["high_risk_cytogenetics"], seed=3)
    assert arm.index.tolist() == TABLES.subjects["patient"].tolist()
    for _, part in TABLES.subjects.groupby("high_risk_cytogenetics"):
        given = arm.loc[part["patient"]]
        ahead = (given == "A").cumsum() - 2 * (given == "B").cumsum()
        assert ahead.abs().max() <= 4  # a block of six is begun with its four A, or its two B
    assert 70 <= (arm == "A").sum() <= 90
    again, other = (allocate(TABLES.subjects, arms={"A": 1, "B": 1}, seed=seed) for seed in (3, 4))
    assert again.equals(allocate(TABLES.subjects, arms={"A": 1, "B": 1}, seed=3)) and not again.equals(other)
    single = allocate(TABLES.subjects, arms={"A": 1, "B": 1}, blocks=(1,))
    assert all(set(single.iloc[i : i + 2]) == {"A", "B"} for i in range(0, 120, 2))


def test_each_patient_is_left_in_one_arm() -> None:
    parallel = take_allocated(TABLES, allocate(TABLES.subjects, arms={"A": 1, "B": 1}).iloc[:100])
    assert len(parallel.subjects) == len(parallel.outcomes) == 100 and parallel.outcomes["patient"].is_unique
    assert (parallel.clones["line"] == 0).sum() == 300
    wanted = parallel.outcomes.set_index("patient")["arm"]
    for name in ("lines", "visits", "events", "doses"):
        table = getattr(parallel, name)
        assert len(table) and (table["arm"] == table["patient"].map(wanted)).all()
    with pytest.raises(InputError, match="no arm 'C'"):
        take_allocated(TABLES, pd.Series({1: "C"}))


def test_accrual_follows_its_rates() -> None:
    assert draw_accrual(4, rates=[(10, 0.1), (1, 0.5)], even=True).tolist() == [5.0, 11.0, 13.0, 15.0]
    assert draw_accrual(2, rates=[(10, 0.0), (1, 1.0)], even=True).tolist() == [10.5, 11.5]
    days = draw_accrual(4000, rates=[(100, 2.0), (1, 10.0)], seed=2)
    assert np.all(np.diff(days) >= 0)
    assert np.sum(days < 100) == pytest.approx(200, abs=3 * np.sqrt(200))
    assert days[-1] == pytest.approx(100 + 3800 / 10, abs=3 * np.sqrt(4000) / 10)
    gaps = np.diff(days[days > 100])
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.06)  # Poisson
    with pytest.raises(InputError, match="the last rate above 0"):
        draw_accrual(4, rates=[(10, 0.0)])


def test_drop_out_hazard_reaches_its_share() -> None:
    assert 1 - np.exp(-drop_out_hazard(0.2, by_day=400) * 400) == pytest.approx(0.2)
    with pytest.raises(InputError):
        drop_out_hazard(1.0, by_day=10)


def together(tables: TrialTables) -> TrialTables:
    return set_entry(tables, np.zeros(len(tables.subjects)))


def test_a_cut_after_the_end_changes_nothing() -> None:
    late = cut_tables(TABLES, at=10_000)
    for field in fields(TABLES):
        before, after = getattr(TABLES, field.name), getattr(late, field.name)
        order = [name for name in ("arm", "patient", "line", "day", "event", "clone") if name in before]
        pd.testing.assert_frame_equal(
            before.sort_values(order, ignore_index=True), after.sort_values(order, ignore_index=True), check_dtype=False
        )


@pytest.mark.parametrize("with_visits", [True, False])
@pytest.mark.parametrize("day", [1.0, 40.0, 100.0, 250.0, 400.0])
def test_nothing_after_the_cut_is_known(day: float, with_visits: bool) -> None:
    whole = together(TABLES if with_visits else replace(TABLES, visits=TABLES.visits.iloc[:0]))
    cut = cut_tables(whole, at=day)
    for name, columns in COLUMNS.items():
        table = getattr(cut, name)
        assert list(table)[: len(columns)] == list(columns)
        for column in (c for c in columns if c == "day" or c.endswith("_day")):
            if name != "subjects":
                assert not (table[column] > day).any(), f"{name}.{column}"
    assert len(cut.outcomes) == 240
    assert (cut.outcomes["cause_of_death"] != "").equals(cut.outcomes["death_day"].notna())
    for measure in TIMES:
        for start in ("treatment", "entry"):
            now, then = (
                take_records(tables, measure, count_from=start).set_index(["arm", "patient"]) for tables in (cut, whole)
            )
            both = now.join(then, how="inner", rsuffix="_then")
            assert (now["duration"] <= day).all() or day == 1.0
            if measure in ("OS", "TTNT"):
                assert len(both) == len(now)
                known = both[both["event"]]
                assert known["event_then"].all() and known["duration"].equals(known["duration_then"])
                # Whatever happened by the day of the cut is known.
                origin = whole.outcomes.set_index(["arm", "patient"])["start_day"].reindex(both.index)
                since = origin if start == "treatment" else 0.0
                happened = both["event_then"] & (both["duration_then"] + since <= day)
                assert both.loc[happened & (both["duration_then"] > 0.5), "event"].all()


def test_a_progression_counts_once_it_is_confirmed() -> None:
    whole = together(TABLES)
    first = whole.lines[(whole.lines["line"] == 1) & whole.lines["progression_day"].notna()].iloc[0]
    key = (first["arm"], first["patient"])

    def seen(day: float) -> tuple[float, float]:
        cut = cut_tables(whole, at=day)
        row = cut.outcomes.set_index(["arm", "patient"]).loc[key]
        return row["progression_day"], row["last_visit_day"]

    assert np.isnan(seen(first["progression_confirmed_day"] - 1)[0])
    assert seen(first["progression_confirmed_day"] - 1)[1] == first["progression_day"]  # seen, not confirmed
    assert seen(first["progression_confirmed_day"])[0] == first["progression_day"]


def test_a_response_counts_once_a_later_visit_confirms_it() -> None:
    whole = together(TABLES)
    longer = whole.outcomes[whole.outcomes["last_visit_day"] > 70].set_index(["arm", "patient"])
    assert longer["first_response_day"].dropna().unique().tolist() == [42.0]  # the first visit after baseline
    for at, known in ((69.0, False), (70.0, True)):
        now = cut_tables(whole, at=at).outcomes.set_index(["arm", "patient"]).loc[longer.index]
        assert now["first_response_day"].equals(longer["first_response_day"] if known else longer["start_day"] * np.nan)
        assert now["best_response"].tolist() == (longer["best_response"].tolist() if known else ["NE"] * len(longer))


def test_patients_enter_one_by_one() -> None:
    days = draw_accrual(120, rates=[(1, 0.5)], even=True)
    cut = cut_tables(set_entry(TABLES, days), at=100.0)
    assert len(cut.subjects) == 50 and len(cut.outcomes) == 100
    followed = cut.outcomes.merge(cut.subjects, on="patient")
    assert (followed["end_day"] <= 100 - followed["calendar_day"]).all()
    with pytest.raises(InputError, match="one day of 0 or more"):
        set_entry(TABLES, days[:3])


def test_power_speaks_of_what_was_asked() -> None:
    found = estimate_power(TABLES, arms=("A", "B"), measure="PFS", per_arm=30, ratio=2.0, trials=200)
    assert found[["test", "n_control", "n_experimental", "sets", "kind"]].iloc[0].tolist() == [
        "log-rank", 30, 60, 4, "simulated"
    ]  # fmt: skip
    rates = estimate_power(TABLES, arms=("A", "B"), measure="ORR", per_arm=30, trials=200)
    assert rates["test"].tolist() == ["difference", "fisher"]
    again = estimate_power(TABLES, arms=("A", "B"), measure="ORR", per_arm=30, trials=200)
    pd.testing.assert_frame_equal(rates, again)
    other = estimate_power(TABLES, arms=("A", "B"), measure="ORR", per_arm=30, trials=200, seed=5)
    assert not rates["power"].equals(other["power"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arms": ("A", "C")}, "no arm 'C'"),
        ({"arms": ("A", "A")}, "control and experimental"),
        ({"measure": "DOR"}, "chosen by their response"),
        ({"measure": "height"}, "is no endpoint"),
        ({"arms": ("A",)}, "historic rate None"),
        ({"arms": ("A",), "measure": "PFS", "historic": 0.2}, "measure PFS"),
        ({"per_arm": 0}, "0 patients"),
        ({"alpha": 1.5}, "alpha 1.5"),
        ({"tests": ["log-rank"]}, "does not fit ORR"),
    ],
)
def test_a_trial_that_cannot_be_is_refused(changes: dict[str, object], message: str) -> None:
    options = {"arms": ("A", "B"), "measure": "ORR", "per_arm": 20, "trials": 50} | changes
    with pytest.raises(InputError, match=message):
        estimate_power(TABLES, **options)


def test_a_sample_size_that_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match=r"power 1\.2"):
        find_sample_size(TABLES, arms=("A", "B"), measure="ORR", power=1.2)
