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


def command_line() -> str:
    """Return this process's command as a user would type it, without the folder of the program."""
    import shlex

    return shlex.join(["aftercar", *sys.argv[1:]])
