"""Draw how far the quasi-steady engager term is from the full network: docs/explanation/engager-quasi-steady.svg.

Run from the repository: ``.venv/bin/python validation/published/draw_engager_map.py``. It also prints the table of the
page.
"""

from __future__ import annotations

from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd

from aftercar.model.engagers import trimers_per_cell
from aftercar.model.published.engager_binding import NM_PER_RECEPTOR, equilibrium_trimer
from aftercar.model.published.values import load_numbers
from aftercar.model.smooth import free_ligand

PICTURE = Path(__file__).parents[2] / "docs" / "explanation" / "engager-quasi-steady.svg"
N = load_numbers("engager_binding")
FULL, SOLUBLE, BOTH = "full network", "term, soluble BCMA in the sink", "term, BCMA on cells in the sink as well"


def curves(engager: str, cells: float, *, t_cells: float = 253.0, soluble: float = 0.0) -> pd.DataFrame:
    """Trimers per cell over total drug, by the network and by the term fed in two ways."""
    drug = np.logspace(-2, 4, 121)
    ka, kt = N[f"{engager}_bcma"], N[f"{engager}_cd3"]
    target = cells * N["bcma_per_cell"] * NM_PER_RECEPTOR
    cd3 = t_cells * N["cd3_per_cell"] * NM_PER_RECEPTOR
    full = equilibrium_trimer(drug, target, cd3, soluble, target_affinity=ka, cd3_affinity=kt)[0] / target

    def term(free: np.ndarray) -> np.ndarray:
        return trimers_per_cell(
            receptors=N["bcma_per_cell"], free_drug=free, target_affinity=ka, cd3=cd3, cd3_affinity=kt
        )

    parts = {
        FULL: full * N["bcma_per_cell"],
        SOLUBLE: term(free_ligand(drug, soluble, ka)),
        BOTH: term(free_ligand(drug, soluble + target, ka)),
    }
    tables = [pd.DataFrame({"drug": drug, "trimers": v, "way": k}) for k, v in parts.items()]
    return pd.concat(tables).assign(engager=engager, cells=f"{cells:,.0f} tumour cells/uL")


def draw() -> alt.TopLevelMixin:
    """Return small multiples: engager by burden, log axes."""
    table = pd.concat([curves(e, c) for e in ("teclistamab", "elranatamab") for c in (2.25e3, 2.25e4, 2.25e5)])
    order = [f"{c:,.0f} tumour cells/uL" for c in (2.25e3, 2.25e4, 2.25e5)]
    scale = alt.Scale(domain=[FULL, SOLUBLE, BOTH], range=["#222222", "#d55e00", "#0072b2"])
    dash = alt.Scale(domain=[FULL, SOLUBLE, BOTH], range=[[1, 0], [6, 3], [2, 3]])
    log = alt.Axis(format="~g", tickCount=6, gridOpacity=0.4)
    heights = alt.Scale(type="log", domain=[1e-2, 20], clamp=True)
    lines = alt.Chart(table).mark_line(strokeWidth=2)
    drawn = lines.encode(
        x=alt.X("drug", title="total drug (nM)", scale=alt.Scale(type="log"), axis=log),
        y=alt.Y("trimers", title="trimers per tumour cell", scale=heights, axis=log),
        color=alt.Color("way", title=None, scale=scale, legend=alt.Legend(orient="bottom", labelLimit=400)),
        strokeDash=alt.StrokeDash("way", title=None, scale=dash, legend=None),
    ).properties(width=200, height=160)
    column = alt.Column("cells", title=None, sort=order)
    return drawn.facet(row=alt.Row("engager", title=None), column=column).configure_view(stroke="#bbbbbb")


def table() -> None:
    """Print term over network at a few points, as the page shows them."""
    print("| engager | tumour cells/uL | total drug (nM) | trimers per cell, full | soluble sink | both sinks |")
    for engager in ("teclistamab", "elranatamab"):
        for cells in (2.25e3, 2.25e5):
            wide = curves(engager, cells, soluble=5.0).pivot(index="drug", columns="way", values="trimers")
            for drug in (0.1, 1.0, 10.0, 100.0, 1000.0):
                row = wide.iloc[np.abs(np.log(wide.index / drug)).argmin()]
                ratio = [row[way] / row[FULL] for way in (SOLUBLE, BOTH)]
                print(f"| {engager} | {cells:,.0f} | {drug:g} | {row[FULL]:.3g} | {ratio[0]:.3f} | {ratio[1]:.3f} |")


if __name__ == "__main__":
    draw().save(PICTURE)
    table()
