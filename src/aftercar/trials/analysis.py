"""Arms of a virtual trial held against each other, by the methods that a trial would name in its analysis plan.

Records are those of `take_records`; each result says by which method it was made. In a paired design every virtual
patient is in every arm, and two values of one patient depend on each other: hazards and restricted means then have a
variance that allows for it. Whether arms are paired is seen from the records. All of it is simulated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm

from aftercar.foundation import Fault, InputError
from aftercar.synthesis import (
    check_proportionality,
    fit_cox,
    fit_cumulative_incidence,
    fit_kaplan_meier,
    influence_on_restricted_mean,
    log_rank,
    restricted_mean,
    reverse_kaplan_meier,
)
from aftercar.synthesis.counts import check_level
from aftercar.synthesis.cox import CoxFit
from aftercar.synthesis.kaplan_meier import ConfType
from aftercar.trials.endpoint_records import LEVEL, CountFrom, take_causes
from aftercar.trials.tables import TrialTables


def add_covariates(tables: TrialTables, records: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return the records with columns of the subjects beside them, for covariates and strata."""
    missing = [name for name in names if name not in tables.subjects]
    if missing:
        known = ", ".join(str(name) for name in tables.subjects)
        raise InputError(Fault("covariates", f"'{missing[0]}' is no column of the subjects.", f"Use {known}."))
    return records.merge(tables.subjects[["patient", *names]], on="patient", how="left", validate="many_to_one")


def is_paired(records: pd.DataFrame) -> bool:
    """Tell whether any patient stands in more than one arm."""
    return bool(records.duplicated("patient").any())


def tabulate_curves(records: pd.DataFrame, *, conf_type: ConfType = "log-log", level: float = LEVEL) -> pd.DataFrame:
    """Return the Kaplan-Meier curve of every arm, one row per time; `method` names the interval."""
    parts = []
    for arm, part in _arms(records):
        curve = fit_kaplan_meier(part["duration"], part["event"], conf_type=conf_type, level=level)
        parts.append(curve.to_frame().assign(method=f"Kaplan-Meier, {conf_type} interval, level {level:g}"))
        parts[-1].insert(0, "arm", arm)
    return pd.concat(parts, ignore_index=True)


def compare_log_rank(records: pd.DataFrame, *, strata: str | None = None) -> pd.DataFrame:
    """Return the log-rank test of all arms: one row with statistic, df, p and the method.

    The test takes patients as independent. Where the same patients are in all arms and fare alike in them it is too
    careful; `compare_hazards` allows for the pairs.

    Parameters
    ----------
    strata
        A column of the records (`add_covariates`).
    """
    groups = {arm: part.rename(columns={"duration": "time"}) for arm, part in _arms(records)}
    found = log_rank(groups, strata=strata)
    method = "log-rank" + (f", stratified by {strata}" if strata else "")
    method += "; pairs taken as independent" if is_paired(records) else ""
    row = {"arms": " / ".join(groups), "statistic": found.statistic, "df": found.df, "p": found.p, "method": method}
    return pd.DataFrame([row])


def compare_hazards(
    records: pd.DataFrame,
    *,
    reference: str,
    covariates: Sequence[str] = (),
    strata: str | None = None,
    level: float = LEVEL,
) -> pd.DataFrame:
    """Return hazard ratios of the arms against `reference`, and of covariates: Cox, Efron's ties.

    Parameters
    ----------
    covariates, strata
        Columns of the records (`add_covariates`). Words become 0 and 1 against the first category. Patients without a
        value are left out, and counted in `left_out`.

    Returns
    -------
    DataFrame
        Columns term, estimate, ci_lb, ci_ub, coefficient, se, p, n, events, left_out, method.
    """
    fit, left_out, method = _fit(records, reference, covariates, strata, level)
    return fit.to_frame().assign(n=fit.n, events=fit.n_events, left_out=left_out, method=method)


def check_hazards(
    records: pd.DataFrame, *, reference: str, covariates: Sequence[str] = (), strata: str | None = None
) -> pd.DataFrame:
    """Return the test that the hazard ratios of `compare_hazards` are constant in time; pairs taken as independent."""
    fit, _, _ = _fit(records, reference, covariates, strata, LEVEL)
    return check_proportionality(fit).assign(method="Grambsch-Therneau score test, time by Kaplan-Meier")


