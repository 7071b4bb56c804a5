"""Running a command in this process: the same `main` as the installed program, without its start-up."""

from __future__ import annotations

import contextlib
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from aftercar.cli import main


@dataclass(frozen=True)
class Run:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str, cwd: Path | None = None) -> Run:
    """Run `aftercar` with these arguments in a folder and return its exit code and what it printed.

    `compare` runs without its simulated half, which takes half a minute, unless `--patients` asks for it.
    """
    if arguments[:1] == ("compare",) and "--patients" not in arguments and "--help" not in arguments:
        arguments = (*arguments, "--patients", "0")
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd or Path.cwd()),
        patch.object(sys, "argv", ["aftercar", *arguments]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return Run(code, out.getvalue(), err.getvalue())
