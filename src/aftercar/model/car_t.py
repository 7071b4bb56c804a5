"""CAR-T cells of one infused product: bag, memory, effector and exhausted cells.

Equations (s: antigen drive, 0 to 1; n: room after lymphodepletion; c: room below the ceiling; u: suppression):

    drive      s = A / (A + A50),  A = reach-weighted recognised tumour cells
    memory     birth = renewal * n * c;  death = loss + depletion * activation * s + antibodies
    effector   birth = expansion * fitness * s * n * c * u * help;
               death = contraction * (1 - protection * s) + to memory + to exhausted + antibodies
    exhausted  arrival = exhaustion * s * brakes * E;  death = loss + revival + antibodies

Memory cells under antigen divide asymmetrically: each gives effectors at rate activation * s. Antigen-driven expansion
with its stop on clearance is the toggle of kirouac2023 on recognised cells, so that antigen loss starves the product.

Effectors outnumber the infused cells a thousandfold, so the memory of later months is made from them, not infused. What
an effector keeps of its descent is how readily it turns back: `memory_lineage` scales that by the bag's memory share.
"""

from __future__ import annotations

from typing import Any

from aftercar.engine import BirthDeath, exp, named
from aftercar.model.host import host_t_capacity
from aftercar.model.smooth import positive_part, saturation


def host_room(p: Any, host: Any) -> Any:
    """Return the support for proliferation, from `niche_floor` beside a full host pool to 1 in an empty one.

    Full is the patient's own pool at rest: a pool that bendamustine or many lines left small is no room.
    """
    empty = positive_part(1.0 - host / (host_t_capacity(p) + p.single_cell))
    room = p.niche_floor + (1.0 - p.niche_floor) * empty
    return 1.0 + p.switch_lymphodepletion * (room - 1.0)


def product_fitness(p: Any, q: Any) -> Any:
    """Return the expansion of a product relative to one of reference T cells.

    `apheresis_fitness` is the patient's T cells at collection; `fitness` is the product's own. Each line of treatment,
    an alkylator and bendamustine before apheresis lower it; higher CD4 and memory shares of the product raise it.
    """
    lines = p.fitness_loss_per_line * (p.prior_lines - p.prior_lines_reference)
    drugs = p.fitness_loss_alkylator * p.prior_alkylator + p.fitness_loss_bendamustine * p.prior_bendamustine
    treated = 1.0 - p.switch_prior_treatment * (lines + drugs)
    younger = memory_share_of_product(p, q) - p.memory_share_reference
    quality = p.apheresis_fitness * (1.0 + p.cd4_help * (q.cd4_share - p.cd4_share_reference) + p.memory_help * younger)
    return q.fitness * positive_part(treated) * (1.0 + p.switch_apheresis_quality * (quality - 1.0))


def signal(p: Any, multiplier: Any) -> Any:
    """Return a costimulation multiplier, or 1 (a 4-1BB CAR) when the mechanism is switched off."""
    return 1.0 + p.switch_costimulation * (multiplier - 1.0)


def product_rates(s: Any, p: Any, q: Any, name: str, around: dict[str, Any]) -> dict[str, Any]:
    """Return the rates of the four states of the product in slot `name`.

    Parameters
    ----------
    q
        The parameters of the slot.
    around
        What the product meets: ``drive``, ``room``, ``crowd_room``, ``function``, ``help``, ``brakes``,
        ``revival`` [1/day], ``antibody_loss`` [1/day], ``drug_loss`` [1/day].
    """
    bag, memory, effector = s[f"{name}_infused"], s[f"{name}_memory"], s[f"{name}_effector"]
    exhausted = s[f"{name}_exhausted"]
    drive, support = around["drive"], around["room"] * around["crowd_room"]

    def piece(word: str, value: Any, unit: str = "1/day") -> Any:
        return named(f"{name}_{word}", value, unit=unit, intermediate=True)

    fitness = piece("expansion_fitness", product_fitness(p, q), "1")
    lost = piece("loss", around["antibody_loss"] + around["drug_loss"])
    activation = piece("activating", p.activation_rate * signal(p, q.activation) * drive)
    expansion = p.expansion_rate * q.expansion * fitness * drive * support * around["function"] * around["help"]
    to_memory = p.memory_formation_rate * signal(p, q.memory_formation) * fitness * (1.0 - drive)
    to_memory = piece("to_memory", to_memory * memory_lineage(p, q))
    exhausting = p.switch_exhaustion * p.exhaustion_rate * signal(p, q.exhaustion) * around["brakes"] * drive
    exhausting = piece("exhausting", exhausting)
    homing = p.homing_rate * q.engraftment * bag
    memory_share = piece("infused_memory_share", memory_share_of_product(p, q), "1")
    effectors = homing * (1.0 - memory_share - q.exhausted_share)
    return {
        f"{name}_infused": -p.homing_rate * bag,
        f"{name}_memory": BirthDeath(
            birth=p.memory_renewal_rate * around["room"] * around["crowd_room"],
            death=p.memory_loss_rate / signal(p, q.persistence) + p.memory_depletion * activation + lost,
            arrival=homing * memory_share + to_memory * effector,
        ),
        f"{name}_effector": BirthDeath(
            birth=expansion,
            death=p.contraction_rate * (1.0 - p.antigen_protection * drive) + to_memory + exhausting + lost,
            arrival=effectors + activation * memory + around["revival"] * exhausted,
        ),
        f"{name}_exhausted": homing * q.exhausted_share
        + exhausting * effector
        - (p.exhausted_loss_rate + around["revival"] + lost) * exhausted,
    }


def memory_share_of_product(p: Any, q: Any) -> Any:
    """Return the share of memory cells in the infused product: the product's own, moved by the collected T cells.

    `apheresis_memory` and the lines before apheresis multiply the ratio of memory to effector cells, so that no share
    leaves 0 to 1.
    """
    lines = p.memory_loss_per_line * (p.prior_lines - p.prior_lines_reference)
    collected = p.apheresis_memory * exp(-p.switch_prior_treatment * lines)
    factor = 1.0 + p.switch_apheresis_quality * (collected - 1.0)
    fit = 1.0 - q.exhausted_share
    return fit * q.memory_share * factor / (fit - q.memory_share + q.memory_share * factor)


def memory_lineage(p: Any, q: Any) -> Any:
    """Return how readily effectors turn into memory cells, relative to those of a reference product.

    With `memory_inheritance` at 1 this goes with the share of memory cells in the bag, from which they descend.
    """
    relative = memory_share_of_product(p, q) / p.memory_share_reference
    return 1.0 + p.switch_apheresis_quality * p.memory_inheritance * (relative - 1.0)


def antigen_drive(recognised: Any, half: Any) -> Any:
    """Return the drive by recognised tumour cells: `half` cells give one half."""
    return saturation(recognised, half)


def killing_rate(p: Any, q: Any, effectors: Any, all_effectors: Any, function: Any, access: Any) -> Any:
    """Return the killing of fully recognised cells by a product at a site [1/day].

    Saturates in the effectors of all products together (kimmel2021). Cells that expand poorly kill poorly as well
    (kirouac2023: both separate patients without response from the others).
    """
    able = exp(p.killing_by_fitness * (product_fitness(p, q) - 1.0))
    return (
        p.killing_rate * q.potency * able * function * access * effectors / (p.killing_half_effectors + all_effectors)
    )
