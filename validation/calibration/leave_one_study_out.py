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

from aftercar.calibration import QUICK, CalibrationSettings, Material
from aftercar.calibration.tension import leave_out
from aftercar.calibration.waves import run_waves
from aftercar.catalogue.calibration import load_calibration
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.catalogue.targets import load_targets
from aftercar.foundation import show_notices, write_atomic

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "calibration.md"
START, END = "<!-- left out: start -->", "<!-- left out: end -->"
_WAVE = 1
STUDIES = {
    "KarMMa": ("karmma_300_orr", "karmma_450_orr", "karmma_vgpr", "karmma_cr", "karmma_dor"),
    "US centres": ("idecel_emd", "idecel_no_emd"),
    "CARTITUDE-1": (
        "cartitude1_orr", "cartitude1_vgpr", "cartitude1_cr", "cartitude1_pfs12", "cartitude1_pfs24",
        "cartitude1_pfs60", "cartitude1_c_max", "cartitude1_t_last",
    ),
    "LEGEND-2": ("legend2_orr", "legend2_cr", "legend2_pfs18", "legend2_pfs60"),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true", help="the folder is of `calibrate --quick`")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    settings = QUICK if given.quick else CalibrationSettings()
    material = Material.of(load_calibration(), load_model_data(), load_populations(), load_targets())
    with show_notices():
        wave = run_waves(material, settings, folder=given.folder / "simulated")[_WAVE]
    fitted = {one.id for one in material.fitted()}
    assert {name for names in STUDIES.values() for name in names} <= fitted
    table = leave_out(
        wave.emulated, STUDIES, discrepancy=material.calibration.discrepancy.value,
        settings=replace(settings, steps=3 * settings.steps),
    )  # fmt: skip
    lines = [
        "| left out | target | observed, % | n | predicted, % (95%) | such a cohort, % (95%) | z | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(
            f"| {row.study} | {row.what.replace(' | ', ' among ')} | {100 * row.observed:.0f} | {row.n:.0f} | "
            f"{100 * row.simulated:.0f} ({100 * row.lb:.0f}–{100 * row.ub:.0f}) | {100 * row.pi_lb:.0f}–"
            f"{100 * row.pi_ub:.0f} | {row.z:+.1f} | {row.verdict} |"
            for row in table.itertuples()
        ),
        "",
        f"{(table['verdict'] == 'met').sum()} of {len(table)} figures lie in the 95% interval of their prediction; "
        f"mean log score {table['log_score'].mean():.2f}; largest R-hat {table['r_hat'].max():.3f}.",
    ]
    text = "\n".join(lines)
    print(text)
    if given.write:
        page = PAGE.read_text(encoding="utf-8")
        before, rest = page.split(START)
        write_atomic(PAGE, f"{before}{START}\n\n{text}\n\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
