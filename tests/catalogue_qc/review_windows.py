"""The review's wording as hashes, so that quotes can be checked where its text may not be shipped.

Every run of five words of the text is kept as a short hash. A quote is literal when all its runs are known.
Made anew with: python tests/catalogue_qc/review_windows.py REVIEW.txt
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

WINDOW = 5
HASHES = Path(__file__).with_name("review_windows.txt")
_TYPOGRAPHY = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‐": "-"})
# A number keeps its decimals, its percent sign and its slash, so that a quote with another figure does not pass.
_WORD = re.compile(r"\d+(?:[./]\d+)*%?|\w+")


def words_of(text: str) -> list[str]:
    """Return words and numbers, without punctuation, white space and typographic variants of quotes and dashes."""
    return _WORD.findall(text.translate(_TYPOGRAPHY))


def windows_of(text: str) -> list[str]:
    """Return the hash of every run of five words; none where the text is shorter."""
    words = words_of(text)
    runs = [words[start : start + WINDOW] for start in range(len(words) - WINDOW + 1)]
    return [hashlib.sha256(" ".join(run).encode()).hexdigest()[:10] for run in runs]


def is_literal(quote: str, known: set[str]) -> bool:
    """Say whether every run of five words of the quote stands in the review; parts parted by … are checked apart.

    A part of fewer than five words cannot be checked and is not literal.
    """
    parts = [set(windows_of(part)) for part in quote.split("…")]
    return all(part and part <= known for part in parts)


def known_windows() -> set[str]:
    """Return the committed hashes."""
    return set(HASHES.read_text(encoding="utf-8").split())


if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    HASHES.write_text("\n".join(sorted(set(windows_of(text)))) + "\n", encoding="utf-8")
