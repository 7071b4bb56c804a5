"""A self-contained HTML document: style, scripts, figures and security policy, whatever its content.

All text that comes from tables is escaped. The policy forbids every connection, every script but the two that stand in
the document, and the making of code from text, so that a hostile evidence table stays a table.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from aftercar.report import words
from aftercar.report.embedding import embed_json
from aftercar.report.figure import NARROW_BELOW, PLOT_VIEW, WIDTH, Figure, figure_config

SCREEN_WIDTH = 760
_LINKS = re.compile(
    r"(?P<url>https?://[^\s<>\"'\\]+[^\s<>\"'\\.,;:)\]])|(?P<doi>\b10\.\d{4,9}/[^\s<>\"'\\;]+[^\s<>\"'\\.,;:)\]])"
    r"|(?P<pmid>\bPMID:?\s*(?P<pmid_number>\d{4,9})\b)"
)


def render_document(template: str, *, figures: Sequence[Figure], **content: Any) -> str:
    """Return a template of this room filled with its content, its figures and everything that it needs to work.

    The same content gives the same bytes: no time, no random name, sorted data.
    """
    style, script, library = load_asset("report.css"), load_asset("report.js"), chart_library()
    return (
        _environment()
        .get_template(template)
        .render(
            policy=security_policy(style, [library, script]),
            style=Markup(style),
            script=Markup(script),
            library=Markup(library),
            figures=figures,
            figure_data=Markup(embed_json(figure_data(figures))),
            **content,
        )
    )


def figure_data(figures: Sequence[Figure]) -> dict[str, Any]:
    """Return what the page's script needs to draw the figures."""
    return {
        "config": figure_config(),
        "plot": PLOT_VIEW,
        "width": SCREEN_WIDTH,
        "saved_width": WIDTH,
        "narrow_below": NARROW_BELOW,
        "figures": {figure.figure_id: _both_forms(figure) for figure in figures},
    }


def _both_forms(figure: Figure) -> dict[str, Any]:
    """Return a figure's two specifications; the data that they share stand once."""
    wide, narrow = dict(figure.spec), dict(figure.narrow_spec)
    theirs = (wide.get("datasets", {}), narrow.get("datasets", {}))
    shared = {name: rows for name, rows in theirs[0].items() if name in theirs[1] and theirs[1][name] == rows}
    for spec, datasets in zip((wide, narrow), theirs, strict=True):
        spec["datasets"] = {name: rows for name, rows in datasets.items() if name not in shared}
    return {"wide": wide, "narrow": narrow, "shared": shared, "side": figure.side_width}


def security_policy(style: str, scripts: Sequence[str]) -> str:
    """Return a Content-Security-Policy that admits this style sheet and these scripts by their hashes, and no more."""

    def admit(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; script-src {' '.join(admit(text) for text in scripts)}; style-src {admit(style)}; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


@functools.cache
def chart_library() -> str:
    """Return Vega, Vega-Lite and vega-embed as one script, from the installed vl-convert.

    Raises
    ------
    RuntimeError
        The script could end its element early, which a new release might bring.
    """
    import vl_convert

    library: str = vl_convert.javascript_bundle(snippet=None)  # type: ignore[arg-type]
    if "</script" in library.lower() or "<!--" in library:
        raise RuntimeError("the chart library holds text that ends a script element; it cannot stand in a page")
    return library


def load_asset(name: str) -> str:
    """Return one of the files beside the templates."""
    return files("aftercar.report").joinpath("assets", name).read_text(encoding="utf-8")


def link_sources(text: str) -> Markup:
    """Return text with its web addresses, DOIs and PMIDs as links; everything else is escaped.

    Only http and https become links, so that no address can run a script.
    """
    result, end = Markup(""), 0
    for found in _LINKS.finditer(text):
        if found["url"]:
            address = found["url"]
        elif found["doi"]:
            address = f"https://doi.org/{found['doi']}"
        else:
            address = f"https://pubmed.ncbi.nlm.nih.gov/{found['pmid_number']}/"
        link = Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(address, found[0])
        result += escape(text[end : found.start()]) + link
        end = found.end()
    return result + escape(text[end:])


def _bias(level: str) -> str:
    symbol = words.BIAS_SYMBOLS.get(level)
    return words.dash(level) if symbol is None else f"{symbol} {words.BIAS_WORDS[level]}"


def _worded(table: Mapping[str, str]) -> Any:
    return lambda word: table.get(word, words.plain(word))


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("aftercar.report", "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "percent": words.percent, "pooled_text": words.pooled_text, "prediction_text": words.prediction_text,
        "plural": words.plural, "plain": words.plain, "months": words.months,
        "headline": words.headline, "dash": words.dash, "bias": _bias, "linked": link_sources,
        "why_nothing": words.reason_for_nothing, "line_words": _worded(words.LINE_WORDS),
        "prior_words": _worded(words.PRIOR_BCMA_WORDS), "unit_words": _worded(words.UNIT_WORDS),
        "status_words": _worded(words.STATUS_WORDS), "source_words": _worded(words.SOURCE_WORDS),
        "checked_words": _worded(words.CHECKED_WORDS), "severity_words": _worded(words.SEVERITY_WORDS),
    }  # fmt: skip
    environment.globals |= {
        "interval": words.interval, "months": words.months, "count": words.count, "figure_text": words.figure_text,
        "counts_sign": words.counts_sign, "rank_text": words.rank_text, "guessed_note": words.GUESSED_NOTE,
        "few_sign": words.few_sign, "few_note": words.FEW_NOTE,
    }  # fmt: skip
    return environment
