"""How long a virtual trial takes, and how much memory: one process that writes its folder, on this machine, now.

    python benchmarks/trial_scale.py [--patients 10000] [--arms 10] [--days 1095]
    python benchmarks/trial_scale.py --growth 10000 100000

The first form runs the first arms of the built-in trial. The second runs one arm of a drug over half a year for several
numbers of patients: time should grow with them, memory should not.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from aftercar.trials.plan import find_plan

_SHORT = """name = "growth"
population = "karmma_like"
patients = {patients}
index_days = 182
days = 182
[[index]]
therapy = "ide_cel"
[[arms]]
name = "bortezomib"
treatments = [{{ therapy = "bortezomib" }}]
"""


def write_plan(folder: Path, patients: int, arms: int, days: int) -> Path:
    """Write the built-in trial with its first arms, as long and as large as asked for."""
    head, *parts = find_plan("after_ide_cel").read_text(encoding="utf-8").split("[[arms]]")
    lines = [line for line in head.splitlines() if not line.startswith(("patients", "days", "index_days"))]
    top = lines.index("[[index]]")
    sizes = [f"patients = {patients}", f"days = {days}", f"index_days = {days}"]
    text = "\n".join([*lines[:top], *sizes, *lines[top:], ""]) + "".join(f"[[arms]]{part}" for part in parts[:arms])
    return _write(folder, text)


def _write(folder: Path, text: str) -> Path:
    file = folder / "plan.toml"
    file.write_text(text, encoding="utf-8")
    return file


def measure(plan: Path, folder: Path) -> tuple[float, float, float, float]:
    """Return wall seconds, processor seconds, peak memory [MB] and size of the folder [MB] of `aftercar trial`."""
    out = folder / "out"
    command = [sys.executable, "-m", "aftercar", "trial", str(plan), "--out", str(out)]
    begun = time.perf_counter()
    silent = os.open(os.devnull, os.O_WRONLY)
    actions = [(os.POSIX_SPAWN_DUP2, silent, 1), (os.POSIX_SPAWN_DUP2, silent, 2)]
    child = os.posix_spawn(command[0], command, dict(os.environ), file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        raise SystemExit(f"the trial ended with status {status}")
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) / 2**20
    return time.perf_counter() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, size


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--arms", type=int, default=10)
    parser.add_argument("--days", type=int, default=1095)
    parser.add_argument("--growth", type=int, nargs="+", help="numbers of patients of the second form")
    asked = parser.parse_args()
    print(f"{os.cpu_count()} processors")
    for patients in asked.growth or [asked.patients]:
        folder = Path(tempfile.mkdtemp(prefix="aftercar-benchmark-"))
        try:
            if asked.growth:
                plan, what = _write(folder, _SHORT.format(patients=patients)), "1 arm, 182 days each"
            else:
                plan = write_plan(folder, patients, asked.arms, asked.days)
                what = f"{asked.arms} arms, {asked.days} days each"
            wall, processor, memory, size = measure(plan, folder)
        finally:
            shutil.rmtree(folder)
        print(
            f"{patients:>9,} patients, {what}: {wall:7.0f} s wall, {processor:7.0f} s processor, "
            f"{memory:6.0f} MB at most, {size:6.0f} MB written", flush=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
