"""The tutorial's code runs from top to bottom."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorials" / "engine.md"


def test_every_block_runs(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert len(blocks) >= 7
    space: dict = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), space)
    assert "4 parts 3000 rows" in capsys.readouterr().out
