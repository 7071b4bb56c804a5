"""Predict the figures of each product from the other products: docs/explanation/calibration.md.

    .venv/bin/python validation/calibration/leave_one_product_out.py FOLDER            # some minutes
    .venv/bin/python validation/calibration/leave_one_product_out.py FOLDER --write    # the tables into the page

FOLDER is that of `aftercar calibrate --out FOLDER`. The emulator of the second wave serves, as for single studies, here
of the figures that are held back as well. The pooled rate of the other products is what one would say without a
mechanism; of progression-free survival there is none, because every study printed another month.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from page import put

from aftercar.calibration import QUICK, CalibrationSettings, CountedTarget, Material
from aftercar.calibration.likelihood import EmulatedTargets
from aftercar.calibration.posterior import choose_draws
from aftercar.calibration.tension import draw_without
from aftercar.calibration.waves import emulate, run_waves, simulate_design
from aftercar.catalogue.calibration import load_calibration
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.catalogue.targets import load_targets
from aftercar.foundation import draw_stream, show_notices
from aftercar.synthesis.predictive_counts import mix_binomials, predict_new_cohort
from aftercar.synthesis.scores import count_coverage, crps, interval_of, log_score, pit_range

_WAVE, _DRAWS = 2, 1000
LEVELS, SHOWN = (0.5, 0.8, 0.95), 0.9


@dataclass(frozen=True)
class Product:
    """`cohorts`: its virtual ones. `scored`: figures by measure, none of which holds patients of another of the same
    measure. `pooled`: rows of ORR and CR of studies that share no patients."""

    cohorts: tuple[str, ...]
    scored: Mapping[str, tuple[str, ...]]
    pooled: tuple[tuple[str, str], ...]


PRODUCTS = {
    "ide-cel": Product(
        ("karmma_150", "karmma_300", "karmma_450"),
        {
            "ORR": ("karmma_300_orr", "karmma_450_orr", "cibmtr_orr", "german_ide_cel_orr"),
            "CR": ("karmma_300_cr", "karmma_450_cr", "cibmtr_cr", "german_ide_cel_cr"),
            "PFS": ("karmma_pfs", "cibmtr_pfs", "german_ide_cel_pfs10"),
        },
        (("karmma_orr", "karmma_cr"), ("cibmtr_orr", "cibmtr_cr"), ("german_ide_cel_orr", "german_ide_cel_cr")),
    ),
    "cilta-cel": Product(
        ("cartitude1",),
        {
            "ORR": ("cartitude1_orr", "german_cilta_cel_orr"),
            "CR": ("cartitude1_all_cr", "german_cilta_cel_cr"),
            "PFS": ("cartitude1_pfs12", "cartitude1_pfs24", "cartitude1_pfs60", "german_cilta_cel_pfs10"),
        },
        (("cartitude1_orr", "cartitude1_scr"), ("german_cilta_cel_orr", "german_cilta_cel_cr")),
    ),
    "LCAR-B38M": Product(
        ("legend2",),
        {"ORR": ("legend2_orr",), "CR": ("legend2_all_cr",), "PFS": ("legend2_pfs18", "legend2_pfs60")},
        (("legend2_orr", "legend2_cr"),),
    ),
    "CT103A": Product(
        ("fumanba1",),
        {
            "ORR": ("fumanba1_orr", "ct103a_phase1_orr"), "CR": ("fumanba1_cr", "ct103a_phase1_cr"),
            "PFS": ("fumanba1_pfs12", "ct103a_phase1_pfs12"),
        },
        (("ct103a_orrp2", "ct103a_crp2"), ("ct103a_orrp1", "ct103a_crp1")),
    ),
}  # fmt: skip
SCORED = {name for one in PRODUCTS.values() for names in one.scored.values() for name in names}


def emulate_all(material: Material, settings: CalibrationSettings, folder: Path) -> EmulatedTargets:
    """Return the emulator of the second wave, of the fitted figures and of all that are scored."""
    design = run_waves(material, settings, folder=folder, through=_WAVE)[-1].emulated.design
    targets = tuple(one for one in material.targets if one.use == "fit" or one.id in SCORED)
    cohorts = tuple(dict.fromkeys(cohort for one in targets for cohort in one.cohorts))
    stream = draw_stream(settings.seed, "calibration", "design", _WAVE - 1)
    scores = design.draw(settings.waves[_WAVE - 1].patients, stream)
    facts, _ = simulate_design(
        material, scores, cohorts, purpose=f"wave {_WAVE}", seed=settings.seed, folder=folder
    )  # fmt: skip
    return emulate(design, scores, facts, targets)


def pool_others(product: str, measure: str, n: int) -> np.ndarray | None:
    """Return the distribution of events among n patients by the pooled rate of the other products' studies."""
    if measure not in ("ORR", "CR"):
        return None
    rows, place = load_targets().response, ("ORR", "CR").index(measure)
    shown = [rows[pair[place]] for name, one in PRODUCTS.items() if name != product for pair in one.pooled]
    events = [one.events if one.events is not None else round(one.value / 100 * one.n) for one in shown]
    return predict_new_cohort(events, [one.n for one in shown], n)


def predict(held: EmulatedTargets, k: int, scores: np.ndarray, n: int, discrepancy: float, rng) -> np.ndarray:
    """Return the distribution of the events of a target among n patients."""
    mean, variance = held.logits(scores)
    return mix_binomials(mean[:, k] + np.sqrt(variance[:, k]) * rng.standard_normal(len(scores)), n, sd=discrepancy)


