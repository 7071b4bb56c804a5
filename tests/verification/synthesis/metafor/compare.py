"""AfterCAR beside metafor and lme4: every figure of the reference tables, computed here, and the two set side by side.

Used by tests (against the committed tables) and by `make validate` (against tables made anew by R).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from aftercar.synthesis.effects import compute_effects
from aftercar.synthesis.exact import estimate_proportion
from aftercar.synthesis.glmm import fit_glmm
from aftercar.synthesis.influence import leave_one_out_effects, measure_influence
from aftercar.synthesis.inverse_variance import pool_inverse_variance
from aftercar.synthesis.meta_regression import fit_meta_regression, predict_meta_regression, regress_proportions
from aftercar.synthesis.pooling import pool_proportions
from aftercar.synthesis.small_study import assess_asymmetry, assess_begg, assess_egger, assess_peters
from aftercar.synthesis.trim_and_fill import fill_funnel

# metafor's searches were tightened to 1e-10 in tau2 (1e-7 where tau2 is in the hundreds); what is left is that.
TIGHT = 1e-6
# metafor's default searches stop at a step of 1e-5 in tau2 (REML, slow on hahn2001: 2e-4 short) or within about 1e-5.
DEFAULT = 5e-4
# The reference optimum of the GLMM was found by function values alone, which leaves about the root of rounding.
OPTIMUM = 2e-6
# lme4's maximiser stops at a relative change near 1e-5 of its parameters, with 25 nodes a cohort.
LME4 = 1e-4
# metafor asks lme4 for 7 nodes: on sparse data this alone moves tau2 by a thousandth.
METAFOR_GLMM = 2e-3


@dataclass(frozen=True)
class Pair:
    """One figure, ours and theirs, with the relative difference allowed."""

    case: str
    ours: float | None
    theirs: float
    allowed: float

    @property
    def agrees(self) -> bool:
        """Whether both are absent or close. Differences are relative, below 1e-3 in size absolute to that."""
        if self.ours is None or math.isnan(self.theirs):
            return self.ours is None and math.isnan(self.theirs)
        return abs(self.ours - self.theirs) <= self.allowed * max(abs(self.theirs), 1e-3)


def read(folder: Path, name: str) -> pd.DataFrame:
    """Return a reference table."""
    return pd.read_csv(folder / f"{name}.csv", float_precision="round_trip")


def counts(folder: Path) -> dict[str, pd.DataFrame]:
    """Return the cohorts by data set."""
    return dict(tuple(read(folder, "cohorts").groupby("data_set", sort=False)))


def effects(folder: Path) -> dict[str, pd.DataFrame]:
    """Return every data set as effects: the logits of the cohorts, and the ready effects."""
    found = {}
    for name, data in counts(folder).items():
        logits = compute_effects(data["events"], data["total"])
        found[name] = data.assign(yi=logits.yi, vi=logits.vi)
    return found | dict(tuple(read(folder, "effects").groupby("data_set", sort=False)))


def pair_row(case: str, ours: dict[str, float | None], theirs: pd.Series, allowed: float) -> Iterator[Pair]:
    """Pair each of our figures with the column of its name."""
    for name, value in ours.items():
        yield Pair(f"{case} {name}", None if value is None else float(value), float(theirs[name]), allowed)


def compare_pooled(folder: Path) -> Iterator[Pair]:
    """Inverse variance: estimates, intervals, prediction intervals, tau2, I2, Q, on three scales and back."""
    data = counts(folder)
    for _, row in read(folder, "pooled").iterrows():
        cohorts = data[row["data_set"]]
        method, default = row["method"].removesuffix("_default"), row["method"].endswith("_default")
        case = f"{row['data_set']}/{row['scale']}/{row['method']}/{row['interval']}"
        pooled = pool_proportions(
            cohorts["events"], cohorts["total"], method=method, scale=row["scale"], interval=row["interval"]
        )
        own = pooled.heterogeneity
        ours = {name: getattr(own, name) for name in ("tau2", "i2", "q", "q_p", "tau2_lb", "tau2_ub", "i2_lb", "i2_ub")}
        ours |= {"estimate": pooled.coefficient, "se": pooled.se}
        ours |= {f"p_{name}": getattr(pooled, name) for name in ("estimate", "ci_lb", "ci_ub", "pi_lb", "pi_ub")}
        yield from pair_row(case, ours, row, DEFAULT if default else TIGHT)


def compare_pooled_effects(folder: Path) -> Iterator[Pair]:
    """Inverse variance on ready effects (log risk ratios, log odds ratios, differences of means)."""
    data = effects(folder)
    for _, row in read(folder, "pooled_effects").iterrows():
        studies = data[row["data_set"]]
        pooled = pool_inverse_variance(studies["yi"], studies["vi"], method=row["method"], interval=row["interval"])
        ours = {name: getattr(pooled, name) for name in ("estimate", "se", "ci_lb", "ci_ub", "pi_lb", "pi_ub")}
        own = pooled.heterogeneity
        ours |= {
            name: getattr(own, name) for name in ("tau2", "i2", "q", "q_p", "tau2_lb", "tau2_ub", "i2_lb", "i2_ub")
        }
        yield from pair_row(f"{row['data_set']}/{row['method']}/{row['interval']}", ours, row, TIGHT)


def compare_glmm(folder: Path) -> Iterator[Pair]:
    """Binomial-normal model: against a tight optimum, against lme4 with 25 nodes, against metafor's default."""
    data = counts(folder)
    for _, row in read(folder, "glmm").iterrows():
        x, n = (data[row["data_set"]][name] for name in ("events", "total"))
        pooled = {kind: pool_proportions(x, n, interval=kind) for kind in ("z", "t", "profile")}
        wald, own = pooled["z"], pooled["z"].heterogeneity
        fit = fit_glmm(x.to_numpy(float), n.to_numpy(float), np.ones((len(x), 1)))
        case = f"glmm {row['data_set']}"
        best = {"mean": wald.coefficient, "se": wald.se, "tau2": own.tau2}
        limits = np.array([pooled["profile"].ci_lb, pooled["profile"].ci_ub])
        profile = dict(zip(("mean_lb", "mean_ub"), np.log(limits / (1 - limits)), strict=True))
        extra = {"tau2_lb": own.tau2_lb, "tau2_ub": own.tau2_ub, "log_likelihood": fit.log_likelihood}
        yield from pair_row(case, best | profile | extra, row, OPTIMUM)
        yield from pair_row(case, {f"lme4_25_{name}": value for name, value in best.items()}, row, LME4)
        theirs = {f"metafor_{name}": value for name, value in best.items()}
        theirs |= {"metafor_i2": own.i2, "metafor_q_lrt": own.q, "metafor_q_lrt_p": own.q_p}
        theirs |= {f"z_{name}": getattr(wald, name) for name in ("estimate", "ci_lb", "ci_ub", "pi_lb", "pi_ub")}
        yield from pair_row(case, theirs, row, METAFOR_GLMM)
        student = {f"t_{name}": getattr(pooled["t"], name) for name in ("ci_lb", "ci_ub", "pi_lb", "pi_ub")}
        yield from pair_row(case, student, row, METAFOR_GLMM)


