"""Make a finished calibration the shipped posterior, and put its tables into docs/explanation/calibration.md.

.venv/bin/python -m aftercar calibrate --out FOLDER          # the calibration itself: an hour on one core
.venv/bin/python validation/calibration/ship.py FOLDER
"""

from __future__ import annotations

import argparse
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
from page import PAGE, put
from scipy.stats import chi2

from aftercar.catalogue import posterior as catalogue
from aftercar.catalogue.calibration import load_calibration
from aftercar.foundation import write_atomic

INFORMS, PROFILES = PAGE.parent / "calibration-informs.svg", PAGE.parent / "calibration-profiles.svg"
PROFILED = (
    "growth_rate", "exhaustion_rate", "cd4_share", "killing_rate", "expansion_rate", "fitness_loss_per_line"
)  # fmt: skip
LEAST_GAIN, LEAST_EFFECTIVE = 0.05, 0.1
PRODUCTS = {"ide_cel": "ide-cel", "cilta_cel": "cilta-cel", "lcar_b38m": "LCAR-B38M", "ct103a": "CT103A"}
MEASURES = {"ORR": "ORR", "VGPR": "VGPR", "CR": "CR", "progression-free": "PFS", "in response": "DOR"}


def percent(value: float) -> str:
    return f"{100 * value:.0f}"


