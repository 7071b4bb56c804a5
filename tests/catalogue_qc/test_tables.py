"""Every table of the built-in base loads through its record type, and its ids lead somewhere."""

from __future__ import annotations

import csv
import re

import pytest
from pybtex.database import parse_file

from aftercar.catalogue import load_base
from aftercar.catalogue.loading import BUILT_IN, TABLES
from aftercar.catalogue.targets import load_targets
from aftercar.foundation import load_table

BASE = load_base()
CITATIONS = parse_file(str(BUILT_IN / "sources.bib")).entries
# Given around CAR-T, or the index CAR-T itself: no choice at relapse, hence no row of the comparison.
NOT_COMPARED = {"BCMA_CART", "TCE_mixed", "lymphodepletion", "bridging", "maintenance", "BCMA_sensitiser"}
ROWS_OF_COMPARISON = (
    "second_bcma_cart_same", "second_bcma_cart_other", "gprc5d_cart", "dual_target_cart", "bcma_bsab", "gprc5d_bsab",
    "fcrh5_bsab", "bsab_mab", "anti_cd38", "proteasome_inhibitor", "imid", "alkylator_chemotherapy", "selinexor",
    "venetoclax", "checkpoint_inhibition", "immunocytokine", "radioligand", "radiotherapy", "autologous_transplant",
    "antibody_drug_conjugate", "mapk_inhibition",
)  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_table_loads_through_its_record(name: str) -> None:
    table = load_table(BUILT_IN / "cohorts" / f"{name}.csv", TABLES[name])
    assert table.rows


def test_table_has_every_column_of_its_record() -> None:
    for name, record in TABLES.items():
        with (BUILT_IN / "cohorts" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            header = next(csv.reader(file))
        assert header == list(record.__slots__), name


def test_citations_resolve() -> None:
    cited = {study.citation for study in BASE.studies.values() if study.citation}
    assert cited <= set(CITATIONS)
    sources = {therapy.source for therapy in BASE.therapies.values()}
    assert {source for source in sources if not re.match(r"review, sections? \d", source)} <= set(CITATIONS)


def test_no_citation_is_idle() -> None:
    used = {study.citation for study in BASE.studies.values()} | {t.source for t in BASE.therapies.values()}
    targets = load_targets()
    used |= {one.citation for one in (*targets.kinetic.values(), *targets.response.values())}
    # The numbers of the system cite as their source, and beside it in locators and notes.
    folders = ("parameters", "therapies", "costimulation", "antigens", "mechanisms", "populations", "toxicity")
    paths = [path for name in folders for path in (BUILT_IN / name).glob("*.toml")] + [BUILT_IN / "mortality.toml"]
    text = " ".join(path.read_text(encoding="utf-8") for path in paths)
    used |= {key for key in CITATIONS if re.search(rf"(?<!\w){key}(?!\w)", text)}
    assert set(CITATIONS) - used <= {"review"}


def test_no_row_is_idle() -> None:
    used = {o.source_id for o in BASE.outcomes.values()} | {f.source_id for f in BASE.findings.values()}
    assert set(BASE.sources) == used
    studies = {c.study_id for c in BASE.cohorts.values()} | {f.study_id for f in BASE.findings.values()}
    assert set(BASE.studies) == studies - {""}
    assert set(BASE.cohorts) == {o.cohort_id for o in BASE.outcomes.values()}


def test_comparison_has_its_rows_in_order() -> None:
    ranked = tuple(strategy.strategy_id for strategy in BASE.strategies.values() if strategy.ranked)
    assert ranked == ROWS_OF_COMPARISON
    assert list(BASE.strategies)[: len(ranked)] == list(ranked)


def test_every_class_is_compared_or_named_as_not_compared() -> None:
    compared = {name for strategy in BASE.strategies.values() for name in strategy.classes}
    classes = {therapy.strategy_class for therapy in BASE.therapies.values()}
    assert classes - compared == NOT_COMPARED


def test_therapy_words_are_not_ambiguous() -> None:
    owner: dict[str, str] = {}
    for therapy in BASE.therapies.values():
        for word in {therapy.therapy_id.casefold(), therapy.name.casefold(), *map(str.casefold, therapy.synonyms)}:
            assert owner.setdefault(word, therapy.therapy_id) == therapy.therapy_id, word


def test_prior_cart_count_is_the_number_treated_where_all_had_it() -> None:
    for cohort in BASE.cohorts.values():
        if cohort.prior_bcma == "bcma_cart" and cohort.n_prior_bcma_cart is not None and cohort.n_treated is not None:
            assert cohort.n_prior_bcma_cart == cohort.n_treated, cohort.cohort_id


def test_review_figure_stays_beside_a_primary_one() -> None:
    """Where a review's figure is not preferred, another source's figure of the same measure is."""
    preferred = {(o.cohort_id, o.measure) for o in BASE.outcomes.values() if o.preferred == "yes"}
    for outcome in BASE.outcomes.values():
        if outcome.preferred == "no":
            assert BASE.sources[outcome.source_id].kind == "review", outcome.outcome_id
            assert (outcome.cohort_id, outcome.measure) in preferred, outcome.outcome_id


def test_two_sources_that_differ_are_a_discrepancy() -> None:
    named = {cohort_id for row in BASE.discrepancies.values() for cohort_id in row.cohort_ids}
    figures: dict[tuple[str, str], set[float]] = {}
    for outcome in BASE.outcomes.values():
        value = outcome.percent if outcome.percent is not None else outcome.estimate
        if value is not None:
            # 43 and 43.3 are one figure printed to two precisions, so they are compared rounded to whole units.
            figures.setdefault((outcome.cohort_id, outcome.measure), set()).add(round(value))
    for (cohort_id, measure), values in figures.items():
        if len(values) > 1:
            assert cohort_id in named, f"{measure} of {cohort_id}: {values}"
