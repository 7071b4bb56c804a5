"""Models of other groups, written with the engine, with their published numbers as data: worked examples and checks."""

from aftercar.model.published.engager_binding import binding_model, equilibrium_trimer
from aftercar.model.published.kimmel2021 import kimmel2021_model, kimmel2021_settings
from aftercar.model.published.poels2025 import elranatamab_doses, poels2025_model
from aftercar.model.published.stein2019 import stein2019_model
from aftercar.model.published.values import PublishedNumbers, PublishedValue, load_numbers

__all__ = [
    "PublishedNumbers",
    "PublishedValue",
    "binding_model",
    "elranatamab_doses",
    "equilibrium_trimer",
    "kimmel2021_model",
    "kimmel2021_settings",
    "load_numbers",
    "poels2025_model",
    "stein2019_model",
]
