"""Hold the simulation against every published kinetic figure: docs/explanation/kinetics.md.

    .venv/bin/python validation/model/kinetic_targets.py            # prints the table
    .venv/bin/python validation/model/kinetic_targets.py --write    # puts it between the marks of the page

Each therapy is simulated in virtual patients; the same statistic is taken as the source took; and patients are drawn
again, as many as the study had, to see what a study of that size would print (95% of such studies). A target passes
where the published figure lies in that interval. Ranges between patients make nobody pass: they are not the
uncertainty of a median.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from aftercar.catalogue.targets import KineticTarget, load_targets
from aftercar.foundation import DEFAULT_SEED
from aftercar.model import Treatment
from aftercar.model.treatment import arrange_course
from aftercar.patients import simulate_plan, summarise_kinetics
from aftercar.patients.kinetics import area_until
from aftercar.patients.readouts import read_marker, reading_limits, share_with_variant

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "kinetics.md"
START, END = "<!-- table: start -->", "<!-- table: end -->"
DAYS = 730
# Assumed visits: daily to day 28 so that a peak is not cut, then days 42, 56, 78, 100 and every four weeks.
VISITS = [*range(29), 42, 56, 78, 100, *range(128, DAYS + 1, 28)]
FLOW_LIMIT = 1.0  # cells/uL that flow cytometry quantifies: assumed, no source names it
ANTIBODY_POSITIVE = 0.05  # the model's antibody is an index from 0 to 1; that a test reads 0.05 as positive is assumed
RESIDUAL_DAY = 91  # residual disease is looked for after three months: assumed
RESPONSE_DAYS = 180  # a responder's M-protein falls by half within this time: assumed
NEAR = 0.1  # a single value passes within a tenth of a published one that has no interval: assumed
ROUNDING = 0.01  # ends of a published interval are taken a hundredth wider: parameters hold three digits
EVALUABLE_R2, EVALUABLE_SPAN = 0.8, 2.0  # a half-life that is kept as evaluable: usual limits, not CARTITUDE-1's own
OUTPUTS = ("tumour_total", "copies_per_ug", "car_t_per_ul", "sbcma_ng_per_ml", "m_protein_g_per_dl",
           "free_light_chain", "bcma_density", "mrd_level", "product1_antibody", "progenitor")  # fmt: skip

# What the model cannot or should not be held against here.
NOT_READ: Mapping[str, str] = {
    **dict.fromkeys(("flc_suppressed", "flc_suppressed_idecel", "flc_suppressed_ciltacel"),
                    "the model holds the involved free light chain alone, not the normal one"),
    **dict.fromkeys(("humoral_b_nadir", "humoral_b_recovery", "humoral_b_aplasia", "humoral_plasma_cells",
                     "humoral_igg"),
                    "humoral immunity is an index of help for antibodies, no count of cells and no IgG"),
    **dict.fromkeys(("mycare_relapse_low", "mycare_relapse_intermediate", "mycare_relapse_high",
                     "mycare_time_to_relapse"),
                    "a matter of response and of the patients' risk, not of kinetics"),
    **dict.fromkeys(("nci_bcma_loss", "nci_bcma_negative_relapse"),
                    "one patient each, in 16 and 8 followed for a time that is not said"),
    "one_allele_lost_not_hyperhaploid": "the model has clones with and without the antigen, not one allele of two",
    "ct103a_detectable": "read at a cut-off date, which is another day in each patient",
    "gsi_rise_time": "surface BCMA follows the drug at once in the model: there is no rise to time",
}  # fmt: skip
# Targets that served to set a parameter: that they pass is no confirmation.
SET = {
    "cartitude1_t_max", "cartitude1_c_max", "cartitude1_half_life", "cartitude1_half_life_evaluable",
    "cartitude1_auc_0_28", "cartitude1_auc_0_180", "cartitude1_t_last",
    "karmma_responder_ratio_c_max",
    "ct103a_t_max", "ct103a_ada", "lcar_ada",
    "sbcma_half_life", "sbcma_half_life_poels", "m_protein_half_life_poels", "igg_half_life",
    "flc_half_life_kappa", "flc_half_life_lambda", "ciltacel_sbcma_month_0_to_3", "bcma_density_fall", "gprc5d_loss",
}  # fmt: skip
# Patients where the source prints none. KarMMa: of the label's ratios; sBCMA: 44 samples over four months; the other
# two are assumed.
ASSUMED_N = {"karmma_t_max": 127, "bm38_detectable_month_9": 20, "bm38_detectable_month_12": 20,
             "bcma_loss_across_studies": 30}  # fmt: skip
SBCMA_N = 11

PARAPROTEINS = {"igg_kappa": 0, "igg_lambda": 1, "iga_kappa": 2}  # categories of `paraprotein_type`

Statistic = Callable[[pd.DataFrame], float]


@dataclass(frozen=True)
class Run:
    """A therapy in virtual patients, what is read from them by target, and parameters that all of them share."""

    therapy: str
    reads: Mapping[str, Statistic]
    values: Mapping[str, float] | None = None


def median(name: str) -> Statistic:
    return lambda table: float(table[name].median())


def mean(name: str) -> Statistic:
    return lambda table: float(table[name].mean())


def percent(name: str) -> Statistic:
    return lambda table: 100.0 * float(table[name].mean())


def ratio_of_responders(name: str, table: pd.DataFrame) -> float:
    """Return the median of responders over that of the others."""
    responder = table["responder"].astype(bool)
    return float(table.loc[responder, name].median() / table.loc[~responder, name].median())


def fall(month: int, table: pd.DataFrame) -> float:
    """Return median soluble BCMA at a month in percent of the median at the start."""
    return 100.0 * float(table[f"sbcma_month_{month}"].median() / table["sbcma_month_0"].median())


def fall_within_month(table: pd.DataFrame) -> float:
    """Return median soluble BCMA of samples from any day of the first month, in percent of the median at the start."""
    return 100.0 * float(table["sbcma_in_month_1"].median() / table["sbcma_month_0"].median())


def density_left(table: pd.DataFrame) -> float:
    """Return the median BCMA per tumour cell later over the median at the start."""
    return float(table["bcma_density_later"].median() / table["bcma_density_start"].median())


CILTA_SBCMA = {f"ciltacel_sbcma_month_{m}": median(f"sbcma_month_{m}") for m in (0, 1, 2, 3)}
RUNS = (
    Run("cilta_cel", {
        "cartitude1_t_max": median("t_max"), "cartitude1_c_max": mean("c_max"), "cartitude1_t_last": median("t_last"),
        "cartitude1_t_below_quantification": median("t_below_quantification"),
        "cartitude1_auc_0_28": mean("auc_0_28"), "cartitude1_auc_0_180": mean("auc_0_180"),
        "cartitude1_half_life": mean("half_life"),
        "cartitude1_half_life_evaluable": mean("half_life_evaluable"), **CILTA_SBCMA,
        "ciltacel_sbcma_nadir": median("sbcma_month_3"),
        **{f"ciltacel_sbcma_month_0_to_{m}": partial(fall, m) for m in (1, 2, 3)},
        "ciltacel_sbcma_month_0_to_1_any_day": fall_within_month,
    }),
    # CARTITUDE-4: one to three lines before.
    Run("cilta_cel", {
        "cartitude4_t_max": median("t_max_cells"), "cartitude4_c_max_cells": mean("c_max_cells"),
        "cartitude4_persistence": median("t_last_cells"), "cartitude4_auc_0_28_cells": mean("auc_0_28_cells"),
    }, {"prior_lines": 2.0}),
    Run("ide_cel", {
        "karmma_t_max": median("t_max"), "karmma_responder_ratio_c_max": partial(ratio_of_responders, "c_max"),
        "karmma_responder_ratio_auc_0_28": partial(ratio_of_responders, "auc_0_28"),
        "bcma_loss_across_studies": percent("bcma_lost"), "bcma_density_fall": density_left,
    }),
    Run("ct103a", {"ct103a_t_max": median("t_max"), "ct103a_persistence": median("t_last"),
                   "ct103a_ada": percent("antibodies"), "fumanba1_ada": percent("antibodies")}),
    Run("lcar_b38m", {"lcar_ada": percent("antibodies"), "lcar_ada_progressors": percent("antibodies_if_progressed")}),
    Run("bcma_cd38_cart", {"bm38_detectable_month_9": percent("detectable_month_9"),
                           "bm38_detectable_month_12": percent("detectable_month_12")}),
    Run("gprc5d_cart", {"gprc5d_loss": percent("gprc5d_lost_at_relapse")}),
)  # fmt: skip


def simulate_therapy(run: Run, patients: int, seed: int) -> xr.Dataset:
    """Simulate one therapy in virtual patients for two years, values each day."""
    plan = [Treatment(run.therapy)]
    clones = [f"{site}_{c.id}" for c in arrange_course(plan, days=DAYS).structure.clones for site in ("marrow", "emd")]
    return simulate_plan(plan, days=DAYS, patients=patients, seed=seed, values=run.values, outputs=[*OUTPUTS, *clones])


def read_patients(data: xr.Dataset, therapy: str) -> pd.DataFrame:
    """Return one row a patient: kinetics at the visits, flow cytometry, antibodies, response, antigen loss."""
    visits = data.sel(time=VISITS)
    table = summarise_kinetics(visits)
    sure = (table["half_life_r2"] >= EVALUABLE_R2) & (table["half_life_span"] >= EVALUABLE_SPAN)
    table["half_life_evaluable"] = table["half_life"].where(sure)
    cells, times = visits["car_t_per_ul"].to_numpy(), np.array(VISITS, dtype=float)
    table["c_max_cells"], table["t_max_cells"] = cells.max(axis=1), times[cells.argmax(axis=1)]
    table["t_last_cells"] = np.where(cells >= FLOW_LIMIT, times, 0.0).max(axis=1)
    table["auc_0_28_cells"] = [area_until(times, curve, 28.0) for curve in cells]
    after = data.sel(time=slice(0.0, None))
    marker = read_marker(after)
    early = replace(marker, level=marker.level[:, :RESPONSE_DAYS]).deepest_fall()
    # A responder is asked for in patients whose myeloma secretes; the others (1%) count as none.
    table["responder"] = early >= reading_limits()["partial_response_fall"]
    table["antibodies"] = (after["product1_antibody"].to_numpy()[:, :366].max(axis=1) > ANTIBODY_POSITIVE).astype(float)
    risen, first = marker.find_rise()
    table["progressed"] = risen
    table["antibodies_if_progressed"] = table["antibodies"].where(risen)
    copies = after["copies_per_ug"].to_numpy()
    for month, day in ((9, 274), (12, 365)):
        table[f"detectable_month_{month}"] = (copies[:, day] >= reading_limits()["copies_lloq"]).astype(float)
    structure = arrange_course([Treatment(therapy)], days=DAYS).structure
    shares, rows = share_with_variant(after, structure), np.arange(len(table))
    for antigen in structure.antigens:
        # The epitope is lost, or the antigen; cells that are dim only count as positive.
        lost = [shares[v.name] for v in antigen.variants if "low" not in v.id]
        at_rise = sum(lost, np.zeros_like(marker.level))[rows, first]
        table[f"{antigen.id.lower()}_lost"] = pd.Series(at_rise > 0.5, index=table.index).astype(float).where(risen)
    table["gprc5d_lost_at_relapse"] = table["gprc5d_lost"].where(table["responder"])
    table = read_density(after, table, first)
    month_6, start = table["sbcma_month_6"], table["sbcma_month_0"]
    sbcma = after["sbcma_ng_per_ml"].to_numpy()
    table["sbcma_rise_at_progression"] = np.where(risen, sbcma[rows, first] / sbcma.min(axis=1), np.nan)
    # "In the first month" may be any day of it: the 30 days are dealt out evenly over the patients.
    table["sbcma_in_month_1"] = sbcma[rows, 1 + rows % 30]
    return table.assign(sbcma_fall_month_6=1.0 - month_6 / start)


def read_density(after: xr.Dataset, table: pd.DataFrame, first: np.ndarray) -> pd.DataFrame:
    """Return the table with BCMA per tumour cell at the start, and at residual disease or progression.

    Residual disease is read at month 3, where the marrow is above one cell in 100,000; in the others the density at
    progression counts. The source does not say how its 15 patients divide, so this is assumed.
    """
    density, rows = after["bcma_density"].to_numpy(), np.arange(len(table))
    residual = after["mrd_level"].to_numpy()[:, RESIDUAL_DAY] >= reading_limits()["mrd_threshold"]
    at_rise = np.where(table["progressed"], density[rows, first], np.nan)
    later = np.where(residual, density[:, RESIDUAL_DAY], at_rise)
    return table.assign(bcma_density_start=density[:, 0], bcma_density_later=later)


def predict(table: pd.DataFrame, statistic: Statistic, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return the statistic in all patients and what 95% of studies of `n` patients would print, shape (3,)."""
    drawn = [statistic(table.iloc[rng.integers(len(table), size=n)]) for _ in range(1000)]
    return np.array([statistic(table), *np.nanquantile(drawn, [0.025, 0.975])])


