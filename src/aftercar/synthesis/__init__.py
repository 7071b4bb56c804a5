"""Pooled proportions and survival, heterogeneity, ranking, bias and certainty. Numbers in, numbers out."""

from aftercar.synthesis.bayes import HierarchicalPosterior, Priors, pool_bayes, pool_hierarchical
from aftercar.synthesis.bayes_checks import check_cohorts, leave_one_out_best, vary_priors
from aftercar.synthesis.certainty import CertaintyRating, PooledEvidence, describe_evidence, rate_certainty
from aftercar.synthesis.confounding import EValue, bound_bias, find_e_value, find_reversals, spread_bias
from aftercar.synthesis.ranking import Ranking, rank_strategies
from aftercar.synthesis.risk_of_bias import BiasAssessment, CohortFeatures, judge_bias, load_bias_rules

__all__ = [
    "BiasAssessment",
    "CertaintyRating",
    "CohortFeatures",
    "EValue",
    "HierarchicalPosterior",
    "PooledEvidence",
    "Priors",
    "Ranking",
    "bound_bias",
    "check_cohorts",
    "describe_evidence",
    "find_e_value",
    "find_reversals",
    "judge_bias",
    "leave_one_out_best",
    "load_bias_rules",
    "pool_bayes",
    "pool_hierarchical",
    "rank_strategies",
    "rate_certainty",
    "spread_bias",
    "vary_priors",
]
