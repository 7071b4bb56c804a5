"""Simulation-based calibration of the inference, on simulated trials: docs/explanation/calibration.md.

    .venv/bin/python validation/calibration/self_consistency.py FOLDER               # 200 replicates, ten minutes
    .venv/bin/python validation/calibration/self_consistency.py FOLDER --write       # tables into the page, the figure

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
from aftercar.foundation import draw_stream, show_notices, write_atomic

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "calibration.md"
START, END = "<!-- self-consistency: start -->", "<!-- self-consistency: end -->"
FIGURE = PAGE.parent / "calibration-ranks.svg"
# Patients of each virtual trial: those of KarMMa, CARTITUDE-1 and LEGEND-2.
SIZES = {"karmma_300": 70, "karmma_450": 54, "cartitude1": 97, "legend2": 74}
# Other patients than those of the trials: US centres (351), progressions of three studies.
APART = {"idecel_emd": 351, "idecel_no_emd": 351, "bcma_loss": 25}
BINS, SEED = 10, 20240601


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--quick", action="store_true", help="the folder is of `calibrate --quick`")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
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
    print(text)
    if given.write:
        page = PAGE.read_text(encoding="utf-8")
        before, rest = page.split(START)
        write_atomic(PAGE, f"{before}{START}\n\n{text}\n\n{END}{rest.split(END)[1]}")
        draw_histograms(ranks).save(FIGURE)


if __name__ == "__main__":
    main()
