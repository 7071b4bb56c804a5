"""A small good evidence directory and the kinds of damage that a user's tables come with."""

# ruff: noqa: E501  (a table reads best with one kind a line)

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

GOOD = {
    "studies.csv": "study_id,name,design,year\nalpha20,Alpha,phase1,2020\nbeta21,Beta,retrospective,2021\n",
    "cohorts.csv": (
        "cohort_id,study_id,therapy_id,role,population,prior_bcma,line,unit_of_analysis,n_treated,n_evaluable,"
        "n_prior_bcma_cart,overlap_family,overlap_part,superseded_by\n"
        "alpha_all,alpha20,teclistamab,salvage,after CAR-T,bcma_cart,first_salvage,patient,20,18,20,alpha,,\n"
        "beta_all,beta21,talquetamab,salvage,after CAR-T,bcma_any,any_salvage,patient,12,12,6,,,\n"
    ),
    "outcomes.csv": (
        "outcome_id,cohort_id,measure,source_id,preferred,events,total,count_status,percent,feasible_counts,estimate,"
        "ci_lb,ci_ub,ci_level,unit,timepoint_months,derivation\n"
        "alpha_orr,alpha_all,ORR,alpha_paper,yes,9,18,reported,50,,,,,,,,\n"
        "alpha_cr,alpha_all,CR,alpha_paper,yes,3,18,reported,16.7,,,,,,,,\n"
        "alpha_pfs,alpha_all,PFS,alpha_paper,yes,,,,,,4.1,2.0,6.5,95,months,,\n"
        "beta_orr,beta_all,ORR,beta_paper,yes,,,not_reported,66.7,8/12,,,,,,,fits n = 12\n"
    ),
    "sources.csv": (
        "source_id,study_id,kind,locator,quote,checked\n"
        'alpha_paper,alpha20,primary_paper,doi:10.1/alpha,"9 of 18 responded, 3 completely",against_primary\n'
        "beta_paper,beta21,news,https://example.org/beta,two thirds responded,not_checked\n"
    ),
}


def write_good(folder: Path) -> Path:
    """Write the good tables into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in GOOD.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def swap(name: str, old: str, new: str) -> Callable[[Path], None]:
    """Return a damage that replaces a piece of text in one table."""

    def damage(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert text.count(old) >= 1, f"{old!r} is not in {name}"
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return damage


def raw(name: str, content: bytes) -> Callable[[Path], None]:
    """Return a damage that replaces a whole file."""

    def damage(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return damage


def remove(name: str) -> Callable[[Path], None]:
    """Return a damage that deletes a file and puts a folder in its place."""

    def damage(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return damage


def latin1(folder: Path) -> None:
    """Write a byte that is not UTF-8, as an old spreadsheet does."""
    content = (folder / "sources.csv").read_bytes()
    (folder / "sources.csv").write_bytes(content.replace(b"two thirds", b"zwei Dr\xe4ttel"))


def link(name: str, target: str) -> Callable[[Path], None]:
    """Return a damage that puts a link in the place of a table."""

    def damage(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to(target)

    return damage


def pipe(folder: Path) -> None:
    """Put a named pipe in the place of a table: reading it would wait for ever."""
    (folder / "outcomes.csv").unlink()
    os.mkfifo(folder / "outcomes.csv")


def shout(folder: Path) -> None:
    """Spell a table's name in capitals, as some systems do."""
    (folder / "outcomes.csv").rename(folder / "OUTCOMES.CSV")


def own_therapy(text: str) -> Callable[[Path], None]:
    """Return a damage that adds a therapy of the user's own."""

    def damage(folder: Path) -> None:
        (folder / "therapies").mkdir()
        (folder / "therapies" / "own.toml").write_text(text, encoding="utf-8")

    return damage


def own_strategy(text: str) -> Callable[[Path], None]:
    """Return a damage that adds a strategy of the user's own."""

    def damage(folder: Path) -> None:
        (folder / "strategies").mkdir()
        (folder / "strategies" / "own.toml").write_text(text, encoding="utf-8")

    return damage


_THERAPY = '[{}]\nname = "{}"\nstrategy_class = "BsAb_GPRC5D"\ntargets = [{}]\nmechanism = "binds"\n'
_OUTCOMES = "outcomes.csv"
_COHORTS = "cohorts.csv"

