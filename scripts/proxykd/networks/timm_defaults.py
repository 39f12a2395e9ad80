"""What timm says of a network of its own: the input that its published weights were made for.

A stranger's weights may have been made for another: this is what is assumed where nothing else is known.
"""

from __future__ import annotations

import importlib.metadata
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from proxykd.store import write_atomically

CACHE = Path(".cache") / "timm.json"
"""Importing timm takes seconds, and a plan is made often."""


def timm_defaults(architecture: str) -> dict[str, Any]:
    """`size`, `mean` and `deviation` of `timm:<name>`, as far as it has them; empty for other libraries.

    Remembered in one file of the checkout, by timm's version.
    """
    library, _, name = architecture.partition(":")
    if library != "timm":
        return {}
    entry = f"{importlib.metadata.version('timm')} {name}"
    known: dict[str, Any] = {}
    with suppress(OSError, ValueError, TypeError):
        known.update(json.loads(CACHE.read_bytes()))
    if entry not in known:
        known[entry] = _of_timm(name)
        # A checkout that cannot be written simply keeps none.
        with suppress(OSError):
            CACHE.parent.mkdir(exist_ok=True)
            write_atomically(CACHE, json.dumps(known).encode())
    return known[entry]


def _of_timm(name: str) -> dict[str, Any]:
    import timm

    said = timm.get_pretrained_cfg(name) if timm.is_model(name) else None
    if said is None:
        return {}
    return {"size": said.input_size[-1], "mean": list(said.mean), "deviation": list(said.std)}
