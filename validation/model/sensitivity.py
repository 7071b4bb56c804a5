"""Which parameters matter: write the tables and the picture of docs/explanation/sensitivity.md.

    .venv/bin/python validation/model/sensitivity.py            # a few minutes on two cores
    .venv/bin/python validation/model/sensitivity.py --short    # less than a minute; prints, writes nothing

Everything is simulated, with parameters that are not calibrated. The parts of the page between the marks
``<!-- made: NAME -->`` and ``<!-- end -->`` are written anew; the words around them are not.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from aftercar.model import Treatment
from aftercar.patients.sensitivity import (
    OUTPUT_MEANINGS,
    global_sensitivity,
    list_ranges,
    local_sensitivity,
    plan_outputs,
    read_course,
)
from aftercar.patients.sensitivity_methods import collinear_pairs, place_points

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "sensitivity.md"
PICTURE = PAGE.with_suffix(".svg")
# Day 588: the typical patient's M-protein has risen by more than 5 g/L from its lowest value after ide-cel (day 582).
SECOND, DAYS, SEED, TOP = 588.0, 1232.0, 11, 12
PLANS = {
    "ide-cel": [Treatment("ide_cel")],
    "talquetamab after ide-cel": [Treatment("ide_cel"), Treatment("talquetamab", day=SECOND)],
    "teclistamab after ide-cel": [Treatment("ide_cel"), Treatment("teclistamab", day=SECOND)],
}
OUTPUTS = list(OUTPUT_MEANINGS)


def rank(morris: pd.DataFrame) -> pd.DataFrame:
    """Return mean_star, one column per output, ordered by the largest share of an output's largest effect."""
    wide = morris.pivot(index="parameter", columns="output", values="mean_star")[OUTPUTS]
    share = wide.div(wide.max().where(wide.max() > 0)).max(axis=1)
    return wide.loc[share.sort_values(ascending=False).index].assign(share=share)


def study(plan: list[Treatment], short: bool) -> dict[str, pd.DataFrame]:
    """Return the tables of one plan by name."""
    course, outputs = plan_outputs(plan, days=DAYS)
    ranges = list_ranges(course)
    morris = global_sensitivity(plan, days=DAYS, size=4 if short else 40, seed=SEED)
    again = global_sensitivity(plan, days=DAYS, size=4 if short else 40, seed=SEED + 1)
    ranked = rank(morris)
    top = list(ranked.index[:TOP])
    how = {"days": DAYS, "method": "sobol", "parameters": top}
    sobol = global_sensitivity(plan, size=16 if short else 1024, seed=SEED, **how)
    local = local_sensitivity(plan, days=DAYS)
    # Alike in what is measured in one patient: log M-protein, soluble BCMA and CAR-T cells, week by week.
    pairs = collinear_pairs(local_sensitivity(plan, days=DAYS, read=read_course))
    typical = outputs(pd.DataFrame({"growth_rate": [ranges.loc["growth_rate", "typical"]]}))
    return {"ranges": ranges, "morris": morris, "again": rank(again), "ranked": ranked, "sobol": sobol, "local": local,
            "pairs": pairs, "typical": typical}  # fmt: skip


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def number(value: float, digits: int = 2) -> str:
    """Return a number in short, a dash where there is none."""
    return "–" if not np.isfinite(value) else f"{value + 0.0:.{digits}f}" if abs(value) < 100 else f"{value:,.0f}"


def morris_table(found: dict[str, pd.DataFrame]) -> str:
    """Return the 15 strongest parameters: mean* (sigma) per output."""
    sigma = found["morris"].pivot(index="parameter", columns="output", values="sigma")
    ranges, local = found["ranges"], found["local"]
    rows = []
    for name, row in found["ranked"].head(15).iterrows():
        r = ranges.loc[name]
        cells = [f"{number(row[o])} ({number(sigma.loc[name, o])})" for o in OUTPUTS]
        elasticity = number(local.loc[name, "days"]) if name in local.index else "–"
        rows.append([f"`{name}`", r["grade"], f"{r['low']:g} to {r['high']:g}{' (log)' if r['log'] else ''}", *cells,
                     elasticity])  # fmt: skip
    return markdown(["parameter", "grade", "range", *OUTPUTS, "elasticity of days"], rows)


