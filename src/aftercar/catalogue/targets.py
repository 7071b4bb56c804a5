"""What patients showed that a simulation can be held against: cellular kinetics, biomarkers, escape, response.

`targets/kinetic.csv` holds what a single line of therapy does in a patient; `targets/response.csv` holds how many
responded and how long it lasted. A row is one figure as one source prints it; two sources that differ are two rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from aftercar.catalogue._placed import Placed
from aftercar.catalogue.loading import load_base
from aftercar.catalogue.records import CHECKED, SOURCE_KINDS
from aftercar.foundation import Fault, InputError, column, hash_bytes
from aftercar.foundation.tables import load_table

_HERE = Path(__file__).parent / "targets"
TIMES = ("hour", "day", "month")
SHARES = ("%",)
# A quantity and the units in which a source may print it.
KINETIC_QUANTITIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "dose": ("cell", "cell/kg"),
        "t_max": TIMES, "c_max": ("copy/ug",), "c_last": ("copy/ug",), "t_last": TIMES,
        "t_below_quantification": TIMES, "half_life": TIMES, "doubling_time": TIMES, "persistence": TIMES,
        "auc_0_28": ("day*copy/ug",), "auc_0_180": ("day*copy/ug",), "auc_0_last": ("day*copy/ug",),
        "c_max_cells": ("cell/uL",), "auc_0_28_cells": ("day*cell/uL",), "lymphocyte_count": ("cell/uL",),
        "responder_ratio_c_max": ("1",), "responder_ratio_auc_0_28": ("1",), "detectable_share": SHARES,
        "sbcma_at": ("ng/mL", "nmol/L"), "sbcma_nadir": ("ng/mL", "nmol/L"), "sbcma_relapse_cut_off": ("ng/mL",),
        "sbcma_upper_normal": ("ng/mL",), "sbcma_half_life": TIMES, "sbcma_direction": ("1",),
        "m_protein_half_life": TIMES, "igg_half_life": TIMES, "iga_half_life": TIMES, "flc_half_life": TIMES,
        "flc_suppressed_share": SHARES, "bcma_positive_share": SHARES, "surface_bcma_fold": ("1",),
        "surface_bcma": ("molecule/cell",),
        "surface_bcma_direction": ("1",), "surface_bcma_rise_time": TIMES,
        "antigen_negative_share": SHARES, "antigen_loss_cases": ("patient",), "one_allele_lost_share": SHARES,
        "patients_profiled": ("patient",), "ada_share": SHARES,
        "b_cell_nadir_time": TIMES, "b_cell_recovery_time": TIMES, "b_cell_aplasia_time": TIMES,
        "plasma_cell_recovery_time": TIMES, "igg_recovery_time": TIMES,
        "relapse_incidence": SHARES, "time_to_relapse": TIMES,
    }
)  # fmt: skip
RESPONSE_QUANTITIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **dict.fromkeys(("ORR", "CR", "sCR", "VGPR", "PR", "MRD_negative", "MRD_negative_CR"), SHARES),
        **dict.fromkeys(("relapse_free", "progression_or_death"), SHARES),
        **dict.fromkeys(("PFS", "DOR", "OS", "time_to_response", "time_to_best_response", "time_to_CR"), TIMES),
        **dict.fromkeys(("PFS_rate", "DOR_rate", "OS_rate"), SHARES),
    }
)
STATISTICS = ("median", "mean", "geometric_mean", "range", "share", "count", "estimate", "target", "direction")
INTERVALS = ("ci95", "range", "iqr", "across_sources")
USES = ("compare", "input", "context")
UNITS = (
    "hour",
    "day",
    "month",
    "copy/ug",
    "day*copy/ug",
    "ng/mL",
    "nmol/L",
    "%",
    "1",
    "cell",
    "cell/kg",
    "cell/uL",
    "day*cell/uL",
    "patient",
    "molecule/cell",
)
_AT_A_TIME = ("sbcma_at", "flc_suppressed_share", "relapse_incidence", "PFS_rate", "DOR_rate", "OS_rate")
_ROUNDING = 0.6  # a percentage printed whole may stand half a point from its count, and a little more where cut off


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One figure of patients that a simulation can be held against.

    `low` to `high` is what `interval` names. `use` says whether a simulation yields the figure (compare), must be given
    it (input), or a reader needs it to judge the others (context).
    """

    target_id: str = column("id", "id of the target", required=True, key=True)
    therapy_id: str = column("id", "therapy of the catalogue; empty where the figure belongs to none")
    citation: str = column("id", "key in sources.bib of the work that reports it", required=True)
    population: str = column(
        "text", "product where the catalogue has none of its own, study and patients", required=True
    )
    quantity: str = column("id", "what was measured", required=True)
    statistic: str = column("choice", "which summary of the patients", required=True, choices=STATISTICS)
    value: float = column("number", "the figure in `unit`; a direction is 1 for up and -1 for down", required=True)
    low: float | None = column("number", "lower end of the interval")
    high: float | None = column("number", "upper end of the interval; empty where not reached")
    interval: str = column("choice", "what low and high are", choices=INTERVALS)
    sd: float | None = column("number", "standard deviation between patients", minimum=0)
    unit: str = column("choice", "unit of value, low, high and sd", required=True, choices=UNITS)
    timepoint_days: float | None = column("number", "days after infusion at which it was read", unit="day")
    follow_up_months: float | None = column("number", "median follow-up of the report", unit="month", minimum=0)
    events: int | None = column("count", "patients with it, where counted")
    n: int | None = column("count", "patients summarised", minimum=1)
    use: str = column("choice", "what the figure is for", required=True, choices=USES)
    kind: str = column("choice", "kind of page on which it was read", required=True, choices=SOURCE_KINDS)
    locator: str = column("text", "section of the review, URL, DOI or PMID", required=True)
    quote: str = column("text", "the words in which the figure stands", required=True)
    checked: str = column("choice", "against what the quote was read a second time", required=True, choices=CHECKED)
    note: str = column("text", "what a reader should know: conversions, conflicts, what is not said")


