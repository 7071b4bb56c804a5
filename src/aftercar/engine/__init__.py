"""From equations to patients: generated vector code that integrates many individuals at once. Knows no biology."""

from aftercar.engine.errors import IntegrationWarning, UnsupportedFeatureError
from aftercar.engine.export import write_antimony, write_latex, write_sbml
from aftercar.engine.expressions import exp, hill, log, maximum, minimum, named, sqrt, where
from aftercar.engine.network import BirthDeath, Event, EventAssignment, Network, Parameter, Rule, State
from aftercar.engine.python_model import Quantity, trace_model
from aftercar.engine.sbml import load_model, read_model
from aftercar.engine.schedule import Dose, Infusion, repeat
from aftercar.engine.simulate import Settings, list_failures, simulate, take_snapshot
from aftercar.engine.snapshot import Snapshot, freeze_moments
from aftercar.engine.storage import StreamReport, load_folder, simulate_to_folder
from aftercar.engine.units import check_units, list_unitless, require_units

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
