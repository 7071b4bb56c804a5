"""The base against the review's wording: quotes are literal, nothing quantitative is left out, a second reading agrees.

The review's text is not shipped; its wording is checked through hashes of five-word runs (`review_windows.py`). With
AFTERCAR_REVIEW_TEXT naming the text, the hashes and the completeness of the checklist are checked against it too.
"""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import pytest

from aftercar.catalogue import Source, load_base
from aftercar.catalogue.records import RATES
from tests.catalogue_qc.review_windows import is_literal, known_windows, windows_of, words_of

HERE = Path(__file__).parent
BASE = load_base()
KNOWN = known_windows()
DAYS_A_MONTH = 30.4375  # 365.25 / 12, as in the derivations of the base
REVIEW_SOURCES = [source for source in BASE.sources.values() if source.kind == "review"]
MAX_WORDS = 40
CONVERTED = {"hrc0202_pfs": "269", "brudno_index_efs": "31"}


def read(name: str) -> list[dict[str, str]]:
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


SECOND = {row["outcome_id"]: row for row in read("second_reading.csv")}
CHECKLIST = read("checklist.csv")


@pytest.mark.parametrize("source", REVIEW_SOURCES, ids=lambda source: source.source_id)
def test_quote_is_literal_and_short(source: Source) -> None:
    assert is_literal(source.quote, KNOWN)
    assert len(source.quote.split()) <= MAX_WORDS


def test_another_figure_in_a_quote_is_noticed() -> None:
    quote = BASE.sources["review_hrc0202"].quote
    assert is_literal(quote, KNOWN)
    for right, wrong in (("71.4%", "74.1%"), ("5/7", "6/7"), ("269", "296")):
        assert not is_literal(quote.replace(right, wrong), KNOWN)


def test_quote_holds_its_figure() -> None:
    """The percentage or median of every row, the review's and the others', stands in its quote as printed."""
    for outcome in BASE.outcomes.values():
        words = set(words_of(BASE.sources[outcome.source_id].quote))
        if outcome.percent is not None:
            wanted = {f"{outcome.percent:g}%", f"{outcome.percent:.1f}%"}
        elif outcome.estimate is not None:
            unit = "%" if outcome.measure in RATES else ""
            # A time in other units is converted; its derivation begins with the number that is printed.
            number = CONVERTED.get(outcome.outcome_id, f"{outcome.estimate:g}")
            assert outcome.outcome_id not in CONVERTED or outcome.derivation.startswith(number)
            wanted = {f"{number}{unit}", f"{number}.0{unit}"}
        else:
            continue
        assert wanted & words, f"{outcome.outcome_id}: {wanted}"


def test_second_reading_covers_every_figure_of_the_review() -> None:
    of_review = {o.outcome_id for o in BASE.outcomes.values() if BASE.sources[o.source_id].kind == "review"}
    assert set(SECOND) == of_review


@pytest.mark.parametrize("outcome_id", SECOND)
def test_second_reading_agrees(outcome_id: str) -> None:
    printed, entered = SECOND[outcome_id], BASE.outcomes[outcome_id]
    assert is_literal(printed["quote"], KNOWN)
    # Counts that are only reconstructed have no printed counterpart; a denominator may be printed without its events.
    if printed["events"]:
        assert entered.events == int(printed["events"])
        assert entered.count_status == "reported"
    else:
        assert entered.count_status != "reported"
    if printed["total"]:
        assert entered.total == int(printed["total"])
    if entered.measure in RATES:
        assert entered.estimate == float(printed["percent"])
        assert entered.timepoint_months == float(printed["time"])
    elif printed["time"]:
        months = float(printed["time"]) / (DAYS_A_MONTH if printed["time_unit"] == "days" else 1.0)
        assert entered.estimate == pytest.approx(months, abs=0.05)  # entered to one decimal
        assert entered.ci_lb is None and entered.ci_ub is None
    else:
        assert entered.percent == (float(printed["percent"]) if printed["percent"] else None)


def test_checklist_leads_to_rows_of_the_base() -> None:
    known = {*BASE.outcomes, *BASE.findings, *BASE.cohorts, *BASE.discrepancies, *BASE.therapies}
    for row in CHECKLIST:
        assert is_literal(row["opening_words"], KNOWN), row["opening_words"]
        recorded = [name for name in row["recorded_as"].split(";") if name]
        assert set(recorded) <= known, row
        assert bool(recorded) != bool(row["why_not"]), row


def test_every_review_figure_is_on_the_checklist() -> None:
    listed = {name for row in CHECKLIST for name in row["recorded_as"].split(";")}
    assert set(SECOND) <= listed


TEXT = os.environ.get("AFTERCAR_REVIEW_TEXT", "")
needs_text = pytest.mark.skipif(not TEXT, reason="AFTERCAR_REVIEW_TEXT does not name the review's text")


@needs_text
def test_hashes_are_those_of_the_text() -> None:
    assert set(windows_of(Path(TEXT).read_text(encoding="utf-8"))) == KNOWN


@needs_text
def test_every_sentence_with_a_percentage_or_a_fraction_is_on_the_checklist() -> None:
    text = Path(TEXT).read_text(encoding="utf-8")
    text = re.sub(r"\s+", " ", text[text.index("1 Introduction") :])
    text = re.sub(r" \((?:\d{1,3}(?:[–-]\d{1,3})?(?:, )?)+\)", "", text)  # citations
    openings = [words_of(row["opening_words"]) for row in CHECKLIST]
    for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z0-9])", text):
        if re.search(r"\d%|\d/\d|\bmonths\b|\bdays\b", sentence):
            words = " ".join(words_of(sentence))
            # An opening stands in its sentence, or ends with it where the sentence is too short to be told apart.
            assert any(" ".join(opening[:6]) in words or " ".join(opening).endswith(words) for opening in openings), (
                sentence
            )