def sobol_table(found: dict[str, pd.DataFrame]) -> str:
    """Return first and total indices with intervals."""
    rows = []
    table = found["sobol"].set_index(["parameter", "output"])
    outputs = ["depth", "nadir", "days"]
    for name in found["ranked"].index[:TOP]:
        cells = []
        for output in outputs:
            x = table.loc[(name, output)]
            cells += [f"{number(x['first'])} ± {number(x['first_interval'])}",
                      f"{number(x['total'])} ± {number(x['total_interval'])}"]  # fmt: skip
        rows.append([f"`{name}`", *cells])
    sums = [number(table.xs(o, level="output")[k].sum()) for o in outputs for k in ("first", "total")]
    rows.append(["sum", *sums])
    return markdown(["parameter", *(f"{o}, {k}" for o in outputs for k in ("first", "total"))], rows)


def groups(found: dict[str, pd.DataFrame]) -> list[tuple[list[str], float]]:
    """Return groups in which every two parameters act alike (magnitude of the cosine 0.95 or more), largest first."""
    pairs = found["pairs"]
    names = sorted({*pairs["one"], *pairs["other"]})
    alike = pd.DataFrame(np.eye(len(names)), index=names, columns=names)
    for p in pairs.itertuples(index=False):
        alike.loc[p.one, p.other] = alike.loc[p.other, p.one] = abs(p.cosine)
    apart = squareform(np.clip(1.0 - alike.to_numpy(), 0.0, 1.0), checks=False)
    label = fcluster(linkage(apart, "complete"), 0.05, "distance")
    members = [[n for n, k in zip(names, label, strict=True) if k == one] for one in np.unique(label)]
    kept = [(m, float(alike.loc[m, m].to_numpy().min())) for m in members if len(m) > 1]
    return sorted(kept, key=lambda group: -len(group[0]))


def group_table(found: dict[str, pd.DataFrame]) -> str:
    """Return the groups that act alike, with the sign of each against the first."""
    sign = {(p.one, p.other): p.cosine for p in found["pairs"].itertuples(index=False)}
    rows = []
    for members, least in groups(found):
        first = members[0]
        signs = [sign.get((first, m), sign.get((m, first), 1.0)) for m in members]
        words = ", ".join(f"`{m}` {'+' if s > 0 else '−'}" for m, s in zip(members, signs, strict=True))
        rows.append([words, f"{least:.3f}"])
    return markdown(["act alike (+) or against each other (−)", "smallest cosine within"], rows)


def facts(found: dict[str, pd.DataFrame]) -> str:
    """Return what the run says in figures."""
    ranked, n = found["ranked"], len(found["ranges"])
    idle = ranked.index[(ranked[OUTPUTS] == 0).all(axis=1)]
    weak = ranked.index[(ranked["share"] < 0.05) & ~ranked.index.isin(idle)]
    both = len(set(ranked.index[:TOP]) & set(found["again"].index[:TOP]))
    lost = int(found["morris"]["lost"].max()), int(found["sobol"]["lost"].max())
    typical, one, every = found["typical"].iloc[0], found["strongest"], found["every"]
    spread = ", ".join(f"{o} {number(one[o].std())} and {number(every[o].std())}" for o in ("depth", "nadir", "days"))
    lines = [
        f"{n} parameters have a range; {len(idle)} change none of the four outputs at all, {len(weak)} more stay below "
        f"5% of the strongest effect on each.",
        f"Of the {TOP} strongest, {both} are among the {TOP} strongest with another seed.",
        f"Left out for a simulation that stopped early: {lost[0]} Morris trajectories, {lost[1]} Sobol base points.",
        f"The typical patient: depth {typical['depth']:.2f}, nadir {typical['nadir']:.2f}, {typical['days']:.0f} days"
        f"{'' if typical['risen'] else ' (censored)'}.",
        f"Standard deviations with the {TOP} strongest drawn over their ranges, and with all {n}: {spread}.",
        f"M-protein halves in {one['halved'].mean():.0%} and {every['halved'].mean():.0%} of these draws, and rises in "
        f"{one['risen'].mean():.0%} and {every['risen'].mean():.0%}; the rest are censored at day {DAYS:.0f}.",
    ]
    return "\n".join(f"- {line}" for line in lines)


