"""AfterCAR: what works after BCMA CAR-T relapse in multiple myeloma, and how sure we are.

For research and trial design. Never for treating a patient.
"""

from importlib.metadata import version

__version__ = version("aftercar")

__all__ = ["__version__"]
