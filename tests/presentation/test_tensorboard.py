"""A training as TensorBoard's own reader finds it."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_runs import SCRIPTS

from proxykd.errors import UserError
from proxykd.presentation.progress import start_log
from proxykd.presentation.tensorboard import Board

# A training that was killed a minute ago at step 200, after its last checkpoint at step 100. The reader takes
# files by the second in which they were begun, and a process that starts anew never meets that of the last.
KILLED = """
import os, signal, time
now = time.time
time.time = lambda: now() - 60
from proxykd.presentation.tensorboard import Board
board = Board("distill_student", "0123")
for step in range(25, 201, 25):
    board.record({"step": step, "images": 32 * step, "loss": 1.0})
board.writer.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""
UNSET = """
import sys
from proxykd.presentation.tensorboard import Board
board = Board("distill_student", "0123")
board.record({"step": 25, "loss": 1.0})
board.close()
print(any(name.partition(".")[0] in ("torch", "tensorboard") for name in sys.modules))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the environment asks for."""
    monkeypatch.setenv("PROXYKD_TENSORBOARD", str(tmp_path / "board"))
    return tmp_path / "board"


def _run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "PROXYKD_TENSORBOARD"}
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**inherited, "PYTHONPATH": str(SCRIPTS), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def _scalars(folder: Path) -> dict[str, dict[int, float]]:
    """Values by name and step."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    reader = EventAccumulator(str(folder))
    reader.Reload()
    found = {tag: reader.Scalars(tag) for tag in reader.Tags()["scalars"]}
    for events in found.values():
        assert len({event.step for event in events}) == len(events)
    return {tag: {event.step: event.value for event in events} for tag, events in found.items()}


def test_every_number_of_a_record_is_a_scalar_at_its_step(folder: Path) -> None:
    board = Board("train_teacher", "0123")
    first = {"step": 25, "epoch": 0.5, "images": 800, "loss": 2.25, "seconds": 1.5}
    board.record(first)
    board.record(first | {"step": 50, "loss": 1.75})
    board.close()
    scalars = _scalars(folder / "train_teacher" / "0123")
    assert set(scalars) == set(first) - {"step"}
    assert scalars["loss"] == {25: 2.25, 50: 1.75}
    assert scalars["images"] == {25: 800, 50: 800}


def test_a_resumed_training_hides_what_came_after_its_checkpoint(folder: Path) -> None:
    assert _run(KILLED, PROXYKD_TENSORBOARD=str(folder)).returncode == -9
    here = folder / "distill_student" / "0123"
    assert max(_scalars(here)["loss"]) == 200
    board = Board("distill_student", "0123", step=100)
    for step in (125, 150):
        board.record({"step": step, "images": 32 * step, "loss": 2.0})
    board.close()
    assert _scalars(here)["loss"] == {25: 1, 50: 1, 75: 1, 100: 1, 125: 2, 150: 2}


def test_a_training_that_begins_anew_hides_the_earlier_one(folder: Path) -> None:
    assert _run(KILLED, PROXYKD_TENSORBOARD=str(folder)).returncode == -9
    board = Board("distill_student", "0123")
    board.record({"step": 25, "loss": 2.0})
    board.close()
    assert _scalars(folder / "distill_student" / "0123")["loss"] == {25: 2}


def test_nothing_is_imported_or_written_where_it_is_not_asked_for(tmp_path: Path) -> None:
    done = _run(UNSET)
    assert done.stdout.strip() == "False", done.stderr


def test_a_file_in_the_folders_place_is_told_before_the_training(folder: Path) -> None:
    folder.write_text("mine")
    with pytest.raises(UserError, match=r"PROXYKD_TENSORBOARD=.*cannot be written.*Name another folder"):
        Board("train_teacher", "0123")
    assert folder.read_text() == "mine"


def test_a_missing_tensorboard_is_told_before_the_training(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UserError, match="pip install tensorboard"):
        Board("train_teacher", "0123")


def test_a_folder_that_is_lost_costs_no_training(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("proxykd"), "handlers", [])
    start_log(tmp_path / "log")
    board = Board("train_teacher", "0123")
    board.record({"step": 25, "loss": 2.0})
    assert board.writer is not None
    board.writer.flush()
    shutil.rmtree(folder)
    for step in (50, 75):
        board.record({"step": step, "loss": 1.0})
    board.close()
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert "the folder is gone" in line
    assert "metrics.jsonl" in line
