"""The recipes for a cohort and a therapy work as they are printed."""

from __future__ import annotations

import re
from pathlib import Path

from aftercar.catalogue import load_base

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (HOW_TO / page).read_text(encoding="utf-8"), flags=re.DOTALL)


def test_recipe_for_a_cohort_loads(tmp_path: Path) -> None:
    for block in blocks("add-a-cohort.md", "text"):
        name, _, rows = block.partition("\n")
        assert name.endswith(".csv")
        (tmp_path / name).write_text(rows, encoding="utf-8")
    base = load_base(tmp_path)
    assert base.outcomes["trial_author27_orr"].events == 16
    assert base.outcomes["trial_author27_pfs"].ci_ub == 11.0
    assert base.cohorts["trial_author27_cart"].overlap_part == "prior_cart"


def test_recipe_for_a_therapy_loads(tmp_path: Path) -> None:
    (tmp_path / "therapies").mkdir()
    therapy, strategy = blocks("add-a-therapy.md", "toml")
    (tmp_path / "therapies" / "mine.toml").write_text(therapy, encoding="utf-8")
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "mine.toml").write_text(strategy, encoding="utf-8")
    base = load_base(tmp_path)
    assert base.therapies["elranatamab"].targets == ("BCMA", "CD3")
    assert base.strategies["bcma_bsab"].note.startswith("What a reader")
