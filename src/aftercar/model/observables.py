"""What a clinic would read: burden, marrow, CAR copies, antigen density, drug levels, failure of manufacture.

Equations:

    marrow plasma cells [%] = 100 * T_marrow / (T_marrow + N_marrow)
    MRD level               = T_marrow / (T_marrow + N_marrow)
    CAR+ cells per uL       = blood share * C / blood volume
    copies per ug DNA       = VCN * CAR / ((WBC + CAR) * DNA per cell)

The leukocyte count is a trajectory: after lymphodepletion the denominator of copies per ug collapses.
"""

from __future__ import annotations

from typing import Any

from aftercar.engine import named
from aftercar.model.manufacturing import manufacturing_failure


def name_observables(s: Any, p: Any, *, tumour: Any, marrow: Any, emd: Any, bcma_bearing: Any, car_t: Any) -> None:
    """Give each observable its name and unit, so that it can be asked for as an output."""
    share = named("mrd_level", marrow / (marrow + p.marrow_other_cells), unit="1")
    named("tumour_total", tumour, unit="cell")
    named("emd_total", emd, unit="cell")
    named("marrow_plasma_cells", p.percent_in_whole * share, unit="percent")
    named("bcma_density", bcma_bearing / (tumour + p.single_cell), unit="1")
    named("car_t_total", car_t, unit="cell")
    lymphocytes = p.leukocyte_t_cells * s.host_t / p.host_t_reference
    leukocytes = p.leukocyte_others * s.leukocytes + lymphocytes + p.leukocyte_floor
    car_per_ul = named("car_t_per_ul", p.blood_share * car_t / p.blood_volume, unit="cell/uL")
    named("leukocytes_per_ul", leukocytes + car_per_ul, unit="cell/uL")
    copies = p.vector_copies * car_per_ul / ((leukocytes + car_per_ul) * p.dna_per_cell)
    named("copies_per_ug", copies, unit="copy/ug")
    named("sbcma_ng_per_ml", s.sbcma * p.sbcma_molar_mass, unit="ng/mL")
    named("m_protein_g_per_dl", s.m_protein / p.decilitres_per_litre, unit="g/dL")
    named("manufacturing_failure", manufacturing_failure(p), unit="1")
