"""The Slurm that run.sh has started, as a test sees it."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from checkouts import Checkout

# This Slurm keeps no accounts, and a test need not be polite to it.
OPTIONS = (
    *("--profile", "slurm", "--slurm-status-command", "squeue", "--slurm-no-account"),
    *("--slurm-init-seconds-before-status-checks", "3", "--latency-wait", "10"),
)
LATER = "later"
"""A partition whose jobs wait until it is opened."""


@dataclass
class Job:
    """A job as `scontrol show job` has it."""

    shown: dict[str, str]
    stage: str
    key: str
    asked: dict[str, str]
    """`cpu` and `mem`, as they were granted."""

    @property
    def gpus(self) -> int:
        found = re.fullmatch(r"gres:gpu:(\d+)", self.shown.get("TresPerJob", "gres:gpu:0"))
        assert found, self.shown
        return int(found[1])

    @property
    def cores(self) -> int:
        return int(self.asked["cpu"])

    @property
    def megabytes(self) -> float:
        number, unit = float(self.asked["mem"][:-1]), self.asked["mem"][-1]
        return number * {"M": 1, "G": 1024}[unit]

    @property
    def minutes(self) -> int:
        days, _, rest = self.shown["TimeLimit"].rpartition("-")
        hours, minutes, _ = rest.split(":")
        return (int(days or 0) * 24 + int(hours)) * 60 + int(minutes)

    def seconds(self, since: str, until: str) -> float:
        """Between two of its times: `SubmitTime`, `StartTime`, `EndTime`."""
        times = [datetime.fromisoformat(self.shown[name]) for name in (since, until)]
        return (times[1] - times[0]).total_seconds()


def jobs_of(checkout: Checkout) -> list[Job]:
    """All jobs that were submitted from a checkout, in that order."""
    found = []
    for line in scontrol("--oneliner", "show", "jobs").splitlines():
        shown = dict(re.findall(r"(\S+?)=(\S*)", line))
        comment = re.fullmatch(r"rule_(\w+)_wildcards_([0-9a-f]{16})", shown.get("Comment", ""))
        if comment and shown["WorkDir"] == str(checkout.folder):
            asked = dict(one.split("=") for one in shown["TRES"].split(","))
            found.append(Job(shown, comment[1], comment[2], asked))
    return sorted(found, key=lambda job: int(job.shown["JobId"]))


def scontrol(*arguments: str) -> str:
    done = subprocess.run(["scontrol", *arguments], capture_output=True, text=True, check=True)
    return done.stdout


@dataclass
class Run:
    """Snakemake at work on the cluster."""

    checkout: Checkout
    process: subprocess.Popen[str]
    told: str = ""
    """All that it said, once it has ended."""
    noted: dict[str, Any] = field(default_factory=dict)
    """What a test needs to know of what it did to the run."""

    @classmethod
    def start(cls, checkout: Checkout, configfile: str, *arguments: Any, **environment: str) -> Run:
        """Targets go first, since --configfile takes all names that follow."""
        command = ["snakemake", *arguments, *OPTIONS, "--configfile", configfile]
        # The rules ask for more cores than the machine has: threads that wait must not take them.
        environment["OMP_WAIT_POLICY"] = "PASSIVE"
        log = (checkout.folder / "snakemake.log").open("w")
        with log:
            process = subprocess.Popen(
                **checkout.command(*command, **environment), stdout=log, stderr=subprocess.STDOUT
            )
        return cls(checkout, process)

    def processes(self) -> list[psutil.Process]:
        """All that works in the checkout."""
        found = psutil.process_iter(["cwd"])
        return [one for one in found if one.info["cwd"] == str(self.checkout.folder)]

    def stop(self) -> None:
        """End what is left of it; a job's Snakemake outlives a node that Slurm holds for lost."""
        for process in self.processes():
            process.kill()
        self.process.wait()

    def end(self) -> int:
        """Wait for it; its exit status."""
        status = self.process.wait(timeout=500)
        self.told = (self.checkout.folder / "snakemake.log").read_text()
        return status

    def until(self, condition: Callable[[], Any], seconds: float = 240.0) -> Any:
        """What the condition gives as soon as that is anything."""
        for _ in range(int(seconds * 4)):
            found = condition()
            if found:
                return found
            assert self.process.poll() is None, (self.checkout.folder / "snakemake.log").read_text()
            time.sleep(0.25)
        raise AssertionError(f"not within {seconds} s: {condition}")


def text(path: Path) -> str:
    return path.read_text() if path.exists() else ""
