"""How long `aftercar compare` takes, and how much memory: whole processes, on this machine, now.

    python benchmarks/compare_time.py [--runs 5]

The first start compiles Python's byte code, as after an installation; the others are as in daily use. Limits of the
project, with the simulated half: 120 s for the first (the system is compiled where it was not yet), 60 s for the
others, 1 GB of memory; `--evidence` measures the evidence alone (60 s, 15 s).
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

LIMITS = {True: (60.0, 15.0), False: (120.0, 60.0)}  # [s] of the first and of later starts; evidence alone: True
MEMORY_LIMIT = 1024.0


def run_once(out: Path, cache: Path, evidence: bool) -> tuple[float, float, float]:
    """Return wall seconds, processor seconds and peak memory [MB] of one process."""
    command = [sys.executable, "-m", "aftercar", "compare", "--out", str(out), *(["--patients", "0"] * evidence)]
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(cache)}
    begun = time.perf_counter()
    silent = os.open(os.devnull, os.O_WRONLY)
    actions = [(os.POSIX_SPAWN_DUP2, silent, 1), (os.POSIX_SPAWN_DUP2, silent, 2)]
    child = os.posix_spawn(command[0], command, environment, file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - begun
    os.close(silent)
    if status != 0:
        raise SystemExit(f"compare ended with status {status}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Measure and print, with what the project allows itself; a busy machine is no reason to fail."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="runs after the first")
    parser.add_argument("--evidence", action="store_true", help="without the simulated half")
    asked = parser.parse_args()
    runs, (first_limit, next_limit) = asked.runs, LIMITS[asked.evidence]
    folder = Path(tempfile.mkdtemp(prefix="aftercar-benchmark-"))
    try:
        measured = [run_once(folder / "compare.html", folder / "bytecode", asked.evidence) for _ in range(runs + 1)]
    finally:
        shutil.rmtree(folder)
    first, later = measured[0], measured[1:]
    wall, processor, memory = (statistics.median(column) for column in zip(*later, strict=True))
    print(f"{os.cpu_count()} processors; {runs} runs after the first; median")
    print(f"first start    {first[0]:6.1f} s wall   (limit {first_limit:.0f} s)")
    print(f"later starts   {wall:6.1f} s wall   {processor:.1f} s processor   (limit {next_limit:.0f} s wall)")
    print(f"peak memory    {memory:6.0f} MB       (limit {MEMORY_LIMIT:.0f} MB)")
    broken = first[0] > first_limit or wall > next_limit or memory > MEMORY_LIMIT
    print("OVER a limit: repeat on an idle machine" if broken else "within the limits")


if __name__ == "__main__":
    main()
