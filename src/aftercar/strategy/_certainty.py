"""The certainty of a strategy's pooled ORR, from the bias of its cohorts and the width of its intervals."""

from __future__ import annotations

from aftercar.catalogue import EvidenceBase
from aftercar.evidence import Selection
from aftercar.foundation import NotPoolableError
from aftercar.strategy._cohort_lines import assess_bias
from aftercar.strategy.results import CertaintyRating
from aftercar.synthesis.certainty import describe_evidence, rate_certainty
from aftercar.synthesis.results import PooledProportion
from aftercar.synthesis.small_study import assess_peters


def rate_strategy(base: EvidenceBase, selection: Selection, pooled: PooledProportion | None) -> CertaintyRating | None:
    """Return the rating of the pooled ORR with every reason that lowered it; None where nothing is pooled."""
    used = selection.used
    if pooled is None or not used:
        return None
    totals = [one.total for one in used]
    evidence = describe_evidence(
        [assess_bias(base, one.cohort, one.outcome, one.status, one.total) for one in used],
        totals,
        ci=(pooled.ci_lb, pooled.ci_ub),
        pi=None if pooled.pi_lb is None or pooled.pi_ub is None else (pooled.pi_lb, pooled.pi_ub),
        small_study_p=_small_study([one.events for one in used], totals),
    )
    rating = rate_certainty(evidence)
    reasons = tuple(f"{concern.domain}: {concern.reason}" for concern in rating.concerns)
    return CertaintyRating(rating.level, reasons or ("no domain was marked down",))


def _small_study(events: list[int], totals: list[int]) -> float | None:
    try:
        return assess_peters(events, totals).p_value
    except NotPoolableError:
        return None  # too few cohorts for a test, as the rating then says
