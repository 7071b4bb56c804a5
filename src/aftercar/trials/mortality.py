from __future__ import annotations

import numpy as np
import pandas as pd


def draw_deaths(*, patients, days, tumour, age, seed, line):
    return pd.DataFrame(
        {"death_day": np.full(len(patients), np.nan), "cause_of_death": ""}, index=pd.Index(patients, name="patient")
    )
