"""Rules of the endpoints, one patient a rule; summaries and subgroups of fabricated tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.unit.trials.fabricated import fabricate_tables

from aftercar.foundation import InputError
from aftercar.synthesis import estimate_proportion
from aftercar.trials.endpoint_records import RATES, TIMES
from aftercar.trials.endpoints import (
    compare_by_covariate,
    compare_by_mechanism,
    summarise,
    take_records,
    take_responses,
)
from aftercar.trials.tables import OUTCOMES, TrialTables

TABLES = fabricate_tables(160)
# Treated on day 14; last assessed on day 200, last known alive on day 230, unless a case says otherwise.
TYPICAL = {
    "arm": "A", "treated": True, "start_day": 14.0, "best_response": "PR", "first_response_day": 42.0,
    "last_visit_day": 200.0, "end_day": 230.0, "cause_of_death": "",
}  # fmt: skip
DIED = {"death_day": 230.0, "cause_of_death": "myeloma"}


def one_patient(**changes: object) -> TrialTables:
    row = {name: np.nan for name in OUTCOMES} | TYPICAL | {"patient": 1} | changes
    lines = pd.DataFrame(
        [
            {"arm": "A", "patient": 1, "line": 2, "treated": True, "start_day": row["next_treatment_day"],
             "last_visit_day": changes.get("second_visit", np.nan)}
        ]
    )  # fmt: skip
    begun = not pd.isna(row["next_treatment_day"])
    return replace(TABLES, outcomes=pd.DataFrame([row])[list(OUTCOMES)], lines=lines if begun else lines.iloc[:0])


@pytest.mark.parametrize(
    ("measure", "changes", "duration", "event"),
    [
        ("PFS", {"progression_day": 100.0}, 86, True),
        ("PFS", {"progression_day": 100.0, **DIED}, 86, True),
        ("PFS", DIED, 216, True),
        ("PFS", {}, 186, False),
        ("PFS", {"next_treatment_day": 210.0}, 186, False),
        ("PFS", {"next_treatment_day": 150.0}, 136, False),
        ("PFS", {"next_treatment_day": 150.0, **DIED}, 136, False),
        ("PFS", {"next_treatment_day": 150.0, "progression_day": 180.0}, 136, False),
        ("PFS", {"next_treatment_day": 150.0, "progression_day": 100.0}, 86, True),
        ("PFS", {"last_visit_day": np.nan}, 1, False),
        ("PFS", {"last_visit_day": 14.0}, 1, False),
        ("PFS", {"last_visit_day": np.nan, **DIED}, 216, True),
        ("PFS", {"last_visit_day": np.nan, "next_treatment_day": 100.0}, 1, False),
        ("PFS", {"death_day": 14.0}, 0.5, True),
        ("OS", {}, 216, False),
        ("OS", {"death_day": 225.0}, 211, True),
        ("PFS2", {"progression_day": 100.0}, 216, False),
        ("PFS2", {"progression_day": 100.0, "next_treatment_day": 110.0, "second_visit": 166.0}, 152, False),
        ("PFS2", {"progression_day": 100.0, "next_treatment_day": 110.0}, 96, False),
        ("PFS2", {"next_treatment_day": 110.0, "second_progression_day": 166.0, **DIED}, 152, True),
        ("PFS2", DIED, 216, True),
        ("TTNT", {"next_treatment_day": 110.0}, 96, True),
        ("TTNT", DIED, 216, True),
        ("TTNT", {}, 216, False),
        ("DOR", {"progression_day": 100.0}, 58, True),
        ("DOR", DIED, 188, True),
        ("DOR", {}, 158, False),
        ("TIR", {}, 158, False),
        ("TIR", {"best_response": "SD", "first_response_day": np.nan}, 0.5, True),
    ],
)
def test_a_rule(measure: str, changes: dict[str, object], duration: float, event: bool) -> None:
    records = take_records(one_patient(**changes), measure)
    assert records[["duration", "event"]].to_numpy().tolist() == [[duration, event]]


def test_from_entry_the_untreated_count_and_the_wait_too() -> None:
    treated = one_patient(progression_day=100.0)
    assert take_records(treated, "PFS", count_from="entry")["duration"].tolist() == [100.0]
    assert take_records(treated, "DOR", count_from="entry")["duration"].tolist() == [58.0]
    waiting = {"treated": False, "start_day": np.nan, "best_response": "", "first_response_day": np.nan}
    never = one_patient(**waiting, last_visit_day=np.nan)
    assert len(take_records(never, "PFS")) == 0
    assert take_records(never, "PFS", count_from="entry")[["duration", "event"]].to_numpy().tolist() == [[1.0, False]]
    assert take_records(never, "OS", count_from="entry")["duration"].tolist() == [230.0]
    assert take_responses(never, "ORR", count_from="entry")["event"].tolist() == [False]
    dead = one_patient(**waiting, last_visit_day=np.nan, death_day=30.0, end_day=30.0)
    assert take_records(dead, "PFS", count_from="entry")[["duration", "event"]].to_numpy().tolist() == [[30.0, True]]


def test_a_minor_response_is_no_response_but_a_benefit() -> None:
    minor = one_patient(best_response="MR", first_response_day=np.nan)
    found = {measure: bool(take_responses(minor, measure)["event"].iloc[0]) for measure in RATES}
    assert found == {"ORR": False, "CBR": True, "VGPR_OR_BETTER": False, "CR": False, "MRD_NEGATIVE": False}
    assert take_responses(one_patient(mrd_negative_day=90.0), "MRD_NEGATIVE")["event"].all()


def test_all_endpoints_of_both_arms() -> None:
    found = summarise(TABLES)
    assert found.groupby("arm")["measure"].apply(list).to_dict() == {arm: [*RATES, *TIMES] for arm in ("A", "B")}
    assert set(found["kind"]) == {"simulated"}
    rates = found[found["unit"] == "share"].set_index(["arm", "measure"])
    treated = TABLES.outcomes[TABLES.outcomes["treated"]].groupby("arm")["patient"].size()
    assert rates.loc["A", "n"].eq(treated["A"]).all()
    exact = estimate_proportion(int(rates.loc[("A", "ORR"), "events"]), int(treated["A"]), level=0.9)
    assert rates.loc[("A", "ORR"), ["estimate", "ci_lb", "ci_ub"]].tolist() == [
        exact.estimate, exact.ci_lb, exact.ci_ub
    ]  # fmt: skip
    assert (found["parameters_lb"] <= found["parameters_ub"]).sum() > 15
    assert summarise(TABLES, count_from="entry")["n"].max() == 160


def test_restricted_means_only_as_far_as_patients_are_followed() -> None:
    means = summarise(TABLES, horizon=365.0)
    means = means[means["measure"].str.startswith("RMST")].set_index(["arm", "measure"])
    assert means["estimate"].notna().all() and (means["estimate"] < 12).all()
    # Time in response is that of responders, weighted by the share who respond.
    assert means.loc[("A", "RMST_TIR"), "estimate"] < means.loc[("A", "RMST_DOR"), "estimate"]
    far = summarise(TABLES, horizon=7000.0).set_index(["arm", "measure"])
    assert np.isnan(far.loc[("A", "RMST_OS"), "estimate"])
    with pytest.raises(InputError, match="horizon is -1"):
        summarise(TABLES, horizon=-1)


def test_an_arm_in_which_nobody_was_treated_is_shown_empty() -> None:
    outcomes = TABLES.outcomes.assign(treated=TABLES.outcomes["treated"] & (TABLES.outcomes["arm"] != "B"))
    found = summarise(replace(TABLES, outcomes=outcomes)).query("arm == 'B'")
    assert found["n"].eq(0).all() and found[["estimate", "ci_lb", "parameters_ub"]].isna().all(axis=None)


def test_one_parameter_set_has_no_interval_over_sets() -> None:
    single = replace(TABLES, subjects=TABLES.subjects.assign(parameter_set=0))
    assert summarise(single, horizon=300.0)[["parameters_lb", "parameters_ub"]].isna().all(axis=None)


def test_subgroups_add_up_and_small_ones_have_no_estimate() -> None:
    whole = summarise(TABLES).set_index(["arm", "measure"])
    for measure in ("ORR", "PFS"):
        parts = compare_by_covariate(TABLES, "age", measure, edges=[45, 60, 70])
        assert list(dict.fromkeys(parts["subgroup"])) == ["<45", "45 to <60", "60 to <70", ">=70"]
        totals = parts.groupby("arm")[["events", "n"]].sum()
        for arm in ("A", "B"):
            assert totals.loc[arm].tolist() == whole.loc[(arm, measure), ["events", "n"]].tolist()
        assert parts["estimate"].isna().equals(parts["n"] < 10)
    mechanisms = compare_by_mechanism(TABLES)
    assert list(mechanisms) == ["arm", "mechanism", "events", "n", "estimate", "ci_lb", "ci_ub"]
    assert mechanisms.groupby("arm")["events"].sum()["A"] == whole.loc[("A", "ORR"), "events"]


def test_a_patient_at_an_edge_belongs_above_it_and_the_unknown_stand_apart() -> None:
    known = fabricate_tables(40)
    ages = np.repeat([50.0, 60.0, 70.0, np.nan], 10)
    marked = replace(known, subjects=known.subjects.assign(age=ages, flag=np.repeat([0.0, 1.0], 20)))
    found = compare_by_covariate(marked, "age", "OS", edges=[60.0], count_from="entry").query("arm == 'A'")
    assert dict(zip(found["subgroup"], found["n"], strict=True)) == {"<60": 10, ">=60": 20, "unknown": 10}
    flags = compare_by_covariate(marked, "flag", "OS", count_from="entry")
    assert flags["subgroup"].unique().tolist() == ["0", "1"]
    halves = compare_by_covariate(TABLES, "tumour_total", "ORR", count_from="entry")
    assert halves["n"].tolist() == [80, 80, 80, 80]


@pytest.mark.parametrize(
    ("covariate", "edges", "message"),
    [
        ("height", None, "no column of the subjects"),
        ("mechanism", [1.0], "holds words"),
        ("age", [50, 50], "edges are"),
    ],
)
def test_subgroups_that_cannot_be_are_refused(covariate: str, edges: list[float] | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare_by_covariate(TABLES, covariate, "ORR", edges=edges)


def test_words_that_name_no_endpoint_are_refused() -> None:
    with pytest.raises(InputError, match="no time to an event"):
        take_records(TABLES, "ORR")
    with pytest.raises(InputError, match="no response rate"):
        take_responses(TABLES, "PFS")
    with pytest.raises(InputError, match="no start"):
        take_records(TABLES, "PFS", count_from="birth")  # type: ignore[arg-type]
