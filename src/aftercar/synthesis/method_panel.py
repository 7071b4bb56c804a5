"""How the pooled answer moves with the method: the same cohorts, pooled in every way on offer."""

from __future__ import annotations

from typing import Any

import pandas as pd

from aftercar.foundation import NotPoolableError
from aftercar.synthesis.counts import check_counts
from aftercar.synthesis.exact import estimate_proportion
from aftercar.synthesis.pooling import pool_proportions

# Label, and what it asks of `pool_proportions`. The default stands first.
_PANEL: tuple[tuple[str, dict[str, Any]], ...] = (
    ("GLMM, t interval", {"method": "glmm"}),
    ("GLMM, profile likelihood", {"method": "glmm", "interval": "profile"}),
    ("GLMM, normal interval", {"method": "glmm", "interval": "z"}),
    ("logit, REML, Hartung-Knapp", {"method": "reml", "hksj": True}),
    ("logit, REML", {"method": "reml"}),
    ("logit, ML", {"method": "ml"}),
    ("logit, Paule-Mandel", {"method": "pm"}),
    ("logit, DerSimonian-Laird", {"method": "dl"}),
    ("logit, common effect", {"method": "fe"}),
    ("arcsine, REML", {"method": "reml", "scale": "arcsine"}),
    ("Freeman-Tukey, REML", {"method": "reml", "scale": "freeman-tukey"}),
)
SUMMED = "summed counts, exact"


def method_panel(events: Any, total: Any, *, level: float = 0.95) -> pd.DataFrame:
    """Pool the same cohorts by every frequentist method.

    Where the rows differ by more than a reader would shrug at, the choice of method is part of the result and must be
    shown. The last row sums all patients as if of one cohort: its interval ignores differences between cohorts.

    Returns
    -------
    pandas.DataFrame
        One row a method: label, method, scale, estimate, ci_lb, ci_ub, pi_lb, pi_ub, tau2, i2, note. A method that
        refuses has empty figures and its reason in `note`.

    Examples
    --------
    >>> panel = method_panel([16, 10, 4, 43], [17, 12, 8, 58]).set_index("label")
    >>> panel["estimate"].round(3).loc[["logit, REML", "arcsine, REML"]].tolist()
    [0.759, 0.787]
    """
    x, n = check_counts(events, total, minimum_k=1)
    rows = []
    for label, choices in _PANEL:
        asked = {"label": label, "method": choices["method"], "scale": choices.get("scale", "logit")}
        try:
            pooled = pool_proportions(x, n, level=level, **choices)
        except NotPoolableError as error:
            rows.append({**asked, "note": str(error)})
            continue
        own = pooled.heterogeneity
        rows.append(
            {
                **asked,
                **{name: getattr(pooled, name) for name in ("estimate", "ci_lb", "ci_ub", "pi_lb", "pi_ub")},
                "tau2": None if own is None else own.tau2,
                "i2": None if own is None else own.i2,
                "note": " ".join(pooled.notes),
            }
        )
    summed = estimate_proportion(float(x.sum()), float(n.sum()), level=level)
    rows.append(
        {
            "label": SUMMED,
            "method": "exact",
            "scale": "proportion",
            "estimate": summed.estimate,
            "ci_lb": summed.ci_lb,
            "ci_ub": summed.ci_ub,
            "note": "Ignores differences between cohorts.",
        }
    )
    columns = ["label", "method", "scale", "estimate", "ci_lb", "ci_ub", "pi_lb", "pi_ub", "tau2", "i2", "note"]
    return pd.DataFrame(rows, columns=columns)
