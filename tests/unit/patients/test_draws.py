"""Who the patients are depends on the seed and their position alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.unit.model.sample import CART, DRUG, ENGAGER, course_of

from aftercar.catalogue.biology import Spread
from aftercar.foundation import InputError
from aftercar.patients import draw_patients, typical_patient
from aftercar.patients.draws import draw_values


@pytest.mark.parametrize("first", [1, 2, 3, 4, 7, 40])
def test_a_slice_of_patients_is_the_slice_of_the_whole(first: int) -> None:
    course = course_of(CART)
    whole = draw_patients(course, n=60, seed=3)
    pd.testing.assert_frame_equal(draw_patients(course, n=15, seed=3, first=first), whole.iloc[first : first + 15])


def test_parts_put_together_are_the_whole() -> None:
    course = course_of(CART, ENGAGER)
    parts = [draw_patients(course, n=n, seed=8, first=f) for f, n in ((0, 13), (13, 1), (14, 26))]
    pd.testing.assert_frame_equal(pd.concat(parts), draw_patients(course, n=40, seed=8), check_freq=False)


def test_the_same_patients_whatever_the_plan() -> None:
    one = draw_patients(course_of(CART), n=30, seed=5)
    other = draw_patients(course_of("talquetamab", DRUG, days=700), n=30, seed=5)
    shared = [
        name for name in one.columns if name in other.columns and not name.startswith(("product", "engager", "drug"))
    ]
    assert "tumour_burden" in shared and "growth_rate" in shared and "host_t_level" in shared
    pd.testing.assert_frame_equal(one[shared], other[shared])


def test_another_seed_gives_other_patients_and_fixed_values_shift_nobody() -> None:
    course = course_of(CART)
    one = draw_patients(course, n=30, seed=5)
    assert not np.any(one["tumour_burden"] == draw_patients(course, n=30, seed=6)["tumour_burden"])
    fixed = draw_patients(course, n=30, seed=5, values={"growth_rate": 0.03})
    assert set(fixed["growth_rate"]) == {0.03}
    pd.testing.assert_frame_equal(fixed.drop(columns="growth_rate"), one[fixed.columns].drop(columns="growth_rate"))


def test_parameters_are_drawn_independently_of_each_other() -> None:
    people = draw_patients(course_of(CART), n=4000, seed=1)
    names = ["tumour_burden", "growth_rate", "killing_rate", "host_t_level", "sbcma_start"]
    ranks = people[names].rank().corr().to_numpy()[np.triu_indices(len(names), 1)]
    assert np.all(np.abs(ranks) < 4.5 / np.sqrt(4000))  # ten correlations, standard error 1/sqrt(n)


@pytest.mark.parametrize(
    ("law", "typical", "distribution"),
    [
        (Spread(law="lognormal", omega=0.5), 3.0, stats.lognorm(0.5, scale=3.0)),
        (Spread(law="normal", sd=2.0), 5.0, stats.norm(5.0, 2.0)),
        (Spread(law="uniform", low=1.0, high=4.0), 2.0, stats.uniform(1.0, 3.0)),
        (Spread(law="loguniform", low=0.01, high=10.0), 1.0, stats.loguniform(0.01, 10.0)),
    ],
)
def test_scores_become_the_law(law: Spread, typical: float, distribution) -> None:
    scores = stats.norm.ppf((np.arange(2000) + 0.5) / 2000)
    values = draw_values(law, typical, scores)
    np.testing.assert_allclose(values, distribution.ppf((np.arange(2000) + 0.5) / 2000), rtol=1e-9)


def test_laws_of_shares_and_groups() -> None:
    scores = stats.norm.ppf((np.arange(20000) + 0.5) / 20000)
    share = draw_values(Spread(law="logitnormal", omega=0.7), 0.2, scores)
    assert np.median(share) == pytest.approx(0.2, rel=1e-3) and 0 < share.min() and share.max() < 1
    assert draw_values(Spread(law="bernoulli", probability=0.3), 1.0, scores).mean() == pytest.approx(0.3, abs=1e-4)
    zero = draw_values(Spread(law="zero_or_uniform", probability=0.6, low=0.1, high=0.5), 0.0, scores)
    assert (zero == 0).mean() == pytest.approx(0.6, abs=1e-4)
    assert zero[zero > 0].min() >= 0.1 and zero.max() <= 0.5
    assert zero[zero > 0].mean() == pytest.approx(0.3, abs=1e-3)
    groups = draw_values(Spread(law="two_group_lognormal", omega=0.01, probability=0.25, factor=10.0), 2.0, scores)
    assert (groups > 10).mean() == pytest.approx(0.25, abs=1e-4)


def test_categories_come_in_their_shares_and_set_what_follows_them() -> None:
    scores = stats.norm.ppf((np.arange(20000) + 0.5) / 20000)
    category = draw_values(Spread(law="categorical", shares=(5.0, 3.0, 0.0, 2.0)), 0.0, scores)
    found = [(category == k).mean() for k in range(4)]
    np.testing.assert_allclose(found, [0.5, 0.3, 0.0, 0.2], atol=1e-4)
    law = Spread(law="by_category", of="kind", values=(30.0, 0.0), omega=0.5)
    values = draw_values(law, np.array([30.0, 0.0])[(np.arange(20000) % 2)], scores)
    assert (values[1::2] == 0).all(), "none is made: no spread around nothing"
    assert np.median(values[::2]) == pytest.approx(30.0, rel=1e-3)
    assert np.std(np.log(values[::2])) == pytest.approx(0.5, rel=5e-3)


def test_serum_follows_the_paraprotein_of_the_patient() -> None:
    people = draw_patients(course_of(CART), n=6000, seed=1)
    kind = people["paraprotein_type"].to_numpy()
    shares = [float(np.mean(kind == k)) for k in range(7)]
    expected = np.array([34, 18, 13, 8, 12, 10, 1]) / 96  # wikilite_types, warde_flc
    assert np.all(np.abs(shares - expected) < 4 * np.sqrt(expected / 6000))
    assert ((people["m_protein_start"] == 0) == (kind >= 4)).all()
    assert ((people["flc_start"] == 0) == (kind == 6)).all()
    assert (people["kappa_expression"].to_numpy() == np.isin(kind, [0, 2, 4])).all()
    slow = people["m_protein_elimination"].to_numpy()
    assert np.median(slow[kind == 2]) > 3 * np.median(slow[kind == 0])


def test_a_chosen_category_brings_its_values() -> None:
    course = course_of(CART)
    alone = draw_patients(course, n=30, seed=5, values={"paraprotein_type": 4.0})
    assert (alone["m_protein_start"] == 0).all() and (alone["flc_start"] > 0).all()
    row = typical_patient(course, values={"paraprotein_type": 5.0, "flc_start": 900.0}).iloc[0]
    assert (row["m_protein_start"], row["flc_elimination"], row["flc_start"]) == (0.0, 3.7, 900.0)
    # Who is not of a category by choice stays who they were.
    free = draw_patients(course, n=30, seed=5)
    pd.testing.assert_series_equal(alone["tumour_burden"], free["tumour_burden"])
    for wrong in (7.0, 0.5):
        with pytest.raises(InputError, match="from 0 to 6"):
            draw_patients(course, n=2, seed=1, values={"paraprotein_type": wrong})


def test_the_typical_patient_has_the_typical_values_and_links() -> None:
    course = course_of(DRUG)
    row = typical_patient(course, values={"resistance_proteasome_inhibitor": 0.7}).iloc[0]
    assert row["drug1_resistance_start"] == 0.7
    people = draw_patients(course, n=20, seed=1)
    np.testing.assert_array_equal(people["drug1_resistance_start"], people["resistance_proteasome_inhibitor"])
