"""Every kind of damaged input: a clear error with file, row, column and mend; exit code 2; nothing half-written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aftercar.catalogue import load_base
from aftercar.foundation import InputError
from tests.end_to_end.commands import run
from tests.end_to_end.malformed import KINDS, write_good


def test_the_undamaged_tables_load(tmp_path: Path) -> None:
    base = load_base(write_good(tmp_path), mode="replace")
    assert len(base.cohorts) == 2
    assert len(base.outcomes) == 4


def test_at_least_forty_kinds_are_tried() -> None:
    assert len({name for name, _, _ in KINDS}) == len(KINDS) >= 40


@pytest.mark.parametrize(("damage", "pieces"), [pytest.param(d, p, id=n) for n, d, p in KINDS])
def test_damage_is_named_with_its_place_and_mend(
    tmp_path: Path, damage: Callable[[Path], None], pieces: tuple[str, ...]
) -> None:
    damage(write_good(tmp_path))
    with pytest.raises(InputError) as caught:
        load_base(tmp_path, mode="replace")
    message = str(caught.value)
    assert all(piece in message for piece in pieces), message
    assert all(fault.mend.strip() for fault in caught.value.faults)


def test_every_fault_is_reported_at_once(tmp_path: Path) -> None:
    folder = write_good(tmp_path)
    for name, damage, _ in KINDS:
        if name in {"negative count", "unknown design", "evaluable above treated", "wrong unit"}:
            damage(folder)
    with pytest.raises(InputError) as caught:
        load_base(folder, mode="replace")
    places = {(fault.file, fault.column) for fault in caught.value.faults}
    assert {("outcomes.csv", "events"), ("studies.csv", "design"), ("cohorts.csv", "n_evaluable")} <= places


def test_a_file_above_the_limit_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aftercar.foundation.tables.MAX_BYTES", 100)
    with pytest.raises(InputError, match="more than 100"):
        load_base(write_good(tmp_path), mode="replace")


@pytest.mark.parametrize("command", ["compare", "check", "export"])
def test_commands_exit_with_two_and_write_nothing(tmp_path: Path, command: str) -> None:
    folder = write_good(tmp_path / "tables")
    outcomes = folder / "outcomes.csv"
    outcomes.write_text(outcomes.read_text().replace("yes,9,18", "yes,99,18"))
    out = tmp_path / "out"
    out.mkdir()
    arguments = {
        "compare": ["compare", "--evidence", str(folder), "--replace", "--out", str(out / "compare.html")],
        "check": ["evidence", "check", str(folder), "--replace"],
        "export": ["evidence", "export", str(out / "base.csv"), "--evidence", str(folder), "--replace"],
    }[command]
    result = run(*arguments)
    assert result.returncode == 2, result.stderr
    assert "outcomes.csv row 2, column events: 99 exceeds total = 18." in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert list(out.iterdir()) == []
