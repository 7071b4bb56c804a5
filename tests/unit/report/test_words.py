"""Numbers are written as a reader expects, and never say more than is known."""

from __future__ import annotations

import numpy as np
import pytest

from aftercar.report import words
from aftercar.synthesis.ranking import identify_order


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0%"), (0.004, "<1%"), (0.005, "0%"), (0.214, "21%"), (0.9951, ">99%"), (1.0, "100%"), (None, "—")],
)
def test_a_percentage_is_never_a_false_0_or_100(value: float | None, text: str) -> None:
    # 0.005 is the border itself: Python rounds halves to even.
    assert words.percent(value) == text


def test_an_interval_without_a_limit_is_not_written() -> None:
    assert words.interval(0.1, None) == ""
    assert words.proportion(0.5, None, None) == "50%"
    assert words.span_text(0.08, 0.41) == "8 to 41%"


def test_a_median_says_when_its_upper_limit_is_not_known() -> None:
    assert words.months(3.5, 2.5, 4.6) == "3.5 [2.5, 4.6]"
    assert words.months(8.3, 7.9, None) == "8.3 [7.9, NR]"
    assert words.months(8.8) == "8.8"


def test_reconstructed_counts_carry_a_sign() -> None:
    assert words.count(11, 19, "inferred") == "11/19*"
    assert words.count(2, 3, "feasible") == "2/3†"
    assert words.count(6, 28, "reported") == "6/28"
    assert words.count(None, None, "not_reported") == "n not reported"


def test_a_headline_keeps_the_capitals_that_a_name_has() -> None:
    assert words.headline("anti-CD38 combination") == "Anti-CD38 combination"
    assert words.headline("BCMA bispecific") == "BCMA bispecific"
    assert words.headline("") == ""


def test_the_level_of_intervals_is_named() -> None:
    assert words.level_text(0.95) == "95%"
    assert words.level_text(0.995) == "99.5%"


def test_what_is_identified_is_said_in_one_sentence() -> None:
    found = identify_order(("a", "b", "c"), np.array([[0.5, 0.6, 0.99], [0.4, 0.5, 0.97], [0.01, 0.03, 0.5]]))
    text = words.identified_text(found, what="ORR, observed", names={"a": "GPRC5D CAR-T"})
    assert text.startswith("ORR, observed: of 3 pairs of strategies 2 are told apart")
    assert text.endswith("which is best is not identified: 2 may be.")
    told = identify_order(("a", "b"), np.array([[0.5, 0.96], [0.04, 0.5]]))
    text = words.identified_text(told, what="ORR, observed", names={"a": "GPRC5D CAR-T"})
    assert "of 1 pair of strategies 1 is told apart" in text and text.endswith("the best is GPRC5D CAR-T.")


def test_ranks_are_whole_numbers_or_a_dash() -> None:
    assert [words.rank_text(*pair) for pair in ((1.0, 9.0), (2.0, 2.0), (None, None), (np.nan, np.nan))] == [
        "1–9", "2", "—", "—",
    ]  # fmt: skip
