"""Against metafor and lme4 on the data sets of metafor/sources.md, where the values and the R that made them stand."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

FOLDER = Path(__file__).parent / "metafor"


def load_comparisons() -> ModuleType:
    """Load compare.py by its path: it is shared with validation/, and no package holds both."""
    name = "aftercar_metafor_compare"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, FOLDER / "compare.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


COMPARE = load_comparisons()
# Fewest figures that each comparison must pair: an empty table cannot pass.
FEWEST = {
    "compare_pooled": 6000,
    "compare_pooled_effects": 500,
    "compare_glmm": 440,
    "compare_leave_one_out": 6800,
    "compare_cumulative": 1300,
    "compare_small_study": 360,
    "compare_meta_regression": 2000,
    "compare_one_cohort": 900,
}


@pytest.mark.parametrize("name", FEWEST)
def test_agrees_with_metafor(name: str) -> None:
    pairs = list(getattr(COMPARE, name)(FOLDER))
    assert len(pairs) >= FEWEST[name]
    apart = [f"{pair.case}: {pair.ours} beside {pair.theirs}" for pair in pairs if not pair.agrees]
    assert not apart, "\n".join(apart[:20])


def test_every_comparison_is_run() -> None:
    assert {comparison.__name__ for comparison in COMPARE.COMPARISONS} == set(FEWEST)


def test_a_wrong_figure_would_be_seen() -> None:
    assert not COMPARE.Pair("", 1.0 + 1e-5, 1.0, COMPARE.TIGHT).agrees
    assert not COMPARE.Pair("", None, 1.0, COMPARE.TIGHT).agrees
    assert not COMPARE.Pair("", 1.0, float("nan"), COMPARE.TIGHT).agrees


def test_eight_published_data_sets_or_more() -> None:
    published = set(pd.read_csv(FOLDER / "cohorts.csv")["data_set"].str.split("_").str[0]) - {"review"}
    assert len(published) >= 8