def draws(plan: list[Treatment], found: dict[str, pd.DataFrame], n: int) -> dict[str, pd.DataFrame]:
    """Return outputs over independent uniform draws: of the strongest parameters alone, and of all."""
    _, outputs = plan_outputs(plan, days=DAYS)
    strongest, every = found["ranges"].loc[found["ranked"].index[:TOP]], found["ranges"]
    rng = np.random.default_rng(SEED)
    return {"strongest": outputs(place_points(rng.random((n, len(strongest))), strongest)),
            "every": outputs(place_points(rng.random((n, len(every))), every))}  # fmt: skip


def draw(results: dict[str, dict[str, pd.DataFrame]]) -> alt.TopLevelMixin:
    """Return bars of total and first-order indices for depth and days, one row of panels per plan."""
    rows = []
    for plan, found in results.items():
        table = found["sobol"][found["sobol"]["output"].isin(["depth", "days"])]
        words = {"depth": "depth of response", "days": "days until the rise"}
        charts = []
        for output, title in words.items():
            one = table[table["output"] == output]
            long = one.melt(["parameter"], ["first", "total"], "index", "share")
            order = list(one.sort_values("total", ascending=False)["parameter"])
            y = alt.Y("parameter:N", sort=order, title=None, axis=alt.Axis(labelLimit=230))
            base = alt.Chart(long)
            bars = base.mark_bar(color="#9ecae1").encode(
                x=alt.X("share:Q", title="share of variance", scale=alt.Scale(domain=[0, 1], clamp=True)), y=y
            ).transform_filter("datum.index == 'total'")  # fmt: skip
            inner = base.mark_bar(color="#08519c", height=6).encode(x="share:Q", y=y).transform_filter(
                "datum.index == 'first'"
            )  # fmt: skip
            charts.append((bars + inner).properties(width=230, height=190, title=[f"{plan}:", title]))
        rows.append(alt.hconcat(*charts).resolve_scale(y="independent"))
    text = ["Simulated, uncalibrated. Pale: total index; dark: first-order index."]
    return alt.vconcat(
        *rows,
        padding={"left": 20, "right": 10, "top": 5, "bottom": 5},
        title=alt.TitleParams("Which of the 12 strongest parameters carry the variance", subtitle=text),
    )


def write(results: dict[str, dict[str, pd.DataFrame]]) -> None:
    """Put the tables into the page and save the picture."""
    page = PAGE.read_text(encoding="utf-8")
    for plan, found in results.items():
        for name, text in {"facts": facts(found), "morris": morris_table(found), "sobol": sobol_table(found),
                           "groups": group_table(found)}.items():  # fmt: skip
            mark = f"<!-- made: {plan}, {name} -->"
            pattern = re.escape(mark) + r".*?<!-- end -->"
            page, hits = re.subn(pattern, lambda _, m=mark, t=text: f"{m}\n\n{t}\n\n<!-- end -->", page, flags=re.S)
            if hits != 1:
                print(f"the page has no place for: {mark}")
    PAGE.write_text(page, encoding="utf-8")
    draw(results).save(PICTURE)


def main(short: bool) -> None:
    """Run all plans."""
    results = {}
    for plan, treatments in PLANS.items():
        began = time.perf_counter()
        results[plan] = found = study(treatments, short)
        found |= draws(treatments, found, 200 if short else 2000)
        print(f"## {plan} ({time.perf_counter() - began:.0f} s)\n")
        for part in (facts, morris_table, sobol_table, group_table):
            print(part(found), "\n")
    if not short:
        write(results)


if __name__ == "__main__":
    main("--short" in sys.argv[1:])
