"""ADaM-shaped datasets of a fabricated trial: keys, flags, dates, parameters, and times that are the endpoints' own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd
import pytest
from tests.unit.trials.fabricated import fabricate_tables

from aftercar.foundation import InputError
from aftercar.trials.adam import AdamDataset, build_adam
from aftercar.trials.adam.dataset import find_transport_faults
from aftercar.trials.adam.study import CARRIED, date_on, study_day
from aftercar.trials.adam.subjects import name_covariates
from aftercar.trials.adam.time_to_event import PARAMETERS
from aftercar.trials.endpoint_records import take_records
from aftercar.trials.tables import TABLES, TrialTables

TABLES_OF_TRIAL = fabricate_tables(60)
NAMES = ["ADSL", "ADRS", "ADTTE", "ADLB", "ADEX", "ADAE"]


@pytest.fixture(scope="module")
def datasets() -> Mapping[str, AdamDataset]:
    return build_adam(TABLES_OF_TRIAL, study="VIRT-01")


def second_line_visits(tables: TrialTables) -> TrialTables:
    """Add visits under the second line, the first of them two days before its day 0."""
    again = tables.lines[(tables.lines["line"] == 2) & tables.lines["treated"]]
    like = tables.visits.iloc[0]
    rows = [
        {**like, "arm": one.arm, "patient": one.patient, "line": 2, "day": one.start_day + since, "response": response,
         "confirmed_response": response, "serum_m_g_per_dl": level}
        for one in again.itertuples()
        for since, response, level in ((-2.0, "", 2.0), (28.0, "PR", 0.5))
    ]  # fmt: skip
    return dataclasses.replace(tables, visits=pd.concat([tables.visits, pd.DataFrame(rows)], ignore_index=True))


@pytest.mark.parametrize("name", NAMES)
def test_what_holds_of_every_dataset(name: str, datasets: Mapping[str, AdamDataset]) -> None:
    dataset, subjects = datasets[name], datasets["ADSL"].table.set_index("USUBJID")
    table = dataset.table
    assert find_transport_faults(dataset) == []
    assert list(table.columns) == [one.name for one in dataset.variables] and len(set(table.columns)) == table.shape[1]
    assert dataset.label.endswith("(simulated)") and (table["SIMFL"] == "Y").all()
    assert all(one.derivation for one in dataset.variables)
    assert (table["STUDYID"] == "VIRT-01").all() and table["USUBJID"].isin(subjects.index).all()
    assert table[list(dataset.keys)].equals(table[list(dataset.keys)].sort_values(list(dataset.keys)))
    if name == "ADSL":
        return
    assert not table.duplicated(["USUBJID", "ASEQ"]).any()
    sources = {"TRTP": "TRT01P", "TRTPN": "TRT01PN", "TRTA": "TRT01A", "TRTAN": "TRT01AN"}
    for one in CARRIED:
        own = subjects.loc[table["USUBJID"], sources.get(one.name, one.name)].reset_index(drop=True)
        pd.testing.assert_series_equal(table[one.name], own, check_names=False)
    if "PARAMCD" in table:
        pairs = table[["PARAMCD", "PARAM", "PARAMN"]].drop_duplicates()
        assert all(pairs[column].is_unique for column in pairs) and table["PARAMCD"].str.len().max() <= 8


def test_a_patient_is_one_subject_in_each_arm(datasets: Mapping[str, AdamDataset]) -> None:
    subjects = datasets["ADSL"].table
    assert subjects["USUBJID"].is_unique and len(subjects) == 120
    assert set(subjects.loc[subjects["PATIENT"] == 7, "USUBJID"]) == {"VIRT-01-1-7", "VIRT-01-2-7"}
    assert dict(zip(subjects["ARM"], subjects["ARMCD"], strict=True)) == {"A": "ARM1", "B": "ARM2"}


def test_subjects_hold_what_became_of_them(datasets: Mapping[str, AdamDataset]) -> None:
    outcomes = TABLES_OF_TRIAL.outcomes
    subjects = datasets["ADSL"].table.set_index(["ARM", "PATIENT"]).loc[
        pd.MultiIndex.from_frame(outcomes[["arm", "patient"]])
    ]  # fmt: skip
    died, left = outcomes["death_day"].notna().to_numpy(), outcomes["drop_out_day"].notna().to_numpy()
    treated = outcomes["treated"].to_numpy()
    assert ((subjects["DTHFL"] == "Y") == died).all() and subjects["DTHDT"].notna().eq(died).all()
    assert (subjects["DTHCAUS"] == outcomes["cause_of_death"].str.upper().to_numpy()).all()
    assert (subjects.loc[died, "DCSREAS"] == "DEATH").all() and (
        subjects.loc[left, "DCSREAS"] == "LOST TO FOLLOW-UP"
    ).all()
    assert (subjects["EOSSTT"] == np.where(died | left, "DISCONTINUED", "COMPLETED")).all()
    assert ((subjects["SAFFL"] == "Y") == treated).all() and (subjects["ITTFL"] == "Y").all()
    assert (subjects.loc[~treated, ["TRT01A", "ACTARM", "ACTARMCD"]] == "").all(axis=None)
    assert (subjects.loc[~treated, "NOTTRTRS"] == "product not made").all() and (~treated).sum() > 2
    assert subjects["TRTSDT"].notna().eq(treated).all() and (subjects["TRTEDT"] >= subjects["TRTSDT"])[treated].all()


def test_dates_are_the_anchor_and_the_days() -> None:
    datasets = build_adam(TABLES_OF_TRIAL, study="S", anchor=date(2020, 2, 28))
    one = datasets["ADSL"].table.query("PATIENT == 9 and ARM == 'A'").iloc[0]
    entry = TABLES_OF_TRIAL.subjects.set_index("patient").at[9, "calendar_day"]
    assert one["RANDDT"] == pd.Timestamp("2020-02-28") + pd.Timedelta(days=entry)
    assert one["TRTSDT"] - one["RANDDT"] == pd.Timedelta(days=14)


def test_part_of_a_day_is_rounded_down_after_it_was_added_up() -> None:
    days = date_on(pd.Series([0.0, 0.6 + 0.6, -0.1, np.nan, 59.0]), date(2000, 1, 1))
    assert days.dt.strftime("%Y-%m-%d").fillna("").tolist() == [
        "2000-01-01",
        "2000-01-02",
        "1999-12-31",
        "",
        "2000-02-29",
    ]
    with pytest.raises(InputError, match="outside every calendar"):
        date_on(pd.Series([1e9]), date(2000, 1, 1))


def test_there_is_no_study_day_zero() -> None:
    reference = pd.Series(pd.to_datetime(["2000-01-10"] * 3))
    when = pd.Series(pd.to_datetime(["2000-01-09", "2000-01-10", "2000-01-11"]))
    assert study_day(when, reference).tolist() == [-1, 1, 2]


@pytest.mark.parametrize("count_from", ["treatment", "entry"])
@pytest.mark.parametrize("code", list(PARAMETERS))
def test_times_are_exactly_those_of_the_endpoints(code: str, count_from: str) -> None:
    # Durations that are not whole: rounding or adding a day anywhere would show.
    moved = TABLES_OF_TRIAL.outcomes.copy()
    for column in ("death_day", "end_day", "drop_out_day"):
        moved[column] += 0.123456789
    tables = dataclasses.replace(TABLES_OF_TRIAL, outcomes=moved)
    records = take_records(tables, code, count_from=count_from)  # type: ignore[arg-type]
    times = build_adam(tables, study="S", count_from=count_from)["ADTTE"].table  # type: ignore[arg-type]
    rows = times[times["PARAMCD"] == code].set_index(["TRTP", "PATIENT"])
    rows = rows.loc[pd.MultiIndex.from_frame(records[["arm", "patient"]])]
    assert len(rows) == len(records) == (times["PARAMCD"] == code).sum() > 20
    np.testing.assert_array_equal(rows["AVAL"], records["duration"])
    np.testing.assert_array_equal(rows["CNSR"], 1 - records["event"])


def test_the_end_of_a_time_has_its_date_and_its_reason(datasets: Mapping[str, AdamDataset]) -> None:
    times = datasets["ADTTE"].table
    outcomes = TABLES_OF_TRIAL.outcomes.set_index(["arm", "patient"])
    pfs = times[times["PARAMCD"] == "PFS"]
    by_row = outcomes.loc[pd.MultiIndex.from_frame(pfs[["TRTP", "PATIENT"]])].reset_index()
    event = (pfs["CNSR"] == 0).to_numpy()
    progressed = by_row["progression_day"].notna().to_numpy()
    said = pfs["EVNTDESC"].to_numpy()
    assert set(said[event & progressed]) == {"Disease Progression"} and set(said[event & ~progressed]) == {"Death"}
    assert all(text.startswith("Censored: ") for text in said[~event]) and (~event).sum() > 5
    assert (pfs.loc[event, "CNSDTDSC"] == "").all() and (pfs.loc[~event, "CNSDTDSC"] != "").all()
    assert set(pfs.loc[event & progressed, "SRCDOM"]) == {"ADRS"}
    # Days are whole in the fabricated trial, and so dates differ by the times themselves.
    whole = (pfs["AVAL"] % 1 == 0).to_numpy()
    np.testing.assert_array_equal((pfs["ADT"] - pfs["STARTDT"]).dt.days[whole], pfs["AVAL"][whole])
    assert (pfs["STARTDT"] == pfs["TRTSDT"]).all()
    progression = datasets["ADRS"].table.query("PARAMCD == 'PD' and AVALC == 'Y'").set_index("USUBJID")["ADT"]
    by_progression = pfs[event & progressed].set_index("USUBJID")["ADT"]
    assert (by_progression == progression.loc[by_progression.index]).all()


def test_times_from_entry_begin_on_the_day_of_entry_of_all() -> None:
    times = build_adam(TABLES_OF_TRIAL, study="S", count_from="entry")["ADTTE"].table.query("PARAMCD == 'OS'")
    assert len(times) == 120 and (times["STARTDT"] == times["RANDDT"]).all()


def test_an_event_without_a_day_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_events(tables: TrialTables, measure: str, *, count_from: str) -> pd.DataFrame:
        return take_records(tables, measure, count_from=count_from).assign(event=True)  # type: ignore[arg-type]

    monkeypatch.setattr("aftercar.trials.adam.time_to_event.take_records", all_events)
    with pytest.raises(InputError, match="ends by an event that has no day"):
        build_adam(TABLES_OF_TRIAL, study="S")


def test_responses_are_those_of_the_outcomes(datasets: Mapping[str, AdamDataset]) -> None:
    responses = datasets["ADRS"].table
    outcomes = TABLES_OF_TRIAL.outcomes
    best = responses[responses["PARAMCD"] == "CBOR"]
    expected = outcomes["best_response"].where(outcomes["treated"], "MISSING")
    assert best["AVALC"].value_counts().to_dict() == expected.value_counts().to_dict()
    assert best.loc[best["AVALC"] == "MISSING", "AVAL"].isna().all()
    counts = {
        code: (rows["AVALC"] == "Y").sum() for code, rows in responses.groupby("PARAMCD") if code in ("RSP", "CRRSP")
    }
    assert counts["RSP"] == outcomes["best_response"].isin(["sCR", "CR", "VGPR", "PR"]).sum()
    assert counts["CRRSP"] == outcomes["best_response"].isin(["sCR", "CR"]).sum()
    for code in ("RSP", "CB", "VGPRRSP", "CRRSP", "MRDNEG", "PD", "PD2", "DEATH", "CBOR"):
        rows = responses[responses["PARAMCD"] == code]
        assert len(rows) == 120 and (rows["ANL01FL"] == "Y").all()
        assert rows.loc[rows["AVALC"] == "N", "ADT"].isna().all()
    assert responses.query("PARAMCD == 'PD' and AVALC == 'Y'")["ADT"].notna().all()


def test_responses_have_the_numbers_of_admiralonco(datasets: Mapping[str, AdamDataset]) -> None:
    # aval_resp_imwg of the vignette that docs/methods.bib has as admiralonco_imwg; Y and N as admiral's yn_to_numeric.
    expected = {"NE": 8, "sCR": 7, "CR": 6, "VGPR": 5, "PR": 4, "MR": 3, "SD": 2, "PD": 1, "Y": 1, "N": 0}
    lines = TABLES_OF_TRIAL.lines.assign(best_response="SD")
    rows = pd.concat(
        [datasets["ADRS"].table, build_adam(dataclasses.replace(TABLES_OF_TRIAL, lines=lines), study="S")["ADRS"].table]
    )
    found = rows[rows["AVALC"] != "MISSING"].groupby("AVALC")["AVAL"].agg(["min", "max"])
    assert found["min"].to_dict() == found["max"].to_dict() == expected


def test_visits_after_progression_and_at_baseline_are_not_flagged(datasets: Mapping[str, AdamDataset]) -> None:
    responses = datasets["ADRS"].table
    visits = responses[responses["PARAMCD"] == "OVRLRESP"]
    assert len(visits) == len(TABLES_OF_TRIAL.visits)
    progression = responses.query("PARAMCD == 'PD'").set_index("USUBJID")["ADT"].loc[visits["USUBJID"]]
    late = visits["ADT"].to_numpy() > progression.to_numpy()
    assert late.sum() > 20 and (visits.loc[late, "ANL01FL"] == "").all()
    assert (visits.loc[visits["AVISIT"] == "Baseline", "ANL01FL"] == "").all()
    assert (visits.loc[~late & (visits["AVISIT"] != "Baseline"), "ANL01FL"] == "Y").all()


def test_visits_of_a_later_line_have_names_and_a_baseline_of_their_own() -> None:
    datasets = build_adam(second_line_visits(TABLES_OF_TRIAL), study="S")
    later = datasets["ADLB"].table.query("LINE == 2 and PARAMCD == 'MPROT'")
    assert set(zip(later["AVISIT"], later["AVISITN"], strict=True)) == {
        ("Line 2 Baseline", 1e4),
        ("Line 2 Day 28", 10028),
    }
    assert set(later["BASETYPE"]) == {"LINE 2"} and set(later["BASE"]) == {2.0}
    assert set(later["CHG"].dropna()) == {-1.5} and set(later["PCHG"].dropna()) == {-75.0}
    responses = datasets["ADRS"].table
    seen = responses.query("PARAMCD == 'OVRLRESP' and LINE == 2")
    assert set(seen["AVALC"]) == {"PR"} and (seen["ANL01FL"] == "").all(), "what is not graded has no row"
    best = responses.query("PARAMCD == 'CBORL2'")
    assert len(best) == ((TABLES_OF_TRIAL.lines["line"] == 2) & TABLES_OF_TRIAL.lines["treated"]).sum() > 20


def test_changes_are_from_the_baseline_of_each_quantity(datasets: Mapping[str, AdamDataset]) -> None:
    values = datasets["ADLB"].table
    assert set(values["PARAMCD"]) == {"MPROT", "KLCFREE", "LLCFREE", "SBCMA", "CARCOPY"}, "not measured: no row"
    base = values[values["ABLFL"] == "Y"]
    assert not base.duplicated(["USUBJID", "PARAMCD", "BASETYPE"]).any() and base["CHG"].isna().all()
    first = base.set_index(["USUBJID", "PARAMCD"])["AVAL"].loc[pd.MultiIndex.from_frame(values[["USUBJID", "PARAMCD"]])]
    np.testing.assert_array_equal(values["BASE"], first)
    later = values[values["ABLFL"] != "Y"]
    np.testing.assert_array_equal(later["CHG"], later["AVAL"] - later["BASE"])


def test_doses_and_events_are_those_of_the_tables(datasets: Mapping[str, AdamDataset]) -> None:
    doses, events = datasets["ADEX"].table, datasets["ADAE"].table
    assert len(doses) == len(TABLES_OF_TRIAL.doses) and set(doses["PARAM"]) == {"Dose Administered (mg/kg)"}
    assert doses["AVAL"].sum() == TABLES_OF_TRIAL.doses["amount"].sum()
    assert len(events) == len(TABLES_OF_TRIAL.events) and (events["ASTDY"] == 3).all()
    assert (
        events["ATOXGR"].value_counts().to_dict()
        == TABLES_OF_TRIAL.events["grade"].astype(str).value_counts().to_dict()
    )


def test_an_event_before_treatment_has_not_emerged_under_it() -> None:
    events = TABLES_OF_TRIAL.events.assign(grade=5, day=13.0)
    found = build_adam(dataclasses.replace(TABLES_OF_TRIAL, events=events), study="S")["ADAE"].table
    assert (found["TRTEMFL"] == "").all() and (found["ASTDY"] == -1).all() and (found["AESDTH"] == "Y").all()


@pytest.mark.parametrize("kept", ["visits", "doses", "events", "clones"])
def test_a_run_may_keep_less(kept: str) -> None:
    empty = pd.DataFrame(columns=list(TABLES[kept])).astype({"arm": "str", "patient": "int64", "line": "int64"})
    numbers = {name: "float64" for name, (kind, _) in TABLES[kept].items() if kind not in ("category", "id", "count")}
    tables = dataclasses.replace(TABLES_OF_TRIAL, **{kept: empty.astype(numbers)})
    datasets = build_adam(tables, study="S")
    lost = {"visits": "ADLB", "doses": "ADEX", "events": "ADAE"}.get(kept, "")
    assert {name for name, one in datasets.items() if one.table.empty} == {lost} - {""}
    if kept == "doses":
        assert datasets["ADSL"].table["TRTEDT"].isna().all()


def test_covariates_have_names_of_eight_letters_and_no_two_alike() -> None:
    names = ["high_risk_cytogenetics", "high_risk_cytology", "arm", "Größe", "1st", "x", "race"]
    short = name_covariates(names)
    assert short["high_risk_cytogenetics"] == "HIGRISCY" and short["high_risk_cytology"] == "HIGRISC2"
    assert short["race"] == "RACE2" and short["arm"] == "ARM2", "ADSL has these"
    assert len(set(short.values())) == len(names) and all(one.isascii() and len(one) <= 8 for one in short.values())


def test_covariates_keep_their_kind() -> None:
    people = TABLES_OF_TRIAL.subjects.assign(extramedullary=True, isotype="IgG")
    dataset = build_adam(dataclasses.replace(TABLES_OF_TRIAL, subjects=people), study="S")["ADSL"]
    kinds = {one.name: one.kind for one in dataset.variables}
    assert kinds["EXTRAMED"] == "text" and set(dataset.table["EXTRAMED"]) == {"Y"}
    assert kinds["ISOTYPE"] == "text" and kinds["HIGRISCY"] == "number"


def test_a_population_without_an_age_has_none() -> None:
    people = TABLES_OF_TRIAL.subjects.drop(columns="age")
    table = build_adam(dataclasses.replace(TABLES_OF_TRIAL, subjects=people), study="S")["ADSL"].table
    assert table["AGE"].isna().all() and (table["AGEU"] == "").all()


@pytest.mark.parametrize("study", ["", "a", "S 1", "S/1", "X" * 21, "Ä"])
def test_a_study_needs_an_identifier(study: str) -> None:
    with pytest.raises(InputError, match="is no identifier of a study"):
        build_adam(TABLES_OF_TRIAL, study=study)


def test_a_trial_without_patients_and_a_dose_without_a_unit_are_refused() -> None:
    with pytest.raises(InputError, match="no patient entered"):
        build_adam(TrialTables(*(getattr(TABLES_OF_TRIAL, name).iloc[:0] for name in TABLES)), study="S")
    doses = TABLES_OF_TRIAL.doses.assign(unit="spoon")
    with pytest.raises(InputError, match="'spoon' is no unit"):
        build_adam(dataclasses.replace(TABLES_OF_TRIAL, doses=doses), study="S")
