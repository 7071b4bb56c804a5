"""The categories of response as IMWG spells them, and their order."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from aftercar.foundation import Fault, InputError

CodeArray = npt.NDArray[np.int8]

# Position is the code. The order is the one in which a status can be raised: PD outranks every response.
CATEGORIES: Final = ("NE", "SD", "MR", "PR", "VGPR", "CR", "sCR", "PD")
NE, SD, MR, PR, VGPR, CR, SCR, PD = range(len(CATEGORIES))
NOT_GRADED: Final = -1  # baseline, or no visit


def name_categories(codes: npt.ArrayLike) -> npt.NDArray[np.str_]:
    """Return the names of codes; what is not graded has an empty name.

    Examples
    --------
    >>> name_categories([3, 7, -1]).tolist()
    ['PR', 'PD', '']
    """
    return np.array([*CATEGORIES, ""])[np.asarray(codes, dtype=np.int64)]


def code_categories(names: npt.ArrayLike) -> CodeArray:
    """Return the codes of names, shape kept; an empty name is what is not graded.

    Raises
    ------
    InputError
        A name that is no category of IMWG.
    """
    table = {name: code for code, name in enumerate(CATEGORIES)} | {"": NOT_GRADED}
    given = np.asarray(names, dtype=np.str_)
    unknown = sorted(set(given.ravel().tolist()) - set(table))
    if unknown:
        raise InputError(Fault("response", f"'{unknown[0]}' is no category.", f"Use {', '.join(CATEGORIES)}."))
    flat = np.array([table[name] for name in given.ravel().tolist()], dtype=np.int8)
    return flat.reshape(given.shape)
