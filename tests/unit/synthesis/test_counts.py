from __future__ import annotations

import math
from typing import Any

import pytest

from aftercar.foundation import InputError, NotPoolableError
from aftercar.synthesis.counts import check_choice, check_counts, check_effects, check_level


@pytest.mark.parametrize(
    ("events", "total", "words"),
    [
        ([5], [4], "5 events in 4 patients"),
        ([-1], [4], "events = -1"),
        ([0], [0], "total = 0"),
        ([1.5], [4], "events = 1.5"),
        ([1], [4.2], "total = 4.2"),
        ([1], [math.nan], "no total"),
        ([None], [4], "no events"),
        ([1], [math.inf], "total = inf"),
        ([1, 2], [4], "2 counts of events stand beside 1 totals"),
        (["many"], [4], "not a number"),
        ([[1, 2]], [[3, 4]], "shape"),
    ],
)
def test_counts_that_cannot_be_are_named(events: Any, total: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_counts(events, total)


def test_all_faults_are_reported_at_once() -> None:
    with pytest.raises(InputError) as caught:
        check_counts([5, 1, None], [4, 0, 3])
    assert len(caught.value.faults) == 3


def test_nothing_to_pool_is_refused() -> None:
    with pytest.raises(NotPoolableError, match="no cohorts"):
        check_counts([], [])
    with pytest.raises(NotPoolableError, match="1 cohorts were given and this needs 2"):
        check_counts([1], [2], minimum_k=2)


@pytest.mark.parametrize(("yi", "vi"), [([math.nan], [1]), ([1], [0]), ([1], [-1]), ([1], [math.inf]), ([1, 2], [1])])
def test_effects_that_cannot_be_are_named(yi: Any, vi: Any) -> None:
    with pytest.raises(InputError):
        check_effects(yi, vi)


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, math.nan])
def test_levels_that_are_none(level: float) -> None:
    with pytest.raises(InputError, match=r"0\.95"):
        check_level(level)


def test_unknown_words_name_the_known() -> None:
    with pytest.raises(InputError, match=r"'remel' is not known\. Use one of: reml, dl"):
        check_choice("remel", ("reml", "dl"), name="method")
