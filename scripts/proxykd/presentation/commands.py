"""The commands behind the numbers."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import yaml

from proxykd.plan import Stage
from proxykd.source import SCRIPTS


def behind_run(raw: dict[str, Any], given: str, target: str = "all") -> str:
    """The command that makes a target: as given, or found out from which file holds the configuration."""
    if given:
        return given
    checkout = SCRIPTS.parent
    for path in [checkout / "config.yaml", *sorted((checkout / "workflow" / "runs").glob("*.yaml"))]:
        try:
            same = json.loads(json.dumps(yaml.safe_load(path.read_text()))) == raw
        except (OSError, TypeError, ValueError, yaml.YAMLError):
            continue
        if same:
            name = path.relative_to(checkout)
            return f"snakemake --cores all {target}" + (
                "" if name == Path("config.yaml") else f" --configfile {name}"
            )
    return f"snakemake --cores all {target} --configfile <your configuration>"


def stage_command(stage: Stage) -> str:
    """The plain program's command that makes one stage, its inputs made already."""
    upstream = "".join(
        f" --{role} {' '.join(place(one) for one in several)}" for role, several in stage.upstream.items()
    )
    settings = shlex.quote(stage.settings_json)
    return f"python scripts/{stage.name}.py --settings {settings}{upstream} --out {place(stage)}"


def place(stage: Stage) -> str:
    """A stage's folder as a shell reads it, wherever the store is."""
    base = '"$PROXYKD_STORE"' if os.environ.get("PROXYKD_STORE") else "store"
    return f"{base}/{stage.name}/{stage.key}"


def show(path: Path) -> str:
    """The command that prints a JSON file."""
    return f"python -m json.tool {shlex.quote(str(path))}"
