"""Numbers are written as a reader expects, and never say more than is known."""

from __future__ import annotations

import pytest

from aftercar.report import words


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
