"""Sphinx configuration. Catalogue, table and command pages are written from the data before each build."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from pybtex.database import Entry
from pybtex.plugin import register_plugin
from pybtex.style.formatting.unsrt import Style as PlainStyle
from pybtex.style.labels import BaseLabelStyle
from pybtex.style.sorting import BaseSortingStyle
from pybtex.style.template import Node, field, optional, sentence

sys.path.insert(0, str(Path(__file__).parent))

from _generate import write_pages

from aftercar import __version__


class KeyLabels(BaseLabelStyle):
    """Label a reference with its key, because the pages and the docstrings cite by key."""

    def format_labels(self, sorted_entries: Iterable[Entry]) -> Iterator[str]:
        """Return the keys in the order of the entries."""
        return (entry.key for entry in sorted_entries)


class KeyOrder(BaseSortingStyle):
    """Sort references by key."""

    def sorting_key(self, entry: Entry) -> str:
        """Return what an entry is sorted by."""
        return entry.key.lower()


class KeyedStyle(PlainStyle):
    """References by key, titles as written. Authors may be missing: sources.bib holds only what was read."""

    default_label_style = "key"
    default_sorting_style = "key"

    def format_names(self, role: str, as_sentence: bool = True) -> Node:
        """Return the names, or nothing where the entry has none."""
        return optional[super().format_names(role, as_sentence)]

    def format_title(self, e: Entry, which_field: str, as_sentence: bool = True) -> Node:
        """Return the title in its own case, since lower case would spoil BCMA and CAR-T."""
        return sentence[field(which_field)] if as_sentence else field(which_field)


register_plugin("pybtex.style.labels", "key", KeyLabels)
register_plugin("pybtex.style.sorting", "key", KeyOrder)
register_plugin("pybtex.style.formatting", "keyed", KeyedStyle)
write_pages(Path(__file__).parent / "reference" / "_generated")

project = "AfterCAR"
author = "The AfterCAR authors"
copyright = "The AfterCAR authors, Apache-2.0"
release = __version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
    "sphinxcontrib.bibtex",
]
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
bibtex_bibfiles = ["../src/aftercar/catalogue/sources.bib", "methods.bib"]
bibtex_default_style = "keyed"
exclude_patterns = ["_build", "reference/_generated"]
nitpicky = False
default_role = "literal"  # single back-quotes in docstrings name arguments and functions
autodoc_typehints = "description"
autodoc_typehints_description_target = "all"
autodoc_member_order = "bysource"
napoleon_use_rtype = False
maximum_signature_line_length = 100

html_theme = "furo"
html_title = "AfterCAR"
html_static_path = ["_static"]
html_css_files = ["wide_tables.css"]
html_show_sphinx = False
html_theme_options = {
    "announcement": "For research and trial design only. Not medical advice; never for treating a patient.",
}
