"""The comparison as a whole: every row, its arithmetic held against the parts, the same bits for the same seed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.end_to_end.malformed import write_good

from aftercar.catalogue import EvidenceBase, load_base
from aftercar.evidence import Filters
from aftercar.foundation import InputError
from aftercar.strategy import (
    STAGES,
    USUAL_PATIENTS,
    USUAL_SETS,
    CompareSettings,
    Comparison,
    command_of,
    compare_strategies,
    comparison_frame,
    comparison_to_json,
    hash_result,
    settings_from_dict,
)
from aftercar.synthesis.pooling import pool_proportions

FEW = CompareSettings(draws=4_000)


@pytest.fixture(scope="module")
def base() -> EvidenceBase:
    return load_base()


@pytest.fixture(scope="module")
def comparison(base: EvidenceBase) -> Comparison:
    return compare_strategies(base, FEW)


def test_every_strategy_of_the_issue_has_a_row_in_order(comparison: Comparison) -> None:
    ranked = [row.strategy.strategy_id for row in comparison.results if row.strategy.ranked]
    assert ranked[:5] == [
        "second_bcma_cart_same", "second_bcma_cart_other", "gprc5d_cart", "dual_target_cart", "bcma_bsab",
    ]  # fmt: skip
    assert len(ranked) == 21


def test_probabilities_of_being_best_sum_to_one_over_ranked_strategies_with_data(comparison: Comparison) -> None:
    best = [row.rank.prob_best for row in comparison.results if row.rank]
    assert sum(best) == pytest.approx(1, abs=1e-9)
    assert sum(row.rank.prob_top3 for row in comparison.results if row.rank) == pytest.approx(3, abs=1e-9)
    assert all(row.rank is None for row in comparison.results if not row.strategy.ranked or row.orr.pooled is None)


def test_intervals_contain_estimates_and_stay_inside_zero_and_one(comparison: Comparison) -> None:
    for row in comparison.results:
        for result in (row.orr, row.cr):
            for pooled in (result.pooled, *result.others.values()):
                if pooled is None:
                    continue
                assert 0 <= pooled.ci_lb <= pooled.estimate <= pooled.ci_ub <= 1
                if pooled.pi_lb is not None and pooled.pi_ub is not None:
                    assert 0 <= pooled.pi_lb <= pooled.pi_ub <= 1


def test_the_other_methods_see_the_same_cohorts(comparison: Comparison) -> None:
    row = next(row for row in comparison.results if row.strategy.strategy_id == "gprc5d_cart")
    used = [line for line in row.orr.cohorts if line.used]
    assert [(line.events, line.total) for line in used] == [(7, 10), (5, 5), (21, 28)]
    again = pool_proportions([7, 5, 21], [10, 5, 28], method="glmm")
    assert row.orr.others["GLMM, maximum likelihood"].estimate == pytest.approx(again.estimate, rel=1e-12)
    assert row.orr.pooled is not None
    assert (row.orr.pooled.k, row.orr.pooled.events, row.orr.pooled.total) == (3, 33, 43)


def test_a_strategy_without_counts_says_so_and_has_no_estimate(comparison: Comparison) -> None:
    row = next(row for row in comparison.results if row.strategy.strategy_id == "imid")
    assert row.orr.pooled is None
    assert row.certainty is None
    assert [line.why_not_used for line in row.orr.cohorts] == ["not pooled: the denominator is not reported"]


OVERLAP = (  # two reports of the same patients, the first report standing first in the file
    "cohort_id,study_id,therapy_id,role,population,prior_bcma,line,unit_of_analysis,n_treated,overlap_family,"
    "superseded_by\n"
    "first,alpha20,teclistamab,salvage,after CAR-T,bcma_cart,any_salvage,patient,10,alpha,second\n"
    "second,alpha20,teclistamab,salvage,after CAR-T,bcma_cart,any_salvage,patient,20,alpha,third\n"
    "third,alpha20,teclistamab,salvage,after CAR-T,bcma_cart,any_salvage,patient,30,alpha,\n"
)
FIGURES = "outcome_id,cohort_id,measure,source_id,preferred,events,total,count_status,estimate,unit\n"


def test_a_later_report_replaces_the_median_of_an_earlier_one(tmp_path: Path) -> None:
    folder = write_good(tmp_path)
    (folder / "cohorts.csv").write_text(OVERLAP)
    medians = "a,first,PFS,alpha_paper,yes,,,,2,months\nb,third,PFS,alpha_paper,yes,,,,5,months\n"
    (folder / "outcomes.csv").write_text(FIGURES + medians + "c,third,ORR,alpha_paper,yes,9,30,reported,,\n")
    result = compare_strategies(
        load_base(folder, mode="replace"), replace(FEW, filters=Filters(classes=("BsAb_BCMA",)))
    )
    lines = {line.cohort_id: line for line in result.results[0].pfs}
    assert lines["third"].used
    assert "superseded" in lines["first"].why_not_used
    assert result.results[0].pfs_pooled is not None
    assert result.results[0].pfs_pooled.median == 5


def test_patients_alone_are_chosen_before_overlaps_are_dropped(tmp_path: Path) -> None:
    """A later cohort that counts lines of therapy hides one that counts patients; without it, that one stands."""
    folder = write_good(tmp_path)
    lines = OVERLAP.replace("third,\n", "third,\n").replace("any_salvage,patient,30", "any_salvage,line_of_therapy,30")
    (folder / "cohorts.csv").write_text(lines)
    counts = "b,second,ORR,alpha_paper,yes,5,20,reported,,\nc,third,ORR,alpha_paper,yes,9,30,reported,,\n"
    (folder / "outcomes.csv").write_text(FIGURES + counts)
    result = compare_strategies(
        load_base(folder, mode="replace"), replace(FEW, filters=Filters(classes=("BsAb_BCMA",)))
    )
    rows = result.sensitivity.set_index("analysis")["total"]
    assert rows["as in the table"] == 30
    assert rows["patients only, no lines of therapy"] == 20


def test_patients_under_several_ranked_strategies_are_counted_aloud(comparison: Comparison) -> None:
    """The classes of the first Reyes report overlap: a regimen of two classes stands under both."""
    assert any("3 of " in note and "another ranked strategy" in note for note in comparison.notes), comparison.notes


def test_conflicts_about_any_cohort_shown_are_listed(base: EvidenceBase) -> None:
    """Also of a cohort that has neither ORR nor CR nor PFS, but stands in the table of figures."""
    result = compare_strategies(base, FEW)
    shown = {line.cohort_id for row in result.results for line in row.figures}
    wanted = {e.discrepancy_id for e in base.discrepancies.values() if set(e.cohort_ids) & shown}
    assert wanted <= {entry.discrepancy_id for entry in result.discrepancies}


def test_medians_of_which_one_alone_has_an_interval_are_not_pooled(comparison: Comparison) -> None:
    """3.5 months with an interval and 16.3 without: the first must not stand for both."""
    row = next(row for row in comparison.results if row.strategy.strategy_id == "any_first_salvage")
    assert {line.median for line in row.pfs} == {3.5, 16.3}
    assert {line.why_not_used for line in row.pfs} == {"fewer than two medians print an interval"}
    assert row.pfs_pooled is None


def test_sensitivity_holds_the_table_itself_and_the_stricter_questions(comparison: Comparison) -> None:
    table = comparison.sensitivity
    main = table[table["analysis"] == "as in the table"].set_index("strategy_id")
    for row in comparison.results:
        if row.strategy.ranked and row.orr.pooled is not None:
            assert main.loc[row.strategy.strategy_id, "estimate"] == row.orr.pooled.estimate
    strict = table[table["analysis"] == "strict prior exposure"]
    assert set(strict["strategy_id"]) < set(main.index)
    assert "immunocytokine" not in set(strict["strategy_id"])


def test_the_same_seed_gives_the_same_bits_and_another_moves_only_the_ranking(
    base: EvidenceBase, comparison: Comparison
) -> None:
    assert hash_result(compare_strategies(base, FEW)) == hash_result(comparison)
    other = compare_strategies(base, replace(FEW, seed=7))
    assert hash_result(other) != hash_result(comparison)
    columns = ["orr_estimate", "orr_ci_lb", "orr_pi_ub", "cr_estimate"]
    one, two = (comparison_frame(each)[columns].to_numpy(float) for each in (comparison, other))
    np.testing.assert_array_equal(one, two)


def test_json_is_complete_and_holds_no_nan(comparison: Comparison) -> None:
    content = json.loads(comparison_to_json(comparison))
    assert content["kind"] == "observed"
    assert "never for treating a patient" in content["disclaimer"]
    assert content["manifest"]["hashes"]["evidence"]
    assert len(content["strategies"]) == len(comparison.results)


def test_a_class_asked_for_is_not_counted_in_other_rows(base: EvidenceBase) -> None:
    result = compare_strategies(base, replace(FEW, filters=Filters(classes=("BsAb_BCMA",))))
    assert [row.strategy.strategy_id for row in result.results] == ["bcma_bsab"]
    (row,) = result.results
    assert {base.therapies[base.cohorts[line.cohort_id].therapy_id].strategy_class for line in row.orr.cohorts} == {
        "BsAb_BCMA"
    }


def test_rows_are_those_that_a_therapy_or_target_can_reach(base: EvidenceBase) -> None:
    result = compare_strategies(base, replace(FEW, filters=Filters(therapies=("talquetamab",))))
    assert [row.strategy.strategy_id for row in result.results] == ["gprc5d_bsab"]


def test_a_strategy_named_twice_is_one_row(base: EvidenceBase) -> None:
    result = compare_strategies(base, replace(FEW, filters=Filters(strategies=("selinexor", "selinexor"))))
    assert [row.strategy.strategy_id for row in result.results] == ["selinexor"]


def test_a_strategy_with_other_figures_than_responses_is_shown(base: EvidenceBase) -> None:
    """Radiotherapy has local control and no response rate; that is an answer, not a wrong filter."""
    result = compare_strategies(base, replace(FEW, filters=Filters(strategies=("radiotherapy",))))
    (row,) = result.results
    assert row.orr.pooled is None
    assert "local_control" in {line.measure for line in row.figures}


def test_the_certainty_does_not_rise_with_a_lower_level_of_the_intervals(
    base: EvidenceBase, comparison: Comparison
) -> None:
    """The rules of imprecision are stated for 95% intervals."""
    narrow = compare_strategies(base, replace(FEW, level=0.5))
    assert [row.certainty for row in narrow.results] == [row.certainty for row in comparison.results]


def test_each_stage_is_announced_once_and_in_order(base: EvidenceBase) -> None:
    begun: list[str] = []
    compare_strategies(
        base, replace(FEW, filters=Filters(strategies=("gprc5d_cart", "selinexor"))), progress=begun.append
    )
    assert begun == list(STAGES)


def test_one_strategy_alone_is_pooled_and_not_ranked(base: EvidenceBase) -> None:
    result = compare_strategies(base, replace(FEW, filters=Filters(strategies=("gprc5d_cart",))))
    assert [row.rank for row in result.results] == [None]
    assert result.confounding.empty


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"level": 1.0}, "--level"),
        ({"level": 0.2}, "--level"),
        ({"draws": 10}, "--draws"),
        ({"seed": -1}, "--seed"),
        ({"filters": Filters(strategies=("gprc5d",))}, "gprc5d_cart"),
        ({"filters": Filters(prior="loose")}, "--prior"),  # type: ignore[arg-type]
        ({"filters": Filters(therapies=("ide_cel",), strategies=("selinexor",))}, "no cohort fits"),
    ],
)
def test_settings_out_of_range_are_refused(base: EvidenceBase, change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare_strategies(base, replace(FEW, **change))  # type: ignore[arg-type]


def test_settings_survive_the_way_through_a_report() -> None:
    filters = Filters(strategies=("gprc5d_cart",), prior="strict")
    settings = CompareSettings(
        filters=filters, level=0.9, seed=3, simulated_patients=30, simulated_sets=2, simulated_parameters="prior"
    )
    plain = json.loads(json.dumps(settings.to_dict()))
    assert settings_from_dict(plain, origin="x.html") == settings
    asked = "aftercar compare --strategy gprc5d_cart --prior strict --level 0.9 --seed 3"
    assert command_of(settings) == f"{asked} --patients 30 --sets 2 --parameters prior"
    alone = replace(settings, simulated_patients=0)
    assert command_of(alone) == f"{asked} --patients 0"
    usual = CompareSettings(simulated_patients=USUAL_PATIENTS, simulated_sets=USUAL_SETS)
    assert command_of(usual) == "aftercar compare"


@pytest.mark.parametrize(
    "damage",
    [
        {"level": "0.95"},
        {"draws": 2.5},
        {"seed": True},
        {"filters": []},
        {"filters": {"prior": "strict"}},
        {"unknown": 1},
        {"evidence_mode": "execute"},
    ],
)
def test_a_tampered_manifest_is_refused(damage: dict[str, object]) -> None:
    plain = json.loads(json.dumps(CompareSettings().to_dict())) | damage
    with pytest.raises(InputError):
        settings_from_dict(plain, origin="x.html")