def compare_leave_one_out(folder: Path) -> Iterator[Pair]:
    """Leave-one-out, influence measures, Baujat's coordinates."""
    data = effects(folder)
    for name, rows in read(folder, "leave_one_out").groupby("data_set", sort=False):
        yi, vi = data[name]["yi"], data[name]["vi"]
        left = leave_one_out_effects(yi, vi)
        measured = measure_influence(yi, vi)
        for ours, (_, row) in zip((left.join(measured)).to_dict("records"), rows.iterrows(), strict=True):
            yield from pair_row(f"{name}/{row['left_out']}", ours, row, 10 * TIGHT)
    for name, rows in read(folder, "influence_hksj").groupby("data_set", sort=False):
        measured = measure_influence(data[name]["yi"], data[name]["vi"], interval="hksj")
        for ours, (_, row) in zip(measured.to_dict("records"), rows.iterrows(), strict=True):
            kept = {key: ours[key] for key in ("rstudent", "dffits", "cook_d", "cov_r", "dfbeta")}
            yield from pair_row(f"hksj {name}/{row['left_out']}", kept, row, 10 * TIGHT)


def compare_cumulative(folder: Path) -> Iterator[Pair]:
    """Pooling the first one, two, three ... studies."""
    data = effects(folder)
    for _, row in read(folder, "cumulative").iterrows():
        first = data[row["data_set"]].iloc[: row["first"]]
        pooled = pool_inverse_variance(first["yi"], first["vi"], method="dl")
        ours = {name: getattr(pooled, name) for name in ("estimate", "se", "ci_lb", "ci_ub")}
        yield from pair_row(f"{row['data_set']}/{row['first']}", ours | {"tau2": pooled.heterogeneity.tau2}, row, TIGHT)


