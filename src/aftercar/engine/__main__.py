"""`python -m aftercar.engine run MODEL ...`: integrate a model file and write a CSV table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from aftercar.engine.errors import UnsupportedFeatureError
from aftercar.engine.run_file import TimeCourse, simulate_network
from aftercar.engine.sbml import load_model
from aftercar.foundation import AftercarError, show_notices, write_atomic

_UNSUPPORTED, _FAILED = 3, 2


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m aftercar.engine", description=__doc__)
    run = parser.add_subparsers(dest="command", required=True).add_parser("run", help="integrate a model file")
    run.add_argument("model", type=Path, help="SBML or Antimony file")
    run.add_argument("--start", type=float, default=0.0, help="time at which the model starts")
    run.add_argument("--duration", type=float, required=True)
    run.add_argument("--steps", type=int, required=True, help="number of equal intervals between outputs")
    run.add_argument("--variables", type=_names, required=True, help="names parted by commas")
    run.add_argument("--amount", type=_names, default=[], help="species to be written as amounts")
    run.add_argument("--concentration", type=_names, default=[], help="species to be written as concentrations")
    run.add_argument("--rtol", type=float, default=1e-6)
    run.add_argument("--atol", type=float, default=1e-9)
    run.add_argument("--out", type=Path, required=True, help="CSV file to write")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0, or 2 for bad input and failed integration, or 3 for an unsupported model."""
    given = _parser().parse_args(arguments)
    course = TimeCourse(given.start, given.duration, given.steps, given.rtol, given.atol)
    try:
        with show_notices():
            table = simulate_network(
                load_model(given.model), course, variables=given.variables, amounts=given.amount,
                concentrations=given.concentration,
            )  # fmt: skip
        write_atomic(given.out, table.to_csv(index=False))
    except UnsupportedFeatureError as error:
        print(error, file=sys.stderr)
        return _UNSUPPORTED
    except (AftercarError, OSError) as error:
        print(error, file=sys.stderr)
        return _FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
