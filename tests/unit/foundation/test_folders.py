"""A folder is filled whole or stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from aftercar.foundation import fill_folder


def test_the_new_folder_takes_the_place_of_the_old(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "out"
    for name in ("a", "b"):
        with fill_folder(target) as new:
            (new / name).write_text(name)
    assert [path.name for path in target.iterdir()] == ["b"]
    assert [path.name for path in target.parent.iterdir()] == ["out"], "nothing is left beside it"


def test_after_an_error_the_old_folder_is_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").write_text("old")
    with pytest.raises(RuntimeError), fill_folder(target) as new:
        (new / "half").write_text("half")
        raise RuntimeError
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "old"]


def test_a_folder_can_be_read_by_whom_the_mask_allows(tmp_path: Path) -> None:
    with fill_folder(tmp_path / "out"):
        pass
    (tmp_path / "plain").mkdir()
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode
