"""Manifests and whole writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aftercar.foundation import Manifest, hash_bytes, write_atomic


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = write_atomic(tmp_path / "table.csv", "old")

    def break_down(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", break_down)
    with pytest.raises(OSError, match="No space"):
        write_atomic(target, "new")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_a_failed_write_names_the_file_that_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", break_down)
    with pytest.raises(OSError, match="No space") as caught:
        write_atomic(tmp_path / "table.csv", "new")
    assert caught.value.filename == str(tmp_path / "table.csv")


def test_borders_between_parts_count_in_the_hash() -> None:
    assert hash_bytes(b"ab", b"c") != hash_bytes(b"a", b"bc")


def test_a_manifest_is_plain_sorted_json() -> None:
    text = Manifest("aftercar compare", {"level": 0.95}, 1, {"evidence": "ab"}).to_json()
    assert json.loads(text)["config"] == {"level": 0.95}
    assert list(json.loads(text)) == sorted(json.loads(text))
