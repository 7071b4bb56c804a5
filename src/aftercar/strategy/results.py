"""What a comparison of strategies holds: every number that the table, the report and the JSON show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from aftercar.catalogue import Discrepancy, Strategy
from aftercar.evidence import Filters
from aftercar.foundation import DEFAULT_SEED, Manifest
from aftercar.synthesis.ranking import Identification
from aftercar.synthesis.results import PooledProportion

if TYPE_CHECKING:
    from aftercar.strategy.agreement import Simulated

RANK_LEVEL = 0.90
"""Level of intervals of ranks: a pair that is told apart at 95% lies outside of each other's tails of 5%."""
DISCLAIMER = (
    "For research and trial design only. Not medical advice; never for treating a patient. The figures come from small "
    "single-arm cohorts that were not randomised against one another: differences between strategies may be "
    "differences between patients."
)


@dataclass(frozen=True, slots=True)
class CompareSettings:
    """Everything that can move the result of a comparison.

    Attributes
    ----------
    level
        Level of all intervals, but for those of ranks (`RANK_LEVEL`).
    draws
        Posterior draws behind the ranking.
    evidence_directory, evidence_mode
        A user's own tables and whether they extend or replace the base.
    simulated_patients, simulated_sets, simulated_parameters
        Virtual patients and parameter sets behind the simulated half, and where the sets come from; 0 patients leaves
        it out.
    """

    filters: Filters = field(default_factory=Filters)
    level: float = 0.95
    draws: int = 20_000
    seed: int = DEFAULT_SEED
    evidence_directory: str = ""
    evidence_mode: str = "extend"
    simulated_patients: int = 0
    simulated_sets: int = 0
    simulated_parameters: str = "posterior"

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One domain of risk of bias: `level` is low, some or high; `reason` is the rule that gave it."""

    domain: str
    level: str
    reason: str


@dataclass(frozen=True, slots=True)
class CohortLine:
    """One cohort in a forest plot: its figure, its exact interval, its place in the pool or why it has none.

    `events` and `total` are None where the source gives a percentage alone. `status` is reported, computed, inferred,
    feasible or not_reported. All proportions are fractions of one.
    """

    cohort_id: str
    study: str
    therapy: str
    population: str
    design: str
    year: int | None
    line: str
    unit_of_analysis: str
    prior_bcma: str
    events: int | None
    total: int | None
    proportion: float | None
    ci_lb: float | None
    ci_ub: float | None
    status: str
    used: bool
    why_not_used: str
    risk_of_bias: tuple[Judgement, ...]
    overall_bias: str
    source_kind: str
    source_locator: str
    source_quote: str
    source_checked: str
    derivation: str
    note: str


@dataclass(frozen=True, slots=True)
class MedianLine:
    """A median time of one cohort, in months; limits are None where not given or not reached."""

    cohort_id: str
    study: str
    therapy: str
    measure: str
    median: float
    ci_lb: float | None
    ci_ub: float | None
    used: bool
    why_not_used: str
    source_locator: str
    source_quote: str


@dataclass(frozen=True, slots=True)
class MeasureResult:
    """All that is known of one proportion (ORR or CR) under one strategy.

    `pooled` is the hierarchical estimate shown in the table, None where no cohort can be pooled. `others` are the same
    cohorts pooled by other methods, by label; `refused` says by label why a method gives nothing.
    """

    measure: str
    pooled: PooledProportion | None
    others: Mapping[str, PooledProportion]
    refused: Mapping[str, str]
    cohorts: tuple[CohortLine, ...]


@dataclass(frozen=True, slots=True)
class FigureLine:
    """One figure of any measure as one source prints it, used or kept beside, for the table of sources.

    Proportions carry events, total and percent; times (months) and rates (%) carry estimate and limits.
    """

    cohort_id: str
    study: str
    therapy: str
    measure: str
    events: int | None
    total: int | None
    percent: float | None
    count_status: str
    estimate: float | None
    ci_lb: float | None
    ci_ub: float | None
    unit: str
    timepoint_months: float | None
    preferred: bool
    derivation: str
    source_kind: str
    source_locator: str
    source_quote: str
    source_checked: str


@dataclass(frozen=True, slots=True)
class FindingLine:
    """A result that is no proportion and no time, with its source."""

    finding_id: str
    topic: str
    statement: str
    events: int | None
    total: int | None
    source_locator: str
    source_quote: str


@dataclass(frozen=True, slots=True)
class PooledMedian:
    """A pooled median time in months, or a single cohort's own; `k` cohorts. Limits are None where not printed."""

    median: float
    ci_lb: float | None
    ci_ub: float | None
    k: int
    note: str


@dataclass(frozen=True, slots=True)
class CertaintyRating:
    """GRADE-like rating of the pooled ORR: `level` (moderate, low, very low) and what lowered it."""

    level: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RankSummary:
    """Where a strategy ranks in ORR among the ranked ones, from joint posterior draws; interval of `RANK_LEVEL`."""

    prob_best: float
    prob_top3: float
    mean_rank: float
    rank_lb: float
    rank_ub: float


@dataclass(frozen=True, slots=True)
class StrategyResult:
    """One row of the comparison. `figures` holds every printed figure of its cohorts, whatever the measure."""

    strategy: Strategy
    orr: MeasureResult
    cr: MeasureResult
    pfs: tuple[MedianLine, ...]
    pfs_pooled: PooledMedian | None
    certainty: CertaintyRating | None
    rank: RankSummary | None
    findings: tuple[FindingLine, ...]
    figures: tuple[FigureLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """The whole comparison.

    Attributes
    ----------
    sensitivity
        Columns ``analysis, strategy_id, k, total, estimate, ci_lb, ci_ub, prob_best``: the same question under other
        choices (strict prior exposure, reported counts only, other priors, other methods).
    confounding
        As `aftercar.synthesis.confounding.find_reversals`: how strong unmeasured confounding must be to undo each
        comparison with the strategy of highest ORR.
    method_card
        The choices made, by name.
    simulated
        The simulated half, where it was asked for (`simulate_strategies`); nothing else rests on it.
    identified
        Which order of the ranked strategies' ORR, by id, the evidence identifies; None where fewer than two are ranked.
    """

    settings: CompareSettings
    results: tuple[StrategyResult, ...]
    sensitivity: pd.DataFrame
    confounding: pd.DataFrame
    discrepancies: tuple[Discrepancy, ...]
    method_card: Mapping[str, str]
    notes: tuple[str, ...]
    manifest: Manifest
    simulated: Simulated | None = None
    identified: Identification | None = None
