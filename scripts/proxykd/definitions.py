"""What a module defines, name by name: for telling which functions changed, not for keys.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from proxykd.source import SCRIPTS, describe, module_path

DIGITS = 12
"""Of a digest: enough to tell two versions of one function apart."""
IMPORTS, REST = "its imports", "code outside functions"


def definitions(parts: dict[str, str]) -> dict[str, dict[str, str]]:
    """For each Python part of a source (`Source.parts`): what it defines -> a digest of that.

    Functions, methods as `Class.method`, classes without their methods, and constants.
    """
    found = {name: _file_of(name) for name in parts}
    return {name: _defined_in(path) for name, path in found.items() if path is not None}


def _file_of(part: str) -> Path | None:
    """The Python file of a part; None for a data file."""
    if part.startswith("scripts/"):
        return SCRIPTS.parent / part
    return None if "/" in part else module_path(part)


@cache
def _defined_in(path: Path) -> dict[str, str]:
    texts: dict[str, list[str]] = {}
    for statement in ast.parse(path.read_bytes()).body:
        for name, node in _named(statement):
            texts.setdefault(name, []).append(describe(node))
    return {
        name: hashlib.sha256("\n".join(several).encode()).hexdigest()[:DIGITS]
        for name, several in texts.items()
    }


def _named(statement: ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        yield statement.name, statement
    elif isinstance(statement, ast.ClassDef):
        methods = [one for one in statement.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
        for method in methods:
            yield f"{statement.name}.{method.name}", method
        statement.body = [one for one in statement.body if one not in methods]
        yield statement.name, statement
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield IMPORTS, statement
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield ", ".join(map(ast.unparse, targets)), statement
    elif not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
        yield REST, statement
