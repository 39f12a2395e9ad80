"""The command line of a stage's program, and the settings given on it.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from proxykd.errors import UserError
from proxykd.section import Section

S = TypeVar("S", bound=Section)


def parse(
    stage: str, section: type[S] | dict[str, type[S]], roles: dict[str, str], about: str
) -> argparse.Namespace:
    """The arguments: `settings` as text, each role's folders as a list or None, `out`, `key`, `log`."""
    parser = argparse.ArgumentParser(
        prog=f"{stage}.py",
        description=about,
        epilog=_fields(section),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--settings", required=True, help="the settings as JSON, or a file that holds them")
    for role, count in roles.items():
        parser.add_argument(
            f"--{role}",
            type=Path,
            nargs="+" if count in {"many", "any"} else 1,
            required=count in {"one", "many"},
            help=f"finished result to read, its folder or stamp ({count})",
        )
    parser.add_argument("--out", type=Path, required=True, help="the folder to make, or its stamp (.done)")
    parser.add_argument("--key", help="the key that the plan computed; refused when it no longer holds")
    parser.add_argument("--log", type=Path, help="write log lines to this file instead of stderr")
    return parser.parse_args()


def _fields(section: type[S] | dict[str, type[S]]) -> str:
    """The settings' fields, one line each, with their help and defaults as JSON."""
    several = section if isinstance(section, dict) else {"": section}
    lines = []
    for kind, one in several.items():
        lines.append(f"settings of kind {kind}:" if kind else "settings:")
        for name, info in one.model_fields.items():
            default = info.get_default(call_default_factory=True)
            known = default.canonical() if isinstance(default, Section) else default
            shown = "" if info.is_required() else f" (default: {json.dumps(known)})"
            lines.append(f"  {name}: {' '.join((info.description or '').split())}{shown}")
    return "\n".join(lines)


def read_settings(stage: str, section: type[S] | dict[str, type[S]], text: str) -> S:
    """The settings given as JSON text or as a file's name."""
    if not text.lstrip().startswith("{"):
        try:
            text = Path(text).read_text()
        except OSError as error:
            raise UserError(
                f"--settings {text}: {error.strerror}. Give JSON or a file that holds it."
            ) from error
    try:
        if isinstance(section, dict):
            kind = json.loads(text).get("kind")
            if kind not in section:
                raise UserError(f"--settings, {stage}.kind: {kind!r} is none of {', '.join(section)}.")
            section = section[kind]
        return section.model_validate(json.loads(text)).resolved()
    except json.JSONDecodeError as error:
        raise UserError(f"--settings is not valid JSON: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join([stage, *(str(part) for part in first["loc"])])
        raise UserError(f"--settings, {place}: {first['msg'].removeprefix('Value error, ')}.") from error
