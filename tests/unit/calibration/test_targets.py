"""Published figures as counts of patients; what each asks of a simulated patient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from aftercar.calibration import CountedTarget, Outcome, count_targets
from aftercar.calibration.outcomes import had_outcome, may_have_outcome
from aftercar.catalogue.calibration import load_calibration
from aftercar.catalogue.targets import load_targets
from aftercar.foundation import InputError
from aftercar.patients.kinetics import MONTH

CALIBRATION, TARGETS = load_calibration(), load_targets()
COUNTED = {one.id: one for one in count_targets(CALIBRATION, TARGETS)}


def test_counts_are_those_that_were_printed() -> None:
    one = COUNTED["karmma_450_orr"]
    assert (one.events, one.n, one.given, one.weights) == (44, 54, None, (1.0,))
    chain = COUNTED["cartitude1_cr"]  # 80 sCR among the 92 with VGPR or better
    assert (chain.events, chain.n) == (80, 92)
    assert chain.outcome == Outcome("response", level="CR or better")
    assert chain.given == Outcome("response", level="VGPR or better")
    assert COUNTED["karmma_vgpr"].n == 94 and COUNTED["karmma_vgpr"].weights == pytest.approx((48 / 92, 44 / 92))


def test_landmarks_follow_each_other() -> None:
    first, second, third = (COUNTED[f"cartitude1_pfs{m}"] for m in (12, 24, 60))
    assert first.events == pytest.approx(0.766 * 97) and second.n == first.events
    assert second.events == pytest.approx(0.605 * 97) and third.n == second.events and third.events == 32
    assert third.outcome.limit == 1826.25 and third.given.limit == 730.5


def test_a_median_is_half_of_as_many_patients_as_its_interval_is_worth() -> None:
    one = COUNTED["karmma_pfs"]  # 8.8 months (5.6 to 11.6), 128 patients
    sd = np.log(11.6 / 5.6) / (2 * 1.959964)
    assert one.n == pytest.approx(0.25 / (np.log(2) / 2 * sd) ** 2, rel=1e-6) and one.events == one.n / 2
    assert one.outcome == Outcome("progression_free", limit=8.8 * MONTH)
    # An interval narrower than the patients allow is not believed: 10.9 (9.0 to 11.4) in 94 responders.
    assert COUNTED["karmma_dor"].n == 94 and COUNTED["karmma_dor"].given.level == "ORR"
    # Without an interval the patients count.
    assert COUNTED["legend2_pfs18"].n == 74


def test_the_size_from_an_interval_gives_the_interval_back() -> None:
    """Exponential survival of n patients: the median's log has a standard deviation of 1 / sqrt(n) / ln 2 (delta)."""
    n, rng = 60, np.random.default_rng(1)
    medians = np.median(rng.exponential(1.0, (20_000, n)), axis=1)
    low, high = np.quantile(medians, [0.025, 0.975])
    row = replace(TARGETS.response["karmma_pfs"], value=float(np.median(medians)), low=low, high=high, n=None)
    from aftercar.calibration.targets import _count

    assert _count(row)[1] == pytest.approx(n, rel=0.08)


def test_a_peak_is_held_against_the_median_of_its_log_normal_law() -> None:
    one = COUNTED["cartitude1_c_max"]
    law = stats.lognorm(np.sqrt(np.log1p((27174 / 48692) ** 2)), scale=one.outcome.limit)
    assert law.mean() == pytest.approx(48692) and law.std() == pytest.approx(27174)
    assert one.events == one.n / 2 == 48.5


def test_a_share_with_an_interval_alone_is_worth_as_many_patients() -> None:
    one = COUNTED["bcma_loss"]  # 18.5% (4 to 33)
    sd = 1 / np.sqrt(one.n * 0.185 * 0.815)
    assert 2 * 1.959964 * sd == pytest.approx(np.log(0.33 / 0.67) - np.log(0.04 / 0.96))


