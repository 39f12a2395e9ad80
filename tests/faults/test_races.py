"""Two at work on one key, killed or not: one valid result, and nobody fails."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from checkouts import Checkout
from proxykd import publication, store
from proxykd.errors import TERMINATED
from proxykd.production.spool import FILES

COUNT = 4000
LONG = 100_000
"""For work that a signal must meet before its end, however late it is delivered."""


def start(checkout: Checkout, out: Path, count: int = COUNT, *more: object) -> subprocess.Popen[str]:
    keywords = checkout.command(*checkout.render(out, *more, count=count))
    # A shell that runs the tests in the background makes its children deaf to the keyboard.
    return subprocess.Popen(
        **keywords,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def end(process: subprocess.Popen[str]) -> str:
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    return said


def assert_whole(out: Path) -> None:
    assert store.verify(out).samples == COUNT
    assert sorted(path.name for path in out.parent.iterdir()) == [
        out.name,
        f"{out.name}.done",
        f"{out.name}.lock",
    ]


def assert_left_to_go_on(out: Path) -> None:
    """Nothing is, but what was drawn, where something was."""
    checkpoint = store.checkpoint_of(out)
    left = {path.name for path in out.parent.iterdir()}
    assert left - {checkpoint.name} == {f"{out.name}.lock"}
    assert not checkpoint.exists() or any(checkpoint.glob(FILES))


ROUNDS = [*range(2), *(pytest.param(number, marks=pytest.mark.full) for number in range(2, 20))]


@pytest.mark.parametrize("number", ROUNDS)
def test_two_at_once(shared_checkout: Checkout, tmp_path: Path, number: int) -> None:
    out = tmp_path / "race" / "made"
    one, other = start(shared_checkout, out), start(shared_checkout, out)
    said = end(one) + end(other)
    assert said.count("is there already") == 1
    assert_whole(out)


@pytest.mark.parametrize("number", ROUNDS)
def test_one_of_two_is_killed(shared_checkout: Checkout, tmp_path: Path, number: int) -> None:
    """At a random moment of its life, whichever of the two holds the lock then."""
    out = tmp_path / "race" / "made"
    one, other = start(shared_checkout, out), start(shared_checkout, out)
    moments = random.Random(number)
    time.sleep(moments.uniform(0.3, 1.2))
    victim, survivor = (one, other) if moments.random() < 0.5 else (other, one)
    victim.kill()
    victim.communicate()
    end(survivor)
    assert_whole(out)


@pytest.mark.parametrize("number", ROUNDS)
def test_killed_and_started_again(shared_checkout: Checkout, tmp_path: Path, number: int) -> None:
    out = tmp_path / "race" / "made"
    victim = start(shared_checkout, out)
    _wait_for(out)
    time.sleep(random.Random(number).uniform(0, 0.2))
    victim.kill()
    victim.communicate()
    assert store.is_complete(out) or _unfinished(out)
    end(start(shared_checkout, out))
    assert_whole(out)


def test_terminated_as_a_cluster_does_it(shared_checkout: Checkout, tmp_path: Path) -> None:
    out = tmp_path / "race" / "made"
    victim = start(shared_checkout, out, LONG)
    _wait_for(out)
    victim.send_signal(signal.SIGTERM)
    _, said = victim.communicate(timeout=30)
    assert victim.returncode == 128 + signal.SIGTERM
    assert said.splitlines()[-1] == TERMINATED
    assert "Traceback" not in said
    assert_left_to_go_on(out)


def test_terminated_again_while_it_cleans_up(shared_checkout: Checkout, tmp_path: Path) -> None:
    """Slurm's daemon and its srun each send the signal."""
    out = tmp_path / "race" / "made"
    victim = start(shared_checkout, out, LONG, "--log", tmp_path / "log")
    _wait_for(out)
    for _ in range(20):
        victim.send_signal(signal.SIGTERM)
        time.sleep(0.001)
    _, said = victim.communicate(timeout=30)
    assert victim.returncode == 128 + signal.SIGTERM
    assert said.count(TERMINATED) == 1
    assert (tmp_path / "log").read_text().endswith(f" {TERMINATED}\n")
    assert_left_to_go_on(out)


def test_interrupted_from_the_keyboard(shared_checkout: Checkout, tmp_path: Path) -> None:
    out = tmp_path / "race" / "made"
    victim = start(shared_checkout, out, LONG)
    _wait_for(out)
    victim.send_signal(signal.SIGINT)
    _, said = victim.communicate(timeout=30)
    assert victim.returncode == 130
    assert said.endswith("Interrupted. Nothing unfinished was published; start again to continue.\n")
    assert not _unfinished(out)


def test_whoever_waits_says_so(shared_checkout: Checkout, tmp_path: Path) -> None:
    out = tmp_path / "race" / "made"
    with publication.locked(out):
        waiting = start(shared_checkout, out)
        assert waiting.stderr is not None
        assert "waiting for another process" in waiting.stderr.readline()
    end(waiting)
    assert_whole(out)


def _unfinished(out: Path) -> list[Path]:
    return list(out.parent.glob("*.partial"))


def _wait_for(out: Path) -> None:
    """Until the work has begun: its private folder is there."""
    for _ in range(2000):
        if out.parent.is_dir() and _unfinished(out):
            return
        time.sleep(0.005)
    raise AssertionError(f"nothing was begun in {out.parent}: {os.listdir(out.parent)}")
