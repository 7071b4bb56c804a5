"""The examples of the pages on survival run as printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("page", ["how-to/digitised-curve.md", "explanation/survival.md"])
def test_examples_run(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    assert blocks
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    assert capsys.readouterr().out


def test_the_figures_that_the_page_prints(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(
        r"```python\n(.*?)```", (DOCS / "how-to/digitised-curve.md").read_text("utf-8"), flags=re.DOTALL
    )
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "digitised-curve.md", "exec"), names)
    rebuilt = names["rebuilt"]
    assert (round(rebuilt.rmse, 3), round(rebuilt.max_abs_error, 3)) == (0.007, 0.013)
    assert rebuilt.curve.repairs == ()
    assert names["median_survival"](names["patients"]).estimate == pytest.approx(23, abs=0.1)
    capsys.readouterr()
