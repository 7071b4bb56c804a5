"""`aftercar reproduce`: make a report again and say whether it is the same."""

from __future__ import annotations

import json
import math
from dataclasses import replace as with_changes
from pathlib import Path
from typing import Annotated

import typer

from aftercar import __version__
from aftercar.cli import options
from aftercar.cli.compare import show_stages, simulate_beside
from aftercar.cli.printing import plain
from aftercar.foundation import Fault, InputError

EXAMPLE = "Example: aftercar reproduce results/compare.html"
MAX_REPORT_BYTES = 20_000_000


def reproduce(
    report: Annotated[Path, typer.Argument(help="An HTML report made by `aftercar compare`.")],
    evidence: options.EvidenceDirectory = None,
) -> None:
    """Run the comparison of a report again, from the settings that it carries, and compare every number.

    Exit code 0: the same, byte for byte. Exit code 1: it differs, and how is printed. Tables of your own are read only
    from the folder that you name with --evidence, never from a path in the report.
    """
    from aftercar.report import read_manifest, read_result, render_report
    from aftercar.strategy import compare_strategies, comparison_to_dict, settings_from_dict

    text = _read(report)
    manifest, old = read_manifest(text), read_result(text)
    settings = settings_from_dict(manifest.get("config"), origin=report.name)
    if settings.evidence_directory and evidence is None:
        raise InputError(
            Fault(
                report.name,
                f"it used tables of its own ('{settings.evidence_directory}').",
                "Name them: --evidence FOLDER.",
            )
        )
    if evidence is not None:
        settings = with_changes(settings, evidence_directory=options.name_of(evidence))
    base = options.load_evidence(evidence, settings.evidence_mode == "replace")
    with show_stages() as begin:
        comparison = compare_strategies(base, settings, progress=begin)
    comparison = simulate_beside(comparison)
    differences = _compare_origins(manifest, base.hash) + find_differences(
        _plain(old), _plain(comparison_to_dict(comparison))
    )
    if not differences:
        made_of = f"(version {__version__}, seed {settings.seed}, evidence {base.hash[:12]})"
        if render_report(comparison) == text:
            typer.echo(f"{report}: the same, byte for byte {made_of}")
            return
        if manifest.get("environment") != dict(comparison.manifest.environment):
            typer.echo(
                f"{report}: the same, in every number; made on another machine or with other libraries {made_of}"
            )
            return
        typer.echo(
            f"{report}: its data are the same in every number {made_of}, but the page is not: somebody edited it. "
            "Trust the data, not the page."
        )
        raise typer.Exit(1)
    typer.echo(f"{report}: not the same, {len(differences)} differences:")
    for line in differences[:40]:
        typer.echo(f"  {plain(line)}")
    if len(differences) > 40:
        typer.echo(f"  ... and {len(differences) - 40} more")
    raise typer.Exit(1)


def _read(report: Path) -> str:
    if not report.is_file():
        raise InputError(
            Fault(str(report), "the file does not exist.", "Name a report made by `aftercar compare --out`.")
        )
    if report.stat().st_size > MAX_REPORT_BYTES:
        raise InputError(
            Fault(report.name, f"the file is larger than {MAX_REPORT_BYTES:,} bytes.", "This is no report.")
        )
    try:
        return report.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(Fault(report.name, "the file is not text.", "Name an HTML report.")) from None


def _compare_origins(manifest: dict[str, object], evidence_hash: str) -> list[str]:
    lines = []
    if manifest.get("version") != __version__:
        lines.append(f"version: {manifest.get('version')} then, {__version__} now")
    hashes = manifest.get("hashes")
    then = hashes.get("evidence") if isinstance(hashes, dict) else None
    if then != evidence_hash:
        lines.append(f"evidence: {str(then)[:12]} then, {evidence_hash[:12]} now")
    return lines


def _plain(result: dict[str, object]) -> object:
    """What must be equal: everything but the manifest, whose environment names the machine."""
    content = {key: value for key, value in result.items() if key != "manifest"}
    return json.loads(json.dumps(content, sort_keys=True))


def find_differences(old: object, new: object, path: str = "") -> list[str]:
    """Return a line for each place at which two trees of plain data differ, with both values.

    Numbers that agree to nine digits are the same: processors round the last ones differently.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted(set(old) | set(new))
        return [
            line for key in keys for line in find_differences(old.get(key), new.get(key), f"{path}.{key}".strip("."))
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [
            line
            for index, (one, other) in enumerate(zip(old, new, strict=True))
            for line in find_differences(one, other, f"{path}[{index}]")
        ]
    if isinstance(old, float) and isinstance(new, float) and math.isclose(old, new, rel_tol=1e-9, abs_tol=1e-12):
        return []
    return [] if old == new and type(old) is type(new) else [f"{path}: {str(old)[:60]} then, {str(new)[:60]} now"]
