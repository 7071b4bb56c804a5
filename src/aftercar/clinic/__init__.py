"""The clinic: what is seen at visits, with the noise of assays, and response by the IMWG criteria."""

from aftercar.clinic.categories import CATEGORIES, code_categories, name_categories
from aftercar.clinic.counting import GradedPatients, ResponseCount, collect_best, count_responses
from aftercar.clinic.criteria import Criteria, Options, list_criteria, load_criteria
from aftercar.clinic.imwg import Grading, grade_response, tabulate_patients
from aftercar.clinic.laboratory import Laboratory, arrange_laboratory
from aftercar.clinic.visits import Schedule, observe_visits
from aftercar.clinic.words import explain_patient, explain_visit, tabulate_visits

__all__ = [
    "CATEGORIES",
    "Criteria",
    "GradedPatients",
    "Grading",
    "Laboratory",
    "Options",
    "ResponseCount",
    "Schedule",
    "arrange_laboratory",
    "code_categories",
    "collect_best",
    "count_responses",
    "explain_patient",
    "explain_visit",
    "grade_response",
    "list_criteria",
    "load_criteria",
    "name_categories",
    "observe_visits",
    "tabulate_patients",
    "tabulate_visits",
]
