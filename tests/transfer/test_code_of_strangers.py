"""A teacher that comes as code is pulled for those alone who trust whoever made it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from exchanged import refused, told

from checkouts import ROOT
from proxykd import store

NETWORK = """
from torch import nn


def build(classes, channels, size):
    return nn.Sequential(nn.Conv2d(channels, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(8, classes))
"""


@pytest.fixture
def teacher(tmp_path: Path) -> str:
    """A teacher of somebody's own Python file, in a store; its name there."""
    (tmp_path / "mine.py").write_text(NETWORK)
    names: dict[str, object] = {}
    exec(NETWORK, names)
    torch.manual_seed(0)
    torch.save(names["build"](3, 3, 8).state_dict(), tmp_path / "weights.pth")  # type: ignore[operator]
    settings = {
        "architecture": "factory",
        "factory": {"path": str(tmp_path / "mine.py")},
        "checkpoint": str(tmp_path / "weights.pth"),
        "trust": True,
        "size": 8,
    }
    made = tmp_path / "made"
    program = [sys.executable, "scripts/import_teacher.py", "--settings", json.dumps(settings)]
    done = subprocess.run([*program, "--out", made], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    key = store.read_index(made).key
    folder = tmp_path / "near" / "import_teacher" / key
    folder.parent.mkdir(parents=True)
    made.rename(folder)
    return f"import_teacher/{key}"


def test_code_is_pulled_only_with_trust(teacher: str, tmp_path: Path) -> None:
    there, far = tmp_path / "there", tmp_path / "far"
    told(tmp_path / "near", "push", teacher, "--to", there)
    said = refused(far, "pull", teacher, "--from", there)
    assert "factory/mine.py, which stages that use this teacher execute" in said
    assert not list(far.glob("*/*/index.json"))
    told(far, "pull", teacher, "--from", there, "--trust")
    assert (far / teacher / "factory" / "mine.py").read_text() == NETWORK
