"""Which strategy for whom: the comparison of salvage strategies on observed evidence."""

from aftercar.strategy.agreement import (
    SIMULATED_LEVEL,
    Simulated,
    add_ranks,
    list_simulated,
    set_beside,
    simulate_strategies,
)
from aftercar.strategy.compare import STAGES, compare_strategies
from aftercar.strategy.export import comparison_frame, comparison_to_dict, comparison_to_json, hash_result
from aftercar.strategy.results import (
    DISCLAIMER,
    RANK_LEVEL,
    CertaintyRating,
    CohortLine,
    CompareSettings,
    Comparison,
    FigureLine,
    FindingLine,
    Judgement,
    MeasureResult,
    MedianLine,
    PooledMedian,
    RankSummary,
    StrategyResult,
)
from aftercar.strategy.settings import USUAL_PATIENTS, USUAL_SETS, check_settings, command_of, settings_from_dict
from aftercar.strategy.tensions import ShownTension, TensionCandidate, TensionFigure, Tensions, list_tensions

__all__ = [
    "DISCLAIMER",
    "RANK_LEVEL",
    "SIMULATED_LEVEL",
    "STAGES",
    "USUAL_PATIENTS",
    "USUAL_SETS",
    "CertaintyRating",
    "CohortLine",
    "CompareSettings",
    "Comparison",
    "FigureLine",
    "FindingLine",
    "Judgement",
    "MeasureResult",
    "MedianLine",
    "PooledMedian",
    "RankSummary",
    "ShownTension",
    "Simulated",
    "StrategyResult",
    "TensionCandidate",
    "TensionFigure",
    "Tensions",
    "add_ranks",
    "check_settings",
    "command_of",
    "compare_strategies",
    "comparison_frame",
    "comparison_to_dict",
    "comparison_to_json",
    "hash_result",
    "list_simulated",
    "list_tensions",
    "set_beside",
    "settings_from_dict",
    "simulate_strategies",
]
