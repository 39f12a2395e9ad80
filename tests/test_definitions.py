"""Which function of a module changed, told from digests alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxykd import definitions, source
from proxykd.explanation import code

BEFORE = '''"""A module."""
import math
LIMIT = 3
a, b = 1, 2

def area(r):
    """Of a circle."""
    return math.pi * r

class Box:
    side: int = 1

    def grow(self):
        return self.side + 1

if LIMIT:
    area(1)
'''


def defined(text: str, folder: Path, name: str) -> dict[str, str]:
    path = folder / f"{name}.py"
    path.write_text(text)
    return definitions._defined_in(path)


def test_names(tmp_path: Path) -> None:
    found = defined(BEFORE, tmp_path, "before")
    assert list(found) == [
        "its imports",
        "LIMIT",
        "(a, b)",
        "area",
        "Box.grow",
        "Box",
        "code outside functions",
    ]
    assert all(len(digest) == 12 for digest in found.values())


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("math.pi * r", "math.pi * r * r", {"area"}),
        ("self.side + 1", "self.side + 2", {"Box.grow"}),
        ("side: int = 1", "side: int = 2", {"Box"}),
        ("LIMIT = 3", "LIMIT = 4", {"LIMIT"}),
        ("import math", "import math, os", {"its imports"}),
        ("    area(1)", "    area(2)", {"code outside functions"}),
        ("Of a circle.", "Of a disc.", set()),
        ("LIMIT = 3", "LIMIT = 3  # three", set()),
    ],
)
def test_what_changed(tmp_path: Path, old: str, new: str, changed: set[str]) -> None:
    before = defined(BEFORE, tmp_path, "before")
    after = defined(BEFORE.replace(old, new), tmp_path, "after")
    assert {name for name in before | after if before.get(name) != after.get(name)} == changed


def test_it_is_said_function_by_function() -> None:
    now = source.stage_source("score_proxies", []).parts
    known = definitions.definitions(now)
    named = "proxykd.selection.uniformity"
    before = {name: dict(several) for name, several in known.items()}
    before[named] |= {"scaled_entropy": "0" * 12, "old": "1" * 12}
    del before[named]["uniformity"]
    then = now | {named: "0" * 64, "proxykd.gone": "2" * 64}
    assert code({"parts": then, "definitions": before}, now) == [
        "proxykd.gone no longer counts",
        "proxykd.selection.uniformity: scaled_entropy changed, uniformity is new, old is gone",
    ]
    # An index of before definitions were recorded.
    assert code({"parts": then}, now)[1] == "proxykd.selection.uniformity changed"


def test_every_function_of_the_code_is_found() -> None:
    parts = source.stage_source("distill_student", ["proxykd.distillation.kl"]).parts
    found = definitions.definitions(parts)
    assert "make" in found["scripts/distill_student.py"]
    assert "fit" in found["proxykd.training.loop"]
    assert set(found) == set(parts)