# name of the damage, the damage, and pieces that the message must hold: file, row, column, what is wrong
KINDS: list[tuple[str, Callable[[Path], None], tuple[str, ...]]] = [
    ("empty file", raw(_OUTCOMES, b""), (_OUTCOMES, "empty")),
    ("only blanks", raw(_OUTCOMES, b"  \n\n"), (_OUTCOMES, "empty")),
    ("header only cut in a quote", raw(_OUTCOMES, b'outcome_id,"cohort'), (_OUTCOMES, "row 1", "quote")),
    ("truncated inside a quote", swap("sources.csv", 'completely"', "completely"), ("sources.csv", "row 2", "quote")),
    ("UTF-16", raw(_OUTCOMES, "outcome_id,cohort_id\n".encode("utf-16")), (_OUTCOMES, "UTF-8")),
    ("Latin-1 byte", latin1, ("sources.csv", "row 3", "UTF-8")),
    ("spreadsheet", raw(_OUTCOMES, b"PK\x03\x04rest"), (_OUTCOMES, "spreadsheet")),
    ("Parquet under a CSV name", raw(_OUTCOMES, b"PAR1abcPAR1"), (_OUTCOMES, "plain text")),
    ("NUL bytes", raw(_OUTCOMES, b"outcome_id\x00,cohort_id\n"), (_OUTCOMES, "binary")),
    ("semicolons", raw(_OUTCOMES, b"outcome_id;cohort_id;measure\na;b;ORR\n"), (_OUTCOMES, "commas")),
    ("a folder for a file", remove(_OUTCOMES), (_OUTCOMES, "folder")),
    ("missing column", swap(_OUTCOMES, ",measure,", ",measured_thing,"), (_OUTCOMES, "row 1", "column measure", "missing")),
    ("misspelt column", swap(_OUTCOMES, "count_status", "count_staus"), (_OUTCOMES, "count_staus", "Did you mean 'count_status'")),
    ("column twice", swap(_OUTCOMES, "timepoint_months", "percent"), (_OUTCOMES, "column percent", "twice")),
    ("column without a name", swap(_OUTCOMES, "timepoint_months", ""), (_OUTCOMES, "row 1", "no name")),
    ("too many cells", swap(_OUTCOMES, "16.7,,,", "16.7,,,,"), (_OUTCOMES, "row 3", "cells")),
    ("too few cells", swap(_OUTCOMES, "16.7,,,", "16.7,,"), (_OUTCOMES, "row 3", "cells")),
    ("unquoted comma in a text", swap("sources.csv", "two thirds", "two, thirds"), ("sources.csv", "row 3", "cells")),
    ("duplicate id", swap(_OUTCOMES, "alpha_cr", "alpha_orr"), (_OUTCOMES, "row 3", "column outcome_id", "stands already in row 2")),
    ("id with blanks", swap(_OUTCOMES, "alpha_cr", "alpha cr"), (_OUTCOMES, "row 3", "column outcome_id", "not an id")),
    ("required cell empty", swap(_OUTCOMES, "alpha_all,CR", ",CR"), (_OUTCOMES, "row 3", "column cohort_id", "empty")),
    ("word for missing", swap(_OUTCOMES, "yes,9,18", "yes,NA,18"), (_OUTCOMES, "row 2", "column events", "empty")),
    ("NaN", swap(_OUTCOMES, "4.1,2.0", "nan,2.0"), (_OUTCOMES, "row 4", "column estimate")),
    ("infinite", swap(_OUTCOMES, "4.1,2.0,6.5", "4.1,2.0,1e999"), (_OUTCOMES, "row 4", "column ci_ub", "finite")),
    ("negative count", swap(_OUTCOMES, "yes,9,18", "yes,-9,18"), (_OUTCOMES, "row 2", "column events", "below 0")),
    ("fractional count", swap(_OUTCOMES, "yes,9,18", "yes,9.5,18"), (_OUTCOMES, "row 2", "column events", "whole")),
    ("zero denominator", swap(_OUTCOMES, "yes,9,18", "yes,0,0"), (_OUTCOMES, "row 2", "column total", "below 1")),
    ("text for a number", swap(_OUTCOMES, "yes,9,18", "yes,nine,18"), (_OUTCOMES, "row 2", "column events", "not a number")),
    ("fraction in one cell", swap(_OUTCOMES, "yes,9,18", "yes,9/18,18"), (_OUTCOMES, "row 2", "column events", "two numbers")),
    ("percent sign", swap(_OUTCOMES, "reported,50", "reported,50%"), (_OUTCOMES, "row 2", "column percent", "percent sign")),
    ("decimal comma", swap(_OUTCOMES, "16.7", '"16,7"'), (_OUTCOMES, "row 3", "column percent", "comma")),
    ("percent above 100", swap(_OUTCOMES, "reported,50", "reported,150"), (_OUTCOMES, "row 2", "column percent", "above 100")),
    ("a date for a year", swap("studies.csv", "2020\n", "2020-05-01\n"), ("studies.csv", "row 2", "column year", "not a number")),
    ("a year out of range", swap("studies.csv", "2020\n", "202\n"), ("studies.csv", "row 2", "column year", "below 1950")),
    ("unknown measure", swap(_OUTCOMES, ",ORR,", ",ORRR,"), (_OUTCOMES, "row 2", "column measure", "Did you mean 'ORR'")),
    ("unknown design", swap("studies.csv", "phase1", "randomized"), ("studies.csv", "row 2", "column design", "Allowed")),
    ("unknown therapy", swap(_COHORTS, "teclistamab", "teclistumab"), (_COHORTS, "row 2", "column therapy_id")),
    ("unknown study", swap(_COHORTS, ",alpha20,", ",alpha99,"), (_COHORTS, "row 2", "column study_id", "alpha99")),
    ("unknown cohort", swap(_OUTCOMES, "alpha_all,CR", "alpha_none,CR"), (_OUTCOMES, "row 3", "column cohort_id")),
    ("unknown source", swap(_OUTCOMES, "CR,alpha_paper", "CR,gamma_paper"), (_OUTCOMES, "row 3", "column source_id")),
    ("n > N", swap(_OUTCOMES, "yes,9,18,reported,50", "yes,19,18,reported,"), (_OUTCOMES, "row 2", "column events", "exceeds total = 18")),
    ("N above the cohort", swap(_OUTCOMES, "yes,9,18,reported,50", "yes,40,80,reported,50"), (_OUTCOMES, "row 2", "column total", "exceeds the 20")),
    ("percent against counts", swap(_OUTCOMES, "reported,50", "reported,40"), (_OUTCOMES, "row 2", "column percent", "9/18 = 50.0%")),
    ("events without total", swap(_OUTCOMES, "yes,9,18", "yes,9,"), (_OUTCOMES, "row 2", "column total", "together")),
    ("nothing measured", swap(_OUTCOMES, "yes,9,18,reported,50", "yes,,,not_reported,"), (_OUTCOMES, "row 2", "neither a count nor")),
    ("counts of unknown origin", swap(_OUTCOMES, "18,reported,50", "18,,50"), (_OUTCOMES, "row 2", "column count_status")),
    ("computed without reasoning", swap(_OUTCOMES, "18,reported,50", "18,computed,50"), (_OUTCOMES, "row 2", "column derivation")),
    ("infeasible counts", swap(_OUTCOMES, "8/12", "7/12"), (_OUTCOMES, "row 5", "column feasible_counts", "does not print as 66.7%")),
    ("feasible counts no pairs", swap(_OUTCOMES, "8/12", "8 of 12"), (_OUTCOMES, "row 5", "column feasible_counts")),
    ("CR above ORR", swap(_OUTCOMES, "yes,3,18,reported,16.7", "yes,12,18,reported,66.7"), (_OUTCOMES, "row 3", "column events", "with ORR")),
    ("interval upside down", swap(_OUTCOMES, "2.0,6.5", "6.5,2.0"), (_OUTCOMES, "row 4", "column ci_lb", "exceeds the upper")),
    ("interval without level", swap(_OUTCOMES, "6.5,95", "6.5,"), (_OUTCOMES, "row 4", "column ci_level")),
    ("interval excludes estimate", swap(_OUTCOMES, "4.1,2.0", "1.1,2.0"), (_OUTCOMES, "row 4", "column estimate", "excludes")),
    ("wrong unit", swap(_OUTCOMES, ",months,", ",days,"), (_OUTCOMES, "row 4", "column unit", "months")),
    ("negative time", swap(_OUTCOMES, "4.1,2.0", "-4.1,2.0"), (_OUTCOMES, "row 4", "column estimate", "below 0")),
    ("no preferred row", swap(_OUTCOMES, "alpha_paper,yes,9", "alpha_paper,no,9"), (_OUTCOMES, "row 2", "column preferred")),
    ("evaluable above treated", swap(_COHORTS, "20,18,20", "16,18,16"), (_COHORTS, "row 2", "column n_evaluable", "16")),
    ("exposed above treated", swap(_COHORTS, "12,12,6", "12,12,60"), (_COHORTS, "row 3", "column n_prior_bcma_cart")),
    ("exposure contradicts itself", swap(_COHORTS, "20,18,20", "20,18,7"), (_COHORTS, "row 2", "column prior_bcma", "7 of 20")),
    ("part without family", swap(_COHORTS, ",6,,,", ",6,,partA,"), (_COHORTS, "row 3", "column overlap_part")),
    ("superseded by nobody", swap(_COHORTS, "20,alpha,,", "20,alpha,,ghost"), (_COHORTS, "row 2", "column superseded_by")),
    ("superseded by itself", swap(_COHORTS, "20,alpha,,", "20,alpha,,alpha_all"), (_COHORTS, "row 2", "supersedes itself")),
    ("superseded across families", swap(_COHORTS, "20,alpha,,", "20,alpha,,beta_all"), (_COHORTS, "row 2", "common overlap_family")),
    ("control character", swap("sources.csv", "two thirds", "two\x1b[31m thirds"), ("sources.csv", "row 3", "column quote", "control")),
    ("huge cell", swap("sources.csv", "two thirds", "x" * 20_000), ("sources.csv", "row 3", "column quote", "characters")),
    ("escape of the upper range", swap("sources.csv", "two thirds", "two\x9b31m thirds"), ("sources.csv", "row 3", "column quote", "control")),
    ("text turned round", swap("sources.csv", "two thirds", "two\u202e thirds"), ("sources.csv", "row 3", "column quote", "control")),
    ("a formula", swap("sources.csv", "two thirds", "=HYPERLINK(A1)"), ("sources.csv", "row 3", "column quote", "formula")),
    ("a formula by the at sign", swap("studies.csv", "Beta", "@SUM(A1)"), ("studies.csv", "row 3", "column name", "formula")),
    ("control character in a header", swap("studies.csv", "year", "ye\x1b[31mar"), ("studies.csv", "row 1", "control")),
    ("endless device", link(_OUTCOMES, "/dev/zero"), (_OUTCOMES, "no ordinary file")),
    ("named pipe", pipe, (_OUTCOMES, "no ordinary file")),
    ("link to nothing", link(_OUTCOMES, "nowhere.csv"), (_OUTCOMES, "does not exist")),
    ("link to itself", link(_OUTCOMES, _OUTCOMES), (_OUTCOMES, "cannot be read")),
    ("name in capitals", shout, ("OUTCOMES.CSV", "no table")),
    ("absurd time", swap(_OUTCOMES, "4.1,2.0,6.5", "1e308,2.0,1e308"), (_OUTCOMES, "row 4", "column estimate", "above")),
    ("level of zero", swap(_OUTCOMES, "6.5,95", "6.5,0"), (_OUTCOMES, "row 4", "column ci_level", "below")),
    ("feasible counts past all bounds", swap(_OUTCOMES, "8/12", f"2{'0' * 320}/3{'0' * 320}"), (_OUTCOMES, "row 5", "column feasible_counts")),
    ("superseded in a circle", lambda folder: (swap(_COHORTS, "20,alpha,,", "20,alpha,,beta_all")(folder), swap(_COHORTS, ",6,,,", ",6,alpha,,alpha_all")(folder)) and None, (_COHORTS, "row 2", "column superseded_by", "circle")),
    ("TOML nested past all bounds", own_therapy("a = " + "[" * 100_000), ("own.toml", "nested")),
    ("TOML key nested past all bounds", own_therapy("a" + ".a" * 50_000 + " = 1"), ("own.toml",)),
    ("therapy with a list of numbers", own_therapy(_THERAPY.format("own", "Own", "1, 2")), ("own.toml", "column own.targets", "text")),
    ("therapy without a name", own_therapy(_THERAPY.format("own", "", '"GPRC5D"')), ("own.toml", "column own.name", "empty")),
    ("therapy without targets, in a list", own_therapy(_THERAPY.format("own", "Own", '""')), ("own.toml", "column own.targets", "empty")),
    ("therapy with an escape", own_therapy(_THERAPY.format("own", "O\\u001b[31mwn", '"GPRC5D"')), ("own.toml", "column own.name", "control")),
    ("therapy whose id is a path", own_therapy(_THERAPY.format('"../../own"', "Own", '"GPRC5D"')), ("own.toml", "not an id")),
    ("therapy not in UTF-8", lambda folder: (own_therapy("")(folder), (folder / "therapies" / "own.toml").write_bytes(b"a = \xff"))[0], ("own.toml", "UTF-8")),
    ("therapy that is a device", lambda folder: (own_therapy("")(folder), link("therapies/own.toml", "/dev/zero")(folder))[0], ("own.toml", "no ordinary file")),
    ("strategy without classes", own_strategy('[own]\nname = "own"\nclasses = []\nranked = true\n'), ("own.toml", "column own.classes", "empty")),
    ("unknown table", raw("outcome.csv", b"a\n"), ("outcome.csv", "no table")),
]  # fmt: skip
