"""Which medians are predicted, what baselines learn from, and a user's table of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aftercar.calibration.median_prediction import find_median, predict_median
from aftercar.calibration.median_validation import predict_naively, validate_medians
from aftercar.calibration.salvage_arms import Counterpart, Start, list_arms
from aftercar.calibration.salvage_medians import BY_LINE, MedianChoice, ObservedMedian, add_medians, choose_medians
from aftercar.catalogue import load_base
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.catalogue.user_tables import load_cohort_medians
from aftercar.evidence import Filters
from aftercar.foundation import InputError
from aftercar.synthesis import fit_kaplan_meier
from aftercar.synthesis.predictive_medians import ReportedMedian, log_error, predict_new_median
from aftercar.synthesis.survival_summaries import median_survival
from aftercar.trials import find_plan, load_plan

BASE, DATA = load_base(), load_model_data()
TRIAL = load_plan(find_plan("after_ide_cel"), DATA, load_populations())
CHOICE = choose_medians(BASE, filters=Filters(), plan=TRIAL, data=DATA)
ARM = Counterpart(TRIAL.arms[0].model_copy(update={"name": "a"}), "", ((Start("karmma_like", "ide_cel"), 1.0),))


def simulated(months: np.ndarray, sets: int, follow_up: float = 22.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "population": "karmma_like", "first": "ide_cel", "arm": "a", "set": np.arange(months.size) % sets + 1,
            "months": np.minimum(months, follow_up), "event": months <= follow_up,
        }
    )  # fmt: skip


def test_medians_of_patients_with_an_arm_are_predicted_and_all_that_say_something_are_evidence() -> None:
    assert {one.cohort for one in CHOICE.scored if not one.used} == {
        "hrc0202_prior_cart", "teclistamab_rw123_cart", "monumental1_tcr_2025",
    }  # fmt: skip
    reasons = {one.cohort: one.reason for one in CHOICE.not_scored}
    assert reasons["reyes_bsab"] == BY_LINE and "mixture" in reasons["vanoekelen_first"]
    evidence = {one.cohort: one for one in CHOICE.evidence}
    assert {"reyes_bsab", "vanoekelen_first", "legend2_salvage_any"} <= set(evidence)
    van_oekelen = evidence["vanoekelen_first"].reported  # 3.5 (2.5 to 4.6)
    assert van_oekelen.se_log == pytest.approx(np.log(4.6 / 2.5) / (2 * 1.959964), rel=1e-6)
    assert evidence["teclistamab_rw123_cart"].reported.se_log == log_error(21)
    assert evidence["reyes_bsab"].reported.se_log == pytest.approx(np.log(3.6 / 1.4) / 1.959964, rel=1e-6)


def test_baselines_leave_the_study_and_for_a_new_class_the_class_out() -> None:
    one = next(one for one in CHOICE.scored if one.cohort == "teclistamab_rw123_cart")
    laws, studies = predict_naively(one, CHOICE.evidence)
    evidence = {other.cohort: other.reported for other in CHOICE.evidence if other.study != one.study}
    assert studies == 1
    own = predict_new_median([evidence.pop("reyes_bsab")], log_error(21))
    np.testing.assert_array_equal(laws["class"].below, own.below)
    np.testing.assert_allclose(
        laws["new_class"].below, predict_new_median(list(evidence.values()), log_error(21)).below
    )
    alone = [one, next(other for other in CHOICE.scored if other.cohort == "hrc0202_prior_cart")]
    with pytest.raises(InputError, match="no study besides"):
        predict_naively(alone[0], alone[:1])


def test_the_law_is_that_of_kaplan_meier_medians_of_cohorts_drawn_from_the_arm() -> None:
    rng, n = np.random.default_rng(3), 15
    arm = np.ceil(rng.exponential(8.0, 4000) * 30.4375 / 28) * 28 / 30.4375  # seen at visits
    law = predict_median(simulated(arm, sets=1), ARM, n, discrepancy=0.0)
    drawn = []
    for _ in range(1500):
        cohort = rng.choice(arm, n)
        curve = fit_kaplan_meier(np.minimum(cohort, 22.0), cohort <= 22.0)
        drawn.append(median_survival(curve).estimate)
    # Half way between visits everything of the one before and nothing of the one after has been seen, also smoothed.
    for months in (np.array([3, 5, 7, 10, 14]) + 0.5) * 28 / 30.4375:
        assert law.at(months) == pytest.approx(np.mean(np.asarray(drawn) <= months), abs=0.05), months


def test_large_cohorts_without_discrepancy_report_the_arms_median_and_discrepancy_widens() -> None:
    arm = np.random.default_rng(4).exponential(6.0 / np.log(2), 6000)
    patients = simulated(arm, sets=1)
    assert find_median(patients, ARM) == pytest.approx(6.0, abs=0.95)  # the first visit at which half had the event
    sure = predict_median(patients, ARM, 1000, discrepancy=0.0)
    assert sure.quantile(0.5) == pytest.approx(6.0, rel=0.12)
    other, small = (predict_median(patients, ARM, n, discrepancy=sd) for n, sd in ((1000, 0.5), (5, 0.0)))
    widths = [np.log(law.quantile(0.9) / law.quantile(0.1)) for law in (sure, other, small)]
    assert widths[0] < widths[1] < widths[2]


def test_an_arm_that_hardly_progresses_puts_the_median_beyond_follow_up() -> None:
    law = predict_median(simulated(np.full(200, 300.0), sets=4), ARM, 20, discrepancy=0.3)
    assert law.below[-1] < 0.01 and np.isinf(law.quantile(0.05))
    assert np.isinf(find_median(simulated(np.full(200, 300.0), sets=4), ARM))


def median(name: str, months: float | None, n: int = 20, end: float | None = None) -> ObservedMedian:
    return ObservedMedian(name, name, "talquetamab", "gprc5d_bsab", ReportedMedian(months, log_error(n), end), n)


def test_scores_of_reached_and_of_not_reached_medians() -> None:
    some = (median("early", 5.0), median("late", None, end=12.0), median("other", 6.0))
    choice = MedianChoice(some, (), some)
    law = predict_new_median([ReportedMedian(8.0, 0.1)], 0.3)
    arms = list_arms(some, TRIAL, DATA)
    found = validate_medians(choice, arms, dict.fromkeys(("early", "late", "other"), law), seed=1)
    assert found.measure == "PFS" and found.summary["forecast"].tolist() == [
        "mechanism", "class", "overall", "new_class",
    ]  # fmt: skip
    late = found.cohorts.set_index("cohort").loc["late"]
    assert np.isnan(late["median"]) and late["follow_up"] == 12.0
    assert late["mechanism_log_score"] == pytest.approx(np.log(1 - law.at(12.0)))
    assert law.at(12.0) <= late["mechanism_pit"] <= 1
    assert found.to_dict()["cohorts"][1]["median"] is None
    with pytest.raises(InputError, match="none has a figure of PFS"):
        validate_medians(MedianChoice((), (), some), {}, {}, seed=1)


def write(folder: Path, *rows: str, head: str = "median,patients,follow_up_months") -> Path:
    file = folder / "mine.csv"
    file.write_text("\n".join((f"cohort_id,study_id,therapy_id,measure,{head}", *rows)))
    return file


def read(file: Path) -> MedianChoice:
    return add_medians(load_cohort_medians(file), CHOICE, BASE, TRIAL, DATA, file=file.name)


def test_a_table_of_medians_is_read(tmp_path: Path) -> None:
    rows = (
        "mine,ward,talquetamab,PFS,7.5,20,", "late,ward,teclistamab,PFS,,12,9", "mix,ward,any_salvage,PFS,3,8,",
        "rate,ward,talquetamab,ORR,,20,",
    )  # fmt: skip
    found = read(write(tmp_path, *rows))
    assert [one.cohort for one in found.scored] == ["mine", "late"]
    assert found.scored[0].reported == ReportedMedian(7.5, log_error(20), None)
    assert found.scored[1].reported == ReportedMedian(None, log_error(12), 9.0)
    assert [one.cohort for one in found.not_scored] == ["mix"]
    assert len(found.evidence) == len(CHOICE.evidence) + 2
    after = read(write(tmp_path, "mine,ward,talquetamab,PFS,7.5,20,cilta_cel", head="median,patients,first_therapy"))
    assert after.scored[0].first == "cilta_cel"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("mine,ward,talquetamab,PFS,7.5,,", "row 2, column patients: a median of no patients"),
        ("mine,ward,talquetamab,PFS,,20,", "row 2, column median: no median, and follow_up_months"),
        ("mine,ward,talquetamab,PFS,soon,20,", "'soon' is not a number"),
        ("mine,ward,talquetamab,PFS,-2,20,", "column median"),
        ("mine,ward,talquetamb,PFS,7,20,", "'talquetamb' is no therapy"),
        ("mine,ward,talquetamab,ORR,7,20,", "no row is of PFS; it has ORR"),
    ],
)
def test_faults_of_a_table_of_medians_are_named(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(write(tmp_path, row))


def test_a_first_therapy_that_is_no_product_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, "mine,ward,talquetamab,PFS,7.5,20,teclistamab", head="median,patients,first_therapy")
    with pytest.raises(InputError, match="row 2, column first_therapy: 'teclistamab' is no CAR-T product"):
        read(file)