def compare_small_study(folder: Path) -> Iterator[Pair]:
    """Egger (two forms), Peters, Begg, trim and fill."""
    cohorts, data = counts(folder), effects(folder)
    for _, row in read(folder, "small_study").iterrows():
        name = row["data_set"]
        yi, vi = data[name]["yi"].to_numpy(), data[name]["vi"].to_numpy()
        mixed, egger = assess_asymmetry(yi, vi, minimum_k=3), assess_egger(yi, vi, minimum_k=3)
        rank, filled = assess_begg(yi, vi, minimum_k=3), fill_funnel(yi, vi, minimum_k=3)
        ours = {
            "mixed_z": mixed.statistic,
            "mixed_p": mixed.p_value,
            "egger_t": egger.statistic,
            "egger_p": egger.p_value,
        }
        for label, found in (("mixed", mixed), ("egger", egger)):
            ours |= {f"{label}_limit": found.limit, f"{label}_limit_lb": found.limit_ci_lb}
            ours[f"{label}_limit_ub"] = found.limit_ci_ub
        ours |= {"rank_tau": rank.statistic, "rank_p": rank.p_value, "filled": filled.missing}
        ours["fill_right"] = filled.side == "right"
        # metafor's trimfill fits with its default search, whatever the model it is given.
        refitted = {"fill_estimate": filled.pooled.estimate, "fill_se": filled.pooled.se}
        yield from pair_row(name, refitted, row, DEFAULT)
        if name in cohorts:
            peters = assess_peters(cohorts[name]["events"], cohorts[name]["total"], minimum_k=3)
            ours |= {"peters_t": peters.statistic, "peters_p": peters.p_value, "peters_limit": peters.limit}
        yield from pair_row(name, ours, row, 10 * TIGHT)


def compare_meta_regression(folder: Path) -> Iterator[Pair]:
    """Meta-regression on a number, a word, both; and by the GLMM."""
    data = effects(folder)
    keys = ["data_set", "model", "method", "interval"]
    for (name, model, method, interval), rows in read(folder, "meta_regression").groupby(keys, sort=False):
        covariates = {part: data[name][part].tolist() for part in model.split("+")}
        fit = fit_meta_regression(data[name]["yi"], data[name]["vi"], covariates, method=method, interval=interval)
        own, case = fit.heterogeneity, f"{name}/{model}/{method}/{interval}"
        first = predict_meta_regression(fit, {key: values[:1] for key, values in covariates.items()}).iloc[0]
        shared = {"tau2": fit.tau2, "i2": own.i2, "r2": fit.r2, "qe": own.q, "qm": fit.qm, "qm_p": fit.qm_p}
        shared |= {"tau2_lb": own.tau2_lb, "tau2_ub": own.tau2_ub, "pred": first["estimate"], "pred_se": first["se"]}
        shared |= {"pred_ci_lb": first["ci_lb"], "pred_pi_ub": first["pi_ub"]}
        for ours, (_, row) in zip(fit.table.to_dict("records"), rows.iterrows(), strict=True):
            yield from pair_row(f"{case}/{row['coefficient']}", ours | shared, row, 10 * TIGHT)
    cohorts = counts(folder)
    for (name, model), rows in read(folder, "glmm_regression").groupby(["data_set", "model"], sort=False):
        own_data = cohorts[name]
        fit = regress_proportions(
            own_data["events"], own_data["total"], {model: own_data[model].tolist()}, interval="z"
        )
        shared = {"tau2": fit.tau2, "qm": fit.qm, "qe_lrt": fit.heterogeneity.q}
        for ours, (_, row) in zip(fit.table.to_dict("records"), rows.iterrows(), strict=True):
            kept = {"estimate": ours["estimate"], "se": ours["se"]}
            # A Wald statistic doubles the relative error of lme4's standard errors, which are second differences.
            yield from pair_row(f"glmm {name}/{model}/{row['coefficient']}", kept | shared, row, 10 * LME4)


def compare_one_cohort(folder: Path) -> Iterator[Pair]:
    """Clopper-Pearson, Wilson, Jeffreys."""
    for _, row in read(folder, "one_cohort").iterrows():
        for kind in ("clopper-pearson", "wilson", "jeffreys"):
            found = estimate_proportion(row["events"], row["total"], kind=kind)
            column = kind.replace("-", "_")
            ours = {f"{column}_lb": found.ci_lb, f"{column}_ub": found.ci_ub}
            yield from pair_row(f"{row['events']:g}/{row['total']:g}", ours, row, TIGHT)


COMPARISONS: tuple[Callable[[Path], Iterator[Pair]], ...] = (
    compare_pooled,
    compare_pooled_effects,
    compare_glmm,
    compare_leave_one_out,
    compare_cumulative,
    compare_small_study,
    compare_meta_regression,
    compare_one_cohort,
)
