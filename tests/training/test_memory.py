"""Batches and images that do not fit the memory."""

from __future__ import annotations

import math
import resource
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from torch import nn

from programs import CONTEXT
from proxykd.errors import UserError
from proxykd.presentation.progress import Progress
from proxykd.scratch import _granted, folder, room_for
from proxykd.training.checkpoint import Checkpoint
from proxykd.training.loop import fit
from proxykd.training.settings import Recipe

PER_IMAGE = 64 * 64 * 64 * 4
"""Bytes of one layer's output for an image in `train_with`: it costs at least that."""


def train_with(batch: int, room: int, folder: str, told: Connection) -> None:
    """Train in a process that may take `room` more bytes of address space."""
    network = nn.Sequential(nn.Conv2d(1, 64, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))

    def loss_at(step: int, first: int | None) -> torch.Tensor:
        return network(torch.zeros(first or batch, 1, 64, 64)).sum()

    network(torch.zeros(1, 1, 64, 64)).sum().backward()
    limit = psutil.Process().memory_info().vms + room
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    try:
        with Progress("test", 0) as progress:
            fit(network, loss_at, Recipe(steps=1, batch=batch), progress, Checkpoint(Path(folder)), 1.0)
        told.send("trained")
    except UserError as error:
        told.send(str(error))


@pytest.mark.parametrize(("batch", "room"), [(4096, 2**30), (64, 4 * 2**30)])
def test_a_batch_that_does_not_fit_names_one_that_does(batch: int, room: int, tmp_path: Path) -> None:
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=train_with, args=(batch, room, str(tmp_path), sender))
    process.start()
    assert receiver.poll(100)
    told = receiver.recv()
    process.join()
    if batch == 64:
        assert told == "trained"
        return
    assert told.startswith(
        "A batch of 4096 images does not fit the memory. Nothing was published. A batch of "
    )
    named = int(told.split("A batch of ")[2].split()[0])
    assert named in {2**power for power in range(1, 12)}
    # Forward, ReLU and their gradients: four such outputs an image; twice the batch has no room for them.
    assert named * PER_IMAGE <= room <= 2 * named * 4 * PER_IMAGE


def test_images_that_would_fill_the_memory_are_mapped_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert type(room_for((10, 4, 4, 3))) is np.ndarray
    monkeypatch.setenv("PROXYKD_IMAGE_MEMORY_GIB", "0.0001")
    monkeypatch.setenv("PROXYKD_SCRATCH", str(tmp_path))
    images = room_for((5000, 8, 8, 3))
    assert isinstance(images, np.memmap)
    images[4999] = 7
    assert images[4999].min() == 7
    # The file has no name, so that nothing is left behind by a kill.
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("PROXYKD_SCRATCH", str(tmp_path / "absent"))
    with pytest.raises(
        UserError, match=r"No such file or directory\. Name a folder on a fast disk in PROXYKD_SCRATCH"
    ):
        room_for((5000, 8, 8, 3))


def test_a_clusters_limit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "1")
    assert isinstance(room_for((600, 32, 32, 1)), np.memmap)
    taken = psutil.Process().memory_info().rss // 2**20
    monkeypatch.setenv("SLURM_MEM_PER_NODE", str(taken + 100))
    assert type(room_for((600, 32, 32, 1))) is np.ndarray


def test_a_folder_of_one_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster's folder that has a job's number in its name is found on the node, where that is known."""
    monkeypatch.setenv("PROXYKD_IMAGE_MEMORY_GIB", "0")
    monkeypatch.setenv("PROXYKD_SCRATCH", f"{tmp_path}/$SLURM_JOB_ID")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(UserError, match="the variable in it is not set here"):
        room_for((1, 8, 8, 1))
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    assert folder() == f"{tmp_path}/17"
    (tmp_path / "17").mkdir()
    assert isinstance(room_for((1, 8, 8, 1)), np.memmap)


def test_memory_is_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TMPDIR counts, unless what is written there would fill the memory."""
    monkeypatch.delenv("PROXYKD_SCRATCH", raising=False)
    monkeypatch.setenv("TMPDIR", "/dev/shm")
    assert folder() == "/var/tmp"
    monkeypatch.setattr("proxykd.scratch.IN_MEMORY", set())
    assert folder() == "/dev/shm"


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tightest of the groups of processes that this one is in, old and new way of telling."""
    for name, said in {
        "a/memory.max": "max",
        "a/b/memory.max": "900000",
        "memory/c/memory.limit_in_bytes": "7",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{said}\n")
    groups = tmp_path / "cgroup"
    monkeypatch.setattr("proxykd.scratch.CGROUPS", tmp_path)
    monkeypatch.setattr("proxykd.scratch.OWN_CGROUPS", groups)
    groups.write_text("0::/a/b\n")
    assert _granted() == 900_000
    groups.write_text("0::/a\n")
    assert _granted() == math.inf
    groups.write_text("3:cpu:/x\n2:memory:/c\n")
    assert _granted() == 7
    groups.unlink()
    assert _granted() == math.inf
