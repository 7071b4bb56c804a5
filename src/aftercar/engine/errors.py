"""What can go wrong between a model and its trajectories."""

from __future__ import annotations

from aftercar.foundation import AftercarError, AftercarWarning


class UnsupportedFeatureError(AftercarError):
    """A model file uses something that the engine does not compute. Never ignored, always refused by name.

    `feature` is the construct in the words of the SBML specification, `place` the id of the element that uses it.
    """

    def __init__(self, feature: str, place: str) -> None:
        self.feature = feature
        self.place = place
        super().__init__(f"unsupported: {feature} at {place}")


class IntegrationWarning(AftercarWarning):
    """Some patients could not be integrated to the end; the result names them and says why."""
