"""The user's own division: a YAML file that says of classes whether they overlap with the teacher's.

    id: [n02102040]
    ood: [n01440764, n03000684]
    undecided: []

What it says of a class goes before WordNet. `scripts/divide_classes.py` writes one to start from.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import yaml

from proxykd.errors import UserError
from proxykd.images.division.overlap import Part

PARTS: tuple[Part, ...] = get_args(Part)


def read_list(path: Path) -> dict[str, Part]:
    """Class -> its part. UserError for a file that is no such list, and for a class in two parts."""
    found: dict[str, Part] = {}
    for part, names in _read(path).items():
        if part not in PARTS or not isinstance(names, list) or not all(isinstance(one, str) for one in names):
            raise UserError(
                f"{path}: {part} is not a list of class names under one of {', '.join(PARTS)}. Write "
                f"{part if part in PARTS else 'ood'}: [name, name]."
            )
        for name in names:
            if found.setdefault(name, part) != part:
                raise UserError(f"{path} has {name} under {found[name]} and under {part}. Leave it in one.")
    return found


def check_names(listed: dict[str, Part], classes: Sequence[str], path: Path) -> None:
    """Raise UserError for a name in the list that is no class of the set."""
    for name in listed:
        if name not in classes:
            near = difflib.get_close_matches(name, classes, 1, 0)
            meant = f"; the nearest is {near[0]}" if near else ""
            raise UserError(
                f"{path} names {name!r}, which is no class of the set{meant}. Correct the name, or remove it."
            )


def _read(path: Path) -> dict[str, Any]:
    try:
        # All scalars as text: a class may be called 1, or no.
        content = yaml.load(path.read_text(), Loader=yaml.BaseLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read as YAML: {error}. Correct it.") from None
    if content in (None, ""):
        return {}
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no division. Write id: [names] and ood: [names].")
    return {part: [] if names == "" else names for part, names in content.items()}
