"""ADaM-shaped datasets of a virtual trial: ADSL, ADRS, ADTTE, ADLB, ADEX, ADAE. Every record is simulated."""

from aftercar.trials.adam.build import build_adam
from aftercar.trials.adam.dataset import AdamDataset, Variable
from aftercar.trials.adam.write import FORMATS, write_adam

__all__ = ["FORMATS", "AdamDataset", "Variable", "build_adam", "write_adam"]
