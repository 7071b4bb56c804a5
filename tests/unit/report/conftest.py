"""The made-up comparison, once for all tests of this room."""

from __future__ import annotations

import pytest
from tests.unit.report.sample import sample_comparison

from aftercar.report import render_report
from aftercar.strategy.results import Comparison


@pytest.fixture(scope="session")
def comparison() -> Comparison:
    return sample_comparison()


@pytest.fixture(scope="session")
def page(comparison: Comparison) -> str:
    return render_report(comparison)
