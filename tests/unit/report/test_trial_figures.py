"""The data behind each figure of a virtual trial, against counts by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.unit.report.reading import check_schema
from tests.unit.report.trial_sample import NAMES, bare_results, fabricated_results, no_tables_kept, plausible_results

from aftercar.clinic import load_criteria
from aftercar.report import Figure, render_svg
from aftercar.report.figure import Choice
from aftercar.report.trial_clones import AT_ENTRY, clone_shares, leading_table, mean_shares
from aftercar.report.trial_events import event_shares
from aftercar.report.trial_looks import arm_look, arm_names, month_ticks, spread_over
from aftercar.report.trial_mechanisms import heat_cells, mechanism_figure
from aftercar.report.trial_page import TrialResults, draw_trial
from aftercar.report.trial_survival import survival_figure, survival_table, trace_curves
from aftercar.report.trial_swimmer import BETWEEN, LATER, UNDER, WAITING, swimmer_figure, swimmer_frames
from aftercar.report.trial_waterfall import waterfall_figure, waterfall_frame

MONTH = 30.4375
# Seven patients: events at 1, 3, 3 and 5 months, censored at 2, 5 and 6.
RECORDS = pd.DataFrame(
    {
        "arm": ["A"] * 7,
        "patient": range(7),
        "duration": np.array([1, 2, 3, 3, 5, 5, 6]) * MONTH,
        "event": [True, False, True, True, True, False, False],
    }
)


@pytest.fixture(scope="module")
def trial() -> TrialResults:
    return plausible_results(40, arms=NAMES[:5])


@pytest.fixture(scope="module")
def figures(trial: TrialResults) -> dict[str, Figure]:
    return {one.figure_id: one for part in draw_trial(trial).values() for one in part}


def test_every_figure_is_valid_says_simulated_and_can_be_drawn(figures: dict[str, Figure]) -> None:
    assert {"survival-pfs", "survival-os", "waterfall", "mechanisms", "swimmer", "clones", "events"} <= set(figures)
    for figure in figures.values():
        assert "simulated" in figure.title.lower() and "imulated" in figure.caption + figure.title
        assert len(figure.summary) > 20 and len(figure.table)
        check_schema(figure)
        assert render_svg(figure, width=680).startswith("<svg")


@pytest.mark.parametrize("make", [fabricated_results, bare_results, lambda: no_tables_kept(bare_results())])
def test_every_empty_case_can_be_drawn(make: object) -> None:
    for part in draw_trial(make()).values():  # type: ignore[operator]
        for figure in part:
            assert render_svg(figure, width=340).startswith("<svg")


def test_numbers_at_risk_are_those_counted_by_hand() -> None:
    curves = trace_curves(RECORDS, ["A"], level=0.9)
    # At risk at t: everybody whose time is t or longer.
    assert dict(zip(curves.at_risk["t"], curves.at_risk["n"], strict=True)) == {0: 7, 2: 6, 4: 3, 6: 1}
    assert curves.ticks["t"].round(6).tolist() == [2, 5, 6]


def test_the_curve_is_that_of_kaplan_and_meier() -> None:
    steps = trace_curves(RECORDS, ["A"], level=0.9).steps
    at = dict(zip(steps["t"].round(6), steps["s"], strict=True))
    # 6/7; of five at risk at 3 months two have the event; of three at 5 months one.
    assert at[0] == 1 and at[1] == pytest.approx(6 / 7) and at[3] == pytest.approx(6 / 7 * 3 / 5)
    assert at[5] == pytest.approx(6 / 7 * 3 / 5 * 2 / 3) and at[6] == at[5]


def test_a_curve_keeps_every_visible_step_of_many_patients() -> None:
    rng = np.random.default_rng(1)
    n = 2000
    records = pd.DataFrame({"arm": "A", "patient": range(n), "duration": rng.exponential(200, n) + 1, "event": True})
    steps = trace_curves(records, ["A"], level=0.9).steps
    assert len(steps) < 260 and steps["s"].iloc[-1] == 0
    assert (-np.diff(steps["s"])).max() < 0.0046  # 0.004 and one patient's step


def test_an_arm_without_patients_has_no_curve_and_one_without_events_no_median() -> None:
    censored = RECORDS.assign(arm="B", event=False)
    curves = trace_curves(pd.concat([RECORDS, censored]), ["A", "B", "C"], level=0.9)
    assert curves.arms["arm"].tolist() == ["A", "B"] and np.isnan(curves.arms["median"].iloc[1])
    assert survival_table(curves)["Median, months"].tolist()[1] == "not reached"
    figure = survival_figure("PFS", RECORDS.iloc[:0], ["A"], since="first day of treatment")
    assert render_svg(figure).startswith("<svg")


def test_the_first_arms_are_shown_and_the_others_can_be_chosen(figures: dict[str, Figure]) -> None:
    many = survival_figure("PFS", RECORDS, list(NAMES), since="first day of treatment")
    shown, bands = many.choices
    assert shown.value == [0, 1, 2, 3, 4, 5] and shown.options == NAMES and bands.value is False
    params = {param["name"]: param["value"] for param in many.spec["params"]}
    assert params == {"shown": shown.value, "bands": False}
    assert figures["swimmer"].choices[0].value == 0
    assert Choice("x", "of one", ("a", "b"), (1,)).value == 1


def test_22_arms_look_different() -> None:
    assert len({(colour, tuple(dashes)) for colour, dashes in map(arm_look, range(22))}) == 22


def test_segments_of_a_swimmer_cover_a_course_without_gap_or_overlap(trial: TrialResults) -> None:
    segments, marks = swimmer_frames(trial.tables)
    ends = trial.tables.outcomes.set_index(["arm", "patient"])["end_day"]
    arms = arm_names(trial.tables)
    for (a, patient), own in segments.groupby(["a", "patient"]):
        assert own["start"].iloc[0] == 0 and own["end"].iloc[-1] == ends[arms[a], patient]
        assert (own["start"].to_numpy()[1:] == own["end"].to_numpy()[:-1]).all()
    drawn = set(zip(segments["a"], segments["patient"], strict=True))
    outcomes = trial.tables.outcomes.assign(a=lambda t: t["arm"].map({arm: k for k, arm in enumerate(arms)}))
    chosen = outcomes[[key in drawn for key in zip(outcomes["a"], outcomes["patient"], strict=True)]]
    assert (marks["mark"] == "death").sum() == chosen["death_day"].notna().sum()
    assert (marks["mark"] == "progression").sum() == chosen["progression_day"].notna().sum()
    assert set(marks.loc[marks["mark"] == "CAR-T infused", "a"]) == {0, 1, 2, 3}  # the fifth arm is a drug


def test_a_swimmer_shows_the_response_that_each_visit_confirmed(trial: TrialResults) -> None:
    segments, _ = swimmer_frames(trial.tables, most=1000)
    visits = trial.tables.visits
    visits = visits[(visits["confirmed_response"] != "") & (visits["arm"] == NAMES[0])]
    checked = 0
    for visit in visits.to_dict("records"):
        own = segments[(segments["a"] == 0) & (segments["patient"] == visit["patient"])]
        holds = own[(own["start"] <= visit["day"]) & (visit["day"] < own["end"])]
        if len(holds):
            assert holds["status"].tolist() == [visit["confirmed_response"]]
            checked += 1
    assert checked > 50


def test_a_swimmer_without_visits_shows_lines_and_at_most_thirty_patients(trial: TrialResults) -> None:
    bare = no_tables_kept(trial).tables
    segments, _ = swimmer_frames(bare)
    assert set(segments["status"]) == {WAITING, UNDER, LATER, BETWEEN}
    assert segments.groupby("a")["patient"].nunique().max() == 30
    assert "kept no visits" in swimmer_figure(bare).caption


def test_best_changes_are_the_deepest_of_later_visits(trial: TrialResults) -> None:
    least = load_criteria()["measurable_serum"]
    found = waterfall_frame(trial.tables, least=least)
    for row in found.head(40).to_dict("records"):
        visits = trial.tables.visits
        own = visits[(visits["arm"] == row["arm"]) & (visits["patient"] == row["patient"]) & (visits["line"] == 1)]
        values = own.sort_values("day")["serum_m_g_per_dl"].to_numpy()
        assert values[0] >= least
        assert row["change"] == pytest.approx(100 * (values[1:].min() / values[0] - 1))
    assert all(own["change"].is_monotonic_decreasing for _, own in found.groupby("arm"))
    left_out = trial.tables.visits.groupby(["arm", "patient"])["serum_m_g_per_dl"].first() < least
    assert left_out.any() and not set(found.set_index(["arm", "patient"]).index) & set(left_out[left_out].index)
    assert "deepest fall" in waterfall_figure(trial.tables).caption


def test_clone_shares_add_up_and_means_are_over_patients(trial: TrialResults) -> None:
    shares = clone_shares(trial.tables)
    np.testing.assert_allclose(shares.groupby(["where", "patient"])["share"].sum(), 1.0)
    means = mean_shares(shares, arm_names(trial.tables)).set_index("where")
    assert means.index[0] == AT_ENTRY and means.loc[AT_ENTRY, "patients"] == 40
    progressed = trial.tables.outcomes.groupby("arm")["progression_day"].count()
    assert (means["patients"].iloc[1:] == progressed[means.index[1:]]).all()
    np.testing.assert_allclose(means.drop(columns="patients").sum(axis=1), 1.0)
    clones = trial.tables.clones
    entry = clones[clones["line"] == 0].pivot_table(index="patient", columns="clone", values="cells", fill_value=0.0)
    by_hand = (entry["BCMA-null"] / entry.sum(axis=1)).mean()
    assert means.loc[AT_ENTRY, "BCMA-null"] == pytest.approx(by_hand)
    led = leading_table(shares, [AT_ENTRY], ["bulk, antigens normal"])
    assert led.iloc[0, 2] == str(int((entry.idxmax(axis=1) == "bulk, antigens normal").sum()))


def test_a_heat_map_cell_equals_the_counts_and_few_patients_have_no_rate(trial: TrialResults) -> None:
    cells = heat_cells(trial.by_mechanism).set_index(["arm", "mechanism"])
    both = trial.tables.outcomes.merge(trial.tables.subjects[["patient", "mechanism"]], on="patient")
    both = both[both["treated"].astype(bool)]
    good = both["best_response"].isin(["sCR", "CR", "VGPR", "PR"])
    for key, own in both.assign(good=good).groupby(["arm", "mechanism"]):
        row = cells.loc[key]
        assert (row["events"], row["n"]) == (own["good"].sum(), len(own))
        assert np.isnan(row["estimate"]) == (len(own) < 10)
    drawn = [row for rows in mechanism_figure(trial.by_mechanism).spec["datasets"].values() for row in rows]
    few = [row for row in drawn if row.get("text") == "too few"]
    assert len(few) == (cells["estimate"].isna() & (cells["n"] > 0)).sum() > 0
    counted = {row["count"] for row in drawn if "count" in row}
    assert counted == {f"{row['events']}/{row['n']}" for row in cells.to_dict("records") if row["n"]}


def test_a_rate_given_for_too_few_patients_is_still_grey() -> None:
    table = pd.DataFrame([("A", "m", 4, 9, 0.44, 0.2, 0.7)], columns=["arm", "mechanism", "events", "n", "estimate",
                                                                      "ci_lb", "ci_ub"])  # fmt: skip
    assert np.isnan(heat_cells(table)["estimate"].iloc[0])


def test_events_count_patients_by_their_highest_grade(trial: TrialResults) -> None:
    tables = trial.tables
    twice = tables.events.iloc[[0]].assign(grade=5)
    first = twice.iloc[0]
    before = event_shares(tables).set_index(["arm", "event"]).loc[(first["arm"], first["event"])]
    after = event_shares(replace(tables, events=pd.concat([tables.events, twice])))
    after = after.set_index(["arm", "event"]).loc[(first["arm"], first["event"])]
    assert after["any"] == before["any"] and after["fatal"] == before["fatal"] + 1
    treated = tables.outcomes[tables.outcomes["treated"].astype(bool)].groupby("arm")["patient"].size()
    assert before["n"] == treated[first["arm"]]
    own = tables.events[(tables.events["arm"] == first["arm"]) & (tables.events["event"] == first["event"])]
    assert (before["any"], before["severe"]) == (own["patient"].nunique(), (own["grade"] >= 3).sum())


def test_patients_are_spread_evenly_with_both_ends() -> None:
    kept = spread_over(500, 30)
    assert len(kept) == 30 and kept[0] == 0 and kept[-1] == 499 and np.diff(kept).max() <= 18
    assert spread_over(3, 30).tolist() == [0, 1, 2]
    assert max(len(month_ticks(end)) for end in np.linspace(0.5, 150, 300)) <= 7
