"""Progress is a bar on a terminal and a few lines in a log."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from small_runs import SCRIPTS

PROGRAM = """
import sys, time
from pathlib import Path
from proxykd.presentation import progress
progress.LINE_SECONDS = 0.3
progress.start_log(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
with progress.Progress("render", 2000) as shown:
    for _ in range(200):
        time.sleep(0.005)
        shown.advance(10, loss=0.123456)
"""
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SCRIPTS)}


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", PROGRAM, *arguments]


def _on_terminal(*arguments: str) -> str:
    """What a program writes to stderr when that is a terminal."""
    mine, its = pty.openpty()
    # A new terminal has no columns at all, and a bar of that width is empty.
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process = subprocess.Popen(_command(*arguments), env=ENVIRONMENT, stdout=its, stderr=its, close_fds=True)
    os.close(its)
    parts = []
    ends = time.monotonic() + 30
    while time.monotonic() < ends and select.select([mine], [], [], 30)[0]:
        try:
            parts.append(os.read(mine, 4096))
        except OSError:
            break
        if not parts[-1]:
            break
    os.close(mine)
    assert process.wait(timeout=30) == 0
    return b"".join(parts).decode()


def test_no_bar_where_stderr_is_no_terminal() -> None:
    done = subprocess.run(_command(), env=ENVIRONMENT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0
    assert "\r" not in done.stderr
    assert "█" not in done.stderr
    assert "|" not in done.stderr
    lines = done.stderr.splitlines()
    # One line each 0.3 s of about 1.1 s, and one at the end; a busy machine takes longer and writes more.
    assert 2 <= len(lines) <= 12
    assert "render: 2000 of 2000 img" in lines[-1]
    assert "loss 0.1235" in lines[-1]


def test_lines_keep_their_distance(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from proxykd.presentation import progress

    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(progress.log, "handlers", [])
    progress.start_log(tmp_path / "log")
    with progress.Progress("score", 1000) as shown:
        for _ in range(1000):
            now[0] += 0.02
            shown.advance(1)
    # Twenty seconds: a line every five, and the last one.
    assert 4 <= len((tmp_path / "log").read_text().splitlines()) <= 5


def test_a_bar_on_a_terminal_and_lines_in_the_log_file(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "render.log"
    told = _on_terminal(str(log))
    assert "\r" in told
    assert "render" in told
    assert "%|" in told
    assert " of 2000 img" not in told
    assert "render: 2000 of 2000 img" in log.read_text()
    assert "\r" not in log.read_text()


def test_never_both_on_a_terminal() -> None:
    told = _on_terminal()
    assert "%|" in told
    assert " of 2000 img," not in told
