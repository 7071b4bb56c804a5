"""The ground floor: errors, tables read with named faults, random streams, provenance. Knows no medicine."""

from aftercar.foundation.errors import (
    AftercarError,
    AftercarWarning,
    ConvergenceWarning,
    Fault,
    InputError,
    NotPoolableError,
    SmallSampleWarning,
)
from aftercar.foundation.folders import fill_folder
from aftercar.foundation.notices import NOTICES, show_notices
from aftercar.foundation.provenance import Manifest, command_line, hash_bytes, write_atomic
from aftercar.foundation.randomness import DEFAULT_SEED, draw_stream
from aftercar.foundation.tables import Column, Table, column, columns_of, load_table

__all__ = [
    "DEFAULT_SEED",
    "NOTICES",
    "AftercarError",
    "AftercarWarning",
    "Column",
    "ConvergenceWarning",
    "Fault",
    "InputError",
    "Manifest",
    "NotPoolableError",
    "SmallSampleWarning",
    "Table",
    "column",
    "columns_of",
    "command_line",
    "draw_stream",
    "fill_folder",
    "hash_bytes",
    "load_table",
    "show_notices",
    "write_atomic",
]
