"""The configuration as the programs of the pages are given it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from proxykd.errors import UserError


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