@dataclass(frozen=True, slots=True, kw_only=True)
class KineticTarget(Target):
    """A figure of cellular kinetics, a biomarker, antigen escape, immunogenicity or timing of one line of therapy."""

    quantity: str = column("choice", "what was measured", required=True, choices=tuple(KINETIC_QUANTITIES))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseTarget(Target):
    """A figure of response or durability of one line of therapy."""

    quantity: str = column("choice", "what was measured", required=True, choices=tuple(RESPONSE_QUANTITIES))


@dataclass(frozen=True, slots=True)
class Targets:
    """Every target by id, in the order of its file. `hash`: SHA-256 of the files read."""

    kinetic: Mapping[str, KineticTarget]
    response: Mapping[str, ResponseTarget]
    hash: str


def load_targets(directory: Path | None = None) -> Targets:
    """Load and check the targets.

    Parameters
    ----------
    directory
        A user's folder with ``kinetic.csv``, ``response.csv`` or both, laid over the built-in ones: a row with an id
        that is there replaces it. None gives the built-in targets.

    Raises
    ------
    InputError
        Every fault, with file, row and column.
    """
    roots = [_HERE] if directory is None else [_HERE, Path(directory)]
    if not roots[-1].is_dir():
        raise InputError(Fault(str(directory), "this is not a folder.", "Name a folder with kinetic.csv."))
    faults: list[Fault] = []
    files = {
        name: [root / name for root in roots if (root / name).exists()] for name in ("kinetic.csv", "response.csv")
    }
    kinetic = _stack(files["kinetic.csv"], KineticTarget, faults)
    response = _stack(files["response.csv"], ResponseTarget, faults)
    therapies = load_base().therapies
    for rows, units in ((kinetic, KINETIC_QUANTITIES), (response, RESPONSE_QUANTITIES)):
        for row in rows.values():
            faults.extend(_faults(row, therapies, units))
    if faults:
        raise InputError(faults)
    return Targets(
        kinetic=MappingProxyType({key: row.record for key, row in kinetic.items()}),
        response=MappingProxyType({key: row.record for key, row in response.items()}),
        hash=hash_bytes(
            *(part for paths in files.values() for p in paths for part in (p.name.encode(), p.read_bytes()))
        ),
    )


def _stack(files: list[Path], record: type[Target], faults: list[Fault]) -> dict[str, Placed]:
    rows: dict[str, Placed] = {}
    for path in files:
        table = load_table(path, record, faults=faults)
        for one, line in zip(table.rows, table.lines, strict=True):
            rows[one.target_id] = Placed(one, table.file, line)
    return rows


def _faults(row: Placed, therapies: Mapping[str, object], units: Mapping[str, tuple[str, ...]]) -> Iterator[Fault]:
    one: Target = row.record
    if one.therapy_id and one.therapy_id not in therapies:
        yield row.fault("therapy_id", f"'{one.therapy_id}' is no therapy.", "See `aftercar evidence therapies`.")
    if one.unit not in units[one.quantity]:
        mend = f"Use {' or '.join(units[one.quantity])}."
        yield row.fault("unit", f"{one.quantity} is not measured in {one.unit}.", mend)
    if one.quantity in _AT_A_TIME and one.timepoint_days is None:
        yield row.fault("timepoint_days", f"{one.quantity} needs the day on which it was read.", "Fill it in.")
    if (one.interval == "") != (one.low is None and one.high is None):
        yield row.fault("interval", "an interval needs its ends, and ends need its name.", "Fill in both or neither.")
    if (one.low is not None and one.low > one.value) or (one.high is not None and one.high < one.value):
        yield row.fault("value", f"{one.value:g} lies outside {one.low} to {one.high}.", "Correct value, low or high.")
    if one.statistic == "direction":
        if one.value not in {-1, 1}:
            yield row.fault("value", f"{one.value:g} is no direction.", "Write 1 for up, -1 for down.")
    elif one.value < 0 or (one.unit == "%" and one.value > 100):
        yield row.fault("value", f"{one.value:g} {one.unit} cannot be.", "Correct the value or its unit.")
    yield from _count_faults(row, one)


def _count_faults(row: Placed, one: Target) -> Iterator[Fault]:
    if one.events is None:
        return
    if one.n is None or one.events > one.n:
        yield row.fault("events", f"{one.events} of {one.n} cannot be.", "Give n, at least as large.")
    elif one.unit == "%" and abs(one.value - 100 * one.events / one.n) > _ROUNDING:
        share = 100 * one.events / one.n
        yield row.fault("value", f"{one.value:g}% is not {one.events}/{one.n} = {share:.1f}%.", "Correct one of them.")
