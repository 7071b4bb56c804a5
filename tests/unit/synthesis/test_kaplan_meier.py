"""The Kaplan-Meier estimate of one group: hand-checked values, edges, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from aftercar.foundation import InputError
from aftercar.synthesis.kaplan_meier import fit_kaplan_meier, survival_at


def test_product_limit_by_hand() -> None:
    curve = fit_kaplan_meier([1, 2, 2, 3, 5], [1, 1, 0, 0, 1])
    # 4/5, then 4/5 · 3/4 (the one censored at 2 is still at risk there), then 0.
    np.testing.assert_allclose(curve.survival, [0.8, 0.6, 0.6, 0.0])
    assert curve.at_risk.tolist() == [5, 4, 2, 1]
    assert curve.censored.tolist() == [0, 1, 1, 0]
    assert (curve.n, curve.n_events) == (5, 3)


def test_the_three_intervals_by_hand() -> None:
    # After one event of five: S = 0.8, Greenwood Var(log S) = 1 / (5 · 4) = 0.05; z = 1.959964.
    half = 1.959964 * np.sqrt(0.05)
    expected = {
        "plain": (0.8 - half * 0.8, 1.0),
        "log": (0.8 * np.exp(-half), 1.0),
        "log-log": (0.8 ** np.exp(half / -np.log(0.8)), 0.8 ** np.exp(-half / -np.log(0.8))),
    }
    for conf_type, limits in expected.items():
        curve = fit_kaplan_meier([1, 2, 3, 4, 5], [1, 0, 0, 0, 0], conf_type=conf_type)
        np.testing.assert_allclose((curve.ci_lb[0], curve.ci_ub[0]), limits, rtol=1e-6)  # digits of z
        assert curve.conf_type == conf_type


def test_default_interval_is_log_log() -> None:
    assert fit_kaplan_meier([1, 2], [1, 0]).conf_type == "log-log"


def test_no_event() -> None:
    curve = fit_kaplan_meier([3, 4, 7], [0, 0, 0])
    assert curve.survival.tolist() == [1, 1, 1]
    assert curve.std_err.tolist() == [0, 0, 0]
    assert curve.ci_lb.tolist() == curve.ci_ub.tolist() == [1, 1, 1]


def test_one_patient_with_the_event_has_no_interval() -> None:
    curve = fit_kaplan_meier([2], [1])
    assert curve.survival.tolist() == [0]
    assert np.isnan([curve.std_err[0], curve.ci_lb[0], curve.ci_ub[0]]).all()


def test_delayed_entry_counts_only_those_who_have_come() -> None:
    curve = fit_kaplan_meier([4, 5, 6, 8], [1, 1, 1, 0], entry=[0, 0, 5, 1])
    # At 4: three have come, the third patient not yet; entry at 5 is not in time for the event at 5.
    assert curve.at_risk.tolist() == [3, 2, 2, 1]
    np.testing.assert_allclose(curve.survival, [2 / 3, 1 / 3, 1 / 6, 1 / 6])
    assert curve.delayed_entry
    assert "Delayed entry" in curve.notes[0]


def test_early_fall_to_zero_with_delayed_entry_is_said() -> None:
    curve = fit_kaplan_meier([2, 6, 7], [1, 1, 0], entry=[0, 3, 3])
    assert curve.survival.tolist() == [0, 0, 0]
    assert "falls to 0 at time 2" in " ".join(curve.notes)


def test_survival_at_times_between_and_at_steps() -> None:
    table = survival_at(fit_kaplan_meier([1, 2, 3, 4], [1, 0, 1, 0]), [0, 0.5, 1, 2.5, 3, 4])
    np.testing.assert_allclose(table["survival"], [1, 1, 0.75, 0.75, 0.375, 0.375])
    assert table["at_risk"].tolist() == [4, 4, 4, 2, 2, 1]
    assert table["ci_lb"].iloc[0] == table["ci_ub"].iloc[0] == 1


def test_survival_after_the_end_is_refused_unless_zero() -> None:
    with pytest.raises(InputError, match="the curve runs from 0 to 4"):
        survival_at(fit_kaplan_meier([1, 4], [1, 0]), 5)
    ended = survival_at(fit_kaplan_meier([1, 4], [1, 1]), 5)
    assert ended[["survival", "at_risk"]].iloc[0].tolist() == [0, 0]


def test_arrays_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        fit_kaplan_meier([1], [1]).survival[0] = 1


@pytest.mark.parametrize(
    ("duration", "event", "entry", "words"),
    [
        ([], [], None, "there is no patient"),
        ([1, 2], [1], None, "have shapes"),
        ([1, -2], [1, 0], None, "patient 2 has duration -2"),
        ([0, 2], [1, 0], None, "patient 1 has duration 0"),
        ([np.nan, 2], [1, 0], None, "patient 1 has duration nan"),
        ([np.inf, 2], [1, 0], None, "patient 1 has duration inf"),
        ([1, 2], [1, 2], None, "patient 2 has event 2"),
        ([1, 2], [1, None], None, "patient 2 has event nan"),
        (["one", 2], [1, 0], None, "a value is not a number"),
        ([1, 2], [1, 0], [0, -1], "patient 2 has entry -1"),
        ([1, 2], [1, 0], [1, 0], "Entry comes before the end"),
    ],
)
def test_records_that_cannot_be_right(duration: list, event: list, entry: list | None, words: str) -> None:
    with pytest.raises(InputError, match=words):
        fit_kaplan_meier(duration, event, entry=entry)


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        fit_kaplan_meier([0, -1], [3, 1])
    assert len(caught.value.faults) == 3


@pytest.mark.parametrize("options", [{"level": 1.0}, {"level": 95}, {"conf_type": "wald"}])
def test_options_that_are_not_known(options: dict) -> None:
    with pytest.raises(InputError):
        fit_kaplan_meier([1], [1], **options)
