"""Which programs the corpora are made of: seeds that scripts/choose_corpus.py chose and put in order."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "catalogue.json"
HELDOUT = 500_000
"""Seeds from here on belong to the held-out corpus, those below to the main one."""
FURTHER = 100_000
"""Seeds of either corpus from here on, counted from its first, come after the chosen ones, unseen."""


@cache
def read() -> dict[str, Any]:
    """The file as it is: the grammar's version, a digest of the texts, and seeds by corpus and family."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def program_seed(family: str, n: int, heldout: bool) -> int:
    """The seed of a family's n-th program, n from 0: the chosen ones in their order, then further ones."""
    chosen: list[int] = read()["heldout" if heldout else "main"].get(family, [])
    return chosen[n] if n < len(chosen) else (HELDOUT if heldout else 0) + FURTHER + n - len(chosen)
