"""A digitised curve: what is mended and listed, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aftercar.foundation import InputError
from aftercar.synthesis.digitised import DigitisedCurve, clean_digitised_curve


def clean(time: Any, survival: Any, **options: Any) -> DigitisedCurve:
    defaults: dict[str, Any] = {"unit": "fraction", "risk_time": [0], "at_risk": [20]}
    return clean_digitised_curve(time, survival, **(defaults | options))


def kinds(curve: DigitisedCurve) -> list[tuple[str, int | None]]:
    return [(repair.kind, repair.point) for repair in curve.repairs]


def test_a_clean_curve_is_left_alone() -> None:
    curve = clean([0, 2, 5, 9], [1, 0.8, 0.8, 0.4])
    assert curve.repairs == ()
    assert curve.time.tolist() == [0, 2, 5, 9]
    assert curve.survival.tolist() == [1, 0.8, 0.8, 0.4]


def test_percent_is_the_same_curve() -> None:
    percent = clean([0, 2, 5], [100, 80, 40], unit="percent")
    np.testing.assert_allclose(percent.survival, clean([0, 2, 5], [1, 0.8, 0.4]).survival)


@pytest.mark.parametrize(
    ("time", "survival", "repair", "found", "used"),
    [
        ([1, 5], [0.9, 0.5], ("anchored", None), None, 1.0),
        ([0, 1, 5], [0.99, 0.9, 0.5], ("anchored", 1), 0.99, 1.0),
        ([-0.05, 1, 5], [1, 0.9, 0.5], ("clipped", 1), -0.05, 0.0),
        ([0, 1, 5], [1.01, 0.9, 0.5], ("clipped", 1), 1.01, 1.0),
        ([0, 1, 5], [1, 0.5, -0.01], ("clipped", 3), -0.01, 0.0),
        ([0, 2, 1.95, 5], [1, 0.9, 0.7, 0.5], ("moved in time", 3), 1.95, 2.0),
        ([0, 2, 2, 5], [1, 0.9, 0.7, 0.5], ("merged", 2), 0.9, 0.7),
        ([0, 2, 3, 5], [1, 0.80, 0.81, 0.5], ("levelled", 2), 0.80, 0.805),
        ([0, 2, 3, 5], [1, 0.80, 0.81, 0.5], ("levelled", 3), 0.81, 0.805),
        ([0, 4, 1, 5], [1, 0.6, 0.9, 0.5], ("sorted", 2), None, None),
    ],
)
def test_a_slip_of_reading_is_mended_and_listed(
    time: list, survival: list, repair: tuple, found: float | None, used: float | None
) -> None:
    curve = clean(time, survival)
    assert repair in kinds(curve)
    listed = next(one for one in curve.repairs if (one.kind, one.point) == repair)
    assert (listed.found, listed.used) == (found, pytest.approx(used) if used is not None else None)
    assert listed.reason
    assert (curve.time[0], curve.survival[0]) == (0, 1)
    assert np.all(np.diff(curve.time) > 0) and np.all(np.diff(curve.survival) <= 0)


def test_flat_end_read_short_is_extended() -> None:
    curve = clean([0, 2, 9.9], [1, 0.8, 0.8], risk_time=[0, 10], at_risk=[20, 3])
    assert kinds(curve) == [("extended", None)]
    assert (curve.time[-1], curve.survival[-1]) == (10, 0.8)


def test_nobody_at_risk_after_the_end_is_dropped() -> None:
    curve = clean([0, 2, 9], [1, 0.8, 0.8], risk_time=[0, 12], at_risk=[20, 0])
    assert kinds(curve) == [("dropped", None)]
    assert curve.risk_time.tolist() == [0]


@pytest.mark.parametrize(
    ("time", "survival", "options", "words"),
    [
        ([0], [1], {}, "the curve has 1 point"),
        ([0, 0], [1, 0.9], {}, "all points have time 0"),
        ([0, 1, 2], [1, 0.9], {}, "time and survival have shapes"),
        ([0, 1], [1, np.nan], {}, "column survival: value 2 is missing"),
        ([0, np.nan], [1, 0.9], {}, "column time: value 2 is missing"),
        (["a", 1], [1, 0.9], {}, "a value is not a number"),
        ([-1, 1, 5], [1, 0.9, 0.5], {}, "point 1 has time -1"),
        ([0, 1, 5], [1, 0.5, 0.6], {}, "survival rises at point 3"),
        ([0, 1, 5], [1, 1.1, 0.6], {}, "point 2 has survival 1.1"),
        ([0, 1, 5], [1, 0.5, -0.1], {}, "point 3 has survival -0.1"),
        ([0, 1, 5], [0.8, 0.7, 0.5], {}, "survival at time 0 is 0.8"),
        ([0, 1, 5], [100, 70, 50], {}, "declared a fraction. Declare unit 'percent'"),
        ([0, 1, 5], [1, 0.7, 0.5], {"unit": "percent"}, "declared in percent. Declare unit 'fraction'"),
        ([0, 1, 5], [1, 0.7, 0.5], {"unit": "%"}, "'%' is not known"),
        ([0, 1, 5], [1, 0.7, 0.5], {"tolerance": 2}, "tolerance is 2"),
        ([0, 1, 5], [1, 0.7, 0.5], {"risk_time": [], "at_risk": []}, "there is no number at risk"),
        ([0, 1, 5], [1, 0.7, 0.5], {"risk_time": [1], "at_risk": [9]}, "the risk table begins at time 1"),
        ([0, 1, 5], [1, 0.7, 0.5], {"at_risk": [0]}, "nobody is at risk at time 0"),
        ([0, 1, 5], [1, 0.7, 0.5], {"at_risk": [9.5]}, "9.5 at risk. Give a whole number"),
        ([0, 1, 5], [1, 0.7, 0.5], {"risk_time": [0, 2], "at_risk": [9, 10]}, "more than the 9 before"),
        ([0, 1, 5], [1, 0.7, 0.5], {"risk_time": [0, 3, 2], "at_risk": [9, 5, 4]}, "not after the row before"),
        ([0, 1, 5], [1, 0.7, 0.5], {"risk_time": [0, 8], "at_risk": [9, 2]}, "was digitised only to 5"),
        ([0, 1, 5], [1, 0.7, 0.5], {"risk_time": [0, 2], "at_risk": [9]}, "risk_time and at_risk have shapes"),
        ([0, 1, 5], [1, 0.3, 0.1], {"risk_time": [0, 3], "at_risk": [20, 12]}, "which leaves at most 6.4 of 20"),
        ([0, 1, 3, 5], [1, 0.7, 0.7, 0.5], {"risk_time": [0, 2], "at_risk": [20, 0]}, "but the curve falls after it"),
    ],
)
def test_what_contradicts_itself_is_refused(time: list, survival: list, options: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        clean(time, survival, **options)


def test_a_rise_of_the_tolerance_itself_is_mended_more_is_not() -> None:
    assert kinds(clean([0, 1, 5], [1, 0.50, 0.52])) == [("levelled", 2), ("levelled", 3)]
    with pytest.raises(InputError, match="survival rises"):
        clean([0, 1, 5], [1, 0.50, 0.53])


def test_all_faults_of_a_risk_table_are_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        clean([0, 1, 5], [1, 0.7, 0.5], risk_time=[0, 2, 2], at_risk=[9, 10, 3.5])
    assert len(caught.value.faults) == 3
