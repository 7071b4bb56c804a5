"""Poels 2025: other solvers, other people's checks of the same equations, and what the paper reports.

The paper's own figures are of fitted virtual populations whose selection cannot be repeated; what can be held against
it is named test by test. `nlmixr2lib` stands for the article on this model there, which read the supplement.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
from scipy.integrate import cumulative_trapezoid
from scipy.linalg import expm

from aftercar.engine import Settings, simulate, write_sbml
from aftercar.model.published.poels2025 import (
    PM_PER_RECEPTOR,
    elranatamab_doses,
    micrograms_per_ml,
    poels2025_model,
)
from aftercar.model.published.values import load_numbers

MODEL, N = poels2025_model(), load_numbers("poels2025")
TIGHT = Settings(rtol=1e-9, atol=1e-11)
WEEK, CYCLE = 168, 672
WEEKLY = [0, 72, *range(WEEK, 24 * WEEK + 1, WEEK)]  # MagnetisMM-3: 12, 32, then 76 mg weekly
PRINTED = N["volume_marrow"] / N["volume"]  # equation 17 as printed


def treat(
    hours: list[int], milligrams: list[float], times: npt.ArrayLike, outputs: list[str], **patient: float | list[float]
) -> xr.Dataset:
    return simulate(MODEL, times=np.asarray(times, float), doses=elranatamab_doses(hours, milligrams),
                    patients={k: np.atleast_1d(v) for k, v in patient.items()} or 1, outputs=outputs)  # fmt: skip


def weekly(times: npt.ArrayLike, outputs: list[str], **patient: float | list[float]) -> xr.Dataset:
    return treat(WEEKLY, [12, 32] + [76] * (len(WEEKLY) - 2), times, outputs, **patient)


# --- other solvers ---


def test_without_targets_the_drug_is_linear() -> None:
    k = {name: N[name] for name in N.values}
    vc, vp, vm = k["volume"], k["volume_peripheral"], k["volume_marrow"]
    out = k["clearance"] + k["exchange"] + k["drug_to_marrow"] * vc
    # Amounts in depot, blood, periphery, marrow.
    a = np.array([
        [-k["absorption"], 0, 0, 0],
        [k["absorption"], -out / vc, k["exchange"] / vp, k["drug_to_blood"]],
        [0, k["exchange"] / vc, -k["exchange"] / vp, 0],
        [0, k["drug_to_marrow"], 0, -k["drug_to_blood"]],
    ])  # fmt: skip
    times = np.array([0.0, 6, 24, 72, 168, 500, 1000])
    data = simulate(MODEL, times=times, doses=elranatamab_doses([0], [76]), settings=TIGHT,
                    patients={"sbcma_start": [0.0], "bcma_per_cell": [0.0], "cd3_per_cell": [0.0]},
                    outputs=["depot", "drug", "drug_peripheral", "drug_marrow"])  # fmt: skip
    start = np.array([76e9 / N["drug_mass"] * N["bioavailability"], 0, 0, 0])
    exact = np.array([expm(a * t) @ start for t in times]) / [1, vc, vp, vm]
    for column, name in enumerate(("depot", "drug", "drug_peripheral", "drug_marrow")):
        # 1e-7: a hundred times the relative tolerance, over some hundred steps.
        assert data[name].to_numpy()[0] == pytest.approx(exact[:, column], rel=1e-7, abs=1e-7)


def test_against_cvode_of_roadrunner() -> None:
    roadrunner = pytest.importorskip("roadrunner")
    names = ["drug", "sbcma", "trimer", "t_cells_marrow", "myeloma", "m_protein", "cytokine", "drug_sbcma_marrow"]
    hours, amounts = [0, 72, 168, 336, 504], [12.0, 32.0, 76.0, 76.0, 76.0]
    runner = roadrunner.RoadRunner(write_sbml(MODEL))
    runner.integrator.relative_tolerance = 1e-11
    runner.integrator.absolute_tolerance = 1e-13
    runner.integrator.maximum_num_steps = 1_000_000
    runner.timeCourseSelections = ["time", *names]
    rows, doses = [], elranatamab_doses(hours, amounts)
    for k, hour in enumerate(hours):
        for dose in doses[2 * k : 2 * k + 2]:
            runner[dose.target] = runner[dose.target] + dose.amount
        end = hours[k + 1] if k + 1 < len(hours) else 1000
        rows.append(np.array(runner.simulate(hour, end, 25))[1:-1])
    reference = np.concatenate(rows)
    times = np.concatenate([[0.0], reference[:, 0]])
    data = simulate(MODEL, times=times, doses=doses, outputs=names, settings=TIGHT)
    for column, name in enumerate(names, start=1):
        wanted = reference[:, column]
        scale = np.abs(wanted) + 1e-6 * np.abs(wanted).max()
        # 1e-6: both solvers' tolerances, and the corner where resistance begins, which each meets in its own step.
        assert np.max(np.abs(data[name].to_numpy()[0, 1:] - wanted) / scale) < 1e-6, name


@pytest.mark.parametrize(("returned", "kept"), [(1.0, True), (PRINTED, False)])
def test_the_drug_is_accounted_for_over_half_a_year(returned: float, kept: bool) -> None:
    blood, marrow = (
        ("drug", "drug_sbcma", "drug_cd3"),
        ("drug_marrow", "drug_sbcma_marrow", "drug_cd3_marrow", "drug_bcma", "trimer"),
    )
    times = np.arange(0, 24 * WEEK + 1, 1.0)
    data = weekly(
        times, [*blood, *marrow, "drug_peripheral", "depot"], sbcma_complex_return=returned, sbcma_start=18_500.0
    )
    held = N["volume"] * sum(data[x] for x in blood) + N["volume_marrow"] * sum(data[x] for x in marrow)
    held = (held + N["volume_peripheral"] * data["drug_peripheral"] + data["depot"]).to_numpy()[0]
    eliminated = N["clearance"] * cumulative_trapezoid(
        (data["drug"] + data["drug_sbcma"]).to_numpy()[0], times, initial=0
    )
    doses = [d for d in elranatamab_doses(WEEKLY, [12, 32] + [76] * (len(WEEKLY) - 2)) if d.target == "depot"]
    given = sum(float(d.amount) * (times >= d.time) for d in doses)
    missing = np.max(np.abs(held + eliminated - given)) / given[-1]
    # 1e-4: trapezoid over hourly points, across doses. As printed, 70 % of the drug given is created again.
    assert missing < 1e-4 if kept else missing > 0.5


# --- what others computed from the same equations, and the label ---


def test_exposure_is_within_twofold_of_the_label() -> None:
    # ELREXFIO label, section 12.3, as cited in nlmixr2lib: Tmax 7 d (3-7), half-life 22 d, clearance 0.324 L/d at
    # week 24. nlmixr2lib asks for Tmax within a day and twofold for the others; so do we.
    times = np.arange(0, 2017, 6.0)
    single = micrograms_per_ml(treat([0], [76], times, ["drug"])["drug"].to_numpy()[0])
    assert abs(times[single.argmax()] / 24 - 7) <= 1
    late = times >= 1500
    half_life = -np.log(2) / np.polyfit(times[late], np.log(single[late]), 1)[0] / 24
    assert 11 < half_life < 44
    times = np.arange(23 * WEEK, 24 * WEEK + 1, 2.0)
    steady = micrograms_per_ml(weekly(np.concatenate([[0.0], times]), ["drug"])["drug"].to_numpy()[0, 1:])
    steady[-1] = steady[-2]  # the last value is after the next dose, which adds nothing yet
    clearance = 76 * N["bioavailability"] / np.trapezoid(steady, times) * 24
    assert 0.162 < clearance < 0.648


def test_cytokine_release_fades_from_dose_to_dose() -> None:
    # Supplementary Figure 8; nlmixr2lib: peaks never rise, and are basal (2 pg/mL) by the sixth dose.
    times = np.arange(0, 8 * WEEK, 1.0)
    level = weekly(times, ["cytokine"])["cytokine"].to_numpy()[0]
    peaks = [level[(times >= h) & (times <= h + 160)].max() for h in WEEKLY[:8]]
    assert all(after <= before for before, after in pairwise(peaks))
    assert peaks[0] > 10 and peaks[5] == pytest.approx(2.0, abs=0.1)


def test_trimers_fall_again_at_high_doses() -> None:
    # Figure 4a and Supplementary Figure 10: 16 to 152 mg weekly; bell-shaped, rising or falling by patient.
    hours, times = list(range(0, 3 * CYCLE + 1, WEEK)), np.arange(0, 3 * CYCLE + 1, 6.0)
    curves = []
    for dose in (16, 28, 44, 76, 152):
        data = treat(hours, [dose] * len(hours), times, ["trimer", "bcma_total"], t_cells_start=[203.0, 2000.0, 30.0])
        curves.append((data["trimer"] / data["bcma_total"]).mean("time").to_numpy())
    reference, many, few = np.array(curves).T
    assert reference.argmax() in (1, 2, 3), "an optimum inside the range for the reference patient"
    assert many.argmax() == 0 and few.argmax() > 0, "more T cells, more killing, less target: falling throughout"


def test_response_is_lost_between_100_and_200_ng_per_ml_of_soluble_bcma() -> None:
    # Results and Figure 2a: 100 ng/mL separates responders; nlmixr2lib: kept at 100, lost by 200.
    levels = np.array([1, 10, 30, 60, 100, 150, 200, 400, 830])
    times = np.arange(0, 24 * WEEK + 1, 24.0)
    data = weekly(times, ["m_protein", "trimer"], sbcma_start=list(levels * N["sbcma_scale"]))
    best = (data["m_protein"].min("time") / N["m_protein_start"] - 1).to_numpy()
    assert best[levels == 100] <= -0.5, "at 100 ng/mL M-protein still halves"
    assert (best[levels >= 150] > -0.01).all()
    trimer = data["trimer"].mean("time").to_numpy()
    assert trimer[levels == 830] < trimer[levels == 100] / 10


def test_fewer_doses_in_responders_give_more_trimers_and_less_tumour() -> None:
    # Figure 5a, c and Supplementary Figure 5a: every second week from cycle 7, every fourth from cycle 13.
    end = 18 * CYCLE
    often = list(range(2 * WEEK, end + 1, WEEK))
    second = [h for h in often if h < 6 * CYCLE] + list(range(6 * CYCLE, end + 1, 2 * WEEK))
    fourth = [h for h in second if h < 12 * CYCLE] + list(range(12 * CYCLE, end + 1, 4 * WEEK))
    per_cell, per_t_cell, tumour = [], [], []
    for later in (often, second, fourth):
        hours = [0, 72, 168, *later]
        data = treat(hours, [12, 32] + [76] * (len(hours) - 2), np.arange(0, end + 1, 6.0),
                     ["trimer", "myeloma_total", "drug_cd3_marrow", "t_cells_marrow"])  # fmt: skip
        after = data.sel(time=slice(6 * CYCLE, None))
        per_cell.append(float((after["trimer"] / after["myeloma_total"]).mean()))
        per_t_cell.append(float((after["drug_cd3_marrow"] / after["t_cells_marrow"]).mean()))
        tumour.append(float(data["myeloma_total"].isel(time=-1)[0]))
    assert per_cell == sorted(per_cell) and per_cell[1] > 1.3 * per_cell[0]
    assert per_t_cell == sorted(per_t_cell, reverse=True)
    assert tumour == sorted(tumour, reverse=True) and tumour[1] < tumour[0] / 2


def test_the_misprint_matters_near_the_threshold_of_soluble_bcma() -> None:
    times = np.arange(0, 24 * WEEK + 1, 24.0)
    levels = np.array([28.8, 100.0, 150.0])
    sound = weekly(times, ["trimer"], sbcma_start=list(levels * N["sbcma_scale"]))["trimer"].mean("time").to_numpy()
    printed = weekly(times, ["trimer"], sbcma_start=list(levels * N["sbcma_scale"]),
                     sbcma_complex_return=[PRINTED] * 3)["trimer"].mean("time").to_numpy()  # fmt: skip
    assert printed[0] == pytest.approx(sound[0], rel=0.01)
    assert printed[2] > 1.8 * sound[2], "as printed, trimers where soluble BCMA abounds are doubled"


def plausible(n: int, rng: np.random.Generator) -> dict[str, npt.NDArray[np.float64]]:
    """Supplementary Table 1 (uniform) and Table 2 (log-uniform, as nlmixr2lib infers from Figure 2b)."""
    fold = {"resistance_rate": 2, "resistance": 2, "myeloma_growth": 10, "myeloma_growth_linear": 10, "kill_rate": 10}
    drawn = {name: rng.uniform(N[name] / f, N[name] * f, n) for name, f in fold.items()}
    drawn |= {name: N[name] * rng.uniform(0.75, 1.25, n) for name in ("cd3_per_cell", "bcma_per_cell")}
    drawn |= {"death_delay": rng.uniform(24, 30, n), "kill_hill": rng.uniform(0.5, 1.5, n)}
    ranges = {
        "sbcma_start": (185, 153_520),
        "t_cells_start": (16, 2580),
        "myeloma_start": (450, 450_000),
        "m_protein_start": (5, 70),
    }
    return drawn | {name: np.exp(rng.uniform(np.log(low), np.log(high), n)) for name, (low, high) in ranges.items()}


def test_high_soluble_bcma_means_fewer_responses_among_plausible_patients() -> None:
    # Figure 3a reports about 80 % (low) and 38 % (high) for selected virtual patients. The selection cannot be
    # repeated; among plausible patients the order holds and the rates are lower, as in nlmixr2lib.
    drawn = plausible(400, np.random.default_rng(8))
    visits = np.arange(0, 24 * WEEK + 1, 21 * 24.0)
    protein = weekly(visits, ["m_protein"], **drawn)["m_protein"].to_numpy()
    halved = protein <= 0.5 * protein[:, :1]
    response = (halved[:, :-1] & halved[:, 1:]).any(axis=1)  # two assessments in a row
    low = drawn["sbcma_start"] < 100 * N["sbcma_scale"]
    assert low.mean() == pytest.approx(0.70, abs=0.05)  # "70% of VPop"
    assert response[low].mean() > 2 * response[~low].mean()
    assert response[low].mean() < 0.80


def test_receptors_are_a_concentration() -> None:
    # 12,590 receptors on 2.25e5 cells a microlitre are 4.70 nM.
    assert 12_590 * 2.25e5 * PM_PER_RECEPTOR / 1000 == pytest.approx(4.704, abs=0.001)
