"""Put a generated text into docs/explanation/calibration.md, between its marks."""

from __future__ import annotations

from pathlib import Path

from aftercar.foundation import write_atomic

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "calibration.md"


def put(name: str, text: str) -> None:
    """Replace what stands between the marks of a name."""
    start, end = f"<!-- {name}: start -->", f"<!-- {name}: end -->"
    before, rest = PAGE.read_text(encoding="utf-8").split(start)
    write_atomic(PAGE, f"{before}{start}\n\n{text}\n\n{end}{rest.split(end)[1]}")


def take(name: str) -> str:
    """Return what stands between the marks of a name."""
    return (
        PAGE.read_text(encoding="utf-8").split(f"<!-- {name}: start -->")[1].split(f"<!-- {name}: end -->")[0].strip()
    )
