"""The command that makes a stage, as Snakemake's rules and people without Snakemake run it.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import shlex

from proxykd.plan import Stage


def command_of(stage: Stage, python: str, *more: str) -> str:
    """What makes a stage, for a shell in the checkout's folder; `more` are arguments behind the others."""
    words = [python, f"scripts/{stage.name}.py", "--key", stage.key, "--settings", stage.settings_json]
    for role, several in stage.upstream.items():
        words += [f"--{role}", *(one.stamp for one in several)]
    return shlex.join([*words, "--out", stage.stamp, *more])
