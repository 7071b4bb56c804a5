"""Every work that the code, the rules, the tables or the pages cite stands in one of the two bibliographies."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping

import pytest
from pybtex.database import Entry, parse_file
from tests.unit.docs.blocks import DOCS, pages

from aftercar.catalogue import load_base

PACKAGE = DOCS.parent / "src" / "aftercar"
SOURCES = parse_file(str(PACKAGE / "catalogue" / "sources.bib")).entries
METHODS = parse_file(str(DOCS / "methods.bib")).entries
ENTRIES: Mapping[str, Entry] = {**SOURCES, **METHODS}
# Words of the form of a key that cite nothing: a made-up citation of an example, a data set of R's metadat.
# Versions of the response criteria have names of that form, too.
NO_CITATIONS = {"author2027", "pritz1997", "imwg2016", "imwg2025", "imwg2026"}

KEY = re.compile(r"(?<![\w.-])[a-z]{2,}(?:18|19|20)\d\d[a-z]?(?!\w)")
ROLE = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
# "Stijnen, Hamza & Oezdemir 2010", "Guyot et al. (2012)": the first surname and the year.
NAMED = re.compile(
    r"(?<![\w-])([A-Z][\w'-]+)(?:(?:,| &| and) [A-Z][\w'-]+)*(?: et al\.)?,? \(?((?:18|19|20)\d\d)(?!\w)"
)


def keys_in(text: str) -> set[str]:
    """Return the keys that a text cites: bare, or in a cite role (there of any form)."""
    in_roles = {key.strip() for keys in ROLE.findall(text) for key in keys.split(",")}
    return (set(KEY.findall(text)) | in_roles) - NO_CITATIONS


def fold(surname: str) -> str:
    """Return a surname without case and accents, so that Röver, Roever and Rover are the same."""
    plain = unicodedata.normalize("NFKD", surname.lower()).encode("ascii", "ignore").decode()
    return plain.replace("oe", "o").replace("ue", "u").replace("ae", "a")


def works_in(text: str) -> set[tuple[str, str]]:
    """Return the works that a text cites by name, as the folded first surname and the year."""
    return {(fold(surname), year) for surname, year in NAMED.findall(" ".join(text.split()))}


WORKS = {
    (fold(" ".join(entry.persons["author"][0].last_names)), entry.fields["year"])
    for entry in ENTRIES.values()
    if "author" in entry.persons and "year" in entry.fields
}
TEXTS = {str(path.relative_to(DOCS.parent)): path.read_text(encoding="utf-8") for path in pages()} | {
    str(path.relative_to(DOCS.parent)): path.read_text(encoding="utf-8")
    for suffix in ("py", "toml")
    for path in PACKAGE.rglob(f"*.{suffix}")
}


@pytest.mark.parametrize("name", [name for name, text in TEXTS.items() if keys_in(text) or works_in(text)])
def test_what_a_text_cites_stands_in_a_bibliography(name: str) -> None:
    assert keys_in(TEXTS[name]) <= set(ENTRIES), "keys without an entry"
    assert works_in(TEXTS[name]) <= WORKS, "works named without an entry"


def test_references_of_the_rules_resolve() -> None:
    rules = sorted((PACKAGE / "synthesis" / "rules").glob("*.toml"))
    cited = {path.name: tomllib.loads(path.read_text(encoding="utf-8"))["references"] for path in rules}
    assert {name: set(keys) - set(ENTRIES) for name, keys in cited.items() if set(keys) - set(ENTRIES)} == {}
    assert all(cited.values()) and len(cited) >= 2


def test_citations_of_the_studies_resolve() -> None:
    cited = {study.citation for study in load_base().studies.values()} - {""}
    assert len(cited) > 20
    assert cited <= set(SOURCES)


def test_no_key_stands_in_both_bibliographies() -> None:
    assert set(SOURCES) & set(METHODS) == set()


def test_every_method_is_cited() -> None:
    cited = set().union(*map(keys_in, TEXTS.values()))
    named = set().union(*map(works_in, TEXTS.values()))
    idle = {
        key
        for key, entry in METHODS.items()
        if key not in cited
        and (fold(" ".join(entry.persons["author"][0].last_names)), entry.fields["year"]) not in named
    }
    assert idle == set()


def test_every_entry_says_what_it_is() -> None:
    assert [key for key, entry in ENTRIES.items() if "title" not in entry.fields] == []
    articles = {key: entry for key, entry in ENTRIES.items() if entry.type == "article"}
    assert [key for key, entry in articles.items() if not {"journal", "year"} <= set(entry.fields)] == []
    dois = [entry.fields["doi"].lower() for entry in ENTRIES.values() if "doi" in entry.fields]
    assert len(dois) == len(set(dois)), "one DOI under two keys"
    assert [doi for doi in dois if not re.fullmatch(r"10\.\d{4,9}/\S+", doi)] == []


def test_forms_of_citation_that_are_recognised() -> None:
    assert keys_in("munn2020; {cite}`legend2_2024, ding2016`, not dat.lee2004 nor author2027") == {
        "munn2020",
        "legend2_2024",
        "ding2016",
    }
    assert works_in("Roever, Knapp & Friede 2015;\nGuyot et al. (2012); 6-MP, in 1963") == {
        ("rover", "2015"),
        ("guyot", "2012"),
    }
    assert fold("Röver") == fold("Roever") == "rover"
