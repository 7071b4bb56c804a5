"""Few cells live and die by chance: the whole system against the exact law, and against its own mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.unit.model.sample import CART, course_of, run

from aftercar.patients import typical_patient

QUIET = {
    "bcma_null_rate": 0.0, "bcma_low_rate": 0.0, "bcma_epitope_rate": 0.0, "gprc5d_null_rate": 0.0,
    "bcma_low_return_rate": 0.0, "switch_progenitors": 0.0, "seeding_rate": 0.0, "gprc5d_null_cost": 0.0,
    "bcma_null_cost": 0.0, "emd_share": 0.0,
}  # fmt: skip


def lone_clone(clone: str, cells: float, patients: int, **values: float) -> pd.DataFrame:
    """Return equal patients whose only tumour is `cells` of one clone in the marrow."""
    course = course_of(days=1, counted=True)
    people = typical_patient(course, values={**QUIET, **values})
    for site in ("marrow", "emd"):
        for one in course.structure.clones:
            people[f"{site}_{one.id}"] = 0.0
    people[f"marrow_{clone}"] = cells
    return pd.concat([people] * patients).set_axis(range(1, patients + 1))


@pytest.mark.parametrize(
    ("clone", "cells", "turnover", "growth"),
    [("gprc5d_null", 1, 0.05, 0.02), ("bcma_null", 10, 0.1, 0.01), ("bulk", 4, 0.05, 0.02)],
)
def test_clones_die_out_as_often_as_the_birth_death_law_says(clone, cells, turnover, growth) -> None:
    """P(none left at t) = (d (x - 1) / (b x - d))^n with x = exp((b - d) t); d/b to the n in the end (kendall1948)."""
    n, days = 800, 300.0
    people = lone_clone(clone, cells, n, turnover=turnover, growth_rate=growth, marrow_capacity=1e13)
    course = course_of(days=days, counted=True)
    result = run(course, people, every=days, outputs=[f"marrow_{clone}"])
    gone = int((result[f"marrow_{clone}"].values[:, -1] == 0).sum())
    birth, death = turnover + growth, turnover  # crowding is below 1e-8
    x = np.exp(growth * days)
    expected = (death * (x - 1) / (birth * x - death)) ** cells
    assert abs(gone - n * expected) < 4 * np.sqrt(n * expected * (1 - expected))
    if growth * days > 5:  # nearly all that will die out have
        assert expected == pytest.approx((death / birth) ** cells, rel=0.01)


def test_survivors_of_a_small_clone_carry_its_mean() -> None:
    n, days, growth = 800, 200.0, 0.02
    people = lone_clone("gprc5d_null", 5, n, turnover=0.05, growth_rate=growth, marrow_capacity=1e13)
    cells = run(course_of(days=days, counted=True), people, every=days, outputs=["tumour_total"])["tumour_total"]
    last, birth, death = cells.values[:, -1], 0.07, 0.05
    mean = 5 * np.exp(growth * days)
    variance = 5 * (birth + death) / growth * np.exp(growth * days) * (np.exp(growth * days) - 1)
    assert abs(last.mean() - mean) < 4 * np.sqrt(variance / n)


def test_where_no_population_is_small_counted_and_deterministic_agree() -> None:
    course = course_of(days=200)
    values = {"bcma_null_share": 1e-3, "bcma_low_share": 0.05, "bcma_epitope_share": 1e-3, "gprc5d_null_share": 1e-2,
              "emd_share": 0.3, "progenitor_share": 1e-3}  # fmt: skip
    fluid = run(course, values=values, every=50.0)
    counted = run(replace(course, structure=replace(course.structure, counted=True)), values=values, every=50.0)
    for name in ("tumour_total", "marrow_bcma_null_gprc5d_null", "emd_bcma_low", "progenitor", "sbcma", "m_protein"):
        # the counted run stops its steps at the outputs: other steps, the same equations at relative 1e-5
        np.testing.assert_allclose(counted[name], fluid[name], rtol=3e-4, err_msg=name)


def test_the_mean_of_counted_mutants_is_the_deterministic_path() -> None:
    """Null cells from a large bulk, none at the start: each mutation and each division at random."""
    values = {**QUIET, "bcma_null_rate": 1e-11, "bcma_null_share": 0.0, "growth_rate": 0.02, "turnover": 0.05,
              "bcma_low_share": 0.0, "bcma_epitope_share": 0.0, "gprc5d_null_share": 0.0}  # fmt: skip
    course = course_of(days=60)
    n = 1000
    fluid = float(run(course, values=values, every=60.0, outputs=["marrow_bcma_null"])["marrow_bcma_null"][0, -1])
    people = typical_patient(course, values=values)
    people = pd.concat([people] * n).set_axis(range(1, n + 1))
    counted = replace(course, structure=replace(course.structure, counted=True))
    cells = run(counted, people, every=60.0, outputs=["marrow_bcma_null"])["marrow_bcma_null"].values[:, -1]
    assert fluid > 1
    # the law of mutants has a heavy tail: the standard error is estimated from the draws
    assert abs(cells.mean() - fluid) < 4.5 * cells.std() / np.sqrt(n)


def test_car_t_cells_follow_their_mean_while_they_are_many() -> None:
    course = course_of(CART, days=30)
    fluid = run(course, every=5.0)
    counted = run(replace(course, structure=replace(course.structure, counted=True)), every=5.0)
    many = fluid["product1_effector"].values[0] > 1e6
    assert many.sum() > 3
    for name in ("product1_effector", "tumour_total", "product1_antibody"):
        np.testing.assert_allclose(counted[name].values[0][many], fluid[name].values[0][many], rtol=5e-3, err_msg=name)
