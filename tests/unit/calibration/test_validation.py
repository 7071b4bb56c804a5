"""Which arm stands for a cohort, what the baselines learn from, and what is scored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aftercar.calibration.prediction import ArmRate, fit_rate
from aftercar.calibration.salvage_arms import OWN, PLAN, REPRESENTATIVE, find_counterpart, list_arms
from aftercar.calibration.salvage_cohorts import CohortChoice, ObservedCohort, add_table, choose_cohorts
from aftercar.calibration.validation import predict_naively, validate_cohorts
from aftercar.catalogue import load_base
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.catalogue.used_cohorts import load_used_cohorts
from aftercar.catalogue.user_tables import load_cohorts
from aftercar.evidence import Filters, share_patients
from aftercar.foundation import InputError, NotPoolableError
from aftercar.synthesis import estimate_proportion, predict_new_cohort, predict_new_cohort_in
from aftercar.trials import find_plan, load_plan

BASE, DATA = load_base(), load_model_data()
TRIAL = load_plan(find_plan("after_ide_cel"), DATA, load_populations())
CHOICE = choose_cohorts(BASE, "ORR", filters=Filters(), plan=TRIAL, data=DATA)
CERTAIN = ArmRate(np.zeros(1), np.zeros(1), 1000)


def test_a_cohort_runs_its_own_therapy_or_all_of_them_or_its_strategys() -> None:
    own = find_counterpart("talquetamab", "gprc5d_bsab", TRIAL, DATA)
    assert own is not None and own.how == OWN
    assert [one.therapy for one in own.arm.treatments or ()] == ["talquetamab"]
    both = find_counterpart("talquetamab+pomalidomide_alone", "", TRIAL, DATA)
    assert both is not None and both.how == PLAN
    assert [one.therapy for one in both.arm.treatments or ()] == ["talquetamab", "pomalidomide_alone"]
    other = find_counterpart("a_new_gprc5d_antibody", "gprc5d_bsab", TRIAL, DATA)
    assert other is not None and other.how == REPRESENTATIVE
    assert [one.therapy for one in other.arm.treatments or ()] == ["talquetamab"]
    assert find_counterpart("any_salvage", "any_first_salvage", TRIAL, DATA) is None
    assert find_counterpart("a_new_thing", "", TRIAL, DATA) is None


def test_no_patient_is_scored_twice_and_every_cohort_with_a_figure_is_accounted_for() -> None:
    names = [one.cohort for one in CHOICE.scored]
    pairs = [(BASE.cohorts[a], BASE.cohorts[b]) for i, a in enumerate(names) for b in names[:i]]
    assert not [pair for pair in pairs if share_patients(*pair)]
    assert not {one.cohort for one in CHOICE.not_scored} & set(names)
    assert all(one.reason for one in CHOICE.not_scored)
    salvage = {one.cohort_id for one in BASE.outcomes.values() if one.measure == "ORR" and one.preferred == "yes"}
    salvage &= {name for name, one in BASE.cohorts.items() if one.role == "salvage" and one.prior_bcma != "mixed"}
    assert salvage == {*names, *(one.cohort for one in CHOICE.not_scored)}


def test_lines_of_therapy_and_mixtures_are_not_predicted() -> None:
    reasons = {one.cohort: one.reason for one in CHOICE.not_scored}
    assert "by line of therapy" in reasons["reyes_bsab"]
    assert "mixture" in reasons["chen_first"]
    assert "shares patients" in reasons["majestec1c_final"]


def test_whoever_set_a_number_with_the_trial_at_hand_listed_the_cohort() -> None:
    # Numbers of a therapy whose source is the publication of the cohort's own study, and that speak of response.
    used, missing = load_used_cohorts(), []
    for one in CHOICE.scored:
        citation = BASE.studies[one.study].citation
        parts = {one.therapy, *(part.therapy for part in DATA.actions[one.therapy].parts)}
        numbers = [number for part in parts for number in DATA.actions[part].values.values()]
        speak = [
            n for n in numbers if citation and n.source == citation and ("ORR" in n.locator or "response" in n.locator)
        ]
        if speak and one.cohort not in used:
            missing.append(one.cohort)
    assert missing == []
    assert set(used) <= set(BASE.cohorts)
    places = {f"{therapy}.{name}" for therapy, action in DATA.actions.items() for name in action.values}
    assert {one.number for one in used.values()} <= places


def cohort(name: str, study: str, strategy: str, events: int, total: int, used: str = "") -> ObservedCohort:
    return ObservedCohort(name, study, "talquetamab", strategy, events, total, used)


SOME = (
    cohort("a", "one", "x", 4, 5), cohort("b", "one", "x", 1, 9), cohort("c", "two", "x", 7, 10),
    cohort("d", "three", "y", 0, 6),
)  # fmt: skip


def test_baselines_are_the_pool_without_the_cohorts_whole_study() -> None:
    pooled, studies = predict_naively(SOME[0], SOME)
    np.testing.assert_array_equal(pooled["class"], predict_new_cohort([7], [10], 5))
    np.testing.assert_array_equal(pooled["overall"], predict_new_cohort([7, 0], [10, 6], 5))
    hierarchy = predict_new_cohort_in("x", ["x", "y"], [7, 0], [10, 6], 5)
    np.testing.assert_array_equal(pooled["hierarchy"], hierarchy)
    np.testing.assert_array_equal(pooled["new_class"], predict_new_cohort_in("x", ["y"], [0], [6], 5))
    assert studies == 1


def test_what_is_said_of_a_new_class_does_not_know_the_class() -> None:
    seen = [replace(one, events=one.total) if one.strategy == "x" else one for one in SOME]
    pooled, again = predict_naively(SOME[0], SOME)[0], predict_naively(SOME[0], seen)[0]
    np.testing.assert_array_equal(pooled["new_class"], again["new_class"])
    assert not np.allclose(pooled["class"], again["class"]) and not np.allclose(pooled["overall"], again["overall"])
    # A class that nobody has tried is less certain than one more study of the other class.
    assert pooled["new_class"].max() < predict_new_cohort([0], [6], 5).max()


def test_a_class_of_one_study_falls_back_to_all_others() -> None:
    pooled, studies = predict_naively(SOME[3], SOME)
    np.testing.assert_array_equal(pooled["class"], pooled["overall"])
    assert studies == 0
    nameless = replace(SOME[0], strategy="")
    assert predict_naively(nameless, SOME)[1] == 0
    with pytest.raises(InputError, match="no study besides 'one'"):
        predict_naively(SOME[0], SOME[:2])


def validate(choice: CohortChoice, rate: ArmRate = CERTAIN):
    arms = list_arms(choice.scored, TRIAL, DATA)
    rates = {one.cohort: rate for one in choice.scored}
    return validate_cohorts(choice, arms, rates, "ORR", discrepancy=0.3, seed=1)


def test_cohorts_that_were_used_are_predicted_and_not_scored() -> None:
    used = replace(SOME[1], used="it set the rate")
    found = validate(CohortChoice((SOME[0], used, *SOME[2:]), (), SOME))
    assert found.cohorts["cohort"].tolist() == ["a", "b", "c", "d"]
    assert found.summary["cohorts"].tolist() == [3, 3, 3, 3, 3]
    tested = found.cohorts[found.cohorts["used"] == ""]
    assert found.summary["log_score"][0] == pytest.approx(tested["mechanism_log_score"].mean())
    assert found.differences["class"].pairs == 3 and found.differences["class"].verdict == "too few"


def test_only_used_cohorts_leave_nothing_to_compare() -> None:
    found = validate(CohortChoice((replace(SOME[0], used="so"),), (), SOME))
    assert len(found.summary) == 0 and not found.differences
    assert found.to_dict()["summary"] == []


def test_nothing_to_score_is_said() -> None:
    with pytest.raises(InputError, match="none has a figure of ORR"):
        validate(CohortChoice((), (), SOME))


def test_an_arm_in_which_nobody_responds_holds_nothing_impossible() -> None:
    rate = fit_rate([0, 0, 0], [50, 60, 40])
    assert rate.rate == pytest.approx(0.5 / 151)
    assert np.all(rate.predict(11, discrepancy=0.3) > 0)


def test_luck_of_few_patients_is_no_uncertainty_of_parameters() -> None:
    rng = np.random.default_rng(5)
    counts = rng.binomial(8, 0.5, 400)
    same = fit_rate(counts, np.full(400, 8))
    assert np.std(1 / (1 + np.exp(-same.logits))) < 0.25 * np.std(counts / 8)
    chances = rng.choice([0.3, 0.7], 400)
    parted = fit_rate(rng.binomial(8, chances), np.full(400, 8))
    assert np.std(1 / (1 + np.exp(-parted.logits))) == pytest.approx(0.2, abs=0.03)


def test_fewer_simulated_patients_predict_less_surely() -> None:
    small, large = (fit_rate([n // 2], [n]) for n in (20, 2000))
    assert small.predict(40, discrepancy=0.3).max() < large.predict(40, discrepancy=0.3).max()
    assert large.noise == pytest.approx(1 / np.sqrt(500), rel=0.02)  # 41 quantiles stand for the law
    with pytest.raises(NotPoolableError):
        fit_rate([0], [0])


def write(folder: Path, *rows: str) -> Path:
    file = folder / "mine.csv"
    file.write_text("\n".join(("cohort_id,study_id,therapy_id,measure,events,total", *rows)))
    return file


def read(file: Path, measure: str = "ORR") -> CohortChoice:
    return add_table(load_cohorts(file), measure, CHOICE, BASE, TRIAL, DATA, file=file.name)


def test_a_table_is_scored_and_the_base_is_evidence(tmp_path: Path) -> None:
    found = read(
        write(tmp_path, "mine,ward,talquetamab,ORR,3,6", "vague,ward,talquetamab,ORR,,", "mix,ward,any_salvage,ORR,1,2")
    )
    assert [one.cohort for one in found.scored] == ["mine"]
    assert found.scored[0].strategy == "gprc5d_bsab"
    assert {one.cohort: one.reason.split(",")[0] for one in found.not_scored} == {
        "vague": "no counts are reported", "mix": "its therapy is a mixture",
    }  # fmt: skip
    assert len(found.evidence) == len(CHOICE.evidence) + 1
    again = read(write(tmp_path, "polaris_prior_cart,polaris,oricar_017,ORR,5,5"))
    assert len(again.evidence) == len(CHOICE.evidence), "a row of the base stands for itself"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("mine,ward,talquetamb,ORR,3,6", "row 2, column therapy_id: 'talquetamb' is no therapy"),
        ("mine,ward,talquetamab+nothing,ORR,3,6", "'nothing' is no therapy"),
        ("mine,ward,talquetamab,ORR,7,6", "row 2, column events: 7 of 6 patients"),
        ("mine,ward,talquetamab,ORR,0,0", "0 of 0 patients"),
        ("mine,ward,talquetamab,ORR,half,6", "'half' is not a number"),
        ("mine,ward,talquetamab,VGPRs,3,6", "Did you mean 'VGPR'"),
        (",ward,talquetamab,ORR,3,6", "column cohort_id: the cell is empty"),
        ("mine,ward,talquetamab,CR,3,6", "no row is of ORR; it has CR"),
    ],
)
def test_faults_of_a_table_are_named(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(InputError, match=message.replace("+", r"\+")):
        read(write(tmp_path, row))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    pd.DataFrame({"cohort_id": ["a"], "study_id": ["b"], "therapy": ["talquetamab"]}).to_csv(file, index=False)
    with pytest.raises(InputError, match=r"the column 'therapy_id' is missing\. Did you mean 'therapy'"):
        load_cohorts(file)


def test_coverage_of_the_summary_is_exact() -> None:
    found = validate(CohortChoice(SOME, (), SOME)).summary.iloc[0]
    exact = estimate_proportion(round(4 * found["covered_90"]), 4)
    assert (found["covered_90_lb"], found["covered_90_ub"]) == (exact.ci_lb, exact.ci_ub)
