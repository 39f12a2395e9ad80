"""How a program ends when a scheduler ends it, whatever it is at."""

from __future__ import annotations

import subprocess
import sys

from checkouts import ROOT
from proxykd.errors import TERMINATED

SWALLOWED = """
# As modules in Cython do while they are imported.
try:
    os.kill(os.getpid(), signal.SIGTERM)
except BaseException:
    print("swallowed", flush=True)
time.sleep(30)
"""
CLEANING_UP = """
try:
    os.kill(os.getpid(), signal.SIGTERM)
finally:
    for _ in range(30):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.05)
    print("cleaned up", flush=True)
"""


def ended(body: str) -> subprocess.CompletedProcess[str]:
    """A program of ours that does this."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    program = f"import os, signal, time\nfrom proxykd.errors import run\ndef main():\n{lines}run(main)\n"
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT / "scripts",
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
    )


def test_a_signal_that_gets_lost_comes_again() -> None:
    done = ended(SWALLOWED)
    assert (done.returncode, done.stdout, done.stderr) == (143, "swallowed\n", f"{TERMINATED}\n")


def test_the_cleaning_up_is_not_broken_off() -> None:
    done = ended(CLEANING_UP)
    assert (done.returncode, done.stdout, done.stderr) == (143, "cleaned up\n", f"{TERMINATED}\n")
