"""Lines of therapy in simulated relapsed patients: laws that hold whatever the parameters are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from aftercar.catalogue.model_data import load_model_data
from aftercar.foundation import InputError
from aftercar.model import Treatment
from aftercar.trials import summarise
from aftercar.trials.cohort import Cohort, Line
from aftercar.trials.endpoint_records import take_records
from aftercar.trials.entry import enter
from aftercar.trials.lines import treat
from aftercar.trials.run import Prepared
from aftercar.trials.waiting import draw_manufactured, fill_slots, go_on

from .plans import ARMS, prepare, run_small

DRUG = Line("drug", (Treatment("bortezomib"),))
ENGAGER = Line("engager", (Treatment("talquetamab"),))
AGAIN = Line("again", (Treatment("ide_cel_reinfusion"),))


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    return prepare(ARMS)


@pytest.fixture(scope="module")
def cohort(prepared: Prepared) -> Cohort:
    return enter(prepared.firsts, prepared.numbers, prepared.conduct).cohorts[0]


def follow(cohort: Cohort, days: float) -> np.ndarray:
    return np.full(len(cohort), days)


def test_everybody_who_enters_has_progressed_and_only_they() -> None:
    trial = run_small()
    progressed = trial.index.loc[trial.index["ended_by"] == "progression", "patient"]
    assert trial.tables.subjects["patient"].tolist() == progressed.tolist()
    assert len(trial.index) == 60 and trial.index["patient"].is_unique


def test_a_patient_is_kept_in_the_state_of_the_visit(cohort: Cohort) -> None:
    state = cohort.snapshot.values[:, cohort.snapshot.model.slots["m_protein"]]
    assert cohort.truth["m_protein_g_per_dl"].to_numpy() == pytest.approx(state / 10.0)
    assert (cohort.elapsed == 0).all() and cohort.lines == 1


def test_the_tumour_grows_through_the_washout(cohort: Cohort, prepared: Prepared) -> None:
    first = []
    for days in (0.0, 56.0):
        conduct = replace(prepared.conduct, washout_days=days)
        visits = treat(cohort, DRUG, until=follow(cohort, 120.0), conduct=conduct).details["visits"]
        first.append(visits.drop_duplicates("patient").set_index("patient")["sbcma_ng_per_ml"])
    both = pd.concat(first, axis=1, join="inner")
    assert len(both) > 20 and (both.iloc[:, 1] / both.iloc[:, 0]).median() > 1.1


def test_the_same_product_fails_where_its_antigen_is_lost(cohort: Cohort, prepared: Prepared) -> None:
    """Review 2.1: BCMA-null relapse does not respond to BCMA re-treatment."""
    lost = cohort.select(np.flatnonzero(cohort.truth["mechanism"].str.contains("null")))
    table = treat(lost, AGAIN, until=follow(lost, 240.0), conduct=prepared.conduct).table
    best = table.loc[table["treated"].astype(bool), "best_response"]
    assert len(best) >= 2 and not best.isin(["PR", "VGPR", "CR", "sCR"]).any()


def test_resistance_to_a_class_wears_off_while_it_is_not_given(cohort: Cohort, prepared: Prepared) -> None:
    data = load_model_data()
    both, _, _ = go_on(cohort, DRUG, 14.0, 100.0, data)
    filled = fill_slots(cohort, both, prepared.conduct)
    slot = filled.model.slots
    start, now = filled.values[:, slot["drug1_resistance_start"]], filled.values[:, slot["drug1_resistance"]]
    loss = data.slot_parameters("drug")["resistance_loss"].value
    assert now == pytest.approx(start * np.exp(-loss * cohort.snapshot.times))
    assert np.allclose(start, cohort.parameters["resistance_proteasome_inhibitor"])


def test_a_drug_given_again_meets_the_resistance_that_it_left(cohort: Cohort, prepared: Prepared) -> None:
    """The second course of the same drug keeps its slot, and with it the state of resistance."""
    first = treat(cohort, DRUG, until=follow(cohort, 400.0), conduct=prepared.conduct).progressed
    assert first is not None and first.lines == 2 and len(first) > 10
    both, doses, _ = go_on(first, DRUG, 14.0, 100.0, load_model_data())
    assert list(both.slots) == list(first.course.slots)
    filled = fill_slots(first, both, prepared.conduct)
    slot = filled.model.slots["drug1_resistance"]
    assert np.array_equal(filled.values[:, slot], first.snapshot.values[:, slot])
    assert min(np.min(dose.time) for dose in doses) >= 14.0 - 1e-9


def test_whose_cells_cannot_be_made_is_counted_and_not_treated(cohort: Cohort, prepared: Prepared) -> None:
    half = replace(cohort, truth=cohort.truth.assign(manufacturing_failure=0.5))
    made = draw_manufactured(half, [Treatment("cilta_cel")], prepared.conduct)
    assert abs(made.mean() - 0.5) < 3 * 0.5 / np.sqrt(len(made))
    assert draw_manufactured(half, DRUG.treatments, prepared.conduct).all()
    result = treat(half, AGAIN, until=follow(half, 120.0), conduct=prepared.conduct)
    without = result.table[result.table["why_not"] == "product not made"]
    assert len(without) and not without["treated"].any() and result.not_made is not None
    assert sorted(result.not_made.ids) == sorted(without["patient"])
    never = replace(cohort, truth=cohort.truth.assign(manufacturing_failure=1.0))
    assert not treat(never, AGAIN, until=follow(never, 120.0), conduct=prepared.conduct).table["treated"].any()


def test_rates_are_nested_and_follow_up_ends() -> None:
    tables = run_small().tables
    for _, rows in summarise(tables).groupby("arm"):
        events = rows.set_index("measure")["events"]
        assert events["CR"] <= events["VGPR_OR_BETTER"] <= events["ORR"] <= events["CBR"]
        assert (rows["kind"] == "simulated").all()
    assert tables.outcomes["end_day"].max() <= 336.0
    assert take_records(tables, "PFS", count_from="entry")["duration"].max() <= 336.0


def test_a_line_that_two_arms_share_gives_the_same_in_both() -> None:
    lines = run_small().tables.lines
    first = lines[lines["line"] == 1].drop(columns="arm")
    alone, then = (first[lines.loc[first.index, "arm"] == arm].reset_index(drop=True) for arm in
                   ("engager", "engager, then drug"))  # fmt: skip
    pd.testing.assert_frame_equal(alone, then)


def test_rules_decide_by_what_the_clinic_knows(cohort: Cohort) -> None:
    lines = run_small().tables.lines
    guided = lines[(lines["arm"] == "guided") & (lines["line"] == 1)].set_index("patient")["name"]
    lost = cohort.known["bcma_loss_share"] >= 0.3
    assert (guided[lost[lost].index] == "talquetamab").all() and (guided[lost[~lost].index] == "again").all()
    assert set(guided.index) == set(cohort.ids)


def test_the_second_line_begins_after_the_first_ended() -> None:
    lines = run_small().tables.lines
    lines = lines[lines["arm"] == "engager, then drug"]
    first, second = (lines[lines["line"] == k].set_index("patient") for k in (1, 2))
    assert len(second) >= 5 and (first.loc[second.index, "ended_by"] == "progression").all()
    waited = second["start_day"] - first.loc[second.index, "end_day"]
    assert (waited.dropna() == 14.0).all()


def test_events_compete_and_nothing_happens_after_the_end() -> None:
    tables = run_small().tables
    lines, outcomes = tables.lines, tables.outcomes.set_index(["arm", "patient"])
    known = {"progression", "death", "drop-out", "end of follow-up", "product not made"}
    assert set(lines["ended_by"]) <= known
    died = outcomes["death_day"].notna()
    assert died.any() and (outcomes.loc[died, "death_day"] == outcomes.loc[died, "end_day"]).all()
    assert (outcomes.loc[died, "cause_of_death"] != "").all() and (outcomes.loc[~died, "cause_of_death"] == "").all()
    for table, day in ((tables.visits, "day"), (tables.events, "day"), (tables.doses, "day"), (lines, "start_day")):
        last = outcomes["end_day"].loc[pd.MultiIndex.from_frame(table[["arm", "patient"]])].to_numpy()
        assert not (table[day].to_numpy() > last).any()
    assert not (lines["progression_day"] > lines["end_day"]).any()


def test_a_structure_without_room_for_the_salvage_is_refused(cohort: Cohort, prepared: Prepared) -> None:
    both = Line("both", (Treatment("talquetamab"), Treatment("teclistamab"), Treatment("elranatamab")))
    with pytest.raises(InputError, match="slots for a engager"):
        treat(cohort, both, until=follow(cohort, 60.0), conduct=prepared.conduct)
