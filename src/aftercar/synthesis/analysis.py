"""Everything that a reader asks of one table of proportions, in one object: pool, groups, influence, asymmetry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from aftercar.foundation import NotPoolableError
from aftercar.synthesis.effects import compute_effects
from aftercar.synthesis.exact import estimate_proportion
from aftercar.synthesis.influence import leave_one_out, pool_cumulatively
from aftercar.synthesis.meta_regression import MetaRegression, regress_proportions
from aftercar.synthesis.method_panel import method_panel
from aftercar.synthesis.pooling import pool_proportions
from aftercar.synthesis.results import Method, PooledProportion, Scale
from aftercar.synthesis.small_study import AsymmetryTest, assess_asymmetry, assess_begg, assess_egger, assess_peters
from aftercar.synthesis.subgroups import SubgroupComparison, pool_subgroups

MAXIMUM_EACH = 100  # cohorts; above it leave-one-out and cumulative pooling take minutes and no reader reads them


@dataclass(frozen=True, slots=True)
class ProportionAnalysis:
    """The answers to a table of proportions; what cannot be answered is None or empty, with the reason in `refused`.

    Attributes
    ----------
    cohorts
        Columns ``label, events, total, estimate, ci_lb, ci_ub, weight`` and ``group`` where there are groups.
    panel
        The same cohorts by every method: see `method_panel`.
    without
        Leave-one-out: see `leave_one_out`.
    cumulative
        In the order asked for, else as given: see `pool_cumulatively`.
    asymmetry
        Tests for small-study effects by name.
    funnel
        Columns ``label, yi, sei`` on the scale of pooling.
    refused
        By name of the part, why it has no answer.
    """

    cohorts: pd.DataFrame
    overall: PooledProportion
    groups: SubgroupComparison | None
    regression: MetaRegression | None
    panel: pd.DataFrame
    without: pd.DataFrame
    cumulative: pd.DataFrame
    asymmetry: dict[str, AsymmetryTest]
    funnel: pd.DataFrame
    refused: dict[str, str]


def analyse_proportions(
    frame: pd.DataFrame,
    *,
    method: Method = "glmm",
    scale: Scale = "logit",
    hksj: bool = False,
    level: float = 0.95,
    covariates: Sequence[str] = (),
    order: Sequence[Any] | None = None,
    minimum_k: int = 10,
) -> ProportionAnalysis:
    """Pool a table of cohorts and look at the answer from every side that the data allow.

    Parameters
    ----------
    frame
        Columns ``label, events, total``, ``group`` for subgroups, and one for each of `covariates`.
    method, scale, hksj, level
        As for `pool_proportions`.
    covariates
        Columns for a meta-regression.
    order
        One sortable value a cohort, for cumulative pooling.
    minimum_k
        Fewest cohorts for the tests of asymmetry.

    Raises
    ------
    InputError, NotPoolableError
        The overall pool has no answer. Where only a part has none, its reason stands in `refused`.
    """
    events, total, labels = frame["events"].tolist(), frame["total"].tolist(), frame["label"].astype(str).tolist()
    choices: dict[str, Any] = {"method": method, "scale": scale, "hksj": hksj, "level": level}
    overall = pool_proportions(events, total, **choices)
    refused: dict[str, str] = {}

    def attempt(name: str, work: Callable[[], Any], otherwise: Any = None) -> Any:
        try:
            return work()
        except NotPoolableError as error:
            refused[name] = str(error)
            return otherwise

    def each(name: str, work: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        if len(events) > MAXIMUM_EACH:
            refused[name] = f"{len(events)} cohorts: pooling again for each is left out above {MAXIMUM_EACH}."
            return none
        table: pd.DataFrame = attempt(name, work, none)
        return table

    none = pd.DataFrame()
    groups = frame["group"].astype(str).tolist() if "group" in frame else None
    given = {name: frame[name].tolist() for name in covariates}
    kind = method if method != "bayes" else "glmm"
    effects = compute_effects(events, total, scale=scale)
    return ProportionAnalysis(
        cohorts=_describe_cohorts(frame, overall, level),
        overall=overall,
        groups=attempt("subgroups", lambda: pool_subgroups(groups, events, total, **choices)) if groups else None,
        regression=attempt(
            "meta-regression",
            lambda: regress_proportions(
                events, total, given, method=kind, scale=scale, interval="hksj" if hksj else None, level=level
            ),
        )
        if given
        else None,
        panel=attempt("method panel", lambda: method_panel(events, total, level=level), none),
        without=each("leave-one-out", lambda: leave_one_out(events, total, labels=labels, **choices)),
        cumulative=each("cumulative", lambda: pool_cumulatively(events, total, order=order, labels=labels, **choices)),
        asymmetry=_assess(events, total, effects.yi, effects.vi, minimum_k, refused),
        funnel=pd.DataFrame({"label": labels, "yi": effects.yi, "sei": np.sqrt(effects.vi)}),
        refused=refused,
    )


def _describe_cohorts(frame: pd.DataFrame, overall: PooledProportion, level: float) -> pd.DataFrame:
    own = [
        estimate_proportion(x, n, level=level)
        for x, n in zip(frame["events"].tolist(), frame["total"].tolist(), strict=True)
    ]
    table = pd.DataFrame(
        {
            "label": frame["label"].astype(str).tolist(),
            "events": frame["events"].tolist(),
            "total": frame["total"].tolist(),
            "estimate": [one.estimate for one in own],
            "ci_lb": [one.ci_lb for one in own],
            "ci_ub": [one.ci_ub for one in own],
            "weight": list(overall.weights) or [100.0],
        }
    )
    if "group" in frame:
        table["group"] = frame["group"].astype(str).tolist()
    return table


def _assess(
    events: list[int], total: list[int], yi: Any, vi: Any, minimum_k: int, refused: dict[str, str]
) -> dict[str, AsymmetryTest]:
    tests: dict[str, Callable[[], AsymmetryTest]] = {
        "Peters": lambda: assess_peters(events, total, minimum_k=minimum_k),
        "Egger, mixed": lambda: assess_asymmetry(yi, vi, minimum_k=minimum_k),
        "Egger, weighted": lambda: assess_egger(yi, vi, minimum_k=minimum_k),
        "Begg": lambda: assess_begg(yi, vi, minimum_k=minimum_k),
    }
    found = {}
    for name, work in tests.items():
        try:
            found[name] = work()
        except NotPoolableError as error:
            refused[f"asymmetry, {name}"] = str(error)
    return found
