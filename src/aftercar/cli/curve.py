"""`aftercar curve`: from a published Kaplan-Meier curve to the patients behind it."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from aftercar.catalogue.user_tables import load_curve, load_risk_table
from aftercar.cli.pool import PoolFormat
from aftercar.cli.printing import print_pairs
from aftercar.foundation import Fault, InputError, write_atomic

EXAMPLE = "Example: aftercar curve points.csv --at-risk risk.csv --unit percent --events 9 --out patients.csv"


class UnitChoice(StrEnum):
    """What the axis of survival runs to."""

    percent = "percent"
    fraction = "fraction"


def curve(
    points: Annotated[Path, typer.Argument(help="CSV of the digitised points: columns time, survival.")],
    at_risk: Annotated[Path | None, typer.Option("--at-risk", help="CSV of the risk table: time, at_risk.")] = None,
    patients: Annotated[
        int | None, typer.Option("--patients", min=1, help="Patients, if no risk table is printed.")
    ] = None,
    unit: Annotated[UnitChoice, typer.Option("--unit", help="What the survival axis runs to: 100 or 1.")] = ...,  # type: ignore[assignment]
    events: Annotated[int | None, typer.Option("--events", min=0, help="Events in all, if printed.")] = None,
    time: Annotated[str, typer.Option("--time", help="Column of times in both files.")] = "time",
    survival: Annotated[str, typer.Option("--survival", help="Column of survival.")] = "survival",
    tau: Annotated[float | None, typer.Option("--tau", min=0, help="Horizon of the restricted mean.")] = None,
    tolerance: Annotated[float, typer.Option("--tolerance", help="Reading error, as a share of an axis.")] = 0.02,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the rebuilt patients here (.csv).")] = None,
    format: Annotated[PoolFormat, typer.Option("--format")] = PoolFormat.table,
) -> None:
    """Rebuild individual times from a digitised curve and its numbers at risk; say how well they fit.

    Guyot's method. Good for medians, restricted means and pooled curves; for hazard ratios give numbers at risk.
    """
    from aftercar.synthesis import fit_kaplan_meier, median_survival, reconstruct_individual_data, restricted_mean

    if (at_risk is None) == (patients is None):
        raise InputError(
            Fault("option --at-risk", "the number of patients is needed once.", "Give --at-risk or --patients.")
        )
    if out is not None and out.suffix != ".csv":
        raise InputError(Fault("option --out", f"'{out}' is no CSV file.", "Name it with the ending .csv."))
    figure = load_curve(points, time=time, survival=survival)
    risk_time, numbers = [0.0], [float(patients or 0)]
    if at_risk is not None:
        table = load_risk_table(at_risk, time=time)
        risk_time, numbers = table["time"].tolist(), table["at_risk"].tolist()
    rebuilt = reconstruct_individual_data(
        figure["time"].to_numpy(float),
        figure["survival"].to_numpy(float),
        unit=unit.value,
        risk_time=risk_time,
        at_risk=numbers,
        total_events=events,
        tolerance=tolerance,
        label=points.name,
    )
    fitted = fit_kaplan_meier(rebuilt.data["time"], rebuilt.data["event"])
    answer = {
        "patients": len(rebuilt.data),
        "events": int(rebuilt.data["event"].sum()),
        "median": asdict(median_survival(fitted)),
        "restricted_mean": asdict(restricted_mean(fitted, tau=tau)) if tau is not None else None,
        "fit": {"rmse": rebuilt.rmse, "max_abs_error": rebuilt.max_abs_error},
        "intervals": rebuilt.intervals.to_dict("records"),
        "repairs": [asdict(repair) for repair in rebuilt.curve.repairs],
        "notes": list(rebuilt.notes),
    }
    if out is not None:
        write_atomic(out, rebuilt.data.to_csv(index=False))
    _print(answer, out, format)


def _print(answer: dict[str, object], out: Path | None, format: PoolFormat) -> None:
    if format is PoolFormat.json:
        typer.echo(json.dumps(_without_nan(answer), indent=2, allow_nan=False, default=float))
        return
    pairs: list[tuple[str, str]] = []
    for name, value in answer.items():
        if isinstance(value, list):
            pairs += [(name, str(_rounded(item))) for item in value]
        elif value is not None:
            pairs.append((name, str(_rounded(value))))
    print_pairs("Rebuilt patients (a reconstruction, not the trial's data)", pairs)
    if out is not None:
        typer.echo(f"patients: {out}")


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_rounded(item)}" for key, item in value.items() if item is not None)
    return f"{value:.4g}" if isinstance(value, float) else value


def _without_nan(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and (value != value or abs(value) == float("inf")) else value
