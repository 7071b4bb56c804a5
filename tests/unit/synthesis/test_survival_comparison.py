"""Log-rank test and hazard ratio: hand-checked values and refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aftercar.foundation import InputError, NotPoolableError
from aftercar.synthesis.survival_comparison import fit_hazard_ratio, log_rank


def table(time: list, event: list, entry: list | None = None) -> pd.DataFrame:
    frame = pd.DataFrame({"time": time, "event": event})
    return frame if entry is None else frame.assign(entry=entry)


def test_log_rank_by_hand() -> None:
    test = log_rank({"a": table([1, 3], [1, 1]), "b": table([2, 4], [1, 1])})
    # Expected in a: 2/4 + 1/3 + 1/2 + 0; variance: 1/4 + 2/9 + 1/4.
    assert test.expected[0] == pytest.approx(0.5 + 1 / 3 + 0.5)
    assert test.statistic == pytest.approx((2 - 4 / 3) ** 2 / (0.25 + 2 / 9 + 0.25))
    assert test.df == 1


def test_log_rank_with_delayed_entry_by_hand() -> None:
    test = log_rank({"a": table([2, 5], [1, 1], [0, 3]), "b": table([4, 6], [1, 0], [0, 0])})
    # Only b is there beside a's first patient at 2 (1 of 3), at 4 a's second has come (1 of 3), at 5 it is 1 of 2.
    assert test.expected[0] == pytest.approx(1 / 3 + 1 / 3 + 1 / 2)
    assert test.statistic == pytest.approx((2 - 7 / 6) ** 2 / (2 / 9 + 2 / 9 + 1 / 4))


def test_three_groups_have_two_degrees_of_freedom() -> None:
    rng = np.random.default_rng(3)
    groups = {name: table(list(rng.exponential(5, 20)), [1] * 20) for name in "abc"}
    assert log_rank(groups).df == 2


def test_rounding_of_the_covariance_is_no_degree_of_freedom() -> None:
    groups = {"a": table([1], [0]), "b": table([1, 2, 3, 3, 3, 3], [1, 1, 0, 0, 1, 1])}
    for order in (groups, dict(reversed(groups.items()))):
        test = log_rank(order)
        assert test.df == 1
        assert test.statistic == pytest.approx((1 / 7) ** 2 / (6 / 49))  # the event at 1 alone compares


def test_a_third_group_that_meets_no_other_adds_no_degree_of_freedom() -> None:
    groups = {"a": table([1, 3], [1, 1]), "b": table([2, 4], [1, 1]), "late": table([9, 11], [1, 1], [5, 6])}
    both = log_rank({name: groups[name] for name in "ab"})
    assert log_rank(groups).df == 1
    assert log_rank(groups).statistic == pytest.approx(both.statistic)


def test_groups_never_at_risk_together_are_refused() -> None:
    with pytest.raises(NotPoolableError, match="at risk together"):
        log_rank({"a": table([1, 2], [1, 1]), "b": table([5, 6], [1, 1], [3, 3])})


def test_no_event_at_all_is_refused() -> None:
    with pytest.raises(NotPoolableError, match="cannot be compared"):
        log_rank({"a": table([1, 2], [0, 0]), "b": table([5, 6], [0, 0])})


def test_one_group_is_refused() -> None:
    with pytest.raises(InputError, match="Give 2 or more"):
        log_rank({"a": table([1], [1])})


def test_faults_of_all_groups_are_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        log_rank({"a": table([-1], [1]), "b": pd.DataFrame({"time": [1.0]})})
    assert [fault.file for fault in caught.value.faults] == ["a", "b"]
    assert "column event is missing" in str(caught.value)


def test_hazard_ratio_turns_over_with_the_reference() -> None:
    rng = np.random.default_rng(4)
    one, other = table(list(rng.exponential(5, 40)), [1] * 40), table(list(rng.exponential(9, 40)), [1] * 40)
    forward, backward = fit_hazard_ratio({"a": one, "b": other}), fit_hazard_ratio({"b": other, "a": one})
    assert forward.estimate == pytest.approx(1 / backward.estimate, rel=1e-6)
    assert (forward.reference, forward.group) == ("a", "b")
    assert forward.estimate < 1


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        (([1, 2], [1, 1]), ([3, 4], [0, 0]), "no event in b"),
        (([1, 2, 3], [1, 1, 1]), ([10, 11, 12], [1, 1, 1]), "no event in b"),  # one dies out before the other begins
        (([1, 2], [0, 0]), ([3, 4], [0, 0]), "no event in a or b"),
    ],
)
def test_hazard_ratio_that_is_infinite_is_refused(one: tuple, other: tuple, words: str) -> None:
    with pytest.raises(NotPoolableError, match=words):
        fit_hazard_ratio({"a": table(*one), "b": table(*other)})


def test_hazard_ratio_near_separation_is_given_without_warning() -> None:
    ratio = fit_hazard_ratio({"a": table([1, 2, 3, 4], [1] * 4), "b": table([3.5, 10, 11, 12], [1] * 4)})
    assert 0 < ratio.ci_lb < ratio.estimate < 1


def test_hazard_ratio_of_three_groups_is_refused() -> None:
    with pytest.raises(InputError, match="there are 3 groups"):
        fit_hazard_ratio({name: table([1, 2], [1, 1]) for name in "abc"})


def test_hazard_ratio_uses_delayed_entry() -> None:
    rng = np.random.default_rng(5)
    entry = rng.uniform(0, 3, 60)
    times = entry + rng.exponential(6, 60)
    late = {name: table(list(times[part]), [1] * 30, list(entry[part])) for name, part in halves()}
    plain = {name: part.drop(columns="entry") for name, part in late.items()}
    assert fit_hazard_ratio(late).estimate != pytest.approx(fit_hazard_ratio(plain).estimate, rel=1e-3)


def halves() -> list[tuple[str, slice]]:
    return [("a", slice(0, 30)), ("b", slice(30, 60))]
