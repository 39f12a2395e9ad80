"""Divide a set's classes by overlap with a teacher's, and keep one part.

Frank and Davis 2025 divide ImageNet so, into ImageNet-ID and ImageNet-OOD; their lists are not known. The
rules here are those of `overlap.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from proxykd.errors import UserError
from proxykd.images.division.listed import PARTS, Part, check_names, read_list
from proxykd.images.division.overlap import Teacher, Verdict
from proxykd.images.imported import Imported
from proxykd.images.settings import ImportImages

NAMED = 10


def divide(classes: Sequence[str], teacher: Teacher, listed: dict[str, Part]) -> dict[str, Verdict]:
    """Class -> its verdict, in the order of the classes: the list's where it has one."""
    return {
        name: Verdict(listed[name], "the list says so") if name in listed else teacher.verdict(name)
        for name in classes
    }


class Division:
    """One set of images against one teacher, by a stage's settings."""

    def __init__(self, settings: ImportImages, teacher_classes: Sequence[str]) -> None:
        self.wanted = settings.classes
        self.place = Path(settings.division).expanduser() if settings.division is not None else None
        self.listed = {} if self.place is None else read_list(self.place)
        self.teacher = Teacher(teacher_classes)
        self.verdicts: dict[str, Verdict] = {}
        self.kept: list[int] = []

    def keep(self, classes: Sequence[str]) -> np.ndarray:
        """The labels, ascending, of the classes in the part that is wanted.

        Raises UserError where there are none, where the list names no class of the set, and where nothing is
        known of the teacher's classes.
        """
        if self.place is not None:
            check_names(self.listed, classes, self.place)
        if len(self.teacher.unknown) == len(self.teacher.names_given) and set(classes) - self.listed.keys():
            raise UserError(
                f"WordNet knows none of the teacher's classes ({_several(self.teacher.unknown)}), so nothing "
                "tells which classes overlap with them. Give import_teacher.classes as names, or a division "
                "that lists all classes of the set (python scripts/divide_classes.py writes one)."
            )
        self.verdicts = divide(classes, self.teacher, self.listed)
        self.kept = [i for i, name in enumerate(classes) if self.verdicts[name].part == self.wanted]
        if not self.kept:
            counts = ", ".join(f"{len(self.part(part))} {part}" for part in PARTS)
            raise UserError(
                f"No class of the set is {self.wanted} for this teacher ({counts}). List classes in a "
                "division (python scripts/divide_classes.py writes one), or set classes: all."
            )
        return np.array(self.kept, dtype=np.int64)

    def narrowed(self, imported: Imported) -> Imported:
        """With the names of the kept classes alone, and labels that count them."""
        new = {before: label for label, before in enumerate(self.kept)}
        classes = [imported.classes[label] for label in self.kept]
        return replace(imported, labels=[new[label] for label in imported.labels], classes=classes)

    def part(self, part: Part) -> list[str]:
        """The classes of a part."""
        return [name for name, verdict in self.verdicts.items() if verdict.part == part]

    def facts(self) -> dict[str, Any]:
        """What the index says: the classes of each part, why, and what WordNet does not know."""
        return {
            **{part: self.part(part) for part in PARTS},
            "reasons": {name: verdict.reason for name, verdict in self.verdicts.items()},
            "unknown": [name for name, verdict in self.verdicts.items() if not verdict.known],
            "teacher_unknown": self.teacher.unknown,
        }

    def warnings(self) -> list[str]:
        """What the user should look at, in sentences."""
        found = []
        if undecided := self.part("undecided"):
            found.append(
                f"{len(undecided)} of {len(self.verdicts)} classes may overlap with the teacher's or not, "
                f"and are neither id nor ood: {_several(undecided)}. A division says where they belong"
            )
        if unknown := self.teacher.unknown:
            found.append(
                f"WordNet does not know {len(unknown)} of the teacher's classes: {_several(unknown)}. A "
                "class that shows one of them may count as ood, unless a division says otherwise"
            )
        return found


def _several(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
