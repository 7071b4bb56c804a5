"""Predict each study from the others: docs/explanation/calibration.md.

    .venv/bin/python validation/calibration/leave_one_study_out.py FOLDER            # a few minutes
    .venv/bin/python validation/calibration/leave_one_study_out.py FOLDER --write    # the table into the page

FOLDER is that of `aftercar calibrate --out FOLDER`. The emulator of the second wave serves: it is wide, and
without a study the posterior may lie elsewhere than with all.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from page import put

from aftercar.calibration import QUICK, CalibrationSettings, CountedTarget, Material
from aftercar.calibration.likelihood import log_counts
from aftercar.calibration.tension import leave_out
from aftercar.calibration.waves import run_waves
from aftercar.catalogue.calibration import load_calibration
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.catalogue.targets import load_targets
from aftercar.foundation import show_notices
from aftercar.synthesis import pool_proportions

_WAVE = 2
STUDIES = {
    "KarMMa": ("karmma_300_orr", "karmma_450_orr", "karmma_vgpr", "karmma_cr", "karmma_dor"),
    "US centres": ("idecel_emd", "idecel_no_emd"),
    "CARTITUDE-1": (
        "cartitude1_orr", "cartitude1_vgpr", "cartitude1_cr", "cartitude1_pfs12", "cartitude1_pfs24",
        "cartitude1_pfs60", "cartitude1_c_max", "cartitude1_t_last",
    ),
    "LEGEND-2": ("legend2_orr", "legend2_cr", "legend2_pfs18", "legend2_pfs60"),
}  # fmt: skip


# Response counts by study for the naive prediction: what one would say of a study without a mechanism.
RESPONSES = {
    "KarMMa": ("karmma_orr",), "US centres": ("idecel_us_emd", "idecel_us_noemd"),
    "CARTITUDE-1": ("cartitude1_orr",), "LEGEND-2": ("legend2_orr",),
}  # fmt: skip


def compare_with_pooling(table: pd.DataFrame, targets: tuple[CountedTarget, ...]) -> str:
    """Return the log scores of ORR by the mechanism and by the pooled ORR of the other studies (REML, new study)."""
    rows = load_targets().response
    counts = {
        study: np.sum([(rows[x].events or rows[x].value / 100 * rows[x].n, rows[x].n) for x in shown], axis=0)
        for study, shown in RESPONSES.items()
    }
    scores = []
    for one in table[table["what"].str.startswith("ORR")].itertuples():
        others = [counts[study] for study in counts if study != one.study]
        x, n = np.round(np.array(others)).T.astype(int)
        pooled = pool_proportions(x, n, method="reml")
        variance = np.array([[pooled.se**2 + pooled.heterogeneity.tau2]])
        target = next(t for t in targets if t.id == one.target)
        naive = log_counts([target], np.array([[pooled.coefficient]]), variance, 0.0)[0, 0]
        scores.append((one.target, one.log_score, naive))
    lines = ["| ORR of | log score, mechanism | log score, pooled ORR of the other studies |", "| --- | --- | --- |",
             *(f"| `{name}` | {score:.2f} | {naive:.2f} |" for name, score, naive in scores)]  # fmt: skip
    mean = np.mean([(score, naive) for _, score, naive in scores], axis=0)
    words = "better" if mean[0] > mean[1] else "**no better**"
    last = f"Means {mean[0]:.2f} and {mean[1]:.2f}: the mechanism predicts {words} than pooling."
    return "\n".join([*lines, "", f"{last} Six counts of four studies decide little."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true", help="the folder is of `calibrate --quick`")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    settings = QUICK if given.quick else CalibrationSettings()
    material = Material.of(load_calibration(), load_model_data(), load_populations(), load_targets())
    with show_notices():
        wave = run_waves(material, settings, folder=given.folder / "simulated", through=_WAVE)[-1]
    fitted = {one.id for one in material.fitted()}
    assert {name for names in STUDIES.values() for name in names} <= fitted
    table = leave_out(
        wave.emulated, STUDIES, discrepancy=material.calibration.discrepancy.value,
        settings=replace(settings, steps=3 * settings.steps),
    )  # fmt: skip
    lines = [
        "| left out | target | observed, % | n | predicted, % (95%) | such a cohort, % (90%) | z | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(
            f"| {row.study} | {row.what.replace(' | ', ' among ')} | {100 * row.observed:.0f} | {row.n:.0f} | "
            f"{100 * row.simulated:.0f} ({100 * row.lb:.0f}–{100 * row.ub:.0f}) | {100 * row.pi_lb:.0f}–"
            f"{100 * row.pi_ub:.0f} | {row.z:+.1f} | {row.verdict} |"
            for row in table.itertuples()
        ),
        "",
        f"{(table['verdict'] == 'met').sum()} of {len(table)} figures lie in the 90% interval of their prediction; "
        f"mean log score {table['log_score'].mean():.2f}; largest R-hat {table['r_hat'].max():.3f}, at most "
        f"{100 * table['at_edge'].max():.0f}% of draws at the edge of the region.",
    ]
    text = "\n".join([*lines, "", compare_with_pooling(table, material.targets)])
    print(text)
    if given.write:
        put("left out", text)


if __name__ == "__main__":
    main()