def score(pmf: np.ndarray, seen: int, luck: float) -> dict[str, float]:
    """Return what a prediction is worth; `luck`, in 0 to 1, makes the transform of a count continuous."""
    below, at_most = pit_range(pmf, seen)
    low, high = interval_of(pmf, SHOWN)
    n = len(pmf) - 1
    return {
        "rate": float(pmf @ np.arange(n + 1)) / n, "lb": low / n, "ub": high / n, "log_score": log_score(pmf, seen),
        "crps": crps(pmf, seen) / n, "pit": below + luck * (at_most - below), "inside": float(low <= seen <= high),
    }  # fmt: skip


def score_products(emulated: EmulatedTargets, *, discrepancy: float, settings: CalibrationSettings) -> pd.DataFrame:
    """Return a figure and forecast a row: `mechanism`, and `pooled` where there is one."""
    rows = []
    for product, one in PRODUCTS.items():
        names = {t.id for t in emulated.targets if set(t.cohorts) & set(one.cohorts)}
        held, chains, at_edge = draw_without(
            emulated, names, discrepancy=discrepancy, settings=settings, purpose=f"without {product}"
        )
        rng = draw_stream(settings.seed, "calibration", "left out", product)
        scores = choose_draws(chains, _DRAWS, rng)
        place = {t.id: k for k, t in enumerate(held.targets)}
        for measure, name in ((m, name) for m, names in one.scored.items() for name in names):
            target: CountedTarget = held.targets[place[name]]
            n, luck = round(target.n), draw_stream(settings.seed, "luck", name).random()
            forecasts = {
                "mechanism": predict(held, place[name], scores, n, discrepancy, rng),
                "pooled": pool_others(product, measure, n),
            }
            rows += [
                {"product": product, "measure": measure, "target": name, "what": target.words(), "n": n,
                 "observed": target.events / target.n, "forecast": forecast, "r_hat": chains.r_hat.max(),
                 "at_edge": at_edge, **score(pmf, min(round(target.events), n), luck)}
                for forecast, pmf in forecasts.items() if pmf is not None
            ]  # fmt: skip
    return pd.DataFrame(rows)


def tabulate(table: pd.DataFrame) -> str:
    """Return the figures, observed beside predicted."""
    lines = ["| without | figure | observed, % | n | mechanism, % (90%) | log score | pooled, % (90%) | log score |",
             "| --- | --- | --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    for _, rows in table.groupby("target", sort=False):
        by = rows.set_index("forecast")
        first, cells = by.loc["mechanism"], []
        for name in ("mechanism", "pooled"):
            cells += ["", ""] if name not in by.index else [
                f"{100 * by.loc[name, 'rate']:.0f} ({100 * by.loc[name, 'lb']:.0f}–{100 * by.loc[name, 'ub']:.0f})",
                f"{by.loc[name, 'log_score']:.2f}",
            ]  # fmt: skip
        lines.append(
            f"| {first['product']} | `{first['target']}`: {first['what'].replace(' | ', ' among ')} | "
            f"{100 * first['observed']:.0f} | {first['n']} | {' | '.join(cells)} |"
        )
    return "\n".join(lines)


def summarise(table: pd.DataFrame) -> str:
    """Return scores and coverage by measure and forecast, and the verdict on ORR in words."""
    heads = "".join(f" covered at {100 * level:g}% |" for level in LEVELS)
    lines = [f"| measure | forecast | figures | mean log score | mean CRPS, points |{heads}", "| --- " * 8 + "|"]
    for (measure, forecast), rows in table.groupby(["measure", "forecast"], sort=False):
        covered = [count_coverage(rows["pit"].to_numpy(), level) for level in LEVELS]
        cells = " | ".join(f"{c.estimate * 100:.0f}% ({c.ci_lb * 100:.0f}–{c.ci_ub * 100:.0f})" for c in covered)
        lines.append(f"| {measure} | {forecast} | {len(rows)} | {rows['log_score'].mean():.2f} | "
                     f"{100 * rows['crps'].mean():.1f} | {cells} |")  # fmt: skip
    means = table.groupby(["measure", "forecast"])["log_score"].mean()
    said = []
    for measure in ("ORR", "CR"):
        mechanism, pooled = means[measure, "mechanism"], means[measure, "pooled"]
        said.append(
            f"{measure} {'better' if mechanism > pooled else '**no better**'} ({mechanism:.2f} and {pooled:.2f})"
        )
    own = table[table["forecast"] == "mechanism"]
    missed = ", ".join(f"`{name}`" for name in own.loc[own["inside"] == 0, "target"])
    last = (
        f"By mean log score the mechanism predicts {' and '.join(said)} than the pooled rate of the other products. "
        f"{own['inside'].sum():.0f} of {len(own)} figures lie in its 90% interval; outside: {missed or 'none'}. "
        f"Largest R-hat {own['r_hat'].max():.3f}, at most {100 * own['at_edge'].max():.0f}% of draws at the edge "
        "of the region."
    )
    return "\n".join([*lines, "", last])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true", help="the folder is of `calibrate --quick`")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    settings = QUICK if given.quick else CalibrationSettings()
    material = Material.of(load_calibration(), load_model_data(), load_populations(), load_targets())
    with show_notices():
        emulated = emulate_all(material, settings, given.folder / "simulated")
    table = score_products(
        emulated,
        discrepancy=material.calibration.discrepancy.value,
        settings=replace(settings, steps=2 * settings.steps),
    )
    text = "\n\n".join([tabulate(table), summarise(table)])
    print(text)
    if given.write:
        put("products", text)


if __name__ == "__main__":
    main()
