"""Two checkouts with one store make the same stage at the same moment, killed or not."""

from __future__ import annotations

import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from checkouts import SMOKE, Checkout, copy_checkout, finished_jobs
from proxykd import publication, store

COUNT = 20_000
LIFE = 4.0
"""Seconds that such a run takes on two cores, about."""


@pytest.fixture
def two(tmp_path: Path) -> list[Checkout]:
    """Fresh checkouts of a run whose sets of shaders take some seconds each, with one store."""
    several = [copy_checkout(tmp_path / name) for name in ("one", "other")]
    for checkout in several:
        checkout.environment["PROXYKD_STORE"] = str(tmp_path / "store")
        checkout.replace(SMOKE, "count: 400", f"count: {COUNT}")
        checkout.replace(SMOKE, "count: 200, programs: 10", f"count: {COUNT}, programs: 10")
    return several


def planned(checkout: Checkout, stage: str) -> Path:
    """A result of the run: of two pools, any."""
    key = checkout.keys(yaml.safe_load((checkout.folder / SMOKE).read_text()))[stage][0]
    return checkout.store / stage / key


def start(checkout: Checkout, *arguments: object, path: Path | None = None) -> subprocess.Popen[str]:
    """Snakemake in a process group of its own; programs of `path` take the place of others."""
    keywords = checkout.command(*checkout.snakemake(*arguments))
    if path is not None:
        keywords["env"]["PATH"] = f"{path}{os.pathsep}{keywords['env']['PATH']}"
    with (checkout.folder / "said.txt").open("w") as said:
        return subprocess.Popen(**keywords, stdout=said, stderr=said, start_new_session=True)


def kill(process: subprocess.Popen[str]) -> None:
    """Snakemake and all its jobs at once."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def assert_whole(made: Path, several: list[Checkout], ended: list[subprocess.Popen[str]]) -> None:
    for process in ended:
        process.wait(timeout=120)
    said = [(checkout.folder / "said.txt").read_text() for checkout in several]
    assert [process.returncode for process in ended] == [0] * len(ended), "\n".join(said)
    assert store.verify(made).key == made.name
    whole = [made.name, f"{made.name}.done", f"{made.name}.lock"]
    assert sorted(path.name for path in made.parent.iterdir()) == whole


def stand_in(folder: Path, script: str) -> Path:
    """A folder with a `python` that is a shell script; in it, PYTHON is the real one."""
    place = folder / "bin"
    place.mkdir()
    (place / "python").write_text(f"#!/bin/sh\nPYTHON={shlex.quote(sys.executable)}\n{script}")
    (place / "python").chmod(0o755)
    return place


ROUNDS = [*range(1), *(pytest.param(number, marks=pytest.mark.full) for number in range(1, 20))]


@pytest.mark.parametrize("number", ROUNDS)
def test_both_at_once(two: list[Checkout], number: int) -> None:
    made = planned(two[0], "render_proxies")
    assert_whole(made, two, [start(checkout, f"{made}.done") for checkout in two])
    logs = [checkout.folder / "logs/render_proxies" / f"{made.name}.log" for checkout in two]
    assert sum("is there already" in log.read_text() for log in logs) == 1


@pytest.mark.parametrize("number", ROUNDS)
def test_one_of_two_is_killed(two: list[Checkout], number: int) -> None:
    """At a random moment of its life, whichever of the two is at work then."""
    made = planned(two[0], "render_proxies")
    started = [start(checkout, f"{made}.done") for checkout in two]
    time.sleep(random.Random(number).uniform(0.2, LIFE))
    kill(started[0])
    assert_whole(made, two, [started[1]])


# Its first job begins when the other checkout's program has ended; then comes the job that both have.
ONE = """
case "$*" in
  *import_images*) touch began; for _ in $(seq 1000); do [ -e ../made ] && break; sleep 0.03; done ;;
  *render_proxies*) touch ../taken; {then} ;;
esac
exec "$PYTHON" "$@"
"""
# Snakemake looks for the stamp only after the first checkout's Snakemake has begun with the same job.
OTHER = """
"$PYTHON" "$@" || exit
touch ../made
for _ in $(seq 1000); do [ -e ../taken ] && break; sleep 0.03; done
"""


@pytest.mark.parametrize("then", ["kill -KILL 0", pytest.param("sleep 8", marks=pytest.mark.full)])
def test_a_stamp_that_is_there_stays(two: list[Checkout], then: str) -> None:
    """Whoever planned before the other published, and is killed, or slow, as the job in question starts."""
    one, other = two
    made, images = planned(one, "render_proxies"), planned(one, "import_images")
    first = f"{images}.done"
    targets = (f"{made}.done", first, "--prioritize", first, "--jobs", 1)
    slow = start(one, *targets, path=stand_in(one.folder, ONE.format(then=then)))
    try:
        wait_for(one.folder / "began")
        quick = start(other, f"{made}.done", path=stand_in(other.folder, OTHER))
        assert_whole(made, [other, one], [quick])
    finally:
        kill(slow)


def wait_for(file: Path) -> None:
    for _ in range(3000):
        if file.exists():
            return
        time.sleep(0.02)
    raise AssertionError(f"{file} did not come in a minute")


@pytest.mark.full
def test_a_stamp_never_comes_back_without_its_result(two: list[Checkout]) -> None:
    """Killed while the job of a stamp that is there begins; discarded; made again, which fails."""
    checkout = two[0]
    made = planned(checkout, "render_proxies")
    stamp = f"{made}.done"
    assert checkout.run(*checkout.snakemake(stamp)).returncode == 0
    assert start(checkout, stamp, "--force", path=stand_in(checkout.folder, "kill -KILL 0")).wait() != 0
    assert checkout.run(*checkout.snakemake("--unlock")).returncode == 0
    publication.discard(made)
    (checkout.folder / "bin" / "python").write_text("#!/bin/sh\nexit 1\n")
    assert start(checkout, stamp, "--ignore-incomplete", path=checkout.folder / "bin").wait() == 1
    assert not Path(stamp).exists()
    done = checkout.run(*checkout.snakemake(stamp, "--ignore-incomplete"))
    assert finished_jobs(done) == {"render_proxies": 1}
    assert store.verify(made).key == made.name


def test_what_a_killed_process_left_goes_at_once(tmp_path: Path) -> None:
    """Also where nobody has waited for it: its parent was killed too, and a container's process 1 may not."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    try:
        os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)
        folder = tmp_path / ("0" * 16)
        left = tmp_path / f"{folder.name}.{socket.gethostname()}.made.{dead.pid}.partial"
        left.mkdir()
        with publication.private_folder(folder):
            assert not left.exists()
    finally:
        dead.wait()
