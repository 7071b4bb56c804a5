"""The command line starts without the simulator, the statistics and the pictures: each command loads what it needs."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("aftercar.engine", "aftercar.model", "aftercar.patients", "aftercar.synthesis", "aftercar.report", "altair",
         "sympy", "numba", "xarray", "scipy")  # fmt: skip


def test_putting_the_commands_together_loads_nothing_heavy() -> None:
    code = f"import sys, aftercar.cli; print([name for name in {HEAVY!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert found.stdout.strip() == "[]"
