"""How tables reach a terminal or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pandas as pd
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from aftercar.foundation.tables import CONTROL_CHARACTERS


def plain(text: str) -> str:
    """Return text of unknown origin without the characters by which it could steer a terminal."""
    return CONTROL_CHARACTERS.sub("\N{REPLACEMENT CHARACTER}", text)


def print_frame(frame: pd.DataFrame, form: str, *, title: str = "") -> None:
    """Print a table as ``table`` (for a person), ``csv`` or ``json`` (for a program)."""
    if form == "csv":
        typer.echo(frame.to_csv(index=False), nl=False)
    elif form == "json":
        typer.echo(frame.to_json(orient="records", indent=2, force_ascii=False))
    else:
        table = Table(title=escape(title), title_justify="left", header_style="bold", show_lines=False)
        for name in frame.columns:
            table.add_column(escape(str(name)), overflow="fold")
        for row in frame.itertuples(index=False):
            table.add_row(*("" if pd.isna(cell) else escape(f"{cell}") for cell in row))
        console().print(table)


def print_pairs(title: str, pairs: Sequence[tuple[str, str]]) -> None:
    """Print a heading and lines of name and text."""
    table = Table(title=escape(title), title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in pairs:
        table.add_row(escape(name), escape(text))
    console().print(table)
    console().print()


def console(pipe_width: int = 140) -> Console:
    """Return the terminal; a pipe has no width of its own and gets one, so that no cell is broken oddly."""
    return Console() if sys.stdout.isatty() else Console(width=pipe_width)
