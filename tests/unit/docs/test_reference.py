"""The reference pages hold every public name and no other, every column of the tables, every entry of the catalogue."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.unit.docs.blocks import DOCS

from aftercar.catalogue import load_base
from aftercar.catalogue.laboratory_columns import load_laboratory_columns
from aftercar.catalogue.loading import TABLES
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.mortality import load_mortality
from aftercar.catalogue.targets import load_targets
from aftercar.catalogue.toxicity import load_toxicity
from aftercar.clinic import load_criteria
from aftercar.clinic.assays import load_assays
from aftercar.foundation import columns_of

ROOMS = {"foundation", "catalogue", "evidence", "synthesis", "strategy", "report", "cli", "engine", "model", "patients",
         "clinic", "trials", "calibration"}  # fmt: skip


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The pages that conf.py writes before a build, by name."""
    folder = tmp_path_factory.mktemp("generated")
    sys.path.insert(0, str(DOCS))
    try:
        importlib.import_module("_generate").write_pages(folder)
    finally:
        sys.path.remove(str(DOCS))
    return {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}


def documented_names() -> dict[str, list[str]]:
    """Return the names that the reference pages describe, by room."""
    found: dict[str, list[str]] = {}
    for page in sorted((DOCS / "reference").glob("*.md")):
        room = ""
        for line in page.read_text(encoding="utf-8").splitlines():
            if match := re.match(r"\.\. (?:py:)?currentmodule:: aftercar\.(\w+)$", line):
                room = match[1]
            elif match := re.match(r"\.\. (?:auto\w+|py:data):: (\w+)$", line):
                found.setdefault(room, []).append(match[1])
    return found


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_public_names_and_reference_pages_agree(room: str) -> None:
    promised = set(importlib.import_module(f"aftercar.{room}").__all__)
    described = documented_names()[room]
    assert len(described) == len(set(described)), "a name is described twice"
    assert promised - set(described) == set(), f"not in docs/reference/{room}.md"
    assert set(described) - promised == set(), f"in docs/reference/{room}.md, but not in __all__"


def test_every_room_has_a_page() -> None:
    source = Path(importlib.import_module("aftercar").__file__ or "").parent
    assert {path.parent.name for path in source.glob("*/__init__.py")} == ROOMS == set(documented_names())


def test_every_reference_page_is_in_the_contents() -> None:
    contents = (DOCS / "reference" / "index.md").read_text(encoding="utf-8").split()
    assert [page.stem for page in (DOCS / "reference").glob("*.md") if page.stem not in {*contents, "index"}] == []


def test_generated_pages_hold_the_whole_catalogue(generated: Mapping[str, str]) -> None:
    base = load_base()
    for name in base.therapies:
        assert f"`{name}`" in generated["therapies"]
    for name in base.strategies:
        assert f"`{name}`" in generated["strategies"]
    for name in base.cohorts:
        assert f"| `{name}` |" in generated["cohorts"]
    assert generated["findings"].count("\n| ") == len(base.findings) + 2 * generated["findings"].count("### ")
    assert generated["conflicts"].count("\n| ") == len(base.discrepancies) + 1


def test_generated_pages_hold_the_whole_model_data(generated: Mapping[str, str]) -> None:
    data, targets = load_model_data(), load_targets()
    for name in data.parameters:
        assert f"| `{name}` " in generated["parameters"]
    for mechanism in data.mechanisms.values():
        assert f"`{mechanism.id}` |" in generated["mechanisms"]
    assert generated["antigens"].count("\n| **") == len(data.antigens)
    for name in (*targets.kinetic, *targets.response):
        assert f"| `{name}` |" in generated["targets"]
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| (\d+) \|$", generated["parameters"], flags=re.MULTILINE))
    assert sum(map(int, rows.values())) == len(data.parameters)


def test_numbers_and_spreads_read_as_a_person_writes_them(generated: Mapping[str, str]) -> None:
    rows = {line.split("` ")[0]: line for line in generated["parameters"].splitlines() if line.startswith("| `")}
    assert "| 5.25e12 cell | 1e12 to 1e13 |" in rows["| `marrow_capacity"]  # poels2025: 3e6 per uL times 1.75 L
    assert "| lognormal, omega 0.43 (miao2023; CV 45.2%) |" in rows["| `engager_absorption_rate"]
    assert "| 1 in 90% of patients, else 0 (zhou2024_gprc5d; about 90%) |" in rows["| `gprc5d_expression"]
    assert "mean 48692 copy/ug (SD 27174), n = 97" in generated["targets"]


def test_generated_tables_hold_every_column(generated: Mapping[str, str]) -> None:
    for name, record in TABLES.items():
        section = generated["tables"].split(f"## {name}.csv\n")[1].split("\n## ")[0]
        assert re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE) == list(columns_of(record))


def test_generated_tables_hold_every_number_of_the_clinic(generated: Mapping[str, str]) -> None:
    for page, names in (
        ("criteria", load_criteria().thresholds),
        ("assays", load_assays()),
        ("laboratory_columns", load_laboratory_columns()),
    ):
        assert [name for name in names if f"| `{name}` " not in generated[page]] == []
    rates = load_toxicity()
    assert [name for name in rates.kinds if f"| `{name}` " not in generated["event_kinds"]] == []
    own = {f"| `{one.id}` `{event}` |" for one in rates.therapies.values() for event in one.events}
    assert [row for row in own if row not in generated["toxicity"]] == []
    assert [name for name in load_mortality().numbers if f"| `{name}` " not in generated["mortality"]] == []
    assert r"| 56.2% | 22% | 2%\* | over 161.3 days, measured" in generated["toxicity"]  # teclistamab, infections
    assert "| 100 mg/L |" in generated["criteria"]  # the rise of FLC, never 10 mg/L


def test_every_command_is_described(generated: Mapping[str, str]) -> None:
    page = generated["commands"]
    for words in (
        "compare",
        "reproduce",
        "pool",
        "evidence list",
        "evidence show",
        "evidence check",
        "model",
        "respond",
    ):
        assert f" aftercar {words}\n" in page
    assert "`--counts`" in page and "Example" in page


def test_figures_read_as_a_person_writes_them(generated: Mapping[str, str]) -> None:
    rows = {line.split(" | ")[0]: line for line in generated["cohorts"].splitlines() if line.startswith("| `")}
    assert "ORR 6/28 (21%)" in rows["| `karmma_reinfusion`"]  # review, section 3.1
    assert "PFS 8.3 (7.9 to NR) months" in rows["| `reyes_cart`"]  # primary paper of Reyes et al.


def test_marks_in_the_data_are_not_read_as_markup(generated: Mapping[str, str]) -> None:
    cell = sys.modules["_generate"].cell
    assert cell("a|b <i>\n$x$ *") == r"a\|b \<i\> \$x\$ \*"
    for page in generated.values():
        tables = [line.count(" | ") for line in page.splitlines() if line.startswith("| ")]
        assert tables and min(tables) >= 1
