"""Checks across the tables: references resolve, counts fit one another, percentages agree with counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from aftercar.catalogue._placed import Placed
from aftercar.catalogue.counts import parse_counts, prints_as
from aftercar.catalogue.records import MEDIANS, PROPORTIONS, RATES, Cohort, Outcome
from aftercar.foundation import Fault

Tables = Mapping[str, Sequence[Placed]]


def check_tables(
    tables: Tables, therapies: Sequence[Placed], strategies: Sequence[Placed], faults: list[Fault]
) -> None:
    """Append to `faults` all that is wrong between rows and tables."""
    known = {
        "study_id": {row.record.study_id for row in tables["studies"]},
        "cohort_id": {row.record.cohort_id for row in tables["cohorts"]},
        "source_id": {row.record.source_id for row in tables["sources"]},
        "therapy_id": {row.record.therapy_id for row in therapies},
    }
    for name in ("cohorts", "outcomes", "sources", "findings", "discrepancies"):
        faults.extend(_unresolved(name, tables[name], known))
    for row in tables["cohorts"]:
        faults.extend(_cohort_faults(row, tables["cohorts"]))
    cohorts = {row.record.cohort_id: row.record for row in tables["cohorts"]}
    for row in tables["outcomes"]:
        faults.extend(_outcome_faults(row, cohorts.get(row.record.cohort_id)))
    faults.extend(_circle_faults(tables["cohorts"], cohorts))
    faults.extend(_preference_faults(tables["outcomes"]))
    faults.extend(_nesting_faults(tables["outcomes"]))
    faults.extend(_strategy_faults(therapies, strategies))


def _unresolved(name: str, rows: Iterable[Placed], known: Mapping[str, set[str]]) -> Iterable[Fault]:
    own = {"cohorts": "cohort_id", "sources": "source_id"}.get(name)
    tables = {"study_id": "studies.csv", "cohort_id": "cohorts.csv", "source_id": "sources.csv"}
    for row in rows:
        for field, ids in known.items():
            value = getattr(row.record, field, "")
            if field != own and value and value not in ids:
                where = tables.get(field, "the therapies (see `aftercar evidence therapies`)")
                yield row.fault(
                    field, f"'{value}' is not in {where}.", "Correct the id, or add the entry that it names."
                )
        if name == "cohorts" and row.record.superseded_by and row.record.superseded_by not in known["cohort_id"]:
            yield row.fault("superseded_by", f"'{row.record.superseded_by}' is not in cohorts.csv.", "Correct the id.")
        for cohort_id in getattr(row.record, "cohort_ids", ()):
            if cohort_id not in known["cohort_id"]:
                yield row.fault("cohort_ids", f"'{cohort_id}' is not in cohorts.csv.", "Correct the id.")


def _cohort_faults(row: Placed, rows: Sequence[Placed]) -> Iterable[Fault]:
    cohort: Cohort = row.record
    treated, evaluable, exposed = cohort.n_treated, cohort.n_evaluable, cohort.n_prior_bcma_cart
    if treated is not None and evaluable is not None and evaluable > treated:
        yield row.fault(
            "n_evaluable", f"{evaluable} exceeds n_treated = {treated}.", "Nobody is evaluable who was not treated."
        )
    if treated is not None and exposed is not None and exposed > treated:
        yield row.fault(
            "n_prior_bcma_cart", f"{exposed} exceeds n_treated = {treated}.", "Count only patients of this cohort."
        )
    if cohort.prior_bcma == "bcma_cart" and treated is not None and exposed is not None and exposed < treated:
        yield row.fault(
            "prior_bcma",
            f"'bcma_cart' says that all had BCMA CAR-T, but n_prior_bcma_cart is {exposed} of {treated}.",
            "Use 'bcma_any', 'cart' or 'mixed', or correct the number.",
        )
    if cohort.overlap_part and not cohort.overlap_family:
        yield row.fault("overlap_part", "a part is given without a family.", "Fill in overlap_family.")
    if cohort.superseded_by == cohort.cohort_id:
        yield row.fault("superseded_by", "the cohort supersedes itself.", "Name the later cohort.")
    later = next((other.record for other in rows if other.record.cohort_id == cohort.superseded_by), None)
    if later is not None and not set(later.overlap_family) & set(cohort.overlap_family):
        yield row.fault(
            "superseded_by",
            f"'{later.cohort_id}' names no common overlap_family.",
            "Cohorts of the same patients belong to one family.",
        )


def _circle_faults(rows: Sequence[Placed], cohorts: Mapping[str, Cohort]) -> Iterable[Fault]:
    """A chain of later reports must end: each names a later one, and the last names none."""
    for row in rows:
        seen = {row.record.cohort_id}
        later = cohorts.get(row.record.superseded_by)
        while later is not None and later.cohort_id not in seen:
            seen.add(later.cohort_id)
            later = cohorts.get(later.superseded_by)
        if later is not None and len(seen) > 1:
            yield row.fault("superseded_by", "the later reports run in a circle.", "Leave it empty in the last one.")


def _outcome_faults(row: Placed, cohort: Cohort | None) -> Iterable[Fault]:
    outcome: Outcome = row.record
    if outcome.measure in PROPORTIONS:
        yield from _proportion_faults(row, outcome, cohort)
    else:
        yield from _estimate_faults(row, outcome)
    low, high = outcome.ci_lb, outcome.ci_ub
    if low is not None and high is not None and low > high:
        yield row.fault("ci_lb", f"the lower limit {low:g} exceeds the upper limit {high:g}.", "Exchange them.")
    if (low is not None or high is not None) and outcome.ci_level is None:
        yield row.fault("ci_level", "an interval is given without its level.", "Write 95 for a 95% interval.")


def _proportion_faults(row: Placed, outcome: Outcome, cohort: Cohort | None) -> Iterable[Fault]:
    events, total = outcome.events, outcome.total
    if not outcome.count_status:
        yield row.fault("count_status", "the cell is empty.", "Say where the counts come from: reported, computed ...")
    if (events is None) != (total is None):
        yield row.fault(
            "events" if events is None else "total", "events and total go together.", "Give both or neither."
        )
    if events is None and outcome.percent is None:
        yield row.fault("percent", "there is neither a count nor a percentage.", "Give at least one.")
    if events is None and outcome.count_status not in {"", "not_reported"}:
        yield row.fault("count_status", f"'{outcome.count_status}' without counts.", "Write not_reported.")
    if outcome.count_status in {"computed", "inferred"} and not outcome.derivation:
        yield row.fault("derivation", f"{outcome.count_status} counts need their reasoning.", "Say how they follow.")
    if events is not None and total is not None:
        yield from _count_faults(row, outcome, events, total, cohort)
    try:
        counts = parse_counts(outcome.feasible_counts)
    except ValueError as error:
        yield row.fault("feasible_counts", f"{error}.", "Write pairs parted by semicolons, e.g. 2/3;4/6.")
        return
    for number, whole in counts:
        if outcome.percent is not None and not prints_as(number, whole, outcome.percent):
            yield row.fault(
                "feasible_counts", f"{number}/{whole} does not print as {outcome.percent:g}%.", "Delete or correct it."
            )


def _count_faults(row: Placed, outcome: Outcome, events: int, total: int, cohort: Cohort | None) -> Iterable[Fault]:
    if events > total:
        yield row.fault(
            "events",
            f"{events} exceeds total = {total}.",
            "Responders cannot outnumber the evaluable; check the source.",
        )
        return
    if outcome.count_status == "not_reported":
        yield row.fault("count_status", "'not_reported' beside counts.", "Say where the counts come from.")
    if outcome.percent is not None and not prints_as(events, total, outcome.percent):
        yield row.fault(
            "percent",
            f"{outcome.percent:g}% does not agree with {events}/{total} = {100 * events / total:.1f}%.",
            "Correct the counts or the percentage; if the source contradicts itself, leave percent empty and say so.",
        )
    limit = (cohort.n_treated if cohort.n_treated is not None else cohort.n_evaluable) if cohort else None
    if limit is not None and total > limit:
        yield row.fault("total", f"{total} exceeds the {limit} patients of the cohort.", "Check the denominator.")


def _estimate_faults(row: Placed, outcome: Outcome) -> Iterable[Fault]:
    kind = "median" if outcome.measure in MEDIANS else "rate"
    wanted = "months" if kind == "median" else "%"
    if outcome.estimate is None and outcome.ci_lb is None:
        yield row.fault("estimate", f"a {kind} is missing.", f"Give the {kind} in {wanted}.")
    if outcome.unit != wanted:
        yield row.fault("unit", f"'{outcome.unit}' does not fit a {kind}.", f"Write {wanted}.")
    if outcome.events is not None or outcome.percent is not None:
        yield row.fault("events", f"counts stand beside a {kind}.", "Use estimate, ci_lb and ci_ub for it.")
    if outcome.measure in RATES and outcome.timepoint_months is None:
        yield row.fault("timepoint_months", "a rate needs its time.", "Give the months at which it is read.")
    if outcome.measure in RATES and outcome.estimate is not None and outcome.estimate > 100:
        yield row.fault("estimate", f"{outcome.estimate:g}% is above 100%.", "Give a percentage.")
    inside = (outcome.ci_lb is None or outcome.estimate is None or outcome.ci_lb <= outcome.estimate) and (
        outcome.ci_ub is None or outcome.estimate is None or outcome.estimate <= outcome.ci_ub
    )
    if not inside:
        yield row.fault("estimate", "the interval excludes its own estimate.", "Check the source; record both if so.")


def _preference_faults(rows: Sequence[Placed]) -> Iterable[Fault]:
    groups: dict[tuple[str, str, float | None], list[Placed]] = defaultdict(list)
    for row in rows:
        outcome: Outcome = row.record
        time = outcome.timepoint_months if outcome.measure in RATES else None
        groups[(outcome.cohort_id, outcome.measure, time)].append(row)
    for (cohort_id, measure, _), group in groups.items():
        chosen = [row for row in group if row.record.preferred == "yes"]
        if len(chosen) != 1:
            yield group[-1].fault(
                "preferred",
                f"{len(chosen)} rows of {measure} of cohort '{cohort_id}' are preferred.",
                "Mark exactly one of the sources with yes.",
            )


def _nesting_faults(rows: Sequence[Placed]) -> Iterable[Fault]:
    """Deeper responses are part of shallower ones, on the same patients."""
    chains = (("sCR", "CR"), ("CR", "VGPR"), ("CR", "ORR"), ("sCR", "ORR"), ("VGPR", "ORR"), ("ORR", "CBR"))
    counts: dict[tuple[str, str, int], Placed] = {}
    for row in rows:
        if row.record.events is not None and row.record.total is not None and row.record.preferred == "yes":
            counts[(row.record.cohort_id, row.record.measure, row.record.total)] = row
    for (cohort_id, measure, total), row in counts.items():
        for deep, shallow in chains:
            other = counts.get((cohort_id, shallow, total))
            if measure == deep and other is not None and row.record.events > other.record.events:
                yield row.fault(
                    "events",
                    f"{row.record.events} with {deep} exceed {other.record.events} with {shallow} (row {other.line}).",
                    f"{deep} is counted within {shallow}; VGPR and CBR mean 'or better'.",
                )


def _strategy_faults(therapies: Sequence[Placed], strategies: Sequence[Placed]) -> Iterable[Fault]:
    classes = {row.record.strategy_class for row in therapies}
    owner: dict[str, str] = {}
    for row in strategies:
        for name in row.record.classes:
            if name not in classes:
                yield row.fault(row.record.strategy_id, f"no therapy has the class '{name}'.", "Correct the class.")
            if name in owner:
                yield row.fault(
                    row.record.strategy_id,
                    f"the class '{name}' belongs already to '{owner[name]}'.",
                    "Give each class to one strategy, so that no cohort counts twice.",
                )
            owner[name] = row.record.strategy_id
