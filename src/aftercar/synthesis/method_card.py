"""The choices behind a pooled proportion in a reader's words: the method card that stands beside each estimate."""

from __future__ import annotations

from collections.abc import Mapping

from aftercar.synthesis.results import Scale

MODEL = "model"
TAU2_NAMES: Mapping[str, str] = {
    "fe": "none: one common proportion is assumed",
    "dl": "DerSimonian-Laird",
    "reml": "restricted maximum likelihood",
    "ml": "maximum likelihood",
    "pm": "Paule-Mandel",
    "he": "Hedges",
    "hs": "Hunter-Schmidt",
    "sj": "Sidik-Jonkman",
}
INTERVAL_NAMES: Mapping[str, str] = {
    "z": "Wald, normal quantile",
    "t": "Wald, Student's t on k - 1 degrees of freedom",
    "profile": "profile likelihood",
    "hksj": "Hartung-Knapp-Sidik-Jonkman, Student's t on k - 1 degrees of freedom",
    "hksj-adhoc": "Hartung-Knapp-Sidik-Jonkman, standard error not below the usual one",
}
_PREDICTION = {
    "z": "estimate +- normal quantile x sqrt(tau2 + se^2)",
    "t": "estimate +- the interval's t quantile x sqrt(tau2 + se^2)",
}
_BACK = {
    "logit": "inverse logit",
    "arcsine": "squared sine, limits beyond the range set to 0 or 1",
    "freeman-tukey": "Miller's inverse at the harmonic mean of the cohort sizes",
}


def card_inverse_variance(method: str, scale: Scale, interval: str) -> dict[str, str]:
    """Return the card of an inverse-variance estimate."""
    return {
        MODEL: "common effect, inverse variance" if method == "fe" else "random effects, inverse variance",
        "scale": scale,
        "tau2_estimator": TAU2_NAMES[method],
        "interval": INTERVAL_NAMES[interval],
        "prediction_interval": "none" if method == "fe" else _PREDICTION["z" if interval == "z" else "t"],
        "zero_correction": "1/2 added to both counts of cohorts at 0 % or 100 %" if scale == "logit" else "none",
        "back_transformation": _BACK[scale],
        "tau2_interval": "none" if method == "fe" else "Q-profile",
        "heterogeneity_test": "Cochran's Q",
    }


def card_glmm(interval: str, df: int | None) -> dict[str, str]:
    """Return the card of a binomial-normal estimate; `df` are the degrees of freedom of a t interval."""
    student = f"Wald, Student's t on {df} degrees of freedom"
    return {
        MODEL: "binomial-normal (random-intercept logistic regression)",
        "scale": "logit",
        "tau2_estimator": "maximum likelihood, jointly with the mean",
        "interval": INTERVAL_NAMES[interval] if df is None else student,
        "prediction_interval": _PREDICTION["z" if df is None else "t"]
        + (", never inside the interval" if interval == "profile" else "")
        + "; covers less than its level where cohorts are few, the Bayesian one holds (docs/explanation/coverage.md)",
        "zero_correction": "none needed",
        "back_transformation": _BACK["logit"],
        "tau2_interval": "profile likelihood",
        "heterogeneity_test": "likelihood ratio against one proportion a cohort",
    }


def card_exact(asked: str, *, pooled_counts: bool = False) -> dict[str, str]:
    """Return the card of an exact interval that stands in for the method asked for."""
    return {
        MODEL: "one proportion for the summed counts" if pooled_counts else "one cohort",
        "asked_for": asked,
        "scale": "proportion",
        "interval": "Clopper-Pearson",
        "prediction_interval": "none",
        "zero_correction": "none needed",
    }
