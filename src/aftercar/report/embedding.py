"""The machine-readable parts of a report: written into the page, and read back without trusting it."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

from aftercar.foundation import Fault, InputError

MANIFEST_ID = "aftercar-manifest"
RESULT_ID = "aftercar-result"
# A report is below 5 MB; a file ten times as large is none.
MAX_CHARACTERS = 50_000_000


def embed_json(content: Any) -> str:
    """Return JSON that may stand inside a script element: sorted, compact, and without any sign that ends the element.

    Raises
    ------
    ValueError
        The content holds NaN or an infinity, which JSON does not know.
    """
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def read_manifest(html_text: str) -> dict[str, Any]:
    """Return the manifest that a report carries.

    Nothing of the page is executed.

    Raises
    ------
    InputError
        The text is too long, is no report of AfterCAR, holds the part twice, or holds no valid JSON object there.
    """
    return _read(html_text, MANIFEST_ID)


def read_result(html_text: str) -> dict[str, Any]:
    """Return the whole machine-readable result that a report carries.

    Raises
    ------
    InputError
        As `read_manifest`.
    """
    return _read(html_text, RESULT_ID)


class _ScriptFinder(HTMLParser):
    """Collects the text of the scripts with one id and type application/json."""

    def __init__(self, wanted: str) -> None:
        super().__init__(convert_charrefs=False)
        self.wanted = wanted
        self.found: list[str] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "script" and values.get("id") == self.wanted and values.get("type") == "application/json":
            self._open = True
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._open = False

    def handle_data(self, data: str) -> None:
        if self._open:
            self.found[-1] += data


def _read(html_text: str, wanted: str) -> dict[str, Any]:
    if len(html_text) > MAX_CHARACTERS:
        raise _fault(f"the text has {len(html_text):,} characters, more than {MAX_CHARACTERS:,}.")
    finder = _ScriptFinder(wanted)
    finder.feed(html_text)
    finder.close()
    if not finder.found:
        raise _fault(f"it holds no part named {wanted}: this is no report of `aftercar compare`, or it is cut off.")
    if len(finder.found) > 1:
        raise _fault(f"it holds the part named {wanted} {len(finder.found)} times.")
    try:
        content = json.loads(finder.found[0], parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _fault(f"its part named {wanted} is no valid JSON ({str(error)[:120]}).") from None
    if not isinstance(content, dict):
        raise _fault(f"its part named {wanted} is no JSON object.")
    return content


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _fault(found: str) -> InputError:
    return InputError(Fault("report", found, "Give a report as `aftercar compare --out` wrote it."))
