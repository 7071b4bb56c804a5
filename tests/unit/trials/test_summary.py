"""Results summed up arm by arm from a folder are those of the whole tables; of a large trial a part is drawn."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aftercar.foundation import InputError
from aftercar.trials import Trial, TrialPlan, compare_by_mechanism, storage, summarise, write_tables
from aftercar.trials.storage import load_pictured, summarise_folder
from aftercar.trials.summary import TrialSummary, count_fates, summarise_trial

from .fabricated import ARMS, fabricate_tables


def plan_of(design: str = "paired") -> TrialPlan:
    arms = [{"name": arm, "treatments": [{"therapy": "bortezomib"}]} for arm in ARMS]
    return TrialPlan.model_validate_json(json.dumps(
        {"name": "made up", "population": "karmma_like", "index": [{"therapy": "ide_cel"}], "design": design,
         "patients": 90, "index_days": 900, "days": 700, "arms": arms})
    )  # fmt: skip


def trial_of(n: int, design: str = "paired") -> Trial:
    tables = fabricate_tables(n)
    rng = np.random.default_rng(5)
    index = pd.DataFrame({"patient": np.arange(1, 91), "best_response": rng.choice(["PR", "CR", "SD"], 90)})
    index["end_day"] = 900.0
    index["death_day"] = np.where(index["patient"] % 9 == 0, 400.0, np.nan)
    return Trial(plan_of(design), index, tables)


def write(run: Trial, folder: Path) -> Path:
    write_tables(run.tables, folder)
    run.index.to_parquet(folder / "index.parquet", index=False)
    return folder


@pytest.mark.parametrize("design", ["paired", "randomised"])
def test_a_folder_read_arm_by_arm_gives_what_whole_tables_give(design: str, tmp_path: Path) -> None:
    run = trial_of(60, design)
    stored, whole = summarise_folder(run.plan, write(run, tmp_path)), summarise_trial(run)
    for field in fields(TrialSummary):
        one, other = getattr(stored, field.name), getattr(whole, field.name)
        if isinstance(one, pd.DataFrame):
            pd.testing.assert_frame_equal(one, other, check_exact=True)
        elif isinstance(one, pd.Series):
            assert one.to_dict() == other.to_dict()
        else:
            assert one == other
    start = "treatment" if design == "paired" else "entry"
    pd.testing.assert_frame_equal(stored.endpoints, summarise(run.tables, count_from=start), check_exact=True)
    pd.testing.assert_frame_equal(stored.by_mechanism, compare_by_mechanism(run.tables), check_exact=True)
    assert set(stored.subgroups["covariate"]) >= {"mechanism", "age", "high_risk_cytogenetics"}


def test_the_flow_counts_who_had_the_first_treatment(tmp_path: Path) -> None:
    run = trial_of(60)
    flow = summarise_folder(run.plan, write(run, tmp_path)).flow
    responded = int((run.index["best_response"] != "SD").sum())
    assert (flow.treated, flow.responded, flow.died, flow.entered) == (90, responded, 10, 60)


def test_fates_add_up() -> None:
    tables = fabricate_tables(50)
    fates = count_fates(tables).set_index("arm")
    assert list(fates.index) == list(ARMS) and (fates["entered"] == 50).all()
    deaths = tables.outcomes.groupby("arm")["death_day"].count()
    assert fates["died"].to_dict() == deaths.to_dict() and deaths.min() > 0


def test_of_a_large_trial_the_first_patients_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trial_of(60)
    folder = write(run, tmp_path)
    assert len(load_pictured(run.plan, folder).subjects) == 60
    monkeypatch.setattr(storage, "MOST_DETAILED", 40)
    drawn = load_pictured(run.plan, folder)
    assert drawn.subjects["patient"].tolist() == list(range(1, 21))
    assert drawn.outcomes.groupby("arm")["patient"].max().to_dict() == dict.fromkeys(ARMS, 20)


def test_nobody_who_progressed_is_said_plainly(tmp_path: Path) -> None:
    run = trial_of(60)
    none = Trial(run.plan, run.index, fabricate_tables(1))
    folder = write(none, tmp_path)
    subjects = folder / "tables" / "subjects.parquet"
    pd.read_parquet(subjects).iloc[:0].to_parquet(subjects, index=False)
    with pytest.raises(InputError, match="none of 90 patients progresses"):
        summarise_folder(none.plan, folder)
