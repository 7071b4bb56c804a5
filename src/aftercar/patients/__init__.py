"""Virtual patients: draws of the system's parameters, each patient with a random stream of its own."""

from aftercar.patients.draws import draw_patients, typical_patient
from aftercar.patients.kinetics import summarise_kinetics
from aftercar.patients.populations import VirtualPatients, draw_population, find_population
from aftercar.patients.reweighting import Weighting, reweight
from aftercar.patients.simulation import simulate_course, simulate_plan

__all__ = [
    "VirtualPatients",
    "Weighting",
    "draw_patients",
    "draw_population",
    "find_population",
    "reweight",
    "simulate_course",
    "simulate_plan",
    "summarise_kinetics",
    "typical_patient",
]
