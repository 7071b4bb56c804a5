"""The clinic: what is seen at visits, with the noise of assays, and response by the IMWG criteria."""

from aftercar.clinic.imwg import grade_response

__all__ = ["grade_response"]
