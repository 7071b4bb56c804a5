"""From equations to patients: generated vector code that integrates many individuals at once. Knows no biology."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from aftercar.engine.errors import IntegrationWarning, UnsupportedFeatureError
from aftercar.engine.expressions import exp, hill, log, maximum, minimum, named, sqrt, where
from aftercar.engine.network import BirthDeath, Event, EventAssignment, Network, Parameter, Rule, State
from aftercar.engine.python_model import Quantity, trace_model
from aftercar.engine.schedule import Dose, Infusion, repeat
from aftercar.engine.simulate import Settings, list_failures, simulate, take_snapshot
from aftercar.engine.snapshot import Snapshot, freeze_moments
from aftercar.engine.storage import StreamReport, load_folder, simulate_to_folder
from aftercar.engine.units import check_units, list_unitless, require_units

if TYPE_CHECKING:
    from aftercar.engine.export import write_antimony, write_latex, write_sbml
    from aftercar.engine.sbml import load_model, read_model

__all__ = [
    "BirthDeath",
    "Dose",
    "Event",
    "EventAssignment",
    "Infusion",
    "IntegrationWarning",
    "Network",
    "Parameter",
    "Quantity",
    "Rule",
    "Settings",
    "Snapshot",
    "State",
    "StreamReport",
    "UnsupportedFeatureError",
    "check_units",
    "exp",
    "freeze_moments",
    "hill",
    "list_failures",
    "list_unitless",
    "load_folder",
    "load_model",
    "log",
    "maximum",
    "minimum",
    "named",
    "read_model",
    "repeat",
    "require_units",
    "simulate",
    "simulate_to_folder",
    "sqrt",
    "take_snapshot",
    "trace_model",
    "where",
    "write_antimony",
    "write_latex",
    "write_sbml",
]

# What reads and writes model files brings libsbml, a fifth of the start of a process: it is imported when asked for.
_IN_FILES = {
    "load_model": "sbml",
    "read_model": "sbml",
    "write_antimony": "export",
    "write_latex": "export",
    "write_sbml": "export",
}


def __getattr__(name: str) -> Any:
    if name in _IN_FILES:
        return getattr(import_module(f"aftercar.engine.{_IN_FILES[name]}"), name)
    raise AttributeError(f"module 'aftercar.engine' has no attribute '{name}'")
