"""Running a virtual trial: the first treatment once, then every arm from the same relapsed patients.

Patients are simulated in blocks. A block hangs on nothing but the plan, the seed and the patients' numbers, so that
blocks can be run in any order, on any machine, and joined to the same bits.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr

from aftercar.catalogue.model_data import ModelData, load_model_data
from aftercar.catalogue.populations import Population, load_populations
from aftercar.engine import IntegrationWarning
from aftercar.foundation import Fault, InputError, draw_stream
from aftercar.foundation.threads import run_on_threads
from aftercar.model import structure_for
from aftercar.patients.draws import score_patients
from aftercar.patients.parameter_choice import Parameters, choose_sets
from aftercar.trials.cohort import Cohort, Conduct
from aftercar.trials.entry import FirstTreatment, enter, find_first_treatments, number_patients
from aftercar.trials.plan import TrialPlan, list_paths
from aftercar.trials.strategy import Follower, Strategy, end_of_follow_up
from aftercar.trials.tables import TABLES, TrialTables, set_types

# Patients of a block: enough to fill vectors, few enough that two processors share a small trial.
_SMALLEST_BLOCK, _LARGEST_BLOCK, _BLOCKS = 32, 512, 4
# A trial larger than this keeps outcomes alone: its visits would fill memory and disk.
MOST_DETAILED = 20_000


@dataclass(frozen=True)
class Prepared:
    """A plan ready to run: everything that a block needs."""

    plan: TrialPlan
    firsts: tuple[FirstTreatment, ...]
    strategies: tuple[Strategy, ...]
    conduct: Conduct
    numbers: npt.NDArray[np.int64]
    per_block: int

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return -(-len(self.numbers) // self.per_block)

    def patients_of(self, block: int) -> npt.NDArray[np.int64]:
        """Return the numbers of a block's patients."""
        return self.numbers[block * self.per_block : (block + 1) * self.per_block]


@dataclass(frozen=True)
class Block:
    """What a block gave: rows of the index treatment and of all tables."""

    index: pd.DataFrame
    tables: TrialTables


@dataclass(frozen=True)
class Trial:
    """A virtual trial that was run. Every figure is simulated.

    `index`: one row per patient with the first treatment, columns as the table `lines`, days from its day 0.
    """

    plan: TrialPlan
    index: pd.DataFrame
    tables: TrialTables


