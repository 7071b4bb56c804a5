"""All datasets of a trial's export."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from aftercar.trials.adam.dataset import AdamDataset
from aftercar.trials.adam.laboratory import build_adlb
from aftercar.trials.adam.occurrences import build_adae, build_adex
from aftercar.trials.adam.responses import build_adrs
from aftercar.trials.adam.study import ANCHOR, make_study
from aftercar.trials.adam.subjects import build_adsl
from aftercar.trials.adam.time_to_event import build_adtte
from aftercar.trials.endpoint_records import CountFrom
from aftercar.trials.tables import TrialTables


def build_adam(
    tables: TrialTables, *, study: str, anchor: date = ANCHOR, count_from: CountFrom = "treatment"
) -> Mapping[str, AdamDataset]:
    """Return ADaM-shaped datasets of a virtual trial, by name. Every record is simulated, and says so.

    The same virtual patient in two arms becomes two subjects: an analysis that takes subjects for independent is right
    within an arm, and wide for a difference between paired arms (`PATIENT` names the pair).

    Parameters
    ----------
    study
        Identifier of the study, up to 20 of A-Z, 0-9, _ and -.
    anchor
        Date on which the trial opens. Dates are virtual: this one plus days of the simulation, rounded down.
    count_from
        Where times of ADTTE begin, and whom they count: ``treatment`` or ``entry``; see `take_records`.

    Returns
    -------
    Mapping
        ADSL, ADRS, ADTTE, ADLB, ADEX and ADAE. ADLB has no rows where a run kept no visits, ADEX without doses.

    Raises
    ------
    InputError
        The study has no proper identifier, nobody entered, or the tables contradict each other.

    References
    ----------
    adamig2021 for structure and names; parameters of ADRS after the IMWG template of admiralonco.
    """
    source = make_study(tables, study=study, anchor=anchor)
    datasets = (
        build_adsl(source), build_adrs(source), build_adtte(source, count_from=count_from), build_adlb(source),
        build_adex(source), build_adae(source),
    )  # fmt: skip
    return {dataset.name: dataset for dataset in datasets}
