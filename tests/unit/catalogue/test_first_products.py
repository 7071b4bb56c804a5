"""The first products of salvage cohorts: known words, whole shares, stand-ins that say so."""

from __future__ import annotations

import pytest

from aftercar.calibration.salvage_cohorts import choose_cohorts
from aftercar.calibration.salvage_medians import choose_medians
from aftercar.catalogue import load_base
from aftercar.catalogue.citations import citation_keys
from aftercar.catalogue.first_products import load_first_products
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.evidence import Filters
from aftercar.trials import find_plan, load_plan

BASE, DATA, POPULATIONS = load_base(), load_model_data(), load_populations()
ROWS = [(cohort, row) for cohort, rows in load_first_products().items() for row in rows]


def test_rows_name_cohorts_populations_products_and_sources_that_there_are() -> None:
    for cohort, row in ROWS:
        assert cohort in BASE.cohorts, cohort
        assert row.population in POPULATIONS and not POPULATIONS[row.population].came_from, cohort
        assert DATA.actions[row.therapy_id].kind == "product", cohort
        assert row.source in citation_keys() and row.note, cohort


def test_shares_of_a_cohort_are_a_whole_and_no_product_stands_twice() -> None:
    for cohort, rows in load_first_products().items():
        assert sum(row.share for row in rows) == pytest.approx(1), cohort
        assert len({(row.population, row.therapy_id) for row in rows}) == len(rows), cohort


def test_what_is_not_reported_is_the_stand_in_and_says_so() -> None:
    plan = load_plan(find_plan("after_ide_cel"), DATA, POPULATIONS)
    for cohort, row in ROWS:
        assert row.grade in ("measured", "assumed"), cohort
        if row.grade == "assumed":
            assert (row.population, row.therapy_id) == (plan.population, plan.index[0].therapy), cohort
            assert row.note.endswith("Stand-in."), cohort


def test_every_cohort_that_is_predicted_is_listed() -> None:
    plan = load_plan(find_plan("after_ide_cel"), DATA, POPULATIONS)
    predicted = {one.cohort for one in choose_medians(BASE, filters=Filters(), plan=plan, data=DATA).scored}
    for measure in ("ORR", "CR"):
        choice = choose_cohorts(BASE, measure, filters=Filters(), plan=plan, data=DATA)
        predicted |= {one.cohort for one in choice.scored}
    assert predicted <= set(load_first_products())
