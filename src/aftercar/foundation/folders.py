"""Writing a folder whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def fill_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder beside the target; when the block ends well it takes the target's place, old files and all.

    Raises
    ------
    OSError
        The folder cannot be written; an older one is untouched, as it is after any other error of the block.
    """
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    # A folder of mkdtemp is closed to others; the one inside it has the permissions of every new folder.
    room = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        new, old = room / "new", room / "old"
        new.mkdir()
        yield new
        if folder.is_dir():
            folder.rename(old)
        try:
            new.rename(folder)
        except OSError:
            if old.is_dir():
                old.rename(folder)
            raise
    finally:
        shutil.rmtree(room, ignore_errors=True)
