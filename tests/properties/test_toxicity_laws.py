"""Rates of adverse events, whatever a user writes: refused, or shares in order and events that can be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from aftercar.catalogue.toxicity import EventKind, Rate, TherapyToxicity, ToxicityRates
from aftercar.trials.toxicity import draw_toxicity

COUNT = st.none() | st.integers(-2, 60)
PERCENT = st.none() | st.floats(-5, 120)
DAY = st.floats(-1, 500)
SOURCE = {"grade": "assumed", "source": "aftercar"}


@st.composite
def anything(draw: st.DrawFn) -> dict[str, Any]:
    """Return fields of a rate, sensible or not."""
    fields: dict[str, Any] = dict(SOURCE)
    for name in ("events", "severe", "fatal"):
        fields[name] = draw(COUNT)
        fields["percent" if name == "events" else f"{name}_percent"] = draw(PERCENT)
    fields["total"] = draw(st.none() | st.integers(-1, 50))
    if draw(st.booleans()):
        fields["onset"] = {"median": draw(DAY), "low": draw(DAY), "high": draw(DAY), **SOURCE}
    if draw(st.booleans()):
        fields["exposure"] = {"days": draw(DAY), **SOURCE}
    return fields


def sensible(low: float, middle: float, high: float, parts: list[float], over_time: bool) -> dict[str, Any]:
    """Return fields of a rate that must be taken."""
    median, least, most = sorted((low, middle, high))[1], min(low, middle, high), max(low, middle, high)
    fields: dict[str, Any] = dict(SOURCE)
    names = ("fatal_percent", "severe_percent", "percent")
    fields |= dict(zip(names, sorted(parts), strict=True))
    if over_time:
        return fields | {"exposure": {"days": most + 1.0, **SOURCE}}
    return fields | {"onset": {"median": median, "low": least, "high": most, **SOURCE}}


@given(anything())
@settings(max_examples=400, deadline=None)
def test_a_rate_is_refused_or_its_shares_are_in_order(fields: dict[str, Any]) -> None:
    try:
        rate = Rate.model_validate(fields)
    except ValidationError:
        return
    assert 1 >= rate.any_share >= rate.severe_share >= rate.fatal_share >= 0
    assert (rate.onset is None) != (rate.exposure is None)


PART = st.floats(0, 100)


DAYS = st.floats(0, 400)


@given(
    low=DAYS, middle=DAYS, high=DAYS, parts=st.lists(PART, min_size=3, max_size=3), over_time=st.booleans(),
    lowest=st.integers(1, 5), days=st.integers(0, 800), seed=st.integers(0, 10),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_events_lie_within_the_time_at_risk_and_the_scale(
    low: float, middle: float, high: float, parts: list[float], over_time: bool, lowest: int, days: int, seed: int
) -> None:
    rate = Rate.model_validate(sensible(low, middle, high, parts, over_time))
    kind = EventKind(id="harm", name="harm", meaning="harm", scale="CTCAE", lowest_grade=lowest, **SOURCE)
    rates = ToxicityRates({"harm": kind}, {"x": TherapyToxicity(id="x", events={"harm": rate})}, {}, "")
    table = pd.DataFrame({"arm": "A", "patient": np.arange(40, 90), "line": 1, "therapy": "x"})
    events = draw_toxicity(table.assign(start_day=5.0, end_day=5.0 + days), seed=seed, rates=rates)
    assert events["day"].between(5, 5 + days).all()
    assert events["grade"].between(lowest, 5).all()
    assert set(events["patient"]) <= set(range(40, 90))
    if parts == [0.0, 0.0, 0.0]:
        assert events.empty
