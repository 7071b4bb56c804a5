"""The part of the `compare` report that sets simulated figures beside the observed ones. Marked as simulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from aftercar.patients.parameter_choice import say_calibrated
from aftercar.report import words
from aftercar.report.figure import Figure
from aftercar.report.trial_agreement import agreement_figures, disagrees
from aftercar.report.trial_mechanisms import mechanism_figure
from aftercar.synthesis.ranking import Identification

_RANK_HEADS = {"orr": "Rank by ORR simulated, 90%", "pfs": "Rank by PFS simulated, 90%"}


@dataclass(frozen=True, slots=True)
class SimulatedSection:
    """What the template writes down.

    Attributes
    ----------
    warning
        The sentence over everything simulated.
    facts
        What was simulated, as pairs of name and words.
    table
        ORR, CR and median PFS by strategy, observed and simulated.
    apart
        Strategies whose intervals do not meet, by measure, in words; empty if there are none.
    identified
        Which order the simulation identifies, in sentences.
    """

    warning: str
    facts: tuple[tuple[str, str], ...]
    table: pd.DataFrame
    apart: tuple[str, ...]
    identified: tuple[str, ...]
    figures: tuple[Figure, ...]


def render_simulated_section(
    beside: pd.DataFrame,
    by_mechanism: pd.DataFrame,
    settings: Mapping[str, object],
    *,
    calibrated: bool = False,
    level: float = 0.90,
    observed_level: float | None = None,
    identified: Mapping[str, Identification] | None = None,
) -> SimulatedSection:
    """Return the section "Simulated beside observed".

    Parameters
    ----------
    beside
        One row per strategy, as `aftercar.strategy.set_beside` gives it; columns ``<measure>_simulated_parameters_lb``
        and ``_ub`` may be missing.
    by_mechanism
        Columns arm, mechanism, events, n, estimate, ci_lb, ci_ub; empty leaves the heat map out.
    settings
        What was simulated, by name: population, patients, seed and so on.
    calibrated
        Whether the parameters were fitted to data of patients; the warning says which.
    level, observed_level
        Level of the simulated intervals, and of the observed ones where it is another.
    identified
        Which order of strategies is identified, by measure.
    """
    figures = agreement_figures(beside, level=level, observed_level=observed_level, prefix="simulated")
    if len(by_mechanism):
        figures.append(mechanism_figure(by_mechanism, figure_id="simulated-mechanisms", level=level))
    return SimulatedSection(
        warning=simulated_warning(calibrated),
        facts=tuple((str(name), str(value)) for name, value in settings.items()),
        table=beside_table(beside),
        apart=tuple(filter(None, (_apart(beside, measure) for measure in ("orr", "cr")))),
        identified=tuple(say_identified(identified or {})),
        figures=tuple(figures),
    )


def simulated_warning(calibrated: bool) -> str:
    """Return the sentence over everything simulated."""
    known = say_calibrated(calibrated)
    return f"SIMULATED, {known}. Nothing simulated was seen in a patient, and none of it enters the pooled evidence."


def say_identified(identified: Mapping[str, Identification]) -> list[str]:
    """Return which order the simulation identifies, a sentence a measure."""
    return [words.identified_text(one, what=f"{name}, simulated") for name, one in identified.items()]


def beside_table(beside: pd.DataFrame) -> pd.DataFrame:
    """Return both sides as a table for readers: estimate, interval of sampling, that over uncertain parameters."""
    rows = []
    for row in beside.to_dict("records"):
        cells = {"Strategy": words.headline(str(row["strategy"])), "Simulated by": str(row["arm"])}
        for measure, name in (("orr", "ORR"), ("cr", "CR")):
            cells[f"{name} observed"] = _share(row, f"{measure}_observed")
            mark = "≠ " if disagrees(row.get(f"{measure}_agrees")) else ""
            cells[f"{name} simulated"] = mark + _share(row, f"{measure}_simulated", wide=True)
        for short, head in _RANK_HEADS.items():
            if f"{short}_rank_lb" in row:
                cells[head] = words.rank_text(row[f"{short}_rank_lb"], row[f"{short}_rank_ub"])
        cells["Median PFS observed, months"] = _median(row, "pfs_observed")
        cells["Median PFS simulated, months"] = _median(row, "pfs_simulated", wide=True)
        rows.append(cells)
    return pd.DataFrame(rows)


def _number(row: Mapping[Any, Any], name: str) -> float | None:
    value = pd.to_numeric(row.get(name, np.nan), errors="coerce")
    return None if pd.isna(value) else float(value)


def _share(row: Mapping[Any, Any], name: str, *, wide: bool = False) -> str:
    text = words.proportion(*(_number(row, column) for column in (name, f"{name}_lb", f"{name}_ub")))
    outer = words.interval(*(_number(row, f"{name}_parameters_{end}") for end in ("lb", "ub"))) if wide else ""
    return f"{text}; {outer}" if outer else text


def _median(row: Mapping[Any, Any], name: str, *, wide: bool = False) -> str:
    value = _number(row, name)
    if value is None:
        return "not reached" if wide else words.MISSING
    text = words.months(value, *(_number(row, f"{name}_{end}") for end in ("lb", "ub")))
    low, high = (_number(row, f"{name}_parameters_{end}") for end in ("lb", "ub")) if wide else (None, None)
    return text if low is None else f"{text}; [{low:.1f}, {'NR' if high is None else f'{high:.1f}'}]"


def _apart(beside: pd.DataFrame, measure: str) -> str:
    name = f"{measure}_agrees"
    if name not in beside:
        return ""
    named = beside.loc[[disagrees(one) for one in beside[name]], "strategy"]
    return f"{measure.upper()}: {'; '.join(named.astype(str))}." if len(named) else ""
