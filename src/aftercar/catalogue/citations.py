"""Citations as a reader sees them, from `sources.bib`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parent / "sources.bib"


def load_citation(key: str) -> str:
    """Return a citation in one line with its key, or the key alone where `sources.bib` does not hold it.

    Only what was read of a source stands there: authors, year or DOI may be missing.

    Examples
    --------
    >>> load_citation("not_there")
    '[not_there]'
    """
    entry = _load_entries().get(key)
    if entry is None:
        return f"[{key}]"
    fields = {name: _plain(entry.fields.get(name, "")) for name in ("title", "journal", "year", "doi", "url")}
    place = " ".join(part for part in (fields["journal"], fields["year"]) if part)
    link = f"doi:{fields['doi']}" if fields["doi"] else fields["url"]
    parts = (_first_author(entry), fields["title"], place, link)
    return f"{'. '.join(part for part in parts if part)} [{key}]"


def citation_keys() -> frozenset[str]:
    """Return the keys of `sources.bib`."""
    return frozenset(_load_entries())


@lru_cache(maxsize=1)
def _load_entries() -> dict[str, Any]:
    from pybtex.database import parse_file  # only who shows a citation waits for it

    return dict(parse_file(str(_FILE), bib_format="bibtex").entries)


def _first_author(entry: Any) -> str:
    people = entry.persons.get("author", [])
    if not people:
        return ""
    name = " ".join((*people[0].prelast_names, *people[0].last_names))
    return _plain(name) + (" et al" if len(people) > 1 else "")


def _plain(text: str) -> str:
    from pybtex.richtext import Text

    return " ".join(str(Text.from_latex(text)).split())
