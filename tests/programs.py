"""Runs the pipeline's real programs, each in a process of its own.

The processes come from a fork server that has imported what takes long, so one costs a tenth of a second
instead of four seconds.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import runpy
import sys
import traceback
from dataclasses import dataclass
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
CONTEXT = multiprocessing.get_context("forkserver")
PRELOADED = [
    "torch._dynamo",
    "sklearn.datasets",
    "pyarrow.parquet",
    "proxykd.stage",
    "proxykd.boundary.collect",
    "proxykd.boundary.bold_driver",
    "proxykd.distillation.student",
    "proxykd.evaluation.experiment",
    "proxykd.networks.checkpoint",
    "proxykd.networks.convnet",
    "proxykd.networks.files",
    "proxykd.training.teacher",
]


@cache
def _start_server() -> None:
    """Start the fork server, which finds ProxyKD only through the environment."""
    CONTEXT.set_forkserver_preload(PRELOADED)
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(SCRIPTS), *([before] if before else [])])
    try:
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


@dataclass
class Workplace:
    """A store of its own for one test, and the programs run in it."""

    folder: Path

    def out(self, stage: str, name: str) -> Path:
        """Where a result is."""
        return self.folder / stage / name

    def start(
        self,
        stage: str,
        name: str,
        settings: dict[str, Any],
        environment: dict[str, str] | None = None,
        **roles: Any,
    ) -> ForkServerProcess:
        """Start `<stage>.py` on finished results `stage/name` (role=... or role=[...])."""
        arguments = ["--settings", json.dumps(settings), "--out", str(self.out(stage, name))]
        for role, several in roles.items():
            several = several if isinstance(several, list) else [several]
            arguments += [f"--{role}", *(str(self.folder / result) for result in several)]
        _start_server()
        process = CONTEXT.Process(
            target=_program, args=(f"{stage}.py", arguments, str(self.folder), environment or {})
        )
        process.start()
        return process

    def run(self, stage: str, name: str, settings: dict[str, Any], **given: Any) -> tuple[int, str]:
        """Run a program to its end: its status, and what it wrote to stderr."""
        process = self.start(stage, name, settings, **given)
        process.join(120)
        assert process.exitcode is not None, f"{stage} did not end"
        return process.exitcode, (self.folder / f"{stage}.py.stderr").read_text()

    def make(self, stage: str, name: str, settings: dict[str, Any], **given: Any) -> str:
        """Run a program that must succeed; returns the result's name for the next one."""
        status, told = self.run(stage, name, settings, **given)
        assert status == 0, told
        assert (self.out(stage, name) / "index.json").is_file()
        return f"{stage}/{name}"

    def index(self, result: str) -> dict[str, Any]:
        """The index of a result."""
        return json.loads((self.folder / result / "index.json").read_text())


def _program(program: str, arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    import torch

    torch.set_num_threads(1)
    os.environ.update({"PROXYKD_STORE": folder, "PROXYKD_DEVICE": "cpu", **environment})
    os.chdir(folder)
    told = os.open(f"{folder}/{program}.stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(told, 2)
    sys.argv = [program, *arguments]
    sys.path.insert(0, str(SCRIPTS))
    status: Any = 0
    try:
        runpy.run_path(str(SCRIPTS / program), run_name="__main__")
    except SystemExit as end:
        status = end.code or 0
    except BaseException:
        traceback.print_exc()
        status = 70
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else 1)
