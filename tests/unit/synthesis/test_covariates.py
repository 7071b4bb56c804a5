from __future__ import annotations

import numpy as np
import pytest

from aftercar.foundation import InputError, NotPoolableError
from aftercar.synthesis.covariates import apply_coding, code_covariates


def test_numbers_and_words() -> None:
    design, coding = code_covariates({"year": [2020, 2021, 2022, 2024], "design": ["b", "a", "c", "a"]}, k=4)
    assert coding.names == ("intercept", "year", "design=b", "design=c")
    assert design.tolist() == [[1, 2020, 1, 0], [1, 2021, 0, 0], [1, 2022, 0, 1], [1, 2024, 0, 0]]


def test_the_reference_can_be_chosen() -> None:
    _, coding = code_covariates({"g": ["a", "b", "c", "b"]}, k=4, reference={"g": "b"})
    assert coding.names == ("intercept", "g=a", "g=c")


def test_new_values_use_the_old_coding() -> None:
    _, coding = code_covariates({"g": ["a", "b", "c", "b"]}, k=4)
    assert apply_coding({"g": ["c"]}, coding).tolist() == [[1, 0, 1]]
    with pytest.raises(InputError, match="'d' is no level"):
        apply_coding({"g": ["d"]}, coding)
    with pytest.raises(InputError, match="no values are given for g"):
        apply_coding({}, coding)


@pytest.mark.parametrize(
    "covariates",
    [
        {"x": [1, 2, None, 4]},
        {"x": [1, 2, np.nan, 4]},
        {"x": ["a", "", "b", "b"]},
        {"x": [1, "a", 2, 3]},
        {"x": [1, 2, 3]},
        {"x": [1, 2, 3, np.inf]},
    ],
)
def test_values_that_cannot_be(covariates: dict[str, list[object]]) -> None:
    with pytest.raises(InputError):
        code_covariates(covariates, k=4)


@pytest.mark.parametrize(
    "covariates",
    [{"x": [2, 2, 2, 2]}, {"x": [1, 2, 3, 4], "y": [2, 4, 6, 8]}, {"g": ["a", "b", "c", "d"], "x": [1, 2, 3, 4]}],
)
def test_covariates_that_cannot_be_told_apart(covariates: dict[str, list[object]]) -> None:
    with pytest.raises(NotPoolableError, match="cannot be told apart"):
        code_covariates(covariates, k=4)


def test_an_unknown_reference() -> None:
    with pytest.raises(InputError, match="does not occur"):
        code_covariates({"g": ["a", "b"]}, k=2, reference={"g": "z"})
