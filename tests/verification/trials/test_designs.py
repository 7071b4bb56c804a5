"""Randomisation, accrual, data cut-off and drop-out: what must hold of the tables of a trial."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aftercar.trials import run_trial
from aftercar.trials.run import allocate

from .plans import ARMS, SEED, make_plan, prepare

DRUGS = (
    ARMS[: ARMS.index("[[lines]]")]
    + """
[[arms]]
name = "A"
ratio = 2
treatments = [{ therapy = "bortezomib" }]
[[arms]]
name = "B"
treatments = [{ therapy = "talquetamab" }]
"""
)


def test_permuted_blocks_keep_the_ratio_whatever_the_block_size() -> None:
    whole = prepare(DRUGS, design="randomised", per_block=60)
    parts = prepare(DRUGS, design="randomised", per_block=7)
    arms = allocate(whole, 0)
    assert arms is not None and np.bincount(arms).tolist() == [40, 20]
    assert (arms.reshape(-1, 3) == 0).sum(axis=1).tolist() == [2] * 20
    assert np.array_equal(arms, np.concatenate([allocate(parts, k) for k in range(parts.blocks)]))


def test_a_randomised_patient_is_in_one_arm_and_has_there_what_the_paired_one_has() -> None:
    paired = run_trial(make_plan(DRUGS), seed=SEED).tables.outcomes.set_index(["arm", "patient"])
    randomised = run_trial(make_plan(DRUGS, design="randomised"), seed=SEED).tables.outcomes
    assert randomised["patient"].is_unique and set(randomised["arm"]) == {"A", "B"}
    mine = randomised.set_index(["arm", "patient"])
    pd.testing.assert_frame_equal(mine, paired.loc[mine.index])


def test_entry_is_spread_over_accrual_and_follow_up_ends_at_the_cut_off() -> None:
    changes = {"accrual_days": 200.0, "cut_off_day": 260.0, "drop_out_per_year": 1.0}
    tables = run_trial(make_plan(DRUGS, **changes), seed=SEED).tables
    day = tables.subjects.set_index("patient")["calendar_day"]
    assert day.between(0, 199).all() and day.nunique() > 20 and abs(day.mean() - 100) < 3 * 58 / np.sqrt(len(day))
    calendar_end = tables.outcomes["end_day"] + day.loc[tables.outcomes["patient"]].to_numpy()
    assert calendar_end.max() <= 260.0
    last = tables.outcomes[tables.outcomes["arm"] == "A"]
    lost, years = last["drop_out_day"].notna().sum(), last["end_day"].sum() / 365.25
    assert abs(lost - years) < 3 * np.sqrt(years)  # a rate of 1 a year: a Poisson count
