"""Tables of a trial that nobody simulated: plain random numbers of the right shape, for tests of what reads tables.

`fabricate_tables(n)` has two arms, two lines, deaths, drop-out and every kind of missing value.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from aftercar.trials.tables import TABLES, TrialTables

ARMS = ("A", "B")
THERAPIES = {"A": ("teclistamab", "talquetamab"), "B": ("ct103a", "selinexor_combination")}
RESPONSES = ("sCR", "CR", "VGPR", "PR", "MR", "SD", "PD", "NE")
CLONES = ("bulk, antigens normal", "BCMA-null", "BCMA-low")


def fabricate_tables(n: int = 40, *, seed: int = 1) -> TrialTables:
    """Return tables of `n` patients in two arms (paired: every patient is in both)."""
    rng = np.random.default_rng(seed)
    ids = np.arange(1, n + 1)
    subjects = pd.DataFrame(
        {
            "patient": ids, "parameter_set": ids % 4, "calendar_day": np.sort(rng.uniform(0, 300, n)).round(),
            "index_best_response": rng.choice(RESPONSES[:6], n), "index_progression_day": 28.0 * rng.integers(2, 30, n),
            "mechanism": rng.choice(["antigen kept, CAR-T cells gone", "BCMA-null"], n, p=[0.8, 0.2]),
            "sbcma_ng_per_ml": rng.lognormal(4, 1, n), "copies_per_ug": rng.lognormal(2, 2, n),
            "antibody": rng.uniform(0, 1, n), "m_protein_g_per_dl": rng.lognormal(0.5, 0.5, n),
            "tumour_total": rng.lognormal(27, 1, n), "age": rng.normal(61, 9, n).round(),
            "high_risk_cytogenetics": rng.integers(0, 2, n).astype(float),
        }
    )  # fmt: skip
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES if name != "subjects"}
    for arm, hazard in zip(ARMS, (1 / 200, 1 / 350), strict=True):
        for name, table in _arm(rng, arm, ids, hazard).items():
            parts[name].append(table)
    entry = [(arm, i, 0, c, float(rng.lognormal(25, 2))) for arm in ("",) for i in ids for c in CLONES]
    parts["clones"].append(pd.DataFrame(entry, columns=list(TABLES["clones"])))
    return TrialTables(subjects, **{name: pd.concat(found, ignore_index=True) for name, found in parts.items()})


def _arm(rng: np.random.Generator, arm: str, ids: np.ndarray, hazard: float) -> dict[str, pd.DataFrame]:
    lines, outcomes, visits, events, doses, clones = [], [], [], [], [], []
    first, second = THERAPIES[arm]
    for i in ids:
        start, last = 14.0, 742.0
        death = rng.exponential(700)
        drop = rng.exponential(3000)
        end = round(min(death, drop, last))
        died, dropped = death <= min(drop, last), drop < min(death, last)
        treated = end > start and rng.uniform() > 0.05
        progression = start + 28.0 * (1 + np.floor(rng.exponential(1 / hazard) / 28))
        progressed = treated and progression + 28 <= end
        last_visit = (
            start + 28 * np.floor(((progression + 28 if progressed else end) - start) / 28) if treated else np.nan
        )
        best = (rng.choice(RESPONSES[:5]) if progression > 60 + start else "PD") if treated else ""
        responded = best in RESPONSES[:4]
        mrd = start + 84.0 if best in ("sCR", "CR") and last_visit >= start + 84 else np.nan
        lines.append((
            arm, i, 1, first, first, start if treated else np.nan, treated, "" if treated else "product not made", best,
            start + 56.0 if treated else np.nan, start + 28.0 if responded else np.nan,
            progression if progressed else np.nan, progression + 28.0 if progressed else np.nan,
            "serum" if progressed else "", mrd, last_visit, progression + 28.0 if progressed else float(end),
            "progression" if progressed else "death" if died else "drop-out" if dropped else "end of follow-up",
        ))  # fmt: skip
        begin = progression + 42.0
        again = progressed and begin < end
        second_progression = begin + 56.0 if again and begin + 56 <= end else np.nan
        if progressed:
            lines.append((
                arm, i, 2, second, second, begin if again else np.nan, again, "" if again else "died",
                "SD" if again else "", begin + 28.0 if again else np.nan, np.nan, second_progression,
                second_progression, "serum" if second_progression > 0 else "", np.nan,
                begin + 28.0 * np.floor((end - begin) / 28) if again else np.nan, float(end),
                "progression" if second_progression > 0 else "death" if died else "end of follow-up",
            ))  # fmt: skip
        outcomes.append((
            arm, i, treated, start if treated else np.nan, best, start + 28.0 if responded else np.nan, mrd,
            progression if progressed else np.nan, second_progression, begin if again else np.nan, last_visit,
            float(end) if died else np.nan, rng.choice(["myeloma", "infection", "other"]) if died else "",
            float(end) if dropped else np.nan, float(end),
        ))  # fmt: skip
        if treated:
            for day in np.arange(start, last_visit + 1, 28.0):
                level = rng.lognormal(0, 0.3)
                visits.append((
                    arm, i, 1, day, "NE" if day == start else best, best, level, 20.0, 10.0, np.nan, np.nan, np.nan,
                    50.0, 100.0,
                ))  # fmt: skip
                doses.append((arm, i, 1, first, day, 1.5, "mg/kg"))
            if rng.uniform() < 0.6:
                events.append((arm, i, 1, first, "crs", int(rng.choice([1, 2, 3])), start + 2))
        if progressed:
            clones += [(arm, i, 1, c, float(rng.lognormal(25, 2))) for c in CLONES]
    rows = {"lines": lines, "outcomes": outcomes, "visits": visits, "events": events, "doses": doses, "clones": clones}
    rows["lines"] = [(*row, "") for row in lines]  # no integration stopped
    return {name: pd.DataFrame(found, columns=list(TABLES[name])) for name, found in rows.items()}
