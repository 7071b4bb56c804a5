"""All answers to one table, and the parts that are left out with a reason."""

from __future__ import annotations

import pandas as pd

from aftercar.synthesis.analysis import MAXIMUM_EACH, analyse_proportions


def table(k: int) -> pd.DataFrame:
    return pd.DataFrame({"label": [f"c{i}" for i in range(k)], "events": [i % 7 for i in range(k)], "total": [10] * k})


def test_many_cohorts_are_pooled_but_not_again_for_each() -> None:
    analysis = analyse_proportions(table(MAXIMUM_EACH + 1), method="dl")
    assert analysis.overall.k == MAXIMUM_EACH + 1
    assert analysis.without.empty and analysis.cumulative.empty
    assert {"leave-one-out", "cumulative"} <= set(analysis.refused)


def test_a_few_cohorts_get_every_part() -> None:
    analysis = analyse_proportions(table(5), method="dl")
    assert len(analysis.without) == len(analysis.cumulative) == 5
    assert "asymmetry, Peters" in analysis.refused  # five are too few for a test
