"""The SBML Test Suite's semantic cases, read where they lie (they have their own licence and are not copied).

A case passes when every variable at every time is within absolute + relative * |expected|. What the engine does not
support must be refused by name; nothing may fail or be skipped. The counts are printed.
"""

from __future__ import annotations

import collections
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aftercar.engine import UnsupportedFeatureError, load_model
from aftercar.engine.run_file import TimeCourse, simulate_network

CASES = Path(os.environ.get("AFTERCAR_SBML_CASES", Path(__file__).resolve().parents[3] / "shared" / "sbml-cases"))


def _settings(folder: Path) -> dict[str, str]:
    lines = (folder / "settings.txt").read_text(encoding="utf-8").splitlines()
    return {k.strip(): v.strip() for k, v in (line.split(":", 1) for line in lines if ":" in line)}


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _differences(folder: Path) -> list[str]:
    """Return what differs from the expected results; empty if the case passes."""
    wanted = _settings(folder)
    variables = _names(wanted["variables"])
    table = simulate_network(
        load_model(folder / "model.xml"),
        # Tighter than any case's tolerance, so that what is tested is the meaning of the model.
        TimeCourse(float(wanted["start"]), float(wanted["duration"]), int(wanted["steps"]), 1e-8, 1e-12),
        variables=variables,
        amounts=_names(wanted.get("amount", "")),
        concentrations=_names(wanted.get("concentration", "")),
    )
    expected = pd.read_csv(folder / "results.csv")
    absolute, relative = float(wanted["absolute"]), float(wanted["relative"])
    found = []
    for k, name in enumerate(variables, start=1):
        a, b = table.iloc[:, k].to_numpy(), expected.iloc[:, k].to_numpy(dtype=float)
        with np.errstate(invalid="ignore"):
            good = (np.abs(a - b) <= absolute + relative * np.abs(b)) | (a == b) | (np.isnan(a) & np.isnan(b))
        if not good.all():
            row = int(np.argmin(good))
            found.append(f"{name} at row {row}: {a[row]} instead of {b[row]}")
    return found


def test_semantic_cases(capsys: pytest.CaptureFixture[str]) -> None:
    if not CASES.is_dir():
        pytest.skip(f"no test cases at {CASES}; set AFTERCAR_SBML_CASES")
    counts: collections.Counter[str] = collections.Counter()
    failures: list[str] = []
    for folder in sorted(p for p in CASES.iterdir() if (p / "model.xml").exists()):
        try:
            differences = _differences(folder)
        except UnsupportedFeatureError as error:
            counts[f"refused: {error.feature}"] += 1
            continue
        except Exception as error:
            differences = [f"{type(error).__name__}: {error}"]
        counts["failed" if differences else "passed"] += 1
        failures += [f"{folder.name}: {text}" for text in differences]
    with capsys.disabled():
        print("\nSBML semantic cases:", ", ".join(f"{n} {what}" for what, n in sorted(counts.items())))
    assert counts["passed"] > 0
    assert not failures, "\n".join(failures)
