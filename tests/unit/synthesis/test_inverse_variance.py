from __future__ import annotations

import numpy as np
import pytest

from aftercar.foundation import InputError, NotPoolableError
from aftercar.synthesis.inverse_variance import pool_inverse_variance

YI, VI = [0.1, 0.9, 0.4, -0.2], [0.04, 0.09, 0.02, 0.05]


def test_no_heterogeneity_is_the_common_effect() -> None:
    close = [0.30, 0.31, 0.29]
    random, common = (pool_inverse_variance(close, [0.1, 0.2, 0.3], method=m) for m in ("reml", "fe"))
    assert random.heterogeneity.tau2 == 0
    assert (random.estimate, random.se) == pytest.approx((common.estimate, common.se), rel=1e-12)


def test_common_effect_by_hand() -> None:
    pooled = pool_inverse_variance([0.2, 0.4], [0.01, 0.03], method="fe")
    # Weights 3 : 1.
    assert pooled.estimate == pytest.approx(0.25)
    assert pooled.weights == pytest.approx((75, 25))
    assert pooled.se == pytest.approx(np.sqrt(1 / (100 + 100 / 3)))
    assert pooled.pi_lb is None and pooled.pi_ub is None


def test_hartung_knapp_ad_hoc_is_never_below_the_usual() -> None:
    alike = [0.30, 0.31, 0.29]
    usual, plain, guarded = (
        pool_inverse_variance(alike, [0.1, 0.2, 0.3], interval=kind) for kind in ("z", "hksj", "hksj-adhoc")
    )
    assert plain.se < usual.se == pytest.approx(guarded.se)
    assert "smaller than the usual" in plain.notes[0]


def test_hartung_knapp_without_variation_is_refused() -> None:
    with pytest.raises(NotPoolableError, match="no width"):
        pool_inverse_variance([0.3, 0.3, 0.3], [0.1, 0.1, 0.1], interval="hksj")


def test_one_study_is_itself() -> None:
    pooled = pool_inverse_variance([0.3], [0.04], interval="hksj")
    assert (pooled.estimate, pooled.se, pooled.interval) == pytest.approx((0.3, 0.2, "z"))
    assert "One study" in pooled.notes[0]


def test_prediction_interval_holds_the_interval() -> None:
    for kind in ("z", "t", "hksj"):
        pooled = pool_inverse_variance(YI, VI, interval=kind)
        assert pooled.pi_lb < pooled.ci_lb < pooled.estimate < pooled.ci_ub < pooled.pi_ub


def test_unknown_words_are_refused() -> None:
    with pytest.raises(InputError):
        pool_inverse_variance(YI, VI, method="bayes")  # type: ignore[arg-type]
    with pytest.raises(InputError):
        pool_inverse_variance(YI, VI, interval="profile")  # type: ignore[arg-type]
    with pytest.raises(NotPoolableError):
        pool_inverse_variance([], [])
