"""Standard errors of a paired design are those that repeated trials show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aftercar.foundation import draw_stream
from aftercar.trials.analysis import compare_hazards, compare_restricted_means


def paired_records(rng: np.random.Generator, n: int = 80) -> pd.DataFrame:
    """Two arms whose patients share most of their luck; censored at 400."""
    shared = rng.exponential(size=n)
    parts = []
    for arm, mean in (("A", 200.0), ("B", 260.0)):
        time = mean * (0.9 * shared + 0.1 * rng.exponential(size=n)) + 0.5
        parts.append(pd.DataFrame({"arm": arm, "patient": np.arange(n), "duration": np.minimum(time, 400.0),
                                   "event": time < 400}))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_paired_errors_are_those_that_repeated_trials_show() -> None:
    differences, hazards = [], []
    for repeat in range(150):
        records = paired_records(draw_stream(1, "pairs", repeat))
        means = compare_restricted_means(records, tau=350.0, reference="A").iloc[2]
        hazard = compare_hazards(records, reference="A").iloc[0]
        differences.append((means["estimate"], means["se"]))
        hazards.append((hazard["coefficient"], hazard["se"]))
    for found in (np.array(differences, dtype=float), np.array(hazards, dtype=float)):
        # The error of a standard deviation from 150 trials is 6%.
        assert found[:, 1].mean() == pytest.approx(found[:, 0].std(ddof=1), rel=0.18)
    apart = paired_records(draw_stream(1, "pairs", 0))
    apart["patient"] += np.where(apart["arm"] == "B", 1000, 0)
    independent = compare_restricted_means(apart, tau=350.0, reference="A").iloc[2]["se"]
    assert independent > 2 * np.mean([se for _, se in differences])
