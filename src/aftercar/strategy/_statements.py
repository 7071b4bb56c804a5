"""What a comparison says about itself: its method card and its limits."""

from __future__ import annotations

from aftercar.catalogue import EvidenceBase
from aftercar.evidence import share_patients
from aftercar.strategy._pooling import Chosen
from aftercar.strategy.results import CompareSettings
from aftercar.synthesis.bayes import HierarchicalPosterior


def describe_methods(posterior: HierarchicalPosterior | None, settings: CompareSettings) -> dict[str, str]:
    """Return the choices made, by name."""
    filters = settings.filters
    card = {
        "question": "response to salvage after BCMA CAR-T relapse, by strategy; observed cohorts only",
        "estimate": "posterior median of the typical cohort's rate, with an equal-tailed credible interval",
        "prediction interval": "where the true rate of a new cohort of the strategy would lie",
        "level of intervals": f"{100 * settings.level:g}%",
        "prior exposure": f"{filters.prior}: see decision 0006",
        "counts": f"{filters.counts}: see decision 0005",
        "overlap": "at most one report of any patient within a strategy: see decision 0004",
        "ranking": f"{settings.draws} joint posterior draws, seed {settings.seed}",
        "cohorts' own intervals": "Clopper-Pearson",
    }
    if posterior is not None:
        priors, tau, sigma = posterior.priors, posterior.tau, posterior.sigma
        card |= {
            "model": "events ~ binomial; cohorts' log-odds ~ normal around their strategy (SD tau); strategies' mean "
            "log-odds ~ normal around a common mean (SD sigma)",
            "priors": f"mean ~ normal({priors.mu_mean:g}, {priors.mu_sd:g}); tau ~ half-normal({priors.tau_scale:g}); "
            f"sigma ~ half-normal({priors.sigma_scale:g}) [logit]",
            "posterior of tau": f"{tau.median:.2f} ({tau.lb:.2f} to {tau.ub:.2f}) [logit]",
            "posterior of sigma": f"{sigma.median:.2f} ({sigma.lb:.2f} to {sigma.ub:.2f}) [logit]",
            "computation": "exact quadrature, no sampling error in the estimates; draws serve the ranking alone",
        }
    return card


def describe_limits(base: EvidenceBase, chosen: Chosen) -> tuple[str, ...]:
    """Return what a reader must know before using the table, with the numbers of this comparison."""
    used = [one for cohorts in chosen.values() for one in cohorts]
    guessed = [one for one in used if one.status in {"inferred", "feasible"}]
    by_lines = [one for one in used if one.cohort.unit_of_analysis == "line_of_therapy"]
    wide = [one for one in used if one.cohort.prior_bcma not in {"bcma_cart", "cart"}]
    unchecked = [one for one in used if base.sources[one.outcome.source_id].checked != "against_primary"]
    ranked = [(name, one.cohort) for name, cohorts in chosen.items() if base.strategies[name].ranked for one in cohorts]
    shared = [one for name, one in ranked if any(name != other and share_patients(one, twin) for other, twin in ranked)]
    return (
        "The cohorts are single arms: selection of patients differs between strategies and cannot be adjusted for. "
        "T-cell engaging therapies are given to patients who live to a trial slot.",
        "Response is not duration: high response rates stand beside progression-free survival of a few months.",
        f"{len(guessed)} of {len(used)} pooled cohorts rest on counts that are reconstructed, not printed.",
        f"{len(by_lines)} of {len(used)} pooled cohorts count lines of therapy, in which a patient can recur; such a "
        "patient may also stand under more than one strategy.",
        f"{len(shared)} of {len(ranked)} pooled cohorts of ranked strategies share patients with a cohort of another "
        "ranked strategy; the comparison counts them as if they were different patients.",
        f"{len(wide)} of {len(used)} pooled cohorts had anti-BCMA therapy that was not CAR-T in some patients.",
        f"{len(unchecked)} of {len(used)} pooled figures were not checked against the primary paper.",
        "The partial pooling assumes that strategies are exchangeable before the data; it pulls small cohorts to the "
        "common mean.",
    )
