"""Whether a CAR-T product can be made from what was collected: parameters alone, no state.

Equations (F: no product from an apheresis; F0: the same in the reference patient):

    odds ratio   m = exp(alkylator * A + bendamustine * B + per line * (lines - reference) + unfitness * (1 - fitness))
    failure      F = F0 * m / (1 - F0 + F0 * m)

`m` multiplies the odds F / (1 - F). Written without the logit, so that F0 of 0 or 1 stays defined. A failure changes no
equation of a patient who is infused: it says whether a patient who is collected will be. The drugs act on fitness of an
infused product too (`car_t.product_fitness`); here they have odds ratios of their own, and `apheresis_fitness` alone
stands for the T cells, so that no drug counts twice.
"""

from __future__ import annotations

from typing import Any

from aftercar.engine import exp


def manufacturing_failure(p: Any) -> Any:
    """Return the chance that an apheresis gives no product that can be infused (0 to 1).

    Directions: review, sections 2.2.1 (T cells) and 2.4 (alkylators, lines).
    """
    drugs = p.failure_after_alkylator * p.prior_alkylator + p.failure_after_bendamustine * p.prior_bendamustine
    lines = p.failure_per_line * (p.prior_lines - p.prior_lines_reference)
    unfit = p.failure_of_unfit_cells * (1.0 - p.apheresis_fitness)
    ratio = exp(p.switch_prior_treatment * (drugs + lines) + p.switch_apheresis_quality * unfit)
    share = p.manufacturing_failure_share
    return share * ratio / (1.0 - share + share * ratio)
