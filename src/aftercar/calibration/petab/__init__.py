"""The calibration as a PEtab problem: the typical patient of each cohort, against published levels.

Decision:   docs/decisions/0049-petab-export.md
"""

from aftercar.calibration.petab.problem import PetabProblem, build_petab
from aftercar.calibration.petab.write import check_folder, write_petab

__all__ = ["PetabProblem", "build_petab", "check_folder", "write_petab"]
