"""The command line: one thin file per command. Here they are put together and errors become exit codes.

Exit codes: 0 done; 1 a fault of the program, or a report that `reproduce` finds changed; 2 input that cannot be used;
130 interrupted.
"""

from __future__ import annotations

import os
import sys

import typer

from aftercar import __version__
from aftercar.cli.calibrate import EXAMPLE as CALIBRATE_EXAMPLE
from aftercar.cli.calibrate import calibrate
from aftercar.cli.compare import EXAMPLE as COMPARE_EXAMPLE
from aftercar.cli.compare import compare
from aftercar.cli.curve import EXAMPLE as CURVE_EXAMPLE
from aftercar.cli.curve import curve
from aftercar.cli.evidence import app as evidence_app
from aftercar.cli.export import EXAMPLE as EXPORT_EXAMPLE
from aftercar.cli.export import export
from aftercar.cli.model import EXAMPLE as MODEL_EXAMPLE
from aftercar.cli.model import model
from aftercar.cli.pool import EXAMPLE as POOL_EXAMPLE
from aftercar.cli.pool import pool
from aftercar.cli.power import EXAMPLE as POWER_EXAMPLE
from aftercar.cli.power import power
from aftercar.cli.printing import plain
from aftercar.cli.reproduce import EXAMPLE as REPRODUCE_EXAMPLE
from aftercar.cli.reproduce import reproduce
from aftercar.cli.respond import EXAMPLE as RESPOND_EXAMPLE
from aftercar.cli.respond import respond
from aftercar.cli.simulate import EXAMPLE as SIMULATE_EXAMPLE
from aftercar.cli.simulate import simulate
from aftercar.cli.trial import EXAMPLE as TRIAL_EXAMPLE
from aftercar.cli.trial import trial
from aftercar.cli.validate import EXAMPLE as VALIDATE_EXAMPLE
from aftercar.cli.validate import validate
from aftercar.foundation import AftercarError, show_notices

__all__ = ["app", "main"]

_INTERRUPTED = 130  # as shells say it

app = typer.Typer(
    name="aftercar",
    help="What works after BCMA CAR-T relapse in multiple myeloma, and how sure we are. For research only.",
    epilog="Example: aftercar compare --out compare.html",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
)
app.command("compare", epilog=COMPARE_EXAMPLE)(compare)
app.command("reproduce", epilog=REPRODUCE_EXAMPLE)(reproduce)
app.command("pool", epilog=POOL_EXAMPLE)(pool)
app.command("curve", epilog=CURVE_EXAMPLE)(curve)
app.command("simulate", epilog=SIMULATE_EXAMPLE)(simulate)
app.command("trial", epilog=TRIAL_EXAMPLE)(trial)
app.command("export", epilog=EXPORT_EXAMPLE)(export)
app.command("power", epilog=POWER_EXAMPLE)(power)
app.command("calibrate", epilog=CALIBRATE_EXAMPLE)(calibrate)
app.command("validate", epilog=VALIDATE_EXAMPLE)(validate)
app.command("respond", epilog=RESPOND_EXAMPLE)(respond)
app.command("model", epilog=MODEL_EXAMPLE)(model)
app.add_typer(evidence_app, name="evidence")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"aftercar {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Show the version."),
) -> None:
    """Hold the options of the program as a whole."""


def main() -> None:
    """Run the command line; an error becomes a message on stderr and an exit code."""
    try:
        with show_notices():
            app()  # ends by SystemExit with the code of the command
    except SystemExit as ended:
        if ended.code == _INTERRUPTED:
            typer.echo("interrupted: files are written whole or not at all.", err=True)
        raise
    except AftercarError as error:
        typer.echo("\n".join(f"error: {line}" for line in plain(str(error)).splitlines()), err=True)
        sys.exit(2)
    except BrokenPipeError:  # the reader of a pipe went away, e.g. `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        found = f"{error.filename or 'file'}: {error.strerror or error}"
        typer.echo(f"error: {found}. Check the path, its permissions and the space left.", err=True)
        sys.exit(2)
