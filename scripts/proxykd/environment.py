"""Numbers that the environment sets: what is the machine's affair and determines no result.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import os

from proxykd.errors import UserError


def number(name: str, default: float) -> float:
    """The value of an environment variable, or the default where it is unset or empty.

    Raises UserError where it is no number from 0.
    """
    text = os.environ.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not value >= 0:
        raise UserError(f"{name} is {text!r} in the environment, and should be a number from 0.")
    return value


def cores() -> int:
    """The cores that this process may use; fewer than the machine's where a cluster gave fewer."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
