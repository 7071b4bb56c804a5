"""What each endpoint means for one patient: who counts, from which day, what is an event, and when censoring falls.

Rules of censoring after fda2007, response after kumar2016; docs/explanation/trial-endpoints.md sets them out.
Everything is read from the outcomes and the lines of a trial; nothing is estimated here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, get_args

import numpy as np
import pandas as pd

from aftercar.clinic.counting import categories_of
from aftercar.foundation import Fault, InputError
from aftercar.synthesis import SurvivalCurve, fit_kaplan_meier
from aftercar.trials.tables import TrialTables

CountFrom = Literal["treatment", "entry"]
COUNT_FROM: Final[tuple[CountFrom, ...]] = get_args(CountFrom)
RESPONSES: Final[Mapping[str, tuple[str, ...]]] = {
    "ORR": categories_of("ORR"),
    "CBR": categories_of("CBR"),
    "VGPR_OR_BETTER": categories_of("VGPR or better"),
    "CR": categories_of("CR or better"),
}
"""Categories of the best confirmed response that count for a rate."""
RATES: Final = (*RESPONSES, "MRD_NEGATIVE")
LEVEL: Final = 0.90
_SHORTEST: Final = 0.5  # [day]: what happens on day 0 happens within it
_UNSEEN: Final = 1.0  # [day]: without an assessment after baseline, censored at day 1 (fda2007, table A)


def take_records(tables: TrialTables, measure: str, *, count_from: CountFrom = "treatment") -> pd.DataFrame:
    """Return the patients of a time-to-event endpoint, each with duration and event.

    Who left, or whose trial ended, before the event is censored. Death is an event however long ago the last assessment
    was: virtual patients miss no visits, so that the rule for deaths after missed ones is not applied.

    ========  ================================================  =====================================================
    measure   event                                             censored at
    ========  ================================================  =====================================================
    PFS       progression under the first line, or death        last assessment under the first line; a new treatment
                                                                without progression censors at the last one before it;
                                                                without any after baseline: day 1
    OS        death                                             last day known alive
    PFS2      progression under the second line, or death       last assessment under the second line; before it
                                                                began: last day known alive
    TTNT      start of the second line, or death                last day known alive
    DOR       as PFS, from the first confirmed response;        as PFS
              responders only
    TIR       as DOR, of everybody: who never responded spent   as PFS
              no time in response (an event on day 0)
    ========  ================================================  =====================================================

    Parameters
    ----------
    measure
        One of `TIMES`.
    count_from
        ``treatment``: treated patients, from day 0 of the first line, as single-arm cohorts count. ``entry``:
        everybody, from entry (intention to treat).

    Returns
    -------
    DataFrame
        Columns arm, patient, duration [day], event. Durations are at least half a day.

    References
    ----------
    fda2007, appendix 3, table A; ema2012 for PFS2; huang2022 for time in response.
    """
    if measure not in _ENDINGS:
        raise InputError(Fault("measure", f"'{measure}' is no time to an event.", f"Use {', '.join(TIMES)}."))
    outcomes = take_outcomes(tables, count_from)
    origin = outcomes["start_day"] if count_from == "treatment" else pd.Series(0.0, index=outcomes.index)
    if measure in ("DOR", "TIR"):
        responded = outcomes["best_response"].isin(RESPONSES["ORR"]) & outcomes["first_response_day"].notna()
        origin = outcomes["first_response_day"]
        if measure == "DOR":
            outcomes, origin = outcomes[responded], origin[responded]
    day, event = _ENDINGS[measure](outcomes, tables, origin)
    duration = (day - origin).clip(lower=_SHORTEST)
    if measure == "TIR":
        duration, event = duration.where(responded, _SHORTEST), event | ~responded
    return pd.DataFrame(
        {
            "arm": outcomes["arm"], "patient": outcomes["patient"], "duration": duration.astype(float),
            "event": event.astype(bool),
        }
    ).reset_index(drop=True)  # fmt: skip


def take_responses(tables: TrialTables, measure: str, *, count_from: CountFrom = "treatment") -> pd.DataFrame:
    """Return who responded: columns arm, patient, event.

    Who was never assessed, and with ``entry`` who was never treated, counts as not responding.

    Parameters
    ----------
    measure
        One of `RATES`: best confirmed response to the first line, or residual disease found negative under it.
    """
    if measure not in RATES:
        raise InputError(Fault("measure", f"'{measure}' is no response rate.", f"Use {', '.join(RATES)}."))
    outcomes = take_outcomes(tables, count_from)
    if measure == "MRD_NEGATIVE":
        event = outcomes["mrd_negative_day"].notna()
    else:
        event = outcomes["best_response"].isin(RESPONSES[measure])
    return pd.DataFrame({"arm": outcomes["arm"], "patient": outcomes["patient"], "event": event}).reset_index(drop=True)


def take_causes(tables: TrialTables, *, count_from: CountFrom = "treatment") -> pd.DataFrame:
    """Return the records of PFS with the column `cause` instead of `event`: progression, death, or empty if censored.

    Progression and death on the same day are a progression.
    """
    records = take_records(tables, "PFS", count_from=count_from)
    outcomes = take_outcomes(tables, count_from)
    died_first = outcomes["progression_day"].isna() | (outcomes["death_day"] < outcomes["progression_day"])
    cause = np.where(~records["event"], "", np.where(died_first, "death", "progression"))
    return records.drop(columns="event").assign(cause=cause)


def take_outcomes(tables: TrialTables, count_from: CountFrom) -> pd.DataFrame:
    """Return the outcomes of those who count."""
    if count_from not in COUNT_FROM:
        raise InputError(Fault("count_from", f"'{count_from}' is no start.", f"Use {' or '.join(COUNT_FROM)}."))
    outcomes = tables.outcomes
    return outcomes[outcomes["treated"].astype(bool)] if count_from == "treatment" else outcomes


def fit_curve(records: pd.DataFrame, *, level: float = LEVEL) -> SurvivalCurve:
    """Return the Kaplan-Meier curve of an endpoint; its pointwise intervals are log-log."""
    return fit_kaplan_meier(
        records["duration"].to_numpy(), records["event"].to_numpy(), conf_type="log-log", level=level
    )


Ending = tuple[pd.Series, pd.Series]


def _first_line(outcomes: pd.DataFrame, _tables: TrialTables, origin: pd.Series) -> Ending:
    """Progression or death; both cease to count once another treatment has begun."""
    first = outcomes[["progression_day", "death_day"]].min(axis=1)
    other = outcomes["next_treatment_day"]
    event = first.notna() & ~(other < first)
    seen = outcomes["last_visit_day"].where(outcomes["last_visit_day"] > outcomes["start_day"])
    last = pd.concat([seen, other.where(seen.notna())], axis=1).min(axis=1)
    return first.where(event, last.fillna(origin + _UNSEEN)), event


def _death(outcomes: pd.DataFrame, _tables: TrialTables, _origin: pd.Series) -> Ending:
    event = outcomes["death_day"].notna()
    return outcomes["death_day"].where(event, outcomes["end_day"]), event


def _second_line(outcomes: pd.DataFrame, tables: TrialTables, _origin: pd.Series) -> Ending:
    first = outcomes[["second_progression_day", "death_day"]].min(axis=1)
    event = first.notna()
    second = tables.lines[(tables.lines["line"] == 2) & tables.lines["treated"].astype(bool)]
    second = second.assign(seen=second[["start_day", "last_visit_day"]].max(axis=1)).set_index(["arm", "patient"])
    who = pd.MultiIndex.from_frame(outcomes[["arm", "patient"]])
    seen = pd.Series(second["seen"].reindex(who).to_numpy(dtype=np.float64), index=outcomes.index)
    return first.where(event, seen.fillna(outcomes["end_day"])), event


def _next_treatment(outcomes: pd.DataFrame, _tables: TrialTables, _origin: pd.Series) -> Ending:
    first = outcomes[["next_treatment_day", "death_day"]].min(axis=1)
    event = first.notna()
    return first.where(event, outcomes["end_day"]), event


_ENDINGS: Final[Mapping[str, Callable[[pd.DataFrame, TrialTables, pd.Series], Ending]]] = {
    "PFS": _first_line,
    "OS": _death,
    "PFS2": _second_line,
    "TTNT": _next_treatment,
    "DOR": _first_line,
    "TIR": _first_line,
}
TIMES: Final = tuple(_ENDINGS)
