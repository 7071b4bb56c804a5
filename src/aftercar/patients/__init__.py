"""Virtual patients: draws of the system's parameters, each patient with a random stream of its own."""

from aftercar.patients.draws import draw_patients, typical_patient
from aftercar.patients.kinetics import summarise_kinetics
from aftercar.patients.simulation import simulate_course, simulate_plan

__all__ = ["draw_patients", "simulate_course", "simulate_plan", "summarise_kinetics", "typical_patient"]