def test_every_target_has_words_and_possible_counts() -> None:
    for one in COUNTED.values():
        assert 0 <= one.events <= one.n and one.n >= 4 and len(one.words()) > 1
        assert sum(one.weights) == pytest.approx(1.0)
    assert len({one.words() + str(one.cohorts) + one.shows for one in COUNTED.values()}) == len(COUNTED)


def test_figures_that_were_held_back_are_not_fitted() -> None:
    fitted = {one.shows for one in COUNTED.values() if one.use == "fit"}
    held = {one.shows for one in COUNTED.values() if one.use == "check"}
    assert held - fitted
    for row in held & fitted:  # a chain's figure, again among all treated: another denominator, and it says so
        one, again = ([x for x in COUNTED.values() if x.shows == row and x.use == use] for use in ("fit", "check"))
        assert one[0].given is not None and all(x.given is None and x.n > one[0].n for x in again), row
        assert all(CALIBRATION.targets[x.id].note for x in again), row


def facts() -> pd.DataFrame:
    return pd.DataFrame({
        "best": ["SD", "PR", "VGPR", "CR", "sCR", "PR"],
        "response_day": [np.inf, 28.0, 28.0, 56.0, 28.0, 28.0],
        "progression_day": [84.0, 200.0, 400.0, np.nan, np.nan, 28.0 + 10 * MONTH],
        "peak": [10.0, 5e4, 4e4, 6e4, 1e5, 2e4],
        "quantified_day": [-np.inf, 100.0, 126.0, 125.0, 900.0, 28.0],
        "antigen_lost": [0.0, 0.6, 0.5, np.nan, np.nan, 0.9],
        "emd": [True, False, True, False, False, True],
    })  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome("response", level="ORR"), [0, 1, 1, 1, 1, 1]),
        (Outcome("response", level="VGPR or better"), [0, 0, 1, 1, 1, 0]),
        (Outcome("response", level="CR or better"), [0, 0, 0, 1, 1, 0]),
        (Outcome("progression_free", limit=200.0), [0, 0, 1, 1, 1, 1]),
        (Outcome("duration", limit=10 * MONTH), [0, 0, 1, 1, 1, 0]),
        (Outcome("peak", limit=4.2e4), [0, 1, 0, 1, 1, 0]),
        (Outcome("persistence", limit=125.9), [0, 0, 1, 0, 1, 0]),
        (Outcome("antigen_lost"), [0, 1, 0, 0, 0, 1]),
    ],
)
def test_who_had_what(outcome: Outcome, expected: list[int]) -> None:
    assert had_outcome(facts(), outcome).astype(int).tolist() == expected


def test_who_is_asked() -> None:
    def among(outcome: Outcome, given: Outcome | None = None, subgroup: str = "") -> list[int]:
        one = CountedTarget("t", ("c",), (1.0,), outcome, given, subgroup, 1, 2, "fit", "")
        return np.flatnonzero(may_have_outcome(facts(), one)).tolist()

    response = Outcome("response", level="ORR")
    assert among(response) == [0, 1, 2, 3, 4, 5]
    assert among(Outcome("response", level="CR or better"), response) == [1, 2, 3, 4, 5]
    assert among(Outcome("duration", limit=5.0), response) == [1, 2, 3, 4, 5]
    assert among(Outcome("antigen_lost")) == [0, 1, 2, 5]
    assert among(response, subgroup="emd") == [0, 2, 5] and among(response, subgroup="no_emd") == [1, 3, 4]


def test_more_events_than_patients_are_refused() -> None:
    wrong = CALIBRATION.targets["karmma_cr"].model_copy(update={"given": "legend2_cr"})
    changed = CALIBRATION.model_copy(update={"targets": {**CALIBRATION.targets, "wrong": wrong}})
    assert {one.id: one for one in count_targets(changed, TARGETS)}["wrong"].n == 54
    wrong = wrong.model_copy(update={"given": "ct103a_pfs12"})  # 58.3% of 18
    changed = CALIBRATION.model_copy(update={"targets": {**CALIBRATION.targets, "wrong": wrong}})
    with pytest.raises(InputError, match="42 events of 10"):
        count_targets(changed, TARGETS)
