"""Observed against simulated: rows, marks, and the numbers beside the points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.unit.report.reading import rows, texts
from tests.unit.report.trial_sample import NAMES, beside_of, plausible_results

from aftercar.report import render_report, render_simulated_section
from aftercar.report._labels import place_labels
from aftercar.report.figure import VERMILION
from aftercar.report.simulated_section import beside_table
from aftercar.report.trial_agreement import agreement_figures, agreement_rows
from aftercar.report.trial_page import TrialResults
from aftercar.strategy import Comparison, Simulated


@pytest.fixture(scope="module")
def trial() -> TrialResults:
    return plausible_results(40, arms=NAMES[:9])


@pytest.fixture(scope="module")
def beside(trial: TrialResults) -> pd.DataFrame:
    return beside_of(trial)


def test_rows_are_numbered_by_the_observed_rate_and_keep_both_sides(beside: pd.DataFrame) -> None:
    found = agreement_rows(beside, "orr")
    assert found["number"].tolist() == list(range(1, 10))
    known = found["observed"].dropna()
    assert known.is_monotonic_decreasing and np.isnan(found["observed"].iloc[-1])
    for row in found.to_dict("records"):
        given = beside[beside["arm"] == row["arm"]].iloc[0]
        assert (
            row["simulated"] == given["orr_simulated"] and row["parameters_ub"] == given["orr_simulated_parameters_ub"]
        )
        assert row["apart"] == (given["orr_agrees"] is False) and row["known"] == (not pd.isna(given["orr_agrees"]))


def test_those_whose_intervals_do_not_meet_are_marked_in_every_form(beside: pd.DataFrame) -> None:
    figures = {one.figure_id: one for one in agreement_figures(beside)}
    apart = int(agreement_rows(beside, "orr")["apart"].sum())
    assert 0 < apart < 9
    plane, listed = figures["agreement-orr"], figures["agreement-orr-rows"]
    points = [row for data in plane.spec["datasets"].values() for row in data if "tip" in row]
    assert sum(row["shape"] == "diamond" and row["colour"] == VERMILION for row in points) == apart
    assert sum(text.startswith("≠") for text in texts(listed)) == apart
    assert (plane.table["Intervals meet"] == "no").sum() == apart
    assert plane.table["Intervals meet"].tolist().count("—") == 1


def test_uncertain_parameters_make_a_second_thinner_layer_or_none(beside: pd.DataFrame) -> None:
    def thicknesses(table: pd.DataFrame) -> set[float]:
        figure = next(one for one in agreement_figures(table) if one.figure_id == "agreement-orr-rows")
        return {row["thickness"] for row in rows(figure, "spans")}

    without = beside.drop(columns=[name for name in beside if "parameters" in name])
    assert thicknesses(beside) == thicknesses(without) | {1.2}
    assert 1.2 not in thicknesses(without)


def test_labels_cover_neither_one_another_nor_a_point() -> None:
    rng = np.random.default_rng(4)
    points = [(float(x), float(y)) for x, y in rng.uniform(430, 555, (12, 2))]  # crowded in a corner
    labels = [str(k) for k in range(1, 13)]
    placed = place_labels(points, labels, size=560)
    half = [3.5 * len(label) for label in labels]  # bold digits of 11 pixels are 7 wide
    for i, a in enumerate(placed):
        assert 0 <= a[0] <= 560 and 0 <= a[1] <= 560
        for j in range(i + 1, len(placed)):
            assert abs(a[0] - placed[j][0]) >= half[i] + half[j] or abs(a[1] - placed[j][1]) >= 12
        for x, y in points:
            assert abs(a[0] - x) >= half[i] + 4 or abs(a[1] - y) >= 10
    assert place_labels(points, labels, size=560) == placed


def test_the_table_gives_both_intervals_and_says_not_reached(beside: pd.DataFrame) -> None:
    changed = beside.copy()
    changed.loc[0, "pfs_simulated"] = np.nan
    table = beside_table(changed)
    first = changed.iloc[0]
    low, high = first["orr_simulated_parameters_lb"], first["orr_simulated_parameters_ub"]
    assert table["ORR simulated"].iloc[0].endswith(f"; [{100 * low:.0f}, {100 * high:.0f}]")
    assert table["Median PFS simulated, months"].iloc[0] == "not reached"


def test_the_section_stands_in_the_comparison_only_if_given(
    comparison: Comparison, page: str, trial: TrialResults, beside: pd.DataFrame
) -> None:
    assert 'id="simulated"' not in page and "Simulated beside observed" not in page
    facts = {"Patients": "40", "<b>x</b>": "</script>"}
    section = render_simulated_section(beside, trial.by_mechanism, facts)
    with_it = render_report(replace(comparison, simulated=Simulated(beside, trial.by_mechanism, facts, False, {})))
    assert with_it.count('<section id="simulated">') == 1 and 'href="#simulated"' in with_it
    assert "SIMULATED, uncalibrated" in with_it and "<b>x</b>" not in with_it
    for figure in section.figures:
        assert f'id="{figure.figure_id}"' in with_it
    assert len({one.figure_id for one in section.figures}) == 5
    assert section.apart[0].startswith("ORR: strategy of")