def restrict(target_id: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return the patients whom the source counts: those in whom the figure could be had."""
    column = {"cartitude1_half_life": "half_life",
              "cartitude1_half_life_evaluable": "half_life_evaluable",
              "cartitude1_t_below_quantification": "t_below_quantification",
              "lcar_ada_progressors": "antibodies_if_progressed", "gprc5d_loss": "gprc5d_lost_at_relapse",
              "bcma_density_fall": "bcma_density_later",
              "bcma_loss_across_studies": "bcma_lost"}.get(target_id)  # fmt: skip
    return table if column is None else table[table[column].notna()]


def single_values(seed: int) -> dict[str, float]:
    """Return what needs one patient: half-lives in serum after a kill that is over at once [day], and directions."""
    found = {kind: clean_half_lives(number, seed) for kind, number in PARAPROTEINS.items()}
    drug = simulate_plan([Treatment("gamma_secretase_inhibitor")], days=5, outputs=["sbcma", "bcma_density"],
                         counted=False, seed=seed).isel(patient=0)  # fmt: skip
    before = simulate_plan([Treatment("gamma_secretase_inhibitor", day=4)], days=5, outputs=["bcma_density"],
                           counted=False, seed=seed).isel(patient=0)["bcma_density"].values[0]  # fmt: skip
    igg, iga = found["igg_kappa"], found["iga_kappa"]
    return {
        **dict.fromkeys(("sbcma_half_life", "sbcma_half_life_poels", "sbcma_half_life_singh"), igg["sbcma"]),
        # Healthy people have little IgG; a typical patient has 30 g/L, where FcRn is saturated in part.
        "igg_half_life": igg["m_protein_last"],
        "m_protein_half_life_poels": igg["m_protein"],
        "m_protein_half_life_singh": igg["m_protein"],
        "iga_half_life": iga["m_protein"],
        "flc_half_life_kappa": igg["free_light_chain"],
        "flc_half_life_lambda": found["igg_lambda"]["free_light_chain"],
        "flc_half_life_poels": igg["free_light_chain"],
        "gsi_sbcma_direction": float(np.sign(drug["sbcma"].values[1:].min() - drug["sbcma"].values[0])),
        "gsi_surface_direction": float(np.sign(drug["bcma_density"].values[1] - before)),
    }


def clean_half_lives(paraprotein: int, seed: int) -> dict[str, float]:
    """Return half-lives [day] in serum after a kill that is over at once, in the typical patient of a paraprotein type.

    Of each level the steepest fall: when nothing is made any more, and before what is left is made by the last cells.
    Of M-protein also the fall at the end (``m_protein_last``), when little of it is left.
    """
    clean = {"killing_rate": 500.0, "sbcma_normal_share": 0.0, "paraprotein_type": float(paraprotein)}
    names = ("sbcma", "m_protein", "free_light_chain")
    data = simulate_plan([Treatment("cilta_cel")], days=120, values=clean, every=0.05, outputs=names, counted=False,
                         seed=seed)  # fmt: skip
    rates = {name: -np.gradient(np.log(data[name].to_numpy()[0]), data["time"].to_numpy()) for name in names}
    found = {name: float(np.log(2.0) / rate.max()) for name, rate in rates.items()}
    return found | {"m_protein_last": float(np.log(2.0) / rates["m_protein"][-1])}


def published(target_id: str, targets: Mapping[str, KineticTarget]) -> KineticTarget | tuple[float, str, str]:
    """Return a target, or value, unit and source of one derived from two medians of the same source."""
    if "_0_to_" not in target_id:
        return targets[target_id.removesuffix("_evaluable")]
    now = targets[f"ciltacel_sbcma_month_{target_id.split('_0_to_')[1][0]}"]
    return 100.0 * now.value / targets["ciltacel_sbcma_month_0"].value, "% of the start", now.citation


def judge(value: float, low: float, high: float, one: KineticTarget | tuple[float, str, str], single: bool) -> bool:
    """Return whether a published figure agrees with the simulated value and its interval."""
    figure = one[0] if isinstance(one, tuple) else one.value
    bounds = None
    # A range of half-lives is what the source knows of the typical one; a range of patients is not.
    if not isinstance(one, tuple) and (one.interval in {"across_sources", "ci95"} or (single and one.interval)):
        bounds = ((one.low or -np.inf) * (1 - ROUNDING), (one.high or np.inf) * (1 + ROUNDING))
    if bounds is not None:
        return bool(high >= bounds[0] and low <= bounds[1])
    return bool(abs(value / figure - 1.0) <= NEAR) if single else bool(low <= figure <= high)


DAYS_IN = {"hour": 24.0, "day": 1.0, "month": 1.0 / 30.4375}


def compare(patients: int = 1000, seed: int = DEFAULT_SEED) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Return one row a target, and the patients of each run by therapy (CARTITUDE-4 under ``cilta_cel_4``)."""
    targets, rng = load_targets().kinetic, np.random.default_rng(seed)
    rows, tables = [], {}
    for run in RUNS:
        table = read_patients(simulate_therapy(run, patients, seed), run.therapy)
        tables[run.therapy + ("_4" if run.values else "")] = table
        for name, statistic in run.reads.items():
            one = published(name, targets)
            n = SBCMA_N if "sbcma" in name else ASSUMED_N.get(name) or targets[name.removesuffix("_evaluable")].n
            rows.append(_row(name, one, predict(restrict(name, table), statistic, int(n or 0), rng), n))
    for name, value in single_values(seed).items():
        one = targets[name]
        scaled = value * (DAYS_IN.get(one.unit, 1.0))
        rows.append(_row(name, one, np.array([scaled, scaled, scaled]), None))
    return pd.DataFrame(rows), tables


def _row(name: str, one: KineticTarget | tuple[float, str, str], found: np.ndarray, n: int | None) -> dict[str, object]:
    derived = isinstance(one, tuple)
    figure, unit, source = one if derived else (one.value, one.unit, one.citation)
    return {
        "target": name, "source": source, "unit": unit, "statistic": "ratio of medians" if derived else one.statistic,
        "published": figure, "n": n, "simulated": found[0], "low": found[1], "high": found[2],
        "set": name in SET, "pass": judge(*found, one, single=n is None),
    }  # fmt: skip


def to_markdown(table: pd.DataFrame) -> str:
    """Return the table of the page."""
    lines = ["| target | source | published | simulated (95% of studies of n) | n | served to set a parameter | |",
             "| --- | --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    for row in table.to_dict("records"):
        interval = "" if row["n"] is None or pd.isna(row["n"]) else f" ({show(row['low'])} to {show(row['high'])})"
        n = "" if not interval else f"{row['n']:.0f}"
        lines.append(
            f"| `{row['target']}` | {{cite}}`{row['source']}` "
            f"| {row['statistic']} {show(row['published'])} {row['unit']} "
            f"| {show(row['simulated'])}{interval} | {n} | {'yes' if row['set'] else ''} "
            f"| {'pass' if row['pass'] else '**miss**'} |"
        )
    return "\n".join(lines)


def show(value: float) -> str:
    """Return a number as a reader wants it: three digits, thousands parted."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def main() -> None:
    """Print the table, or write it into the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--patients", type=int, default=1000)
    arguments = parser.parse_args()
    table, _ = compare(arguments.patients)
    print(table.round(3).to_string())
    if arguments.write:
        before, rest = PAGE.read_text(encoding="utf-8").split(START)
        PAGE.write_text(f"{before}{START}\n\n{to_markdown(table)}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
