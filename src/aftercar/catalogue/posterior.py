"""Posterior draws that are shipped, or written by `aftercar calibrate`: a table of values and what it rests on."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from aftercar.foundation import Fault, InputError
from aftercar.foundation.tables import read_text

_HERE = Path(__file__).parent / "posterior"
BUILT_IN = "index_treatment"


def load_posterior_table(folder: Path | None = None) -> tuple[pd.DataFrame, Mapping[str, Any]]:
    """Load draws (one a row, columns named by place) and their description.

    Parameters
    ----------
    folder
        One that holds ``posterior.csv`` and ``posterior.json``; None gives the draws that are shipped.

    Raises
    ------
    InputError
        A file is missing or cannot be read, or a value is no number.
    """
    root = _HERE if folder is None else Path(folder)
    stem = BUILT_IN if folder is None else "posterior"
    faults: list[Fault] = []
    texts = [read_text(root / f"{stem}.{ending}", faults) for ending in ("csv", "json")]
    if texts[0] is None or texts[1] is None:
        raise InputError(faults)
    try:
        table = pd.read_csv(io.StringIO(texts[0]), dtype="float64", float_precision="round_trip")
        described = json.loads(texts[1])
    except (ValueError, pd.errors.ParserError) as error:
        mend = "Write it again with `aftercar calibrate`."
        raise InputError(Fault(f"{stem} in {root.name}/", f"it cannot be read: {error}.", mend)) from None
    return table, described
