"""The first command: a run that is killed goes on, and a second finds nothing to do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from checkouts import Checkout, copy_checkout, tiny_configuration

TOO_LONG = 240


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout whose default configuration is a run of seconds."""
    checkout = copy_checkout(tmp_path_factory.mktemp("quickstart"))
    (checkout.folder / "config.yaml").write_text(json.dumps(tiny_configuration()))
    return checkout


def start(place: Checkout) -> subprocess.Popen[str]:
    command = place.command("python", "scripts/quickstart.py")
    return subprocess.Popen(
        **command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )


def wait_for(pattern: str, folder: Path) -> None:
    until = time.monotonic() + TOO_LONG
    while not list(folder.glob(pattern)):
        assert time.monotonic() < until, f"{pattern} did not appear"
        time.sleep(0.05)


@pytest.mark.full
def test_a_killed_run_goes_on_and_a_second_does_nothing(place: Checkout) -> None:
    running = start(place)
    wait_for("store/*/*.done", place.folder)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    assert list((place.folder / ".snakemake" / "locks").glob("*.lock"))
    finished = set(place.folder.glob("store/*/*/index.json"))
    before = {path: path.stat().st_mtime_ns for path in finished}

    again = place.run("python", "scripts/quickstart.py")
    told = again.stdout + again.stderr
    assert again.returncode == 0, told
    assert "continuing where it stopped" in told
    assert "LockException" not in told
    # Plain Snakemake is content as well.
    assert place.run("snakemake", "-n").returncode == 0
    assert (place.folder / "results" / "report.html").is_file()
    assert {path: path.stat().st_mtime_ns for path in finished} == before

    third = place.run("python", "scripts/quickstart.py")
    assert third.returncode == 0
    assert "Nothing to be done" in third.stdout + third.stderr


def test_it_does_not_unlock_under_a_run_at_work(place: Checkout) -> None:
    locks = place.folder / ".snakemake" / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    (locks / "0.output.lock").touch()
    named = subprocess.Popen(
        ["bash", "-c", "exec -a snakemake sleep 60"], cwd=place.folder, start_new_session=True
    )
    try:
        time.sleep(0.3)
        refused = place.run("python", "scripts/quickstart.py")
    finally:
        named.kill()
        (locks / "0.output.lock").unlink()
    assert refused.returncode == 1
    assert "at work in this folder already" in refused.stderr
    assert "Traceback" not in refused.stderr
