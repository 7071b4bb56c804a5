"""Streams are keyed by what they are for."""

from __future__ import annotations

import numpy as np
import pytest

from aftercar.foundation import draw_stream


def test_a_stream_depends_on_its_key_alone() -> None:
    first = draw_stream(1, "ranking", 3).random(5)
    draw_stream(1, "something else").random(1000)
    np.testing.assert_array_equal(first, draw_stream(1, "ranking", 3).random(5))


@pytest.mark.parametrize("other", [(2, "ranking", 3), (1, "ranking", 4), (1, "ranking", "3"), (1, "rankin", "g3")])
def test_another_key_gives_another_stream(other: tuple[int, str, int | str]) -> None:
    assert not np.array_equal(draw_stream(1, "ranking", 3).random(5), draw_stream(*other).random(5))


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="seed"):
        draw_stream(-1)
