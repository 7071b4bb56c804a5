"""Pooled proportions and survival, heterogeneity, ranking, bias and certainty. Numbers in, numbers out."""

from aftercar.synthesis.bayes import HierarchicalPosterior, Priors, pool_bayes, pool_hierarchical
from aftercar.synthesis.bayes_checks import check_cohorts, leave_one_out_best, vary_priors
from aftercar.synthesis.certainty import CertaintyRating, PooledEvidence, describe_evidence, rate_certainty
from aftercar.synthesis.competing_risks import fit_cumulative_incidence
from aftercar.synthesis.confounding import EValue, bound_bias, find_e_value, find_reversals, spread_bias
from aftercar.synthesis.cox import CoxFit, check_proportionality, fit_cox
from aftercar.synthesis.digitised import DigitisedCurve, clean_digitised_curve
from aftercar.synthesis.effects import ProportionEffects, back_transform, compute_effects
from aftercar.synthesis.exact import CohortProportion, estimate_proportion
from aftercar.synthesis.influence import leave_one_out, leave_one_out_effects, measure_influence, pool_cumulatively
from aftercar.synthesis.inverse_variance import pool_inverse_variance
from aftercar.synthesis.kaplan_meier import SurvivalCurve, fit_kaplan_meier, survival_at
from aftercar.synthesis.medians import PooledMedian, pool_medians
from aftercar.synthesis.meta_regression import (
    MetaRegression,
    fit_meta_regression,
    predict_meta_regression,
    regress_proportions,
)
from aftercar.synthesis.method_panel import method_panel
from aftercar.synthesis.pooling import pool_proportions
from aftercar.synthesis.predictive_counts import mix_binomials, predict_new_cohort, predict_new_cohort_in
from aftercar.synthesis.ranking import Identification, Ranking, identify_order, rank_strategies
from aftercar.synthesis.reconstruction import ReconstructedData, reconstruct_individual_data
from aftercar.synthesis.results import Heterogeneity, PooledEffect, PooledProportion
from aftercar.synthesis.risk_of_bias import BiasAssessment, CohortFeatures, judge_bias, load_bias_rules
from aftercar.synthesis.scores import (
    ScoreDifference,
    compare_scores,
    count_coverage,
    crps,
    interval_of,
    log_score,
    pit_range,
)
from aftercar.synthesis.small_study import AsymmetryTest, assess_asymmetry, assess_begg, assess_egger, assess_peters
from aftercar.synthesis.subgroups import SubgroupComparison, pool_subgroups
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
    influence_on_restricted_mean,
    median_survival,
    restricted_mean,
    restricted_mean_difference,
    reverse_kaplan_meier,
    survival_quantile,
)
from aftercar.synthesis.tau2 import estimate_tau2, interval_tau2
from aftercar.synthesis.trim_and_fill import TrimAndFill, fill_funnel

__all__ = [
    "AsymmetryTest",
    "BiasAssessment",
    "CertaintyRating",
    "CohortFeatures",
    "CohortProportion",
    "CoxFit",
    "DigitisedCurve",
    "EValue",
    "HazardRatio",
    "Heterogeneity",
    "HierarchicalPosterior",
    "Identification",
    "LogRank",
    "MetaRegression",
    "OneStageCurve",
    "PooledEffect",
    "PooledEvidence",
    "PooledMedian",
    "PooledProportion",
    "PooledRestrictedMean",
    "Priors",
    "ProportionEffects",
    "Ranking",
    "ReconstructedData",
    "RestrictedMean",
    "RestrictedMeanDifference",
    "ScoreDifference",
    "SubgroupComparison",
    "SummarySurvivalCurve",
    "SurvivalCurve",
    "SurvivalQuantile",
    "TrimAndFill",
    "assess_asymmetry",
    "assess_begg",
    "assess_egger",
    "assess_peters",
    "back_transform",
    "bound_bias",
    "check_cohorts",
    "check_proportionality",
    "clean_digitised_curve",
    "compare_scores",
    "compute_effects",
    "count_coverage",
    "crps",
    "describe_evidence",
    "estimate_proportion",
    "estimate_tau2",
    "fill_funnel",
    "find_e_value",
    "find_reversals",
    "fit_cox",
    "fit_cumulative_incidence",
    "fit_hazard_ratio",
    "fit_kaplan_meier",
    "fit_meta_regression",
    "identify_order",
    "influence_on_restricted_mean",
    "interval_of",
    "interval_tau2",
    "judge_bias",
    "largest_common_horizon",
    "leave_one_out",
    "leave_one_out_best",
    "leave_one_out_effects",
    "load_bias_rules",
    "log_rank",
    "log_score",
    "measure_influence",
    "median_survival",
    "method_panel",
    "mix_binomials",
    "pit_range",
    "pool_bayes",
    "pool_cumulatively",
    "pool_hierarchical",
    "pool_inverse_variance",
    "pool_medians",
    "pool_patients",
    "pool_proportions",
    "pool_restricted_means",
    "pool_subgroups",
    "pool_survival_curves",
    "predict_meta_regression",
    "predict_new_cohort",
    "predict_new_cohort_in",
    "rank_strategies",
    "rate_certainty",
    "reconstruct_individual_data",
    "regress_proportions",
    "restricted_mean",
    "restricted_mean_difference",
    "reverse_kaplan_meier",
    "spread_bias",
    "survival_at",
    "survival_quantile",
    "tabulate_survival",
    "vary_priors",
]
