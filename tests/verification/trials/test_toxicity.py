"""Drawn adverse events against the laws that they are drawn from.

Tolerances are Monte-Carlo errors: three standard errors of a share among 20,000 patients of one seed.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from aftercar.catalogue.toxicity import EventKind, Onset, Rate, TherapyToxicity, ToxicityRates, load_toxicity
from aftercar.foundation import InputError
from aftercar.trials.tables import EVENTS
from aftercar.trials.toxicity import draw_toxicity, find_fatal, hazards, keep_until, quantile_of_onset

N = 20_000
RATES = load_toxicity()
KIND = EventKind(id="harm", name="harm", meaning="harm", scale="CTCAE", grade="assumed", source="aftercar")


def given(therapy: str = "x", *, n: int = N, days: float = 10_000.0, arm: str = "A", line: int = 1) -> pd.DataFrame:
    ids = np.arange(1, n + 1)
    return pd.DataFrame(
        {"arm": arm, "patient": ids, "line": line, "therapy": therapy, "start_day": 14.0, "end_day": 14.0 + days}
    )


def rates_of(**numbers: object) -> ToxicityRates:
    if "exposure" not in numbers:
        numbers.setdefault("onset", {"median": 5.0, "low": 1.0, "high": 30.0, "grade": "assumed", "source": "aftercar"})
    else:
        numbers["exposure"] = {"days": numbers["exposure"], "grade": "assumed", "source": "aftercar"}
    rate = Rate.model_validate({"total": 1000, "grade": "assumed", "source": "aftercar", **numbers})
    return ToxicityRates({"harm": KIND}, {"x": TherapyToxicity(id="x", events={"harm": rate})}, {}, "")


def assert_share(patients: float, share: float) -> None:
    assert abs(patients / N - share) <= 3 * np.sqrt(share * (1 - share) / N)


@pytest.mark.parametrize("therapy", ["ide_cel", "talquetamab", "belantamab_mafodotin", "auto_hsct"])
def test_windowed_events_have_their_published_shares(therapy: str) -> None:
    events = draw_toxicity(given(therapy), seed=20240601)
    for event, found in RATES.find(therapy).items():
        if found.rate.onset is None:
            continue
        of_kind = events[events["event"] == event]
        assert of_kind["patient"].is_unique
        assert_share(len(of_kind), found.rate.any_share)
        assert_share((of_kind["grade"] >= 3).sum(), found.rate.severe_share)
        assert_share((of_kind["grade"] == 5).sum(), found.rate.fatal_share)


@pytest.mark.parametrize("therapy", ["teclistamab", "bortezomib", "cilta_cel"])
def test_events_over_time_have_their_published_shares_after_the_published_exposure(therapy: str) -> None:
    seen = 0
    for event, found in RATES.find(therapy).items():
        if found.rate.exposure is None:
            continue
        days = np.floor(found.rate.exposure.days)
        kept = days / found.rate.exposure.days  # days are whole: the exposure is cut by less than one
        events = draw_toxicity(given(therapy, days=days), seed=20240601)
        of_kind = events[events["event"] == event]
        for least, share in ((1, found.rate.any_share), (3, found.rate.severe_share), (5, found.rate.fatal_share)):
            expected = 1 - (1 - share) ** kept
            assert_share(of_kind.loc[of_kind["grade"] >= least, "patient"].nunique(), expected)
        seen += 1
    assert seen


def test_an_event_over_time_is_exponential() -> None:
    """P(T <= t) = 1 - (1 - share)^(t / exposure), at whole days."""
    rates = rates_of(events=300, severe=100, fatal=0, exposure=200.0)
    events = draw_toxicity(given(days=1e6), seed=3, rates=rates)
    severe = events.loc[events["grade"] >= 3, "day"] - 14
    assert len(severe) == N  # a million days: everybody
    for day in (20, 100, 300, 1000):
        assert_share((severe <= day).sum(), 1 - 0.9 ** (day / 200))


def test_hazards_give_back_the_shares() -> None:
    rate = rates_of(events=640, severe=220, fatal=15, exposure=228.0).therapies["x"].events["harm"]
    mild, severe, fatal = hazards(rate)
    assert 1 - np.exp(-(mild + severe + fatal) * 228) == pytest.approx(0.640)
    assert 1 - np.exp(-(severe + fatal) * 228) == pytest.approx(0.220)
    assert 1 - np.exp(-fatal * 228) == pytest.approx(0.015)


def test_an_onset_has_its_median_and_its_range() -> None:
    onset = Onset(median=7.0, low=1.0, high=42.0, grade="assumed", source="aftercar")
    n = 35
    at = quantile_of_onset(onset, np.array([1 / (n + 1), 0.5, n / (n + 1), 1e-9, 1 - 1e-9]), n=n)
    np.testing.assert_allclose(at, [1, 7, 42, 1, 42], rtol=1e-9)
    u = np.linspace(0.001, 0.999, 999)
    assert (np.diff(quantile_of_onset(onset, u, n=n)) >= 0).all()


def test_drawn_onsets_follow_the_law() -> None:
    rates = rates_of(events=500)
    onset = rates.therapies["x"].events["harm"].onset
    assert onset is not None
    days = draw_toxicity(given(), seed=5, rates=rates)["day"] - 14
    for u in (0.1, 0.25, 0.5, 0.75, 0.9):
        # Days are rounded: the share up to a whole day is the law's up to half a day later.
        day = float(np.floor(quantile_of_onset(onset, np.array([u]), n=500)[0]))
        grid = np.linspace(1e-6, 1 - 1e-6, 200_001)
        expected = float(np.mean(quantile_of_onset(onset, grid, n=500) < day + 0.5))
        error = 3 * np.sqrt(expected * (1 - expected) / len(days)) + 1e-4
        assert abs(float((days <= day).mean()) - expected) <= error


def test_grades_within_a_class_are_even_and_luck_of_uses_is_independent() -> None:
    rates = rates_of(events=600, severe=300)
    events = draw_toxicity(given(), seed=7, rates=rates)
    for low, high in ((1, 2), (3, 4)):
        few, many = (events["grade"] == low).sum(), (events["grade"] == high).sum()
        assert abs(few - many) <= 3 * np.sqrt(few + many)
    assert abs(np.corrcoef(events["grade"], events["day"])[0, 1]) < 3 / np.sqrt(len(events))


def test_lines_have_their_own_luck() -> None:
    rates = rates_of(events=500)
    first, second = (set(draw_toxicity(given(line=k), seed=1, rates=rates)["patient"]) for k in (1, 2))
    assert_share(len(first & second), 0.25)


def test_uniform_luck_passes_kolmogorov_smirnov() -> None:
    rates = rates_of(events=1000, severe=1000, fatal=1000, exposure=100.0)
    days = draw_toxicity(given(days=1e9), seed=11, rates=rates)["day"] - 14 - np.random.default_rng(1).uniform(size=N)
    hazard = hazards(rates.therapies["x"].events["harm"])[2]
    assert kstest(1 - np.exp(-hazard * days), "uniform").pvalue > 0.01


def test_a_subset_in_any_order_draws_the_same_bits() -> None:
    treatments = (("teclistamab", "A", 1), ("ide_cel", "B", 1), ("pi_combination", "B", 2))
    table = pd.concat([given(therapy, n=300, arm=arm, line=line) for therapy, arm, line in treatments])
    whole = draw_toxicity(table, seed=9)
    mixed = draw_toxicity(table.sample(frac=1, random_state=1), seed=9)
    pd.testing.assert_frame_equal(whole, mixed)
    some = table[(table["patient"] % 7 == 3) & (table["arm"] == "B")]
    expected = whole[(whole["patient"] % 7 == 3) & (whole["arm"] == "B")].reset_index(drop=True)
    pd.testing.assert_frame_equal(draw_toxicity(some, seed=9), expected)
    assert not draw_toxicity(table, seed=10).equals(whole)


def test_a_patient_has_the_same_luck_in_every_arm() -> None:
    table = pd.concat([given("teclistamab", n=500, arm=arm) for arm in ("A", "B")])
    events = draw_toxicity(table, seed=2)
    a, b = (events[events["arm"] == arm].drop(columns="arm").reset_index(drop=True) for arm in ("A", "B"))
    pd.testing.assert_frame_equal(a, b)


def test_who_has_more_risk_has_every_event_that_less_risk_brings() -> None:
    less, more = (draw_toxicity(given(), seed=4, rates=rates_of(events=k, severe=k // 3)) for k in (300, 600))
    assert set(less["patient"]) < set(more["patient"])
    assert set(less.loc[less["grade"] >= 3, "patient"]) < set(more.loc[more["grade"] >= 3, "patient"])


def test_two_therapies_of_a_line_cause_an_event_once() -> None:
    one, two = given("teclistamab", n=2000, days=300), given("elranatamab", n=2000, days=300)
    events = draw_toxicity(pd.concat([one, two]), seed=6)
    severity = (events["grade"] + 1) // 2
    assert not events.assign(severity=severity).duplicated(["arm", "patient", "line", "event", "severity"]).any()
    alone = draw_toxicity(two, seed=6)
    infected = alone.loc[(alone["event"] == "infection") & (alone["grade"] >= 3), "patient"]
    both = events.loc[(events["event"] == "infection") & (events["grade"] >= 3), "patient"]
    assert set(infected) <= set(both)


def test_nothing_happens_after_the_last_day_at_risk_nor_without_a_start() -> None:
    table = given("ide_cel", n=4000, days=6)
    table.loc[table["patient"] <= 1000, ["start_day", "end_day"]] = np.nan
    events = draw_toxicity(table, seed=1)
    assert events["day"].max() <= 20 and events["day"].min() >= 14
    assert events["patient"].min() > 1000
    assert list(draw_toxicity(table.head(500), seed=1).columns) == list(EVENTS)
    assert draw_toxicity(table.head(500), seed=1).empty


def test_an_event_on_the_last_day_at_risk_counts() -> None:
    on_day_six = {"median": 6.0, "low": 6.0, "high": 6.0, "grade": "assumed", "source": "aftercar"}
    rates = rates_of(events=1000, onset=on_day_six)
    assert len(draw_toxicity(given(days=6, n=50), seed=1, rates=rates)) == 50
    assert draw_toxicity(given(days=5, n=50), seed=1, rates=rates).empty


def test_events_of_a_part_begin_with_the_part() -> None:
    found = RATES.find("bcma_cart_pomalidomide")["neutropenia"]
    assert found.therapy == "bcma_cart" and found.day == 0  # more of it than with pomalidomide
    late = RATES.find("bcma_cart_pomalidomide")["infection"]
    assert late.day > 0
    events = draw_toxicity(given("bcma_cart_pomalidomide", n=5000, days=400), seed=1)
    assert events.loc[events["event"] == "infection", "day"].min() > 14 + late.day
    assert events.loc[events["event"] == "crs", "day"].max() < 14 + late.day


def test_fatal_events_end_what_a_patient_lives_to_have() -> None:
    rates = rates_of(events=900, severe=600, fatal=300)
    events = draw_toxicity(given(n=1000), seed=8, rates=rates)
    deaths = find_fatal(events, rates=rates)
    assert set(deaths["cause_of_death"]) == {"treatment"}
    assert set(deaths.index.get_level_values("patient")) == set(events.loc[events["grade"] == 5, "patient"])
    ends = pd.Series(10.0 + 14, index=pd.MultiIndex.from_product([["A"], range(1, 1001)], names=["arm", "patient"]))
    kept = keep_until(events, ends)
    assert 0 < len(kept) < len(events) and kept["day"].max() <= 24
    assert find_fatal(draw_toxicity(given("teclistamab", n=5000), seed=1))["cause_of_death"].unique() == ["infection"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"patient": -1}, "patient is not whole"),
        ({"patient": 1.5}, "patient is not whole"),
        ({"line": np.nan}, "line is not whole"),
        ({"end_day": 3.0}, "one before its first"),
        ({"end_day": np.nan}, "no last day at risk"),
        ({"start_day": np.inf}, "no last day at risk"),
        ({"therapy": "nothing"}, "no rates of adverse events are known"),
    ],
)
def test_bad_rows_are_refused(change: dict[str, object], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        draw_toxicity(given("ide_cel", n=3).assign(**change), seed=1)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(InputError, match="no column end_day"):
        draw_toxicity(given("ide_cel", n=3).drop(columns="end_day"), seed=1)
