"""The map in ARCHITECTURE.md leads somewhere, and public names are documented."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ["foundation", "catalogue", "evidence", "synthesis", "strategy", "report", "engine", "model", "patients",
         "clinic"]  # fmt: skip


def test_every_path_in_the_map_exists() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()
    paths = set(re.findall(r"`((?:src|docs|tests|validation)/[^`<\s]+)`", text))
    assert len(paths) > 12
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("room", ROOMS)
def test_everything_promised_exists_and_says_what_it_is(room: str) -> None:
    module = importlib.import_module(f"aftercar.{room}")
    assert module.__doc__ and len(module.__doc__) > 20
    assert sorted(module.__all__) == sorted(set(module.__all__))
    for name in module.__all__:
        thing = getattr(module, name)
        if callable(thing):
            assert thing.__doc__, f"{room}.{name} has no docstring"
