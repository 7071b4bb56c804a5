"""Simulation-based calibration of the inference, on simulated trials: docs/explanation/calibration.md.

    .venv/bin/python validation/calibration/self_consistency.py FOLDER               # 200 replicates, ten minutes
    .venv/bin/python validation/calibration/self_consistency.py FOLDER --write       # tables into the page, the figure
    .venv/bin/python validation/calibration/self_consistency.py --count              # count again from the page's table

FOLDER is that of `aftercar calibrate --out FOLDER`: the emulator of its last wave is made again from its simulated
cohorts. True parameters come from that wave's design; every replicate simulates trials of the published sizes at them,
patient by patient, and the posterior is drawn as for the published figures, without discrepancy.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
from page import PAGE, put, take

from aftercar.calibration import QUICK, CalibrationSettings, Material, Ranks, rank_truths
from aftercar.calibration.cohorts import CohortRequest, simulate_cohort
from aftercar.calibration.likelihood import EmulatedTargets
from aftercar.calibration.outcomes import had_outcome, may_have_outcome
from aftercar.calibration.targets import CountedTarget
from aftercar.calibration.waves import run_waves
from aftercar.catalogue.calibration import load_calibration
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.catalogue.targets import load_targets
from aftercar.foundation import draw_stream, show_notices

FIGURE = PAGE.parent / "calibration-ranks.svg"
# Patients of each virtual trial: those of KarMMa, CARTITUDE-1 and LEGEND-2.
SIZES = {"karmma_300": 70, "karmma_450": 54, "cartitude1": 97, "legend2": 74}
# Other patients than those of the trials: US centres (351), progressions of three studies.
APART = {"idecel_emd": 351, "idecel_no_emd": 351, "bcma_loss": 25}
BINS, SEED = 10, 20240601
LEAST_P, LEAST_PARAMETERS = 0.01, 6


def draw_counts(material: Material, targets: tuple[CountedTarget, ...], truth: np.ndarray, one: int) -> np.ndarray:
    """Return events and patients of each target from trials simulated at the truth."""
    sets = material.space.sets(truth, origin="prior")
    seeds = draw_stream(SEED, "self-consistency trials", one).integers(2**31, size=2)

    def trial(cohort: str, n: int, seed: int) -> pd.DataFrame:
        known = material.calibration.cohorts[cohort]
        request = CohortRequest(known, material.populations[known.population], sets, n, int(seed))
        return simulate_cohort(request, material.data)

    trials = {cohort: trial(cohort, n, seeds[0]) for cohort, n in SIZES.items()}
    apart = {
        (cohort, n): trial(cohort, n, seeds[1])
        for cohort, n in dict.fromkeys((c, APART[t.id]) for t in targets if t.id in APART for c in t.cohorts)
    }
    rows = []
    for target in targets:
        events = n = 0
        for cohort in target.cohorts:
            seen = apart[cohort, APART[target.id]] if target.id in APART else trials[cohort]
            among = may_have_outcome(seen, target)
            events, n = events + int(had_outcome(seen, target.outcome)[among].sum()), n + int(among.sum())
        rows.append((events, n))
    return np.array(rows, dtype=np.float64)


def draw_histograms(ranks: Ranks) -> alt.VConcatChart:
    """Return a histogram of ranks by parameter, with the band of 99%."""
    counts = pd.DataFrame(ranks.histogram(BINS), columns=list(ranks.labels)).rename_axis("bin").reset_index()
    rows = counts.melt("bin", var_name="parameter", value_name="replicates")
    rows["low"], rows["high"] = ranks.band(BINS)
    base = alt.Chart(rows).properties(width=130, height=80)
    band = base.mark_area(opacity=0.25, color="grey").encode(x="bin:O", y="low:Q", y2="high:Q")
    bars = base.mark_bar(color="#3b6ea5").encode(
        x=alt.X("bin:O", title="tenth of ranks"), y=alt.Y("replicates:Q", title="replicates")
    )
    return alt.layer(band, bars).facet(facet=alt.Facet("parameter:N", title=None), columns=5)


def count_passing(table: pd.DataFrame) -> str:
    """Say how many parameters have uniform ranks; columns parameter, p and out_of_band."""
    passes = (table["out_of_band"] == 0) & (table["p"] > LEAST_P)
    others = "; ".join(
        f"{row.parameter} (p {row.p:.3g}, {row.out_of_band:.0f} bins out of the band)"
        for row in table[~passes].itertuples()
    )
    verdict = "met" if passes.sum() >= LEAST_PARAMETERS else "**missed**"
    return (
        f"{passes.sum()} of {len(table)} parameters pass: every bin within the band of 99%, and p above {LEAST_P:g}. "
        f"The criterion, uniform on at least {LEAST_PARAMETERS}, is {verdict}. Not uniform: {others or 'none'}."
    )


def read_page() -> pd.DataFrame:
    """Return the table that stands in the page."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in take("self-consistency").splitlines()
            if line.startswith("| ")][2:]  # fmt: skip
    table = pd.DataFrame(rows, columns=["parameter", "p", "mean", "spread", "out_of_band"])
    return table.astype({"p": float, "mean": float, "spread": float, "out_of_band": int})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--count", action="store_true", help="only count again, from the table in the page")
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--quick", action="store_true", help="the folder is of `calibrate --quick`")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    if given.count:
        put("passing", count_passing(read_page()))
        return
    if given.folder is None:
        parser.error("name the folder of the calibration")
    material = Material.of(load_calibration(), load_model_data(), load_populations(), load_targets())
    with show_notices():
        wave = run_waves(material, QUICK if given.quick else CalibrationSettings(), folder=given.folder / "simulated")[
            -1
        ]
    targets = material.fitted()
    emulated = EmulatedTargets(wave.emulated.design, targets, wave.emulated.emulators)
    ranks = rank_truths(
        emulated, lambda truth, one: draw_counts(material, targets, truth, one), replicates=range(given.replicates),
        labels=material.space.labels, seed=SEED, chains=6, steps=300,
    )  # fmt: skip
    table = ranks.summary(BINS)
    low, high = ranks.band(BINS)
    lines = [
        f"{given.replicates} replicates; {BINS} bins, band of 99% {low} to {high} replicates a bin. Uniform ranks have "
        "a mean of 0.5 and a spread of 0.289.", "",
        "| parameter | p of uniform ranks | mean | spread | bins out of the band |", "| --- | --- | --- | --- | --- |",
        *(f"| {row.parameter} | {row.p:.3g} | {row.mean:.3f} | {row.spread:.3f} | {row.out_of_band} |"
          for row in table.itertuples()),
    ]  # fmt: skip
    text = "\n".join(lines)
    print(text, count_passing(table), sep="\n\n")
    if given.write:
        put("self-consistency", text)
        put("passing", count_passing(table))
        draw_histograms(ranks).save(FIGURE)


if __name__ == "__main__":
    main()
