"""metafor and lme4 run here and now: are the committed reference values still theirs, and does AfterCAR still agree?

Skipped where there is no R with metafor, metadat and lme4; `make validate` installs them. Takes about three minutes.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

pytestmark = pytest.mark.oracle

FOLDER = Path(__file__).parents[2] / "tests" / "verification" / "synthesis" / "metafor"
# Maxima found by function values, and lme4's own stops, differ a little between builds of R's libraries.
LOOSE = {"glmm": 2e-4, "glmm_regression": 1e-3}
# The other tables come from closed forms and tight searches; twelve digits are written.
SAME = 1e-7
TABLES = (
    "pooled", "pooled_effects", "glmm", "leave_one_out", "influence_hksj", "cumulative", "small_study",
    "meta_regression", "glmm_regression", "one_cohort",
)  # fmt: skip


def load_comparisons() -> ModuleType:
    spec = importlib.util.spec_from_file_location("aftercar_metafor_live_compare", FOLDER / "compare.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


COMPARE = load_comparisons()


def has_r() -> bool:
    if shutil.which("Rscript") is None:
        return False
    call = "quit(status = !all(sapply(c('metafor', 'metadat', 'lme4'), requireNamespace, quietly = TRUE)))"
    return subprocess.run(["Rscript", "-e", call], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not has_r():
        pytest.skip("needs R with metafor, metadat and lme4 (make validate installs them)")
    out = tmp_path_factory.mktemp("metafor")
    for call in (["data_sets.R", str(out)], ["reference.R", str(out), str(out)]):
        run = subprocess.run(["Rscript", *call], cwd=FOLDER, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
    return out


@pytest.mark.parametrize("name", ("cohorts", "effects"))
def test_the_data_are_those_of_the_publications(fresh: Path, name: str) -> None:
    pd.testing.assert_frame_equal(pd.read_csv(fresh / f"{name}.csv"), pd.read_csv(FOLDER / f"{name}.csv"), rtol=1e-12)


@pytest.mark.parametrize("name", TABLES)
def test_committed_values_are_what_r_gives(fresh: Path, name: str) -> None:
    allowed = LOOSE.get(name, SAME)
    committed, new = pd.read_csv(FOLDER / f"{name}.csv"), pd.read_csv(fresh / f"{name}.csv")
    pd.testing.assert_frame_equal(new, committed, rtol=allowed, atol=allowed * 1e-2)


@pytest.mark.parametrize("comparison", COMPARE.COMPARISONS, ids=lambda comparison: comparison.__name__)
def test_agrees_with_r(fresh: Path, comparison: object) -> None:
    pairs = list(comparison(fresh))  # type: ignore[operator]
    assert pairs
    apart = [f"{pair.case}: {pair.ours} beside {pair.theirs}" for pair in pairs if not pair.agrees]
    assert not apart, "\n".join(apart[:20])
