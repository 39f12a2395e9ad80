"""Copies of the checkout, to run and to break, and a run of seconds."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "scripts/proxykd"
SMOKE = "workflow/runs/smoke.yaml"
NOISE = {"kind": "noise", "count": 40, "size": 8, "channels": 1}


@dataclass
class Checkout:
    """A copy of the checkout's files, which a test may edit, with a store of its own."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Path:
        return Path(self.environment.get("PROXYKD_STORE") or self.folder / "store")

    def command(self, *arguments: object, **environment: str) -> dict[str, Any]:
        """Keywords for subprocess: a command of this checkout with the tests' own interpreter."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        known = os.environ | {"PATH": path, "PYTHONDONTWRITEBYTECODE": "1"} | self.environment | environment
        # A pytest in there is no worker of this one.
        known.pop("PYTEST_XDIST_WORKER", None)
        return {"args": [str(one) for one in arguments], "cwd": self.folder, "env": known, "text": True}

    def run(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, however it ends."""
        return subprocess.run(**self.command(*arguments, **environment), capture_output=True, check=False)

    def python(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, *arguments, **environment)

    def snakemake(self, *arguments: object, configfile: Path | str = SMOKE) -> list[object]:
        """The command that makes targets; they go first, since --configfile takes all names that follow."""
        return ["snakemake", *arguments, "--cores", 2, "--configfile", configfile]

    def replace(self, file: str, old: str, new: str) -> None:
        """Edit a file of the checkout in the only place that holds a text."""
        path = self.folder / file
        text = path.read_text()
        assert text.count(old) == 1, f"{file} no longer holds {old!r} once"
        path.write_text(text.replace(old, new))

    def results(self) -> set[Path]:
        """The folders of all finished results."""
        return {path.parent for path in self.store.glob("*/*/index.json")}

    def render(self, out: Path | str, *more: object, **settings: Any) -> list[object]:
        """The command that renders a small pool of noise into a folder."""
        pool = json.dumps(NOISE | settings)
        return [sys.executable, "scripts/render_proxies.py", "--settings", pool, "--out", out, *more]

    def keys(self, configuration: dict[str, Any], **environment: str) -> dict[str, list[str]]:
        """Stage -> its keys in the plan of a configuration, computed by the code of this checkout."""
        done = self.python("-c", PLAN, json.dumps(configuration), **environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


PLAN = """
import json, sys
sys.path.insert(0, "scripts")
from proxykd.configuration import load
from proxykd.plan import Plan
plan = Plan(load(json.loads(sys.argv[1])))
print(json.dumps({name: sorted(stages) for name, stages in plan.stages.items()}))
"""


def planned_jobs(shown: subprocess.CompletedProcess[str]) -> Counter[str]:
    """Rule -> how many jobs, by the table that Snakemake shows before it starts, or instead of starting."""
    assert shown.returncode == 0, shown.stderr
    # A dry run shows its table twice.
    table = re.findall(r"^([a-z_]+) +(\d+)$", shown.stdout + shown.stderr, re.MULTILINE)
    return Counter({rule: int(count) for rule, count in table if rule != "total"})


def finished_jobs(done: subprocess.CompletedProcess[str]) -> Counter[str]:
    """Rule -> how many jobs ran to their end."""
    assert done.returncode == 0, done.stderr
    return Counter(re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)$", done.stderr, re.MULTILINE))


def copy_checkout(folder: Path) -> Checkout:
    """A copy of all files of the checkout that git knows or would add; of all code where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=False
    )
    if listed.returncode == 0:
        names = [os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    else:
        tops = [ROOT / name for name in ("Snakefile", "config.yaml", "scripts", "workflow", "envs", "slurm")]
        files = [
            file for top in tops for file in ([top] if top.is_file() else top.rglob("*")) if file.is_file()
        ]
        names = [str(file.relative_to(ROOT)) for file in files if "__pycache__" not in file.parts]
    for name in names:
        if (ROOT / name).is_file() and not name.startswith(("tests/", "benchmarks/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return Checkout(folder)


def tiny_configuration() -> dict[str, Any]:
    """A whole run of seconds: digits, noise, a few steps."""
    return {
        "import_images": {"digits": {"source": "digits", "size": 8, "channels": 1, "limit": 200}},
        "train_teacher": {
            "images": "digits",
            "network": {"architecture": "convnet_8"},
            "recipe": {"steps": 4, "batch": 16},
        },
        "proxies": [{"render_proxies": {"kind": "noise", "count": 80}}],
        # Noise leaves classes empty; filling them takes longer than all else.
        "select_proxies": {"count": 40, "fill": "none"},
        "distill_student": {"network": {"architecture": "convnet_8"}, "recipe": {"steps": 3, "batch": 16}},
        "evaluate_student": {
            "images": "digits",
            "heldout": {"kind": "noise", "count": 40, "seed": 7},
            "pairs": None,
        },
    }


def wait_until(condition: Callable[[], object]) -> None:
    """Until something has come about; looks often, since what follows may have to meet it at work."""
    for _ in range(12_000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("nothing came in a minute")
