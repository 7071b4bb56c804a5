"""Virtual patients at a moment of their own, and how a trial is conducted: what every line of therapy is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from aftercar.catalogue.model_data import ModelData
from aftercar.clinic import Schedule
from aftercar.engine import Dose, Infusion, Snapshot
from aftercar.model import Course, Structure, Treatment
from aftercar.patients import ParameterSets

FloatArray = npt.NDArray[np.float64]
WASHOUT_DAYS = 14.0


@dataclass(frozen=True)
class Conduct:
    """What is the same for all patients and lines of a trial.

    Attributes
    ----------
    structure
        Slots that hold every sequence of therapies that the trial can give.
    washout_days
        From the visit that confirms progression to the first day of a therapy that is at hand; cells take their
        vein-to-vein time if that is longer.
    drop_out_per_year
        Rate at which patients are lost from follow-up.
    sets
        Sets of population parameters that the patients belong to in turn; None is the catalogue's typical values.
    details
        Whether visits, administrations and clones are kept; endpoints need none of them.
    """

    seed: int
    data: ModelData
    structure: Structure
    schedule: Schedule = field(default_factory=Schedule)
    criteria: str = "imwg2016"
    washout_days: float = WASHOUT_DAYS
    drop_out_per_year: float = 0.0
    sets: ParameterSets | None = None
    details: bool = True


@dataclass(frozen=True)
class Line:
    """A line of therapy. Days of `treatments` count from its day 0, of `bridging` from the decision to give it."""

    name: str
    treatments: tuple[Treatment, ...]
    bridging: tuple[Treatment, ...] = ()

    @property
    def therapies(self) -> str:
        """Ids of the therapies, joined."""
        return "; ".join(one.therapy for one in self.treatments)


@dataclass(frozen=True)
class Cohort:
    """Patients who had the same lines so far, each at the visit that confirmed progression.

    Attributes
    ----------
    snapshot
        Their whole state: clones, remaining CAR-T cells, antibodies, drugs, microenvironment.
    parameters
        Parameters as drawn, indexed by patient.
    known
        What the clinic knows at this moment (see `aftercar.trials.relapse`), indexed by patient.
    truth
        What the simulation knows of it beyond (`describe_relapse`), indexed by patient.
    given
        Treatments so far; those of line k stand at k times `LATER` days, so that lines cannot overlap when they are
        arranged together.
    course
        These treatments arranged in the structure of the trial.
    lines
        How many lines they had, the first treatment among them.
    elapsed
        Days since entry, shape (patients,).
    """

    snapshot: Snapshot
    parameters: pd.DataFrame
    known: pd.DataFrame
    truth: pd.DataFrame
    given: tuple[Treatment, ...]
    course: Course
    lines: int
    elapsed: FloatArray

    def __len__(self) -> int:
        """Return the number of patients."""
        return len(self.snapshot.patients)

    @property
    def ids(self) -> npt.NDArray[np.int64]:
        """Numbers of the patients."""
        return np.asarray(self.snapshot.patients, dtype=np.int64)

    def select(self, positions: Sequence[int] | npt.NDArray[np.int64]) -> Cohort:
        """Return some of the patients, by position."""
        chosen = np.asarray(positions, dtype=np.int64)
        ids = self.ids[chosen]
        return replace(
            self, snapshot=self.snapshot.select(chosen.tolist()), parameters=self.parameters.loc[ids],
            known=self.known.loc[ids], truth=self.truth.loc[ids], elapsed=self.elapsed[chosen],
        )  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A line as it was simulated, on the days since the decision to give it.

    Attributes
    ----------
    result
        Dims (patient, time).
    wait
        Day of the line's day 0.
    until
        Day on which the follow-up of each patient ends, shape (patients,).
    start
        What was simulated: the table of the patients, or the snapshot from which it went on.
    line
        Its number, the first treatment counted as 1.
    """

    result: xr.Dataset
    doses: tuple[Dose | Infusion, ...]
    wait: float
    until: FloatArray
    start: pd.DataFrame | Snapshot
    line: int


LATER = 100_000.0
"""Days between the lines of a patient while they are arranged beside each other."""


@dataclass(frozen=True)
class LineResult:
    """What a line gave. Simulated. Days count from entry.

    Attributes
    ----------
    table
        One row per patient, columns as the table `lines` without the arm, and `death_day`, `cause_of_death`,
        `drop_out_day`: what ends the patient's time if no other line begins.
    details
        Tables visits, events, doses and clones by name, without the arm.
    progressed
        Who progressed and can have another line; None for nobody.
    not_made
        Who had no product and is where they were; None for nobody.
    """

    table: pd.DataFrame
    details: Mapping[str, pd.DataFrame]
    progressed: Cohort | None
    not_made: Cohort | None
