"""Citations in one line."""

from __future__ import annotations

from aftercar.catalogue import load_base
from aftercar.catalogue.citations import load_citation


def test_a_citation_names_author_title_journal_year_and_place() -> None:
    """sources.bib, entry vanoekelen2023: the braces of BibTeX are no part of the title."""
    assert load_citation("vanoekelen2023") == (
        "Van Oekelen et al. Interventions and outcomes of patients with multiple myeloma receiving salvage therapy "
        "after BCMA-directed CAR T therapy. Blood 2023. https://ashpublications.org/blood/article/141/7/756/486978/"
        "Interventions-and-outcomes-of-patients-with [vanoekelen2023]"
    )


def test_every_citation_of_the_base_reads_as_one_line() -> None:
    for study in load_base().studies.values():
        if study.citation:
            line = load_citation(study.citation)
            assert line.endswith(f" [{study.citation}]"), line
            assert not set("{}\\\n") & set(line), line
