"""Checkpoints: what they cost, and what a full disk does to them."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from proxykd.training import checkpoint as module
from proxykd.training.checkpoint import Checkpoint

FULL_DISK = """
import sys
sys.path.insert(0, "scripts")
from pathlib import Path
import torch
from torch import nn
from proxykd.presentation.progress import Progress, start_log
from proxykd.training.checkpoint import Checkpoint
from proxykd.training.loop import fit
from proxykd.training.settings import Recipe
import resource

start_log(None)
folder, network = Path(sys.argv[1]), nn.Linear(200, 200)
seen = []

def loss_at(step, first):
    # As a disk that fills after the second step, and has room again after the fourth.
    limit = {2: 1000, 4: resource.RLIM_INFINITY}
    if step in limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit[step], resource.RLIM_INFINITY))
    state = Checkpoint(folder).load()
    seen.append(state["step"] if state else 0)
    return network(torch.ones(1, 200)).square().mean()

with Progress("test", 0) as progress:
    fit(network, loss_at, Recipe(steps=6, batch=2), progress, Checkpoint(folder, 0.0), 1.0)
print(seen)
"""


def test_a_full_disk_costs_neither_the_last_checkpoint_nor_the_training(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[0, 1, 2, 2, 2, 5]"
    told = [line for line in done.stderr.splitlines() if "No checkpoint could be written" in line]
    assert [line.split("written at ")[1].split(";")[0] for line in told] == ["step 3", "step 4"]
    assert (
        "the last one is kept, and the training goes on. The disk is full, or a quota is used up" in told[0]
    )
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


def test_a_checkpoint_that_takes_long_is_written_seldom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most a fiftieth of the time, measured on a clock that the test turns."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    replace = os.replace

    def slowly(*paths: Path) -> None:
        now[0] += 5
        replace(*paths)

    monkeypatch.setattr(module.os, "replace", slowly)
    checkpoint = Checkpoint(tmp_path, 30.0)
    written, began = 0, now[0]
    while now[0] < began + 5000:
        now[0] += 1
        if checkpoint.is_due():
            checkpoint.save({"step": 1, "weights": torch.zeros(3)})
            written += 1
    assert 15 <= written <= 20


def test_a_fast_one_is_written_every_half_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    checkpoint = Checkpoint(tmp_path)
    due = []
    for second in range(100):
        now[0] = float(second)
        if checkpoint.is_due():
            checkpoint.save({"step": second})
            due.append(second)
    assert due == [30, 60, 90]
