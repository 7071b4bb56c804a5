"""Parameters of one slot, read by the names that therapies use: ``slot.potency`` is ``product1_potency``."""

from __future__ import annotations

from typing import Any


class Slot:
    """A view of the parameters whose names begin with the slot's."""

    def __init__(self, parameters: Any, name: str) -> None:
        self._parameters = parameters
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._parameters[f"{self._name}_{name}"]

    def __getitem__(self, name: str) -> Any:
        return self._parameters[f"{self._name}_{name}"]
