"""Sphinx configuration."""

from aftercar import __version__

project = "AfterCAR"
author = "The AfterCAR authors"
copyright = "The AfterCAR authors, Apache-2.0"
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax", "sphinxcontrib.bibtex"]
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
bibtex_bibfiles = ["../src/aftercar/catalogue/sources.bib", "methods.bib"]
bibtex_reference_style = "author_year"
html_theme = "furo"
html_title = "AfterCAR"
exclude_patterns = ["_build"]
nitpicky = False
autodoc_typehints = "description"