def prepare_trial(
    plan: TrialPlan,
    *,
    seed: int,
    sets: int = 0,
    parameters: Parameters = "posterior",
    data: ModelData | None = None,
    populations: Mapping[str, Population] | None = None,
    per_block: int | None = None,
) -> Prepared:
    """Resolve a plan: who, which lines, which slots.

    Parameters
    ----------
    sets
        Number of sets of population parameters that patients belong to in turn; 0 is the catalogue's typical values.
    parameters
        Where the sets come from: see `aftercar.patients.parameter_choice.choose_sets`.
    per_block
        Patients of a block; results do not depend on it.

    Raises
    ------
    InputError
        A name that leads nowhere, or a population that hardly any candidate fits.
    """
    data = data or load_model_data()
    known = populations or load_populations()
    firsts = find_first_treatments(plan.population, plan.first, plan.index_days, known)
    strategies = plan.strategies
    paths = [path for arm in strategies for path in list_paths(arm)]
    structure = structure_for([[*one.plan, *path] for one in firsts for path in paths], days=plan.days, data=data)
    later = {one.therapy for path in paths for one in path}
    later -= {treatment.therapy for one in firsts for treatment in one.plan}
    drawn = choose_sets(
        parameters, sets, seed=seed, data=data, populations=known, bases=[one.population for one in firsts],
        therapies=sorted(later),
    )  # fmt: skip
    conduct = Conduct(
        seed, data, structure, criteria=plan.criteria, washout_days=plan.washout_days,
        drop_out_per_year=plan.drop_out_per_year, sets=drawn, details=plan.patients * len(plan.arms) <= MOST_DETAILED,
    )  # fmt: skip
    numbers = number_patients(firsts, n=plan.patients, seed=seed, data=data, sets=drawn)
    size = per_block or int(np.clip(-(-plan.patients // _BLOCKS), _SMALLEST_BLOCK, _LARGEST_BLOCK))
    return Prepared(plan, firsts, strategies, conduct, numbers, size)


def run_trial(
    plan: TrialPlan,
    *,
    seed: int,
    sets: int = 0,
    parameters: Parameters = "posterior",
    data: ModelData | None = None,
    populations: Mapping[str, Population] | None = None,
    workers: int | None = None,
    advance: Callable[[int], None] = lambda n: None,
) -> Trial:
    """Run a virtual trial in memory.

    Parameters
    ----------
    sets, parameters
        As `prepare_trial`.
    workers
        Threads; by default one for each processor. Results do not depend on it.
    advance
        Called with the number of patients done: those of the first treatment, then as many for each arm.

    Raises
    ------
    InputError
        Nobody relapses, or a therapy cannot be given.
    """
    prepared = prepare_trial(plan, seed=seed, sets=sets, parameters=parameters, data=data, populations=populations)
    blocks = dict(run_blocks(prepared, range(prepared.blocks), workers=workers, advance=advance))
    return join_blocks(plan, [blocks[k] for k in sorted(blocks)])


def run_blocks(
    prepared: Prepared, blocks: Sequence[int], *, workers: int | None = None,
    advance: Callable[[int], None] = lambda n: None,
) -> Iterator[tuple[int, Block]]:  # fmt: skip
    """Run blocks over threads; yield each with its number as it is done, so that none need wait for another."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IntegrationWarning)  # counted in the tables
        yield from run_on_threads(lambda block: run_block(prepared, block, advance), blocks, workers=workers)


def run_block(prepared: Prepared, block: int, advance: Callable[[int], None] = lambda n: None) -> Block:
    """Give a block of patients the first treatment, and those who progress every arm."""
    plan, numbers = prepared.plan, prepared.patients_of(block)
    entered = enter(prepared.firsts, numbers, prepared.conduct)
    advance(len(numbers))
    subjects = entered.subjects.assign(calendar_day=_calendar(plan, entered.subjects, prepared.conduct.seed))
    last = np.full(len(subjects), plan.days)
    if plan.cut_off_day is not None:
        last = np.minimum(last, plan.cut_off_day - subjects["calendar_day"].to_numpy())
    ids = subjects["patient"].to_numpy(dtype=np.int64) if len(subjects) else np.array([], dtype=np.int64)
    follower = Follower(prepared.conduct, end_of_follow_up(ids.tolist(), last))
    allocated = allocate(prepared, block)
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    parts["subjects"].append(subjects)
    parts["clones"].append(entered.clones)
    for k, strategy in enumerate(prepared.strategies):
        for cohort in entered.cohorts:
            mine = _of_arm(cohort, numbers, allocated, k)
            if len(mine):
                for name, table in follower.follow(strategy, mine).items():
                    parts[name].append(table)
        advance(len(numbers))
    return Block(entered.index, _join_tables(parts, [arm.name for arm in plan.arms]))


def allocate(prepared: Prepared, block: int) -> npt.NDArray[np.int64] | None:
    """Return the arm of each of a block's patients by permuted blocks; None where every patient is in every arm.

    Who will progress is not known yet: arms are balanced among those with the first treatment.
    """
    plan = prepared.plan
    if plan.design == "paired":
        return None
    one = np.repeat(np.arange(len(plan.arms)), [arm.ratio for arm in plan.arms])
    first, n = block * prepared.per_block, len(prepared.patients_of(block))
    rounds = range(first // len(one), (first + n - 1) // len(one) + 1)
    drawn = [draw_stream(prepared.conduct.seed, "allocation", str(k)).permutation(one) for k in rounds]
    skipped = first % len(one)
    return np.concatenate(drawn)[skipped : skipped + n]


def _of_arm(
    cohort: Cohort, numbers: npt.NDArray[np.int64], allocated: npt.NDArray[np.int64] | None, arm: int
) -> Cohort:
    if allocated is None:
        return cohort
    mine = numbers[allocated == arm]
    return cohort.select(np.flatnonzero(np.isin(cohort.ids, mine)))


def _calendar(plan: TrialPlan, subjects: pd.DataFrame, seed: int) -> npt.NDArray[np.float64]:
    if plan.accrual_days == 0 or not len(subjects):
        return np.zeros(len(subjects))
    ids = subjects["patient"].to_numpy(dtype=np.int64)
    return np.asarray(np.floor(plan.accrual_days * ndtr(score_patients("day of entry", ids, seed=seed))))


def join_blocks(plan: TrialPlan, blocks: Sequence[Block]) -> Trial:
    """Return the trial of all its blocks, in the order of patients.

    Raises
    ------
    InputError
        Nobody progressed.
    """
    index = pd.concat([block.index for block in blocks], ignore_index=True)
    check_entered(plan, treated=len(index), entered=sum(len(block.tables.subjects) for block in blocks))
    parts = {name: [getattr(block.tables, name) for block in blocks] for name in TABLES}
    return Trial(plan, index, _join_tables(parts, [arm.name for arm in plan.arms]))


def check_entered(plan: TrialPlan, *, treated: int, entered: int) -> None:
    """Raise InputError if nobody progressed."""
    if not entered:
        found = f"none of {treated} patients progresses within the days given."
        raise InputError(Fault(plan.name, found, "Follow longer, or simulate more patients."))


def _join_tables(parts: Mapping[str, Sequence[pd.DataFrame]], arms: Sequence[str]) -> TrialTables:
    """Join tables and put rows in order: by arm as in the plan, then by patient."""
    order = {arm: k for k, arm in enumerate(["", *arms])}
    tables = {}
    for name, columns in TABLES.items():
        found = [part for part in parts[name] if len(part)]
        table = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(columns))
        table = table[[*columns, *(c for c in table if c not in columns and name == "subjects")]]
        place = table["arm"].map(order).to_numpy() if "arm" in table else np.zeros(len(table))
        rows = np.lexsort((np.arange(len(table)), table["patient"].to_numpy(dtype=np.int64), place))
        tables[name] = set_types(name, table.iloc[rows].reset_index(drop=True))
    return TrialTables(**tables)
