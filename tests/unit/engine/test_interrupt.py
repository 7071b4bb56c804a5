"""A run to disk that is stopped by Ctrl-C, as a user stops it: a signal to a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

SCRIPT = """
import sys
import numpy as np
import pandas as pd
from aftercar.engine import BirthDeath, Settings, simulate_to_folder, trace_model

def escape(tumour, clone, growth, death, mutation):
    return {"tumour": growth * tumour, "clone": BirthDeath(growth, death, mutation * tumour)}

model = trace_model(
    escape, states={"tumour": 1e4, "clone": 0.0}, parameters={"growth": 0.03, "death": 0.01, "mutation": 1e-6}
)

def patients(first, last):
    return pd.DataFrame({"growth": np.linspace(0.02, 0.04, 20000)[first:last]}, index=range(first, last))

simulate_to_folder(
    model, sys.argv[1], times=range(0, 300, 5), patients=patients, n_patients=20000, per_part=500, seed=4,
    settings=Settings(workers=int(sys.argv[2])), report=lambda r: print(r.made, flush=True),
)
"""


def _start(folder: Path, workers: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, str(folder), str(workers)]
    # Whoever runs the tests in the background of a shell ignores SIGINT, and their children would inherit that.
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_signal_leaves_whole_parts_and_the_run_goes_on(tmp_path: Path, workers: int) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run = _start(broken, workers)
    assert run.stdout is not None
    for _ in range(3):
        assert run.stdout.readline()
    time.sleep(0.02)  # within a part, not between two
    run.send_signal(signal.SIGINT)
    _, complaint = run.communicate(timeout=60)
    assert run.returncode != 0 and "KeyboardInterrupt" in complaint
    parts = sorted(broken.glob("part-*.parquet"))
    assert 3 <= len(parts) < 40, "the signal came while the run was under way"
    assert all(len(pd.read_parquet(path)) == 500 * 60 for path in parts), "each part is whole"
    assert {p.suffix for p in broken.iterdir()} <= {".parquet", ".json"}, "nothing half-written is left"
    kept = {path: path.stat().st_mtime_ns for path in parts}
    for folder, count in ((broken, workers), (whole, 1)):
        again = _start(folder, count)
        assert again.communicate(timeout=300)[1] == "" and again.returncode == 0
    assert all(path.stat().st_mtime_ns == moment for path, moment in kept.items()), "parts are not made twice"
    names = sorted(p.name for p in whole.glob("part-*.parquet"))
    assert len(names) == 40
    for name in names:
        assert (broken / name).read_bytes() == (whole / name).read_bytes()
