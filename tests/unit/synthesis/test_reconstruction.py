"""Rebuilding individual data: small curves with known patients, edges, refusals."""

from __future__ import annotations

from typing import Any

import pytest

from aftercar.foundation import InputError
from aftercar.synthesis.reconstruction import ReconstructedData, reconstruct_individual_data


def rebuild(time: list, survival: list, **options: Any) -> ReconstructedData:
    defaults: dict[str, Any] = {"unit": "fraction", "risk_time": [0], "at_risk": [10]}
    return reconstruct_individual_data(time, survival, **(defaults | options))


def patients(rebuilt: ReconstructedData) -> list[tuple[float, bool]]:
    return [(float(time), bool(event)) for time, event in rebuilt.data.itertuples(index=False)]


def test_events_without_censoring_come_back_exactly() -> None:
    rebuilt = rebuild([0, 1, 2, 4], [1, 0.75, 0.25, 0], at_risk=[4])
    assert patients(rebuilt) == [(1, True), (2, True), (2, True), (4, True)]
    assert rebuilt.rmse == pytest.approx(0, abs=1e-12)


def test_censoring_between_two_numbers_at_risk_is_spread_evenly() -> None:
    rebuilt = rebuild([0, 9, 12], [1, 1, 1], risk_time=[0, 9], at_risk=[5, 3])
    # Two by time 9; at that rate one more by 12, halfway, and the others at the end.
    assert patients(rebuilt) == [(3, False), (6, False), (10.5, False), (12, False), (12, False)]
    assert rebuilt.intervals["censored"].tolist() == [2, 3]


def test_number_at_risk_decides_between_event_and_censoring() -> None:
    # 10 at risk, 2 events at time 2, then 3 at risk at time 6: five were censored on the way.
    rebuilt = rebuild([0, 2, 6, 8], [1, 0.8, 0.8, 0.8], risk_time=[0, 6], at_risk=[10, 3])
    assert rebuilt.intervals[["events", "censored"]].to_numpy().tolist() == [[2, 5], [0, 3]]
    assert rebuilt.intervals["mismatch"].tolist() == [0, 0]


def test_no_event() -> None:
    rebuilt = rebuild([0, 12], [100, 100], unit="percent", total_events=0)
    assert patients(rebuilt) == [(12, False)] * 10
    assert rebuilt.max_abs_error == 0


def test_every_patient_has_the_event() -> None:
    rebuilt = rebuild([0, 1, 2, 3], [1, 0.6, 0.2, 0], total_events=10)
    assert rebuilt.data["event"].all()
    assert rebuilt.data["time"].value_counts().sort_index().tolist() == [4, 4, 2]


def test_one_patient() -> None:
    assert patients(rebuild([0, 3], [1, 0], at_risk=[1])) == [(3, True)]


def test_everyone_gone_before_a_printed_time() -> None:
    rebuilt = rebuild([0, 2, 8], [1, 0.5, 0.5], risk_time=[0, 4, 6], at_risk=[4, 1, 0])
    assert len(rebuilt.data) == 4
    assert rebuilt.intervals["at_risk"].tolist() == [4, 1, 0]


def test_total_of_events_fixes_the_censoring_after_the_last_number() -> None:
    free = rebuild([0, 2, 4, 8, 12], [1, 0.9, 0.8, 0.6, 0.4], at_risk=[40])
    fixed = rebuild([0, 2, 4, 8, 12], [1, 0.9, 0.8, 0.6, 0.4], at_risk=[40], total_events=16)
    assert free.data["event"].sum() == 24  # 40 · 0.6, with nobody censored
    assert fixed.data["event"].sum() == 16
    assert fixed.rmse < 0.02


def test_a_total_that_the_curve_does_not_allow_is_said() -> None:
    rebuilt = rebuild([0, 2, 12], [1, 0.5, 0.5], at_risk=[10], total_events=9)
    assert rebuilt.data["event"].sum() == 5
    assert "5 events were rebuilt where 9 were printed" in " ".join(rebuilt.notes)


def test_censoring_goes_on_at_its_rate_after_the_last_number() -> None:
    # 4 of 20 censored in 4 months, then 4 months more: 4 again, the rest at the end.
    rebuilt = rebuild([0, 4, 8], [1, 1, 1], risk_time=[0, 4], at_risk=[20, 16])
    before_the_end = rebuilt.data["time"] < 8
    assert before_the_end.sum() == 8
    assert "at its rate before" in " ".join(rebuilt.notes)


def test_what_is_assumed_is_said() -> None:
    assert "hazard ratios unreliable" in rebuild([0, 2, 4], [1, 0.8, 0.5]).notes[0]
    assert rebuild([0, 2, 4], [1, 0.8, 0.5], total_events=5).notes == ()


def test_mends_are_said() -> None:
    rebuilt = rebuild([2, 4], [0.8, 0.5])
    assert "1 slips" not in " ".join(rebuilt.notes)
    assert "1 slip of reading was mended" in " ".join(rebuilt.notes)


@pytest.mark.parametrize(
    ("survival", "total", "words"),
    [
        ([1, 0.8, 0.5], 11, "total_events is 11 among 10 patients"),
        ([1, 0.8, 0.5], -1, "total_events is -1"),
        ([1, 0.8, 0.5], 2.5, "total_events is 2.5"),
        ([1, 0.8, 0.5], 0, "the curve falls to 0.500"),
        ([1, 1, 1], 3, "the curve never falls"),
    ],
)
def test_total_that_cannot_be(survival: list, total: float, words: str) -> None:
    with pytest.raises(InputError, match=words):
        rebuild([0, 2, 4], survival, total_events=total)


def test_refusals_of_cleaning_come_through_with_the_label() -> None:
    with pytest.raises(InputError, match="arm B, column survival: survival rises"):
        rebuild([0, 1, 2], [1, 0.5, 0.7], label="arm B")
