"""Virtual patients: draws of the system's parameters, each patient with a random stream of its own."""

from aftercar.patients.draws import draw_patients, draw_slots, typical_patient
from aftercar.patients.kinetics import summarise_kinetics
from aftercar.patients.parameter_sets import ParameterSets, apply_set, draw_prior, open_numbers, typical_set
from aftercar.patients.populations import VirtualPatients, draw_population, find_population
from aftercar.patients.posterior import OtherBasisWarning, load_posterior
from aftercar.patients.reweighting import Weighting, reweight
from aftercar.patients.simulation import simulate_course, simulate_plan

__all__ = [
    "OtherBasisWarning",
    "ParameterSets",
    "VirtualPatients",
    "Weighting",
    "apply_set",
    "draw_patients",
    "draw_population",
    "draw_prior",
    "draw_slots",
    "find_population",
    "load_posterior",
    "open_numbers",
    "reweight",
    "simulate_course",
    "simulate_plan",
    "summarise_kinetics",
    "typical_patient",
    "typical_set",
]
