"""What made a result: version, command, configuration, seed, hashes, environment; and writing it whole."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from aftercar.foundation.errors import Fault, InputError

_CORE_PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "altair", "lifelines")


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything needed to make a result again. Same manifest, same bits.

    Attributes
    ----------
    command
        The command line as a user would type it.
    config
        Every setting that can move the result, defaults included.
    hashes
        SHA-256 of the inputs by name (``evidence``, ``parameters`` ...).
    """

    command: str
    config: Mapping[str, Any]
    seed: int | None
    hashes: Mapping[str, str]
    version: str = field(default_factory=lambda: version("aftercar"))
    environment: Mapping[str, str] = field(default_factory=lambda: describe_environment())

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, ready for JSON."""
        return asdict(self)

    def to_json(self) -> str:
        """Return sorted, indented JSON."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True, ensure_ascii=False)


def describe_environment() -> dict[str, str]:
    """Return the versions of Python, of the system and of the packages whose arithmetic we rely on."""
    environment = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for package in _CORE_PACKAGES:
        try:
            environment[package] = version(package)
        except PackageNotFoundError:
            environment[package] = "absent"
    return environment


def hash_bytes(*parts: bytes) -> str:
    """Return the SHA-256 of the parts, each preceded by its length so that their borders count."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


def write_atomic(path: Path, content: str | bytes) -> Path:
    """Write a file whole or not at all: into a temporary neighbour first, then renamed over the target.

    Raises
    ------
    OSError
        The folder cannot be made or written; the old file, if any, is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content.encode("utf-8") if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            umask = os.umask(0)
            os.umask(umask)
            Path(temporary).chmod(0o666 & ~umask)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        error.filename = str(path)  # the user knows this name, not that of the temporary neighbour
        raise
    return path


def claim_folder(folder: Path, manifest: Manifest, *, parts: str) -> None:
    """Begin a folder for a run that may be stopped and go on, or make sure that it belongs to this very run.

    Parameters
    ----------
    parts
        Pattern of the files or folders that a run leaves while it goes on.

    Raises
    ------
    InputError
        The folder holds parts without a manifest, or a run with another configuration, seed, version or data.
    """
    path = folder / "manifest.json"
    if not path.exists():
        if folder.is_dir() and any(folder.glob(parts)):
            raise InputError(Fault(str(folder), "it holds parts without a manifest.", "Name an empty folder."))
        write_atomic(path, manifest.to_json() + os.linesep)
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        before = {}
    now = json.loads(manifest.to_json())
    differing = [k for k in ("config", "seed", "hashes", "version", "environment") if before.get(k) != now[k]]
    if differing:
        found = f"the folder holds a run with another {' and '.join(differing)}."
        raise InputError(Fault(str(folder), found, "Name another folder, or delete this one."))


def command_line() -> str:
    """Return this process's command as a user would type it, without the folder of the program."""
    import shlex

    return shlex.join(["aftercar", *sys.argv[1:]])
