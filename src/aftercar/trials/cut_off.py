"""Looking at a trial on a day of its calendar: what happens later is not known yet.

The same function gives an interim look and the final analysis at a data cut-off.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from aftercar.clinic.categories import CATEGORIES
from aftercar.foundation import Fault, InputError
from aftercar.trials.tables import TrialTables

_KEY = ["arm", "patient", "line"]
_NOT_BEGUN = "not yet begun"
_GOES_ON = "end of follow-up"


def cut_tables(tables: TrialTables, *, at: float) -> TrialTables:
    """Return the tables as they would stand on day `at` since the trial opened.

    Who has not entered by then is gone. What happens later has not happened: patients are censored at their last visit
    before the cut, or on the day of the cut where they are known to be alive. A progression or a response counts only
    if what confirmed it was seen. Best responses are read anew from the visits before the last one, which the last one
    confirms. Where a run kept no visits, the cut itself stands for the last visit, a best response is known from its
    first day on, and a response whose best came later counts as a PR.

    Parameters
    ----------
    at
        Day of the calendar; a patient is followed until `at` minus `subjects.calendar_day`.
    """
    if not np.isfinite(at) or at < 0:
        raise InputError(Fault("cut-off", f"day {at}.", "Give a day of 0 or more."))
    subjects = tables.subjects[tables.subjects["calendar_day"] <= at].reset_index(drop=True)
    until = pd.Series(at - subjects["calendar_day"].to_numpy(), index=subjects["patient"].to_numpy(), dtype=np.float64)
    visits = _before(tables.visits, until)
    lines = _cut_lines(tables.lines, visits, until)
    clones = tables.clones[tables.clones["patient"].isin(until.index)]
    progressed = lines.loc[lines["progression_day"].notna(), _KEY]
    seen = clones.merge(progressed, on=_KEY, how="left", indicator="found")["found"].eq("both").to_numpy()
    return TrialTables(
        subjects=subjects,
        lines=lines,
        outcomes=_cut_outcomes(tables.outcomes, lines, until),
        visits=visits,
        events=_before(tables.events, until),
        doses=_before(tables.doses, until),
        clones=clones[(clones["line"] == 0).to_numpy() | seen].reset_index(drop=True),
    )


def _before(table: pd.DataFrame, until: pd.Series) -> pd.DataFrame:
    """Return the rows of a table with a column `day` that lie before the patients' cuts."""
    return table[table["day"] <= table["patient"].map(until)].reset_index(drop=True)  # NaN: not entered


def _forget(table: pd.DataFrame, columns: Sequence[str], unknown: pd.Series) -> pd.DataFrame:
    """Empty columns where something is not known yet: words become empty, numbers NaN."""
    for name in columns:
        empty = np.nan if pd.api.types.is_numeric_dtype(table[name]) else ""
        table[name] = table[name].where(~unknown, empty)
    return table


def _cut_lines(lines: pd.DataFrame, visits: pd.DataFrame, until: pd.Series) -> pd.DataFrame:
    lines = lines[lines["patient"].isin(until.index)].reset_index(drop=True)
    before = lines.sort_values("line", kind="stable").groupby(["arm", "patient"], sort=False)["end_day"].shift()
    due = ~(before.reindex(lines.index) > lines["patient"].map(until))
    lines = lines[due].reset_index(drop=True)
    cut = lines["patient"].map(until)
    late = lines["treated"].astype(bool) & (lines["start_day"] > cut)
    lines["treated"] = lines["treated"].astype(bool) & ~late
    lines["why_not"] = lines["why_not"].mask(late | (~lines["treated"] & (lines["end_day"] > cut)), _NOT_BEGUN)
    lines = _forget(lines, ["start_day"], late)
    lines = _cut_response(lines, visits, cut)
    confirmed = lines["progression_confirmed_day"].fillna(lines["progression_day"])
    unseen = ~(confirmed <= cut)
    lines = _forget(lines, ["progression_day", "progression_confirmed_day", "progression_by"], unseen)
    lines = _forget(lines, ["mrd_negative_day"], lines["mrd_negative_day"] > cut)
    lines["ended_by"] = lines["ended_by"].mask(lines["end_day"] > cut, _GOES_ON)
    return lines.assign(end_day=lines["end_day"].clip(upper=cut))


