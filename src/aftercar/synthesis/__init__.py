"""Pooled proportions and survival, heterogeneity, ranking, bias and certainty. Numbers in, numbers out."""

from aftercar.synthesis.bayes import HierarchicalPosterior, Priors, pool_bayes, pool_hierarchical
from aftercar.synthesis.bayes_checks import check_cohorts, leave_one_out_best, vary_priors
from aftercar.synthesis.certainty import CertaintyRating, PooledEvidence, describe_evidence, rate_certainty
from aftercar.synthesis.confounding import EValue, bound_bias, find_e_value, find_reversals, spread_bias
from aftercar.synthesis.digitised import DigitisedCurve, clean_digitised_curve
from aftercar.synthesis.kaplan_meier import SurvivalCurve, fit_kaplan_meier, survival_at
from aftercar.synthesis.medians import PooledMedian, pool_medians
from aftercar.synthesis.ranking import Ranking, rank_strategies
from aftercar.synthesis.reconstruction import ReconstructedData, reconstruct_individual_data
from aftercar.synthesis.risk_of_bias import BiasAssessment, CohortFeatures, judge_bias, load_bias_rules
from aftercar.synthesis.summary_curve import SummarySurvivalCurve, pool_survival_curves, tabulate_survival
from aftercar.synthesis.survival_comparison import HazardRatio, LogRank, fit_hazard_ratio, log_rank
from aftercar.synthesis.survival_pooling import (
    OneStageCurve,
    PooledRestrictedMean,
    largest_common_horizon,
    pool_patients,
    pool_restricted_means,
)
from aftercar.synthesis.survival_summaries import (
    RestrictedMean,
    RestrictedMeanDifference,
    SurvivalQuantile,
    median_survival,
    restricted_mean,
    restricted_mean_difference,
    reverse_kaplan_meier,
    survival_quantile,
)

__all__ = [
    "BiasAssessment",
    "CertaintyRating",
    "CohortFeatures",
    "DigitisedCurve",
    "EValue",
    "HazardRatio",
    "HierarchicalPosterior",
    "LogRank",
    "OneStageCurve",
    "PooledEvidence",
    "PooledMedian",
    "PooledRestrictedMean",
    "Priors",
    "Ranking",
    "ReconstructedData",
    "RestrictedMean",
    "RestrictedMeanDifference",
    "SummarySurvivalCurve",
    "SurvivalCurve",
    "SurvivalQuantile",
    "bound_bias",
    "check_cohorts",
    "clean_digitised_curve",
    "describe_evidence",
    "find_e_value",
    "find_reversals",
    "fit_hazard_ratio",
    "fit_kaplan_meier",
    "judge_bias",
    "largest_common_horizon",
    "leave_one_out_best",
    "load_bias_rules",
    "log_rank",
    "median_survival",
    "pool_bayes",
    "pool_hierarchical",
    "pool_medians",
    "pool_patients",
    "pool_restricted_means",
    "pool_survival_curves",
    "rank_strategies",
    "rate_certainty",
    "reconstruct_individual_data",
    "restricted_mean",
    "restricted_mean_difference",
    "reverse_kaplan_meier",
    "spread_bias",
    "survival_at",
    "survival_quantile",
    "tabulate_survival",
    "vary_priors",
]
