"""A full disk or a used-up quota: a sentence, nothing half-made, and a store that is still whole."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkouts import Checkout
from proxykd import store

KEY = "0123456789abcdef"
PAGE = os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def assert_said(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 1
    assert "The disk is full, or a quota is used up" in done.stderr
    assert "Nothing was published" in done.stderr
    assert "Traceback" not in done.stderr


def limited(checkout: Checkout, command: list[object], limit: int) -> subprocess.CompletedProcess[str]:
    """Run a command that may write no file of more than so many bytes."""
    return subprocess.run(
        **checkout.command(*command),
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )


@pytest.mark.parametrize("full_at", ["what is drawn", "train-000000.tar", "samples.parquet", "index.json"])
def test_a_full_disk(shared_checkout: Checkout, tiny_disk: Path, full_at: str) -> None:
    """Whichever file is the one for which there is no room."""
    small, large = (tiny_disk / "render_proxies" / key for key in ("1" * 16, "2" * 16))
    done = shared_checkout.run(*shared_checkout.render(small))
    assert done.returncode == 0, done.stderr
    again = shared_checkout.render(large, seed=1)
    if full_at != "what is drawn":
        # Enough for what is drawn, which waits in many small files, and not for a shard.
        assert_said(limited(shared_checkout, again, 30_000))
    room = 0
    for name in ("train-000000.tar", "samples.parquet", "index.json"):
        pages = -(-(small / name).stat().st_size // PAGE)
        if name == full_at:
            room += pages // 2
            break
        room += pages
    free = os.statvfs(tiny_disk).f_bavail * os.statvfs(tiny_disk).f_frsize
    filler = tiny_disk / "filler"
    filler.write_bytes(bytes(free - (1 if full_at == "what is drawn" else room) * PAGE))
    assert_said(shared_checkout.run(*again))
    finished = {small.name, f"{small.name}.done", f"{small.name}.lock", f"{large.name}.lock"}
    assert {path.name for path in large.parent.iterdir()} == finished | {f"{large.name}.checkpoint"}
    assert store.verify(small).samples == 40
    filler.unlink()
    done = shared_checkout.run(*again)
    assert done.returncode == 0, done.stderr
    finished |= {large.name, f"{large.name}.done"}
    assert {path.name for path in large.parent.iterdir()} == finished
    assert store.verify(large).samples == 40


@pytest.mark.parametrize("limit", [20_000, 4_000])
def test_a_limit_on_a_files_size(shared_checkout: Checkout, tmp_path: Path, limit: int) -> None:
    out = tmp_path / "render_proxies" / KEY
    assert_said(limited(shared_checkout, shared_checkout.render(out, count=400), limit))
    assert {path.name for path in out.parent.iterdir()} == {f"{KEY}.lock", f"{KEY}.checkpoint"}


def test_libraries_that_hide_the_systems_error(tmp_path: Path) -> None:
    """torch and safetensors write through C++ and Rust, and raise errors that are no OSError."""
    program = """
import sys
sys.path.insert(0, "scripts")
import torch
from safetensors.torch import save_file
from proxykd.errors import run
if sys.argv[1] == "torch":
    run(lambda: torch.save(torch.zeros(100_000), sys.argv[2]))
run(lambda: save_file({"x": torch.zeros(100_000)}, sys.argv[2]))
"""
    for library in ("torch", "safetensors"):
        done = subprocess.run(
            [sys.executable, "-c", program, library, str(tmp_path / "x")],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
        )
        assert_said(done)