def _cut_response(lines: pd.DataFrame, visits: pd.DataFrame, cut: pd.Series) -> pd.DataFrame:
    """Read best response, its days and the last visit as they are known at the cut, where the line goes on after it."""
    goes_on = lines["last_visit_day"] > cut
    day, best_day, first_day = (lines[name] for name in ("last_visit_day", "best_response_day", "first_response_day"))
    if len(visits):
        seen = _read_visits(visits).reindex(pd.MultiIndex.from_frame(lines[_KEY]))
        now = {name: pd.Series(seen[name].to_numpy(), index=lines.index) for name in seen}
        now["best_response"] = now["best_response"].fillna("").where(now["last_visit_day"].notna(), "")
    else:
        known, some = best_day <= cut, first_day <= cut
        least = pd.Series(np.where(some, "PR", "NE"), index=lines.index)
        now = {
            "last_visit_day": cut.where(lines["treated"]),
            "best_response": lines["best_response"].where(known, least).where(lines["treated"], ""),
            "best_response_day": best_day.where(known, first_day.where(some)),
            "first_response_day": first_day.where(some),
        }
    kept = {
        "last_visit_day": day,
        "best_response": lines["best_response"],
        "best_response_day": best_day,
        "first_response_day": first_day,
    }
    lines = lines.assign(**{name: column.where(~goes_on, now[name]) for name, column in kept.items()})
    for name in ("best_response_day", "first_response_day"):
        lines = _forget(lines, [name], lines[name] > cut)
    return lines


def _read_visits(visits: pd.DataFrame) -> pd.DataFrame:
    """Return, by line, the last visit and the best response that a later visit of the line confirms."""
    by_line = visits.groupby(_KEY)["day"]
    last = by_line.max().rename("last_visit_day")
    baseline = visits["day"] == by_line.transform("min")
    confirmed = visits[~baseline & (visits["day"] < by_line.transform("max"))]
    confirmed = confirmed[confirmed["confirmed_response"].fillna("") != ""]
    order = {name: float(rank) for rank, name in enumerate(CATEGORIES)} | {"PD": 0.5}  # the least that is known
    ranked = confirmed.assign(rank=confirmed["confirmed_response"].map(order))
    ranked = ranked.sort_values(["rank", "day"], ascending=[False, True], kind="stable").groupby(_KEY).first()
    responded = confirmed[confirmed["confirmed_response"].map(order) >= order["PR"]]
    return pd.DataFrame(
        {
            "last_visit_day": last,
            "best_response": ranked["confirmed_response"].reindex(last.index).fillna("NE"),
            "best_response_day": ranked["day"].where(ranked["rank"] > 0).reindex(last.index),
            "first_response_day": responded.groupby(_KEY)["day"].min().reindex(last.index),
        }
    )


def _cut_outcomes(outcomes: pd.DataFrame, lines: pd.DataFrame, until: pd.Series) -> pd.DataFrame:
    """Take what is known of the first two lines over into the outcomes."""
    outcomes = outcomes[outcomes["patient"].isin(until.index)].reset_index(drop=True)
    cut = outcomes["patient"].map(until)
    by_line = lines.set_index(_KEY)
    keys = outcomes[["arm", "patient"]]

    def column(line: int, name: str) -> pd.Series:
        found = by_line[name].reindex(pd.MultiIndex.from_frame(keys.assign(line=line)))
        return pd.Series(found.to_numpy(), index=outcomes.index)

    first = (
        "start_day",
        "best_response",
        "first_response_day",
        "mrd_negative_day",
        "progression_day",
        "last_visit_day",
    )
    outcomes = outcomes.assign(**{name: column(1, name) for name in first})
    outcomes["treated"] = column(1, "treated").eq(True)
    outcomes["best_response"] = outcomes["best_response"].fillna("")
    outcomes["second_progression_day"] = column(2, "progression_day").astype(float)
    outcomes["next_treatment_day"] = column(2, "start_day").astype(float)
    outcomes = _forget(outcomes, ["cause_of_death", "death_day"], outcomes["death_day"] > cut)
    outcomes = _forget(outcomes, ["drop_out_day"], outcomes["drop_out_day"] > cut)
    return outcomes.assign(end_day=outcomes["end_day"].clip(upper=cut))
