"""A full disk or a used-up quota: a sentence, nothing half-made, and a store that is still whole."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkouts import NOISE, Checkout
from proxykd import store
from proxykd.presentation.progress import Progress
from proxykd.production.produce import Production
from proxykd.production.spool import FILES as BUNDLES
from proxykd.production.spool import Spool
from proxykd.proxies.settings import NoisePool

KEY = "0123456789abcdef"
PAGE = os.sysconf("SC_PAGE_SIZE")
FILES = ("train-000000.tar", "samples.parquet", "index.json")


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


def free(disk: Path) -> int:
    state = os.statvfs(disk)
    return state.f_bavail * state.f_frsize


def spooled(disk: Path) -> int:
    """Bytes that the bundles of a small pool take on a disk."""
    before = free(disk)
    with Progress("render", NOISE["count"]) as progress:
        Production(NoisePool(**NOISE), "proxykd.proxies.noise", Spool(disk / "spool", "key"), progress).run()
    took = before - free(disk)
    shutil.rmtree(disk / "spool")
    return took


@pytest.mark.parametrize(
    "full_at", ["spool", FILES[0], FILES[2], pytest.param(FILES[1], marks=pytest.mark.full)]
)
def test_a_full_disk(shared_checkout: Checkout, tiny_disk: Path, full_at: str) -> None:
    """Whichever file is the one for which there is no room."""
    small, large = (tiny_disk / "render_proxies" / key for key in ("1" * 16, "2" * 16))
    done = shared_checkout.run(*shared_checkout.render(small))
    assert done.returncode == 0, done.stderr
    pages = {"spool": spooled(tiny_disk) // PAGE}
    pages |= {name: -(-(small / name).stat().st_size // PAGE) for name in FILES}
    before = list(pages).index(full_at)
    room = sum(list(pages.values())[:before]) + pages[full_at] // 2
    (tiny_disk / "filler").write_bytes(bytes(free(tiny_disk) - room * PAGE))
    there = free(tiny_disk)
    again = shared_checkout.render(large, seed=1)
    assert_said(shared_checkout.run(*again))
    # It leaves no more behind than a lock's file, and what is drawn where there is room for it and shards.
    finished = {small.name, f"{small.name}.done", f"{small.name}.lock", f"{large.name}.lock"}
    left = {path.name for path in large.parent.iterdir()}
    if full_at == "index.json":
        assert any(store.checkpoint_of(large).glob(BUNDLES))
        finished |= {store.checkpoint_of(large).name}
    else:
        assert there - free(tiny_disk) <= PAGE
    assert left == finished
    assert store.verify(small).samples == 40
    (tiny_disk / "filler").unlink()
    done = shared_checkout.run(*again)
    assert done.returncode == 0, done.stderr
    finished = finished - {store.checkpoint_of(large).name} | {large.name, f"{large.name}.done"}
    assert {path.name for path in large.parent.iterdir()} == finished
    assert store.verify(large).samples == 40


@pytest.mark.parametrize("limit", [20_000, 4_000])
def test_a_limit_on_a_files_size(shared_checkout: Checkout, tmp_path: Path, limit: int) -> None:
    out = tmp_path / "render_proxies" / KEY
    keywords = shared_checkout.command(*shared_checkout.render(out, count=400))
    done = subprocess.run(
        **keywords,
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert_said(done)
    assert [path.name for path in out.parent.iterdir()] == [f"{KEY}.lock"]


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
