"""Strategies: lines of therapy in order, each fixed or chosen by rules on what the clinic knows.

An arm follows its strategy until death, drop-out, the end of follow-up, or its last line; who progresses then gets no
further line and is followed under the last one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from aftercar.trials.cohort import Cohort, Conduct, FloatArray, Line, LineResult
from aftercar.trials.lines import treat
from aftercar.trials.tables import LINES, OUTCOMES, TABLES

BoolArray = npt.NDArray[np.bool_]
NO_THERAPY = Line("no therapy", ())


@dataclass(frozen=True)
class Condition:
    """What must hold of something the clinic knows. Missing values fulfil nothing."""

    known: str
    at_least: float | None = None
    below: float | None = None
    is_in: tuple[str, ...] | None = None

    def holds(self, known: pd.DataFrame) -> BoolArray:
        """Tell for each patient whether it holds."""
        column = known[self.known]
        if self.is_in is not None:
            return column.isin(self.is_in).to_numpy()
        values = column.to_numpy(dtype=np.float64)
        fits = ~np.isnan(values)
        if self.at_least is not None:
            fits &= values >= self.at_least
        if self.below is not None:
            fits &= values < self.below
        return np.asarray(fits)


@dataclass(frozen=True)
class Rule:
    """Lines for those in whom all conditions hold; without conditions, for everybody else."""

    line: Line
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Strategy:
    """An arm: its name and, line by line, the rules of which the first that fits decides."""

    name: str
    steps: tuple[tuple[Rule, ...], ...]


@dataclass
class Follower:
    """Follows strategies in cohorts; a line that two arms have in common is simulated once.

    `end_of_follow_up`: day since entry, by patient.
    """

    conduct: Conduct
    end_of_follow_up: pd.Series
    _done: dict[tuple[object, ...], LineResult] = field(default_factory=dict)

    def follow(self, strategy: Strategy, entered: Cohort) -> dict[str, pd.DataFrame]:
        """Return the tables lines, outcomes, visits, events, doses and clones of an arm."""
        parts: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES if name != "subjects"}
        ends: list[pd.DataFrame] = []
        self._step(strategy, 0, entered, (), parts, ends)
        tables = {name: pd.concat(found, ignore_index=True) if found else _empty(name) for name, found in parts.items()}
        tables["outcomes"] = tabulate_outcomes(tables["lines"], pd.concat(ends, ignore_index=True))
        for table in tables.values():
            table.insert(0, "arm", strategy.name)
        return tables

    def _step(
        self, strategy: Strategy, step: int, cohort: Cohort, history: tuple[str, ...],
        parts: Mapping[str, list[pd.DataFrame]], ends: list[pd.DataFrame],
    ) -> None:  # fmt: skip
        """Give the next line to each group of patients for whom the rules choose the same."""
        for line, chosen in choose_lines(strategy.steps[step], cohort):
            group = cohort.select(chosen)
            result = self._treat(group, line, history)
            _collect(result, step, parts)
            further = step + 1 < len(strategy.steps)
            if result.not_made is not None and not further:  # nobody treats them: their time still ends
                ends.append(self._treat(result.not_made, NO_THERAPY, history).table)
            elsewhere = [result.not_made] if result.not_made is not None else []
            elsewhere += [result.progressed] if result.progressed is not None and further else []
            ids = np.concatenate([one.ids for one in elsewhere]) if elsewhere else np.array([], dtype=np.int64)
            ends.append(result.table[~result.table["patient"].isin(ids)])
            given = (*history, line.name)
            if result.progressed is not None and further:
                self._step(strategy, step + 1, result.progressed, given, parts, ends)
            if result.not_made is not None and further:
                self._step(strategy, step + 1, result.not_made, history, parts, ends)

    def _treat(self, group: Cohort, line: Line, history: tuple[str, ...]) -> LineResult:
        # The key holds the patients: other rules may have brought others to the same line.
        key = (history, group.lines, repr(line), group.ids.tobytes(), group.elapsed.tobytes())
        if key not in self._done:
            until = self.end_of_follow_up.loc[group.ids.tolist()].to_numpy(dtype=np.float64)
            self._done[key] = treat(group, line, until=until, conduct=self.conduct)
        return self._done[key]


def choose_lines(rules: Sequence[Rule], cohort: Cohort) -> list[tuple[Line, npt.NDArray[np.int64]]]:
    """Return which patients (by position) get which line: the first rule that fits."""
    open_ = np.ones(len(cohort), dtype=np.bool_)
    found = []
    for rule in rules:
        fits = open_.copy()
        for condition in rule.conditions:
            fits &= condition.holds(cohort.known)
        open_ &= ~fits
        if fits.any():
            found.append((rule.line, np.flatnonzero(fits)))
    return found


def _collect(result: LineResult, step: int, parts: Mapping[str, list[pd.DataFrame]]) -> None:
    columns = [name for name in LINES if name != "arm"]
    # Lines are numbered by their place in the strategy, also where an earlier one could not be given.
    parts["lines"].append(result.table.assign(line=step + 1).reindex(columns=columns))
    for name, table in result.details.items():
        parts[name].append(table.assign(line=step + 1))


def tabulate_outcomes(lines: pd.DataFrame, ends: pd.DataFrame) -> pd.DataFrame:
    """Return the table `outcomes` without the arm, from lines and from what ended each patient's time.

    A second line is what follows the first that began; PFS2 is counted to its progression.
    """
    first = lines[lines["line"] == 1].set_index("patient")
    given = lines[lines["treated"].astype(bool)].sort_values(["patient", "line"])
    second = given[given["line"] > 1].drop_duplicates("patient").set_index("patient").reindex(first.index)
    end = ends.set_index("patient").reindex(first.index)
    table = pd.DataFrame({
        "treated": first["treated"].astype(bool), "start_day": first["start_day"],
        "best_response": first["best_response"], "first_response_day": first["first_response_day"],
        "mrd_negative_day": first["mrd_negative_day"], "progression_day": first["progression_day"],
        "second_progression_day": second["progression_day"], "next_treatment_day": second["start_day"],
        "last_visit_day": first["last_visit_day"], "death_day": end["death_day"],
        "cause_of_death": end["cause_of_death"].fillna(""), "drop_out_day": end["drop_out_day"],
        "end_day": end["last_alive_day"],
    })  # fmt: skip
    return table.reset_index()[[name for name in OUTCOMES if name != "arm"]]


def _empty(name: str) -> pd.DataFrame:
    return pd.DataFrame({column: pd.Series(dtype=object) for column in TABLES[name] if column != "arm"})


def end_of_follow_up(patients: Sequence[int], days: FloatArray | float) -> pd.Series:
    """Return the last day of follow-up by patient."""
    return pd.Series(np.broadcast_to(np.asarray(days, dtype=np.float64), len(patients)), index=list(patients))
