"""The report is whole, self-contained, escaped and always the same."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest
from tests.unit.report.sample import HOSTILE, sample_comparison

from aftercar.report import render_report
from aftercar.strategy.results import DISCLAIMER, Comparison

VOID = {"meta", "br", "input", "img", "link"}


class Outline(HTMLParser):
    """Elements, their ids, the links to anchors and what each table cell says."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.anchors: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            self.attributes.append((tag, name, value))
            if name == "id":
                self.ids.append(value or "")
            if name == "href" and value and value.startswith("#"):
                self.anchors.append(value[1:])

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"script", "style"}:
            self.text.append(data)


@pytest.fixture(scope="module")
def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    parser.close()
    return parser


def test_elements_are_closed_and_ids_are_unique(outline: Outline) -> None:
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))


def test_every_link_inside_the_page_leads_somewhere(outline: Outline) -> None:
    assert set(outline.anchors) - set(outline.ids) == set()


def test_the_disclaimer_stands_above_everything_and_among_the_limits(page: str) -> None:
    first, last = page.index(DISCLAIMER), page.rindex(DISCLAIMER[:40])
    assert first < page.index('id="summary"')
    assert last > first


def test_nothing_is_loaded_from_elsewhere(outline: Outline) -> None:
    loaded = [(tag, name, value) for tag, name, value in outline.attributes if name in {"src", "srcset", "action"}]
    assert loaded == []
    assert {tag for tag, name, _ in outline.attributes if name == "href"} == {"a"}
    assert "link" not in outline.tags
    assert "img" not in outline.tags


def test_hostile_text_is_shown_and_never_becomes_markup(page: str, outline: Outline) -> None:
    assert HOSTILE in "".join(outline.text)
    assert HOSTILE not in page
    assert "49" not in [text.strip() for text in outline.text]  # {{7*7}} is text, not a template
    assert not [name for _, name, _ in outline.attributes if name.startswith("on")]
    assert not [value for _, name, value in outline.attributes if name == "href" and value and "javascript" in value]
    assert outline.tags.count("script") == 5  # manifest, result, figures, library, ours
    assert "b" not in outline.tags
    assert "i" not in outline.tags


def test_every_strategy_cohort_source_and_finding_is_there(comparison: Comparison, outline: Outline) -> None:
    text = "".join(outline.text)
    for result in comparison.results:
        assert result.strategy.name in text
        assert f"strategy-{result.strategy.strategy_id}" in outline.ids
        for line in (*result.orr.cohorts, *result.cr.cohorts):
            for part in (line.study, line.therapy, line.population, line.source_locator, line.source_quote):
                assert part in text
            assert line.derivation in text
            assert line.why_not_used in text
            for judgement in line.risk_of_bias:
                assert judgement.reason in text
        for finding in result.findings:
            assert finding.statement in text
    for figure in ("local control 8/8 (100%)", "ORR 44% of n not reported", "OS 16.2 months"):
        assert figure in text
        for median in result.pfs:
            assert median.source_quote in text
    for discrepancy in comparison.discrepancies:
        assert discrepancy.other_says in text
    for note in comparison.notes:
        assert note in text
    for choice in comparison.method_card.values():
        assert choice in text


def test_manifest_command_seed_and_hash_can_be_read(comparison: Comparison, outline: Outline) -> None:
    text = "".join(outline.text)
    manifest = comparison.manifest
    for part in (manifest.command, manifest.version, *manifest.hashes.values(), "aftercar reproduce"):
        assert part in text


def test_every_figure_has_a_caption_a_description_buttons_and_a_table(page: str, outline: Outline) -> None:
    number = outline.tags.count("figure")
    assert number >= 10
    assert outline.tags.count("figcaption") == number
    drawn = re.findall(r'role="img" tabindex="0" aria-label="([^"]+)" data-figure="([^"]+)"', page)
    assert len(drawn) == number
    assert all(len(label) > 20 for label, _ in drawn)
    for _, name in drawn:
        assert f'data-table="{name}"' in page
        for kind in ("svg", "png", "csv"):
            assert f'data-save="{kind}" data-of="{name}"' in page


def test_the_same_comparison_gives_the_same_bytes(page: str) -> None:
    assert render_report(sample_comparison()) == page


def test_the_page_is_below_5_mb(page: str) -> None:
    assert len(page.encode()) < 5_000_000


def test_observed_figures_are_called_observed(page: str) -> None:
    assert len(re.findall(r'<span class="tag">observed</span>', page)) >= 3
    figures = json.loads(re.search(r'id="aftercar-figures">(.*?)</script>', page, re.DOTALL)[1])["figures"]  # type: ignore[index]
    assert (
        "observed"
        in figures["orr-strategy-strategy_1"]["wide"]["hconcat"][0]["layer"][0]["encoding"]["x"]["axis"]["title"]
    )


def test_an_empty_comparison_gives_a_page(comparison: Comparison) -> None:
    bare = replace(
        comparison,
        results=comparison.results[-1:],
        sensitivity=pd.DataFrame(),
        confounding=pd.DataFrame(),
        discrepancies=(),
        notes=(),
    )
    page = render_report(bare)
    assert "No conflict concerns the cohorts shown." in page
    assert "No cohort in the evidence base reports ORR, CR or PFS" in page