def tabulate_parameters(rows: pd.DataFrame) -> str:
    lines = ["| parameter | unit | prior, median (95%) | posterior, median (95%) | shrinkage | presses against |",
             "| --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    for row in rows.fillna("").itertuples():
        lines.append(
            f"| {row.parameter} | {row.unit} | {row.prior_median:.3g} ({row.prior_lb:.3g}–{row.prior_ub:.3g}) | "
            f"{row.median:.3g} ({row.lb:.3g}–{row.ub:.3g}) | {row.shrinkage:.2f} | "
            f"{f'the {row.presses} end' if row.presses else ''} |"
        )
    return "\n".join(lines)


def tabulate_targets(rows: pd.DataFrame) -> str:
    lines = ["| figure | observed, % | n | simulated, % (95%) | such a cohort, % (90%) | z | verdict |",
             "| --- | --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    for row in rows.itertuples():
        verdict = "met with discrepancy" if row.verdict == "met" != row.strict else row.verdict
        lines.append(
            f"| `{row.target}`: {row.what.replace(' | ', ' among ')} | {percent(row.observed)} | {row.n:.0f} | "
            f"{percent(row.simulated)} ({percent(row.lb)}–{percent(row.ub)}) | {percent(row.pi_lb)}–"
            f"{percent(row.pi_ub)} | {row.z:+.1f} | {verdict} |"
        )
    return "\n".join(lines)


def tabulate_directions(rows: pd.DataFrame) -> str:
    shown = pd.concat([rows.head(4), rows.tail(4)])
    return "\n".join(["| variance left | direction |", "| --- | --- |",
                      *(f"| {row.variance:.2f} | {row.parameters} |" for row in shown.itertuples())])  # fmt: skip


def count_inside(rows: pd.DataFrame) -> str:
    """Say how many figures of response and durability lie in the 90% interval, by product and measure."""
    cohorts = load_calibration().cohorts
    rows = rows.assign(
        product=[PRODUCTS[cohorts[names.split(" + ")[0]].therapy] for names in rows["cohorts"]],
        measure=[next((m for key, m in MEASURES.items() if what.startswith(key)), "") for what in rows["what"]],
        met=rows["verdict"] == "met",
    )
    ours = rows[rows["measure"] != ""]

    def say(part: pd.DataFrame) -> str:
        return f"{part['met'].sum()} of {len(part)}" if len(part) else ""

    measures = list(dict.fromkeys(MEASURES.values()))
    lines = [f"| | {' | '.join(measures)} | all |", "| --- " * (len(measures) + 2) + "|"]
    for product in (*PRODUCTS.values(), "all"):
        own = ours if product == "all" else ours[ours["product"] == product]
        lines.append(f"| {product} | {' | '.join(say(own[own['measure'] == m]) for m in measures)} | {say(own)} |")
    missed = "; ".join(f"`{row.target}` ({row.verdict})" for row in ours[~ours["met"]].itertuples())
    fitted = ours[ours["use"] == "fit"]
    again = ours[(ours["use"] == "check") & ours["shows"].isin(fitted["shows"])]
    strict = (ours["strict"] == "met").sum()
    loss = rows[rows["what"].str.startswith("BCMA lost")].iloc[0]
    lines += [
        "",
        f"Fitted: {say(fitted)}; fitted figures of a chain again among all treated: {say(again)}; held back: "
        f"{say(ours.drop(index=[*fitted.index, *again.index]))}. Without any "
        f"discrepancy between cohorts {strict} of {len(ours)} would be inside. Outside: {missed or 'none'}. BCMA lost "
        f"at progression: {percent(loss.observed)}%, interval {percent(loss.pi_lb)} to {percent(loss.pi_ub)}%, "
        f"{loss.verdict}.",
    ]
    return "\n".join(lines)


def tabulate_informs(informs: pd.DataFrame, limits: pd.DataFrame) -> str:
    """Say of every parameter what informs it, and where its profile closes."""
    words = {
        "both": "on both sides",
        "low": "at the low side only",
        "high": "at the high side only",
        "neither": "nowhere",
    }
    lines = ["| parameter | information | what it comes from | profile without the prior, 95% | closes |",
             "| --- | --- | --- | --- | --- |"]  # fmt: skip
    for limit in limits.itertuples():
        own = informs[informs["parameter"] == limit.parameter]
        top = own[own["gain"] >= LEAST_GAIN].nlargest(4, "gain")
        named = ", ".join(f"`{row.target}` {100 * row.gain:.0f}" for row in top.itertuples())
        ends = [f"{end:.3g}" if pd.notna(end) else "open" for end in (limit.lb, limit.ub)]
        lines.append(f"| {limit.parameter} | {own['information'].sum():.1f} | {named} | {ends[0]} – {ends[1]} | "
                     f"{words[limit.closes]}{', at the edge of the region' if limit.confined else ''} |")  # fmt: skip
    both = limits.loc[limits["closes"] == "both", "parameter"]
    loose = limits.loc[limits["closes"] == "neither", "parameter"]
    prior = limits[(limits["with_prior_lb"] > -1.96) & (limits["with_prior_ub"] < 1.96)]["parameter"]
    few = informs.loc[informs["effective"] < LEAST_EFFECTIVE, "target"].unique()
    lines += [
        "",
        f"{len(both)} of {len(limits)} profiles of the likelihood close on both sides ({', '.join(both) or 'none'}), "
        f"{len(loose)} on neither ({', '.join(loose) or 'none'}); at {limits['confined'].sum()} of them the other "
        "parameters lie at the edge of the region where the profile closes or ends, so that it is a lower bound there. "
        f"With the prior, the profiles of {len(prior)} stay within the prior's own 95% on both sides "
        f"({', '.join(prior) or 'none'}). What the absence of these figures would do rests on few draws, and its share "
        f"is rough: {', '.join(f'`{name}`' for name in few) or 'none'}.",
    ]
    return "\n".join(lines)


def tabulate_correlations(rows: pd.DataFrame) -> str:
    lines = ["| parameter | with | correlation |", "| --- | --- | --- |"]
    lines += [f"| {row.parameter} | {row.other} | {row.correlation:+.2f} |" for row in rows.itertuples()]
    return "\n".join(lines) if len(rows) else "None."


def draw_informs(informs: pd.DataFrame) -> alt.LayerChart:
    """Return a heat map: by how much of its variance a parameter would be less known without a figure."""
    rows = informs.assign(gain=100 * informs["gain"].clip(lower=0.0))
    rows["said"] = [f"{gain:.0f}" if gain >= 100 * LEAST_GAIN else "" for gain in rows["gain"]]
    rows["dark"] = rows["gain"] > 30
    base = alt.Chart(rows).encode(
        x=alt.X("target:N", sort=list(dict.fromkeys(rows["target"])), title=None,
                axis=alt.Axis(labelAngle=-50, labelLimit=200)),
        y=alt.Y("parameter:N", sort=list(dict.fromkeys(rows["parameter"])), title=None, axis=alt.Axis(labelLimit=200)),
    )  # fmt: skip
    shades = alt.Scale(range=["#ffffff", "#08519c"], domain=[0, 50], clamp=True, interpolate="rgb")
    colour = alt.Color("gain:Q", scale=shades, title=["variance that", "the figure", "takes away, %"])
    text = base.mark_text(fontSize=10).encode(
        text="said:N", color=alt.condition("datum.dark", alt.value("white"), alt.value("black"))
    )
    return alt.layer(base.mark_rect(stroke="#dddddd").encode(color=colour), text).properties(
        width=640, height=340, padding={"left": 30, "right": 40, "top": 5, "bottom": 5}
    )


def draw_profiles(profiles: pd.DataFrame) -> alt.FacetChart:
    """Return profiles of the likelihood over the marginal posterior, with the limit of 95%."""
    rows = profiles[profiles["parameter"].isin(PROFILED)].copy()
    rows["relative"], rows["with_prior"] = np.exp(rows["log_likelihood"]), np.exp(rows["log_posterior"])
    rows["limit"] = float(np.exp(-0.5 * chi2.ppf(0.95, 1)))
    base = alt.Chart(rows).encode(x=alt.X("score:Q", title="score"))
    marginal = base.mark_area(color="#bbbbbb", opacity=0.6).encode(y=alt.Y("marginal:Q", title="over the greatest"))
    profile = base.mark_line(color="#1f4e79", point=alt.OverlayMarkDef(size=15, color="#1f4e79")).encode(y="relative:Q")
    with_prior = base.mark_line(color="#2e7d4f", strokeDash=[2, 2]).encode(y="with_prior:Q")
    limit = base.mark_line(color="#b03a2e", strokeDash=[4, 3]).encode(y="limit:Q")
    return alt.layer(marginal, with_prior, profile, limit).properties(width=200, height=120).facet(
        facet=alt.Facet("parameter:N", title=None, sort=list(PROFILED)), columns=3
    ).resolve_scale(x="independent")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    home = Path(catalogue.__file__).parent / "posterior"
    for ending in ("csv", "json"):
        write_atomic(home / f"{catalogue.BUILT_IN}.{ending}", (folder / f"posterior.{ending}").read_bytes())
    targets = pd.read_csv(folder / "targets.csv")
    verification = pd.read_csv(folder / "verification.csv")
    informs = pd.read_csv(folder / "informs.csv")
    difference = (verification["simulated"] - verification["emulated"]).abs()
    tables = {
        "parameters": tabulate_parameters(pd.read_csv(folder / "parameters.csv")),
        "fitted": tabulate_targets(targets[targets["use"] == "fit"]),
        "held back": tabulate_targets(targets[targets["use"] == "check"]),
        "inside": count_inside(targets),
        "informs": tabulate_informs(informs, pd.read_csv(folder / "limits.csv")),
        "correlations": tabulate_correlations(pd.read_csv(folder / "correlations.csv")),
        "directions": tabulate_directions(pd.read_csv(folder / "directions.csv")),
        "verification": (
            f"In {verification['patients'].max():,} patients of each cohort, simulated anew at the draws, shares "
            f"differ from the emulated ones by {100 * difference.mean():.1f} points on average and "
            f"{100 * difference.max():.1f} at most ({verification['z'].abs().max():.1f} standard errors)."
        ),
    }
    for name, text in tables.items():
        put(name, text)
    draw_informs(informs).save(INFORMS)
    draw_profiles(pd.read_csv(folder / "profiles.csv")).save(PROFILES)


if __name__ == "__main__":
    main()
