from __future__ import annotations

import numpy as np
import pytest

from aftercar.foundation import NotPoolableError
from aftercar.synthesis.trim_and_fill import fill_funnel

SYMMETRIC = np.array([-0.5, -0.3, -0.2, -0.1, -0.05, 0.05, 0.1, 0.2, 0.3, 0.5])
VI = np.array([0.3, 0.2, 0.1, 0.05, 0.02, 0.02, 0.05, 0.1, 0.2, 0.3])


def test_a_symmetric_funnel_lacks_nothing() -> None:
    # A little nearer on the right, so that no two distances tie (ties are ranked as they stand, as metafor does).
    assert fill_funnel(np.where(SYMMETRIC > 0, 0.95, 1) * SYMMETRIC, VI).missing == 0


def test_what_was_cut_off_is_filled_in_on_the_right_side() -> None:
    yi, vi = np.append(SYMMETRIC[2:], [0.7, 0.8]), np.append(VI[2:], [0.4, 0.4])
    found = fill_funnel(yi, vi)
    assert found.side == "left" and found.missing > 0
    assert found.filled_yi.max() < found.pooled.estimate
    mirrored = fill_funnel(-yi, vi)
    assert mirrored.side == "right" and mirrored.missing == found.missing
    assert mirrored.pooled.estimate == pytest.approx(-found.pooled.estimate, rel=1e-9)


def test_few_studies_are_refused() -> None:
    with pytest.raises(NotPoolableError):
        fill_funnel(SYMMETRIC[:9], VI[:9])
