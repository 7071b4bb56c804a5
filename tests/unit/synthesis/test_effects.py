from __future__ import annotations

import numpy as np
import pytest

from aftercar.foundation import InputError
from aftercar.synthesis.effects import SCALES, back_transform, compute_effects


def test_only_cohorts_at_the_ends_are_corrected() -> None:
    effects = compute_effects([0, 3, 6], [6, 6, 6])
    assert effects.corrected.tolist() == [True, False, True]
    assert effects.yi == pytest.approx([np.log(0.5 / 6.5), 0, np.log(6.5 / 0.5)])
    assert effects.vi == pytest.approx([1 / 0.5 + 1 / 6.5, 2 / 3, 1 / 0.5 + 1 / 6.5])


def test_arcsine_scales_need_no_correction() -> None:
    assert compute_effects([0, 6], [6, 6], scale="arcsine").yi == pytest.approx([0, np.pi / 2])
    assert not compute_effects([0, 6], [6, 6], scale="freeman-tukey").corrected.any()


@pytest.mark.parametrize("scale", SCALES)
def test_there_and_back_again(scale: str) -> None:
    x = np.arange(0, 21)
    n = np.full(21, 20)
    effects = compute_effects(x, n, scale=scale)  # type: ignore[arg-type]
    back = back_transform(effects.yi, scale=scale, total=n)  # type: ignore[arg-type]
    # The ends of the logit scale come back corrected.
    inner = slice(1, -1) if scale == "logit" else slice(None)
    # Miller's inverse loses half of the digits where its root is of nearly zero.
    assert back[inner] == pytest.approx((x / n)[inner], abs=1e-7)


@pytest.mark.parametrize("scale", SCALES)
def test_any_value_comes_back_inside(scale: str) -> None:
    back = back_transform([-50.0, -1e-9, 0.0, 0.4, 1.6, 50.0], scale=scale, total=[3, 9])  # type: ignore[arg-type]
    assert np.all((back >= 0) & (back <= 1))
    assert np.all(np.diff(back) >= 0)


def test_freeman_tukey_needs_a_size() -> None:
    with pytest.raises(InputError, match="sample size"):
        back_transform(0.5, scale="freeman-tukey")


def test_miller_1978() -> None:
    # Miller 1978, p. 138: back-transformation of the pooled 3/11, 6/17, 10/21, 1/6; metafor 3.8-1
    # predict(rma(PFT, method = "DL"), transf = transf.ipft.hm) gives 0.359522 (0.229709 to 0.498994).
    back = back_transform([0.654671, 0.524869, 0.784472], scale="freeman-tukey", total=[11, 17, 21, 6])
    # The inputs carry six decimals.
    assert back == pytest.approx([0.359522, 0.229709, 0.498994], abs=2e-6)


def test_unknown_scale() -> None:
    with pytest.raises(InputError, match="logit, arcsine, freeman-tukey"):
        compute_effects([1], [2], scale="raw")  # type: ignore[arg-type]
