from __future__ import annotations

import pandas as pd

from aftercar.trials.tables import EVENTS


def draw_toxicity(given, *, seed, rates=None):
    return pd.DataFrame({k: pd.Series(dtype=float) for k in EVENTS})