def compare_restricted_means(
    records: pd.DataFrame, *, tau: float, reference: str, level: float = LEVEL
) -> pd.DataFrame:
    """Return restricted means up to `tau` and their differences to `reference`.

    Returns
    -------
    DataFrame
        Columns arm, quantity (``restricted mean``, ``difference``), tau, estimate, se, ci_lb, ci_ub (all in days), p,
        method.
    """
    check_level(level)
    arms = dict(_arms(records))
    _check_reference(reference, arms)
    z = float(norm.ppf((1 + level) / 2))
    influence = {
        arm: pd.Series(
            influence_on_restricted_mean(part["duration"], part["event"], tau=tau), index=part["patient"].to_numpy()
        )
        for arm, part in arms.items()
    }
    rows, means = [], {}
    for arm, part in arms.items():
        mean = restricted_mean(fit_kaplan_meier(part["duration"], part["event"], level=level), tau=tau)
        means[arm] = mean.estimate
        found = (mean.estimate, mean.se, mean.ci_lb, mean.ci_ub, np.nan)
        rows.append((arm, "restricted mean", tau, *found, "Kaplan-Meier area, Greenwood's variance"))
    how = "paired variance (infinitesimal jackknife)" if is_paired(records) else "variances of independent arms"
    for arm in arms:
        if arm == reference:
            continue
        moves = influence[arm].sub(influence[reference], fill_value=0.0)
        estimate, se = means[arm] - means[reference], float(np.sqrt((moves**2).sum()))
        if se == 0:
            found_text = f"neither '{arm}' nor '{reference}' has an event that moves the area before tau = {tau:g}."
            raise InputError(Fault("tau", found_text, "Choose a later tau."))
        p = float(2 * norm.sf(abs(estimate) / se))
        rows.append((arm, "difference", tau, estimate, se, estimate - z * se, estimate + z * se, p, how))
    columns = ["arm", "quantity", "tau", "estimate", "se", "ci_lb", "ci_ub", "p", "method"]
    return pd.DataFrame(rows, columns=columns)


def measure_follow_up(records: pd.DataFrame, *, level: float = LEVEL) -> pd.DataFrame:
    """Return the median follow-up of each arm by reversed Kaplan-Meier [day]; NaN where a limit is not reached."""
    rows = []
    for arm, part in _arms(records):
        found = reverse_kaplan_meier(part["duration"], part["event"], level=level)
        limits = [np.nan if x is None else x for x in (found.estimate, found.ci_lb, found.ci_ub)]
        rows.append((arm, *limits, found.n, f"reversed Kaplan-Meier, {found.conf_type} interval, level {level:g}"))
    return pd.DataFrame(rows, columns=["arm", "estimate", "ci_lb", "ci_ub", "n", "method"])


def tabulate_incidence(
    tables: TrialTables, *, count_from: CountFrom = "treatment", level: float = LEVEL
) -> pd.DataFrame:
    """Return the cumulative incidence of progression, and of death before it, of every arm that has an event."""
    parts = []
    for arm, part in take_causes(tables, count_from=count_from).groupby("arm", sort=False):
        if (part["cause"] != "").any():
            found = fit_cumulative_incidence(part["duration"], part["cause"], level=level)
            found.insert(0, "arm", arm)
            parts.append(found)
    if not parts:
        raise InputError(Fault("trial", "nobody progressed or died.", "Follow patients for longer."))
    method = f"Aalen-Johansen, log-log interval, level {level:g}"
    return pd.concat(parts, ignore_index=True).assign(method=method)


def _fit(
    records: pd.DataFrame, reference: str, covariates: Sequence[str], strata: str | None, level: float
) -> tuple[CoxFit, int, str]:
    """Return the fit, how many rows lack a covariate, and the name of the method."""
    wanted = [*covariates, *([strata] if strata else [])]
    missing = [name for name in wanted if name not in records]
    if missing:
        raise InputError(Fault("records", f"column {missing[0]} is missing.", "Add it with add_covariates."))
    known = records.dropna(subset=wanted)
    arms = dict(_arms(known))
    _check_reference(reference, arms)
    others = [arm for arm in arms if arm != reference]
    terms = pd.DataFrame({arm: (known["arm"] == arm).astype(np.float64) for arm in others})
    if covariates:
        coded = pd.get_dummies(known[list(covariates)], drop_first=True, dtype=np.float64)
        terms = pd.concat([terms, coded], axis=1)
    paired = is_paired(known)
    fit = fit_cox(
        known["duration"], known["event"], terms, strata=known[strata] if strata else None,
        cluster=known["patient"] if paired else None, level=level,
    )  # fmt: skip
    method = f"Cox, Efron's ties, against {reference}, level {level:g}" + (
        f", stratified by {strata}" if strata else ""
    )
    method += ", variance robust to pairs" if paired else ""
    return fit, len(records) - len(known), method


def _check_reference(reference: str, arms: dict[str, pd.DataFrame]) -> None:
    if reference not in arms or len(arms) < 2:
        mend = "Name one of two or more arms."
        raise InputError(Fault("reference", f"'{reference}' with the arms {', '.join(arms) or 'none'}.", mend))


def _arms(records: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for arm, part in records.groupby("arm", sort=False):
        yield str(arm), part
