"""The examples in the docstrings of pooling print what they say."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = ("exact", "effects", "tau2", "inverse_variance", "pooling", "method_panel")


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"aftercar.synthesis.{name}"))
    assert found.attempted > 0 and found.failed == 0
