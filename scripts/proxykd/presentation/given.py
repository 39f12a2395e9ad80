"""What the programs of the pages are given: the configuration, and where to write."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from proxykd.configuration import load
from proxykd.errors import UserError
from proxykd.plan import Plan
from proxykd.presentation.progress import start_log


@dataclass(frozen=True)
class Given:
    """A page's program's arguments, read."""

    raw: dict[str, Any]
    """The configuration as it was given."""
    plan: Plan
    out: Path
    """The folder to write into; it is there."""
    command: str
    """What was run, where it is known."""


def read_arguments(program: str, about: str | None) -> Given:
    """Read the command line, start the log, and plan the configuration.

    Raises UserError for a configuration that cannot be read or has a mistake.
    """
    parser = argparse.ArgumentParser(
        prog=program, description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--settings", required=True, help="the configuration, as JSON or as a file of YAML")
    parser.add_argument(
        "--out", type=Path, help="folder to write into (default: the configuration's results)"
    )
    parser.add_argument("--command", default="", help="the command behind the run, to show on the page")
    parser.add_argument("--log", type=Path, help="write log lines to this file instead of stderr")
    arguments = parser.parse_args()
    start_log(arguments.log)
    raw, place = read_configuration(arguments.settings)
    plan = Plan(load(raw, place))
    out = arguments.out or plan.configuration.results
    out.mkdir(parents=True, exist_ok=True)
    return Given(raw, plan, out, arguments.command)


def read_configuration(text: str) -> tuple[dict[str, Any], str]:
    """The configuration, as YAML or JSON has it, and its place for messages: JSON text, or a file."""
    if text.lstrip().startswith("{"):
        content, place = text, "--settings"
    else:
        place = text
        try:
            content = Path(text).read_text()
        except OSError as error:
            raise UserError(
                f"--settings {text}: {error.strerror}. Give JSON or a file that holds it."
            ) from error
    try:
        # JSON is read by its own parser: YAML would take "1e-4" for a text.
        raw = json.loads(content) if content.lstrip().startswith("{") else yaml.safe_load(content)
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{place} is neither valid JSON nor YAML: {error}.") from error
    if not isinstance(raw, dict):
        raise UserError(f"{place} holds no settings.")
    return raw, place
