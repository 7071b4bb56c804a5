from __future__ import annotations

import numpy as np
import pytest

from aftercar.foundation import InputError, NotPoolableError
from aftercar.synthesis.meta_regression import fit_meta_regression, predict_meta_regression, regress_proportions

X, N = [6, 4, 5, 5, 21, 2, 4, 7], [28, 4, 7, 5, 28, 11, 9, 10]
YEAR = [2019, 2018, 2020, 2022, 2023, 2021, 2024, 2022]


def test_a_line_is_found_again() -> None:
    slope = 0.3
    x = np.arange(8.0)
    fit = fit_meta_regression(1 + slope * x, np.linspace(0.1, 0.4, 8), {"x": x.tolist()})
    assert fit.table["estimate"].tolist() == pytest.approx([1, slope])
    assert (fit.tau2, fit.r2) == (0, 100)


def test_two_groups_of_a_word_are_two_means() -> None:
    yi, vi = [0.0, 0.2, 1.0, 1.4], [0.1, 0.1, 0.2, 0.2]
    fit = fit_meta_regression(yi, vi, {"g": ["a", "a", "b", "b"]}, method="fe")
    assert fit.table["estimate"].tolist() == pytest.approx([0.1, 1.1])
    predicted = predict_meta_regression(fit, {"g": ["b"]})
    assert predicted["estimate"][0] == pytest.approx(1.2)
    assert predicted["se"][0] == pytest.approx(np.sqrt(0.1))


def test_predictions_come_as_proportions() -> None:
    fit = regress_proportions(X, N, {"year": YEAR})
    predicted = predict_meta_regression(fit, {"year": [2019, 2023]})
    inside = predicted.filter(like="proportion")
    assert inside.shape == (2, 5) and ((inside > 0) & (inside < 1)).all().all()
    assert (predicted["proportion_pi_lb"] <= predicted["proportion_ci_lb"]).all()


def test_scale_of_the_covariate_does_not_matter() -> None:
    for method in ("glmm", "reml"):
        raw = regress_proportions(X, N, {"year": YEAR}, method=method)
        centred = regress_proportions(X, N, {"year": [y - 2021 for y in YEAR]}, method=method)
        assert raw.tau2 == pytest.approx(centred.tau2, rel=1e-6)
        assert raw.qm == pytest.approx(centred.qm, rel=1e-6)


def test_few_studies_are_told() -> None:
    assert "ten a covariate" in regress_proportions(X, N, {"year": YEAR}).notes[0]


def test_refusals() -> None:
    with pytest.raises(NotPoolableError, match="3 studies cannot carry 3 coefficients"):
        fit_meta_regression([1.0, 2, 3], [1, 1, 1], {"a": [1, 2, 4], "b": [1, 0, 0]})
    with pytest.raises(InputError, match="no covariate"):
        fit_meta_regression([1.0, 2, 3], [1, 1, 1], {})
    with pytest.raises(InputError):
        regress_proportions(X, N, {"year": YEAR}, scale="arcsine")
    with pytest.raises(InputError):
        regress_proportions(X, N, {"year": YEAR}, interval="hksj")
    with pytest.raises(NotPoolableError, match="infinite"):
        regress_proportions([0, 0, 3, 4], [5, 6, 7, 9], {"g": ["a", "a", "b", "b"]})
