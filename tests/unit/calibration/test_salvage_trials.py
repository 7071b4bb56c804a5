"""Trials by first product, and counts of cohorts that had several."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aftercar.calibration.prediction import fit_rates
from aftercar.calibration.salvage_arms import Counterpart, Start, find_start, list_arms
from aftercar.calibration.salvage_cohorts import ObservedCohort
from aftercar.calibration.salvage_trials import (
    count_by_set,
    count_patients,
    list_trials,
    simulate_trials,
    tabulate_rates,
)
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.foundation import NotPoolableError
from aftercar.trials import find_plan, load_plan

DATA = load_model_data()
TRIAL = load_plan(find_plan("after_ide_cel"), DATA, load_populations())
IDE_CEL = Start("karmma_like", "ide_cel")


def cohort(name: str, therapy: str, first: str = "") -> ObservedCohort:
    return ObservedCohort(name, name, therapy, "", 1, 2, first=first)


def test_a_cohort_has_its_reported_product_a_users_word_or_the_stand_in() -> None:
    some = [
        cohort("legend2_salvage_pi", "pi_combination"), cohort("mine", "talquetamab"),
        cohort("ours", "talquetamab", "cilta_cel"), cohort("legend2_salvage_cart", "talquetamab", "bcma_cart"),
        cohort("polaris_prior_cart", "oricar_017"),
    ]  # fmt: skip
    arms = list_arms(some, TRIAL, DATA)
    assert arms["legend2_salvage_pi"].starts == ((Start("legend2_like", "lcar_b38m"), 1.0),)
    assert arms["mine"].starts == ((IDE_CEL, 1.0),) and not arms["mine"].first_known
    assert arms["ours"].starts == ((Start("cartitude1_like", "cilta_cel"), 1.0),) and arms["ours"].first_known
    assert arms["legend2_salvage_cart"].starts == ((Start("karmma_like", "bcma_cart"), 1.0),)
    assert arms["polaris_prior_cart"].starts == ((IDE_CEL, 1.0),) and not arms["polaris_prior_cart"].first_known
    same = list_arms(some, TRIAL, DATA, own_first=False)
    assert {one.starts for one in same.values()} == {((IDE_CEL, 1.0),)}


def test_products_stand_in_the_population_whose_trial_gave_them() -> None:
    assert find_start("lcar_b38m", TRIAL).population == "legend2_like"
    assert find_start("allogeneic_bcma_cart", TRIAL).population == TRIAL.population


def test_one_trial_for_each_first_product_with_the_arms_that_need_it() -> None:
    some = [
        cohort("legend2_salvage_pi", "pi_combination"), cohort("soc_ide_cel_prior_cart", "ide_cel_after_bcma_cart"),
        cohort("mine", "talquetamab"), cohort("ours", "talquetamab"),
    ]  # fmt: skip
    trials = list_trials(list_arms(some, TRIAL, DATA).values(), TRIAL)
    arms = {start.therapy: [arm.name for arm in plan.arms] for start, plan in trials.items()}
    assert arms == {
        "lcar_b38m": ["pi_combination"], "ide_cel": ["ide_cel_after_bcma_cart", "talquetamab"],
        "allogeneic_bcma_cart": ["ide_cel_after_bcma_cart"], "nonviral_bcma_cart": ["ide_cel_after_bcma_cart"],
    }  # fmt: skip
    assert trials[IDE_CEL].population == "karmma_like" and trials[IDE_CEL].index[0].therapy == "ide_cel"
    assert count_patients(trials, 10) == 10 * (4 + 5)


def table(*rows: tuple[str, int, int, int]) -> pd.DataFrame:
    """Return patients from (first product, set, responders, patients)."""
    parts = [
        pd.DataFrame({"first": first, "set": own_set, "ORR": [k < x for k in range(n)]})
        for first, own_set, x, n in rows
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True).assign(population="karmma_like", arm="a")


def mixture(**shares: float) -> Counterpart:
    arm = TRIAL.arms[0].model_copy(update={"name": "a"})
    return Counterpart(arm, "", tuple((Start("karmma_like", name), share) for name, share in shares.items()))


def test_one_product_keeps_its_counts() -> None:
    patients = table(("ide_cel", 1, 3, 10), ("ide_cel", 2, 0, 4), ("other", 1, 9, 9))
    found = count_by_set(patients, mixture(ide_cel=1.0), patients["ORR"])
    np.testing.assert_allclose(found.events, [3, 0])
    np.testing.assert_allclose(found.n, [10, 4])


def test_a_mixture_has_the_rate_of_its_shares_and_knows_no_more_than_one_trial() -> None:
    patients = table(("ide_cel", 1, 2, 10), ("other", 1, 8, 10), ("ide_cel", 2, 0, 16), ("other", 2, 4, 4))
    found = count_by_set(patients, mixture(ide_cel=0.25, other=0.75), patients["ORR"])
    np.testing.assert_allclose(found.events / found.n, [0.25 * 0.2 + 0.75 * 0.8, 0.75])
    np.testing.assert_allclose(found.n, [10, (0.25 / 4 + 0.75 / 2) ** -2])


def test_sets_without_a_patient_after_one_product_are_left_out_and_none_is_an_error() -> None:
    patients = table(("ide_cel", 1, 2, 10), ("ide_cel", 2, 1, 5), ("other", 2, 1, 5))
    assert count_by_set(patients, mixture(ide_cel=0.5, other=0.5), patients["ORR"]).n.tolist() == pytest.approx([5])
    with pytest.raises(NotPoolableError, match="Nobody"):
        count_by_set(patients, mixture(nobody=1.0), patients["ORR"])


def test_simulated_patients_carry_their_first_product_set_and_outcomes() -> None:
    some = [cohort("legend2_salvage_pi", "pi_combination"), cohort("mine", "pi_combination")]
    arms = list_arms(some, TRIAL, DATA)
    patients = simulate_trials(list_trials(arms.values(), TRIAL), patients=12, sets=3, seed=2, data=DATA, workers=1)
    assert set(patients["first"]) == {"ide_cel", "lcar_b38m"} and set(patients["set"]) <= {1, 2, 3}
    assert (patients["CR"] <= patients["ORR"]).all() and (patients["months"] > 0).all()
    counts = tabulate_rates(patients, "ORR")
    assert counts["n"].sum() == len(patients) and counts["events"].sum() == patients["ORR"].sum()
    rates = fit_rates(patients, arms, "ORR")
    assert rates["mine"].patients == (patients["first"] == "ide_cel").sum()
    alone = simulate_trials(list_trials([arms["mine"]], TRIAL), patients=12, sets=3, seed=2, data=DATA, workers=1)
    mine = patients[patients["first"] == "ide_cel"].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, alone)
