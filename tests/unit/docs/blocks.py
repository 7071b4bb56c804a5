"""The code blocks of a documentation page, in order, with the language and the caption that each declares."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"
_FENCE = re.compile(
    r"^```(?:\{code-block\} *)?(?P<language>[\w{}-]*)[^\n]*\n(?::caption: (?P<caption>[^\n]+)\n\n)?(?P<body>.*?)^```$",
    flags=re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """One fenced block. `caption` is the name of the file that the block shows, if any."""

    language: str
    caption: str
    body: str


def pages() -> list[Path]:
    """Return every page that a person wrote; generated ones and the built site are left out."""
    return sorted(
        path for path in DOCS.rglob("*.md") if not {"_generated", "_build"} & set(path.relative_to(DOCS).parts)
    )


def read_blocks(page: Path) -> list[Block]:
    """Return the blocks of a page, in order. Every fence must belong to one, so that none escapes its test."""
    text = page.read_text(encoding="utf-8")
    blocks = [Block(match["language"], match["caption"] or "", match["body"]) for match in _FENCE.finditer(text)]
    fences = sum(line.startswith("```") for line in text.splitlines())
    assert fences == 2 * len(blocks), f"{page.name}: {fences} fences, {len(blocks)} blocks"
    return blocks
