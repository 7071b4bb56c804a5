from __future__ import annotations

import pytest

from aftercar.foundation import InputError
from aftercar.synthesis.exact import estimate_proportion


@pytest.mark.parametrize(
    ("events", "total", "exact", "wilson"),
    [
        # R 4.2.2: binom.test(x, n)$conf.int and prop.test(x, n, correct = FALSE)$conf.int.
        (6, 28, (0.0830, 0.4095), (0.1021, 0.3954)),
        (4, 4, (0.3976, 1), (0.5101, 1)),
        (0, 20, (0, 0.1684), (0, 0.1611)),
        # Newcombe 1998, table I (methods 5 and 3): 81/263, 15/148, 1/29.
        (81, 263, (0.2527, 0.3676), (0.2553, 0.3662)),
        (15, 148, (0.0578, 0.1617), (0.0624, 0.1605)),
        (1, 29, (0.0009, 0.1776), (0.0061, 0.1718)),
    ],
)
def test_printed_intervals(events: int, total: int, exact: tuple[float, float], wilson: tuple[float, float]) -> None:
    # Half of the fourth decimal printed.
    found = estimate_proportion(events, total)
    assert (found.ci_lb, found.ci_ub) == pytest.approx(exact, abs=5.1e-5)
    found = estimate_proportion(events, total, kind="wilson")
    assert (found.ci_lb, found.ci_ub) == pytest.approx(wilson, abs=5.1e-5)


def test_limits_at_the_ends_are_the_ends() -> None:
    for kind in ("clopper-pearson", "wilson", "jeffreys"):
        assert estimate_proportion(0, 5, kind=kind).ci_lb == 0
        assert estimate_proportion(5, 5, kind=kind).ci_ub == 1


def test_clopper_pearson_of_all_ones_has_its_closed_form() -> None:
    # P(n of n) = p^n = alpha / 2 at the lower limit.
    assert estimate_proportion(7, 7).ci_lb == pytest.approx(0.025 ** (1 / 7), rel=1e-12)


def test_more_events_than_patients_is_an_error() -> None:
    with pytest.raises(InputError):
        estimate_proportion(3, 2)
    with pytest.raises(InputError):
        estimate_proportion(1, 2, kind="wald")  # type: ignore[arg-type]
