"""Plans of small trials for tests, and what runs them."""

from __future__ import annotations

import tomllib
from functools import lru_cache

from aftercar.catalogue.model_data import load_model_data, to_tuples
from aftercar.trials import Trial, TrialPlan, run_trial
from aftercar.trials.run import Prepared, prepare_trial

SMALL = """
name = "small"
population = "karmma_like"
patients = 60
index_days = 560
days = 336
[[index]]
therapy = "ide_cel"
"""
ARMS = (
    SMALL
    + """
[[lines]]
name = "talquetamab"
treatments = [{ therapy = "talquetamab" }]
[[lines]]
name = "again"
treatments = [{ therapy = "ide_cel_reinfusion" }]
bridging = [{ therapy = "bortezomib" }]
[[lines]]
name = "bortezomib"
treatments = [{ therapy = "bortezomib" }]
[[lines]]
name = "by antigen"
choose = [{ when = { bcma_loss_share = { at_least = 0.3 } }, line = "talquetamab" }, { line = "again" }]
[[arms]]
name = "engager"
lines = ["talquetamab"]
[[arms]]
name = "engager, then drug"
lines = ["talquetamab", "bortezomib"]
[[arms]]
name = "guided"
lines = ["by antigen", "bortezomib"]
"""
)
SEED = 5


def make_plan(text: str, **changes: object) -> TrialPlan:
    """Return a plan from text, with fields changed."""
    return TrialPlan.model_validate(to_tuples(tomllib.loads(text)) | changes)


def prepare(text: str, *, per_block: int | None = None, sets: int = 0, **changes: object) -> Prepared:
    """Return a plan ready to run."""
    return prepare_trial(
        make_plan(text, **changes),
        seed=SEED,
        sets=sets,
        parameters="prior",
        per_block=per_block,
        data=load_model_data(),
    )


@lru_cache(maxsize=4)
def run_small(**changes: object) -> Trial:
    """Return the trial of `ARMS`, run once for each set of changes."""
    return run_trial(make_plan(ARMS, **changes), seed=SEED)
