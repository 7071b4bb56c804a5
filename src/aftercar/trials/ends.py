"""What ends a patient's time under a line, whatever the treatment does: death, drop-out, the end of follow-up.

Competing events: the first that comes is the one that happens. Patients have the same luck in every arm.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr

from aftercar.patients.draws import score_patients
from aftercar.trials.cohort import Conduct, FloatArray, Line, Run
from aftercar.trials.mortality import draw_deaths
from aftercar.trials.tables import EVENTS
from aftercar.trials.toxicity import draw_toxicity, find_fatal

_DAYS_PER_YEAR = 365.25
_DAYS = ("death_day", "drop_out_day")
_USUAL_AGE = 65.0  # where a population says nothing of age


def draw_events(run: Run, line: Line, ids: npt.NDArray[np.int64], conduct: Conduct) -> pd.DataFrame:
    """Draw adverse events, of bridging too, as if the line lasted to the end of follow-up."""
    spans = [(one.therapy, one.day + run.wait, run.until) for one in line.treatments]
    spans += [(one.therapy, one.day, np.full(len(ids), run.wait)) for one in line.bridging]
    if not spans:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in EVENTS})
    given = pd.concat(
        [
            pd.DataFrame({"patient": ids, "therapy": therapy, "start_day": max(start, 0.0), "end_day": end})
            for therapy, start, end in spans
        ],
        ignore_index=True,
    )
    begun = given[given["end_day"] >= given["start_day"]]  # others' follow-up ends before
    return draw_toxicity(begun.assign(arm="", line=run.line - 1), seed=conduct.seed)


def draw_ends(
    run: Run, ids: npt.NDArray[np.int64], known: pd.DataFrame, events: pd.DataFrame, conduct: Conduct
) -> pd.DataFrame:
    """Return when and by what each patient's time ends if no progression is followed by another line."""
    times = run.result["time"].to_numpy()
    after = times >= 0.0
    age = known["age"].to_numpy() if "age" in known else np.full(len(ids), _USUAL_AGE)
    # Where an integration stopped, the last known counts.
    tumour = pd.DataFrame(run.result["tumour_total"].to_numpy()).ffill(axis=1).to_numpy(dtype=np.float64)
    ends = draw_deaths(
        patients=ids.tolist(), days=times[after], tumour=tumour[:, after],
        age=np.asarray(age, dtype=np.float64), seed=conduct.seed, line=run.line - 1,
    ).reindex(ids)  # fmt: skip
    fatal = find_fatal(events).reset_index("arm", drop=True).reindex(ids)
    day = fatal["death_day"].astype(np.float64).to_numpy()
    sooner = day < ends["death_day"].fillna(np.inf).to_numpy()
    ends["cause_of_death"] = np.where(sooner, fatal["cause_of_death"], ends["cause_of_death"])
    ends["death_day"] = np.where(sooner, day, ends["death_day"])
    ends["drop_out_day"] = np.nan
    if conduct.drop_out_per_year > 0 and run.line > 1:  # nobody drops out of a trial before entry
        luck = ndtr(score_patients(f"drop-out, line {run.line}", ids, seed=conduct.seed))
        ends["drop_out_day"] = -np.log(luck) * _DAYS_PER_YEAR / conduct.drop_out_per_year
    return _first_of(ends, run.until)


def _first_of(ends: pd.DataFrame, until: FloatArray) -> pd.DataFrame:
    """Keep what comes first of death, drop-out and the end of follow-up."""
    death, lost = (np.ceil(ends[name].astype(np.float64).fillna(np.inf).to_numpy()) for name in _DAYS)
    end = np.minimum(np.minimum(death, lost), until)
    died = (death <= end) & np.isfinite(death)
    dropped = ~died & (lost <= end) & np.isfinite(lost)
    return pd.DataFrame(
        {
            "death_day": np.where(died, death, np.nan),
            "cause_of_death": np.where(died, ends["cause_of_death"].fillna("").to_numpy(), ""),
            "drop_out_day": np.where(dropped, lost, np.nan),
            "end_day": end,
        },
        index=ends.index,
    )
