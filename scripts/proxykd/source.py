"""Which code computes a stage's result, and its digest: the `code` of a stage's key.

The digest is taken from syntax trees without docstrings, so comments, docstrings and formatting do not
count. Imports inside ProxyKD are followed, wherever in a file they stand. What never counts is the
plumbing (it has a format version in the key instead), how things are shown, the package's own `__init__`
(a version), and the modules that only define settings: their resolved values are in the key already.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent.parent
PACKAGE = "proxykd"
PLUMBING = {
    f"{PACKAGE}.{name}"
    for name in (
        "adoption",
        "arguments",
        "card",
        "casualties",
        "causes",
        "configuration",
        "definitions",
        "demands",
        "derivation",
        "encoding",
        "environment",
        "errors",
        "exchange",
        "explanation",
        "forecast",
        "inventory",
        "invocation",
        "mistakes",
        "outside",
        "plan",
        "precedents",
        "production",
        "production.assembly",
        "production.columns",
        "production.crew",
        "production.parts",
        "production.produce",
        "production.spool",
        "production.worker",
        "publication",
        "pushed",
        "remote",
        "rules",
        "scratch",
        "section",
        "shards",
        "source",
        "stage",
        "store",
        "teacher_classes",
        "transfer",
        "ustar",
        "training.checkpoint",
    )
} | {PACKAGE}

WITH_DOCSTRING = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Source:
    """The code of one stage."""

    digest: str
    """SHA-256 over all parts, 64 hexadecimal digits."""
    parts: dict[str, str]
    """Module or data file -> its own digest, for telling which one changed."""


def stage_source(stage: str, modules: list[str]) -> Source:
    """The code of a stage: its program, what that imports, and the modules that its settings choose."""
    program = SCRIPTS / f"{stage}.py"
    parts = {f"scripts/{stage}.py": module_digest(program)}
    waiting = [*imported(program, ""), *modules]
    while waiting:
        name = waiting.pop()
        if name in parts or not counts(name):
            continue
        path = module_path(name)
        if path is None:
            raise ModuleNotFoundError(f"{stage} names the module {name}, and there is none")
        parts[name] = module_digest(path)
        parent = name.rpartition(".")[0]
        # Importing a module runs the packages that it is in, however far up.
        waiting += [parent, *imported(path, name if path.name == "__init__.py" else parent)]
        parts |= {file.relative_to(SCRIPTS).as_posix(): file_digest(file) for file in data_files(path)}
    whole = hashlib.sha256()
    for name in sorted(parts):
        whole.update(f"{name} {parts[name]}\n".encode())
    return Source(whole.hexdigest(), dict(sorted(parts.items())))


def load(source: Source) -> list[str]:
    """Import all modules of a stage's code now; returns the names of those that changed meanwhile.

    What is imported later, inside a function, would else be whatever stands in the file by then.
    """
    for name in source.parts:
        if module_path(name) is not None:
            importlib.import_module(name)
    return changed(source)


def changed(source: Source) -> list[str]:
    """Modules and data files that are not in the folder as they were when the digest was taken."""
    for known in (module_digest, file_digest):
        known.cache_clear()
    return [name for name, digest in source.parts.items() if _digest_now(name) != digest]


def _digest_now(part: str) -> str:
    place = SCRIPTS.parent / part if part.startswith("scripts/") else module_path(part) or SCRIPTS / part
    try:
        return module_digest(place) if place.suffix == ".py" else file_digest(place)
    except (FileNotFoundError, SyntaxError):
        return ""


def is_data(part: str) -> bool:
    """Whether a part of a source is a data file, not Python."""
    return "/" in part and not part.endswith(".py")


def counts(module: str) -> bool:
    """Whether a module of ProxyKD is code that computes results."""
    settings = module.rpartition(".")[2].endswith("settings")
    return not (module in PLUMBING or settings or module.startswith(f"{PACKAGE}.presentation"))


def module_path(name: str) -> Path | None:
    """The file of a module below scripts/, or None where there is none of that name."""
    base = SCRIPTS.joinpath(*name.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def data_files(module: Path) -> list[Path]:
    """Files beside a module, or in folders beside it that are no packages, which are not Python.

    What editors and file managers leave (hidden files, `name~`) does not count.
    """
    if module.parent == SCRIPTS / PACKAGE:
        return []
    found: list[Path] = []
    for entry in sorted(module.parent.iterdir()):
        if entry.is_file():
            found.append(entry)
        elif not (entry / "__init__.py").exists():
            found += [file for file in sorted(entry.rglob("*")) if file.is_file()]
    return [file for file in found if _is_data(file.relative_to(module.parent))]


def _is_data(file: Path) -> bool:
    hidden = any(part.startswith(".") or part == "__pycache__" for part in file.parts)
    return not (hidden or file.name.endswith("~") or file.suffix in {".py", ".pyc"})


@cache
def imported(path: Path, package: str) -> tuple[str, ...]:
    """The modules of ProxyKD that a file imports, at its top or inside functions."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += _imported_from(node, package)
    return tuple(sorted({name for name in names if name.split(".")[0] == PACKAGE}))


def _imported_from(node: ast.ImportFrom, package: str) -> Iterator[str]:
    base = node.module or ""
    if node.level:
        parent = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join([*parent, *([node.module] if node.module else [])])
    yield base
    for alias in node.names:
        # `from package import name` may name a module or something defined in the package itself.
        if base.split(".")[0] == PACKAGE and module_path(f"{base}.{alias.name}"):
            yield f"{base}.{alias.name}"


@cache
def module_digest(path: Path) -> str:
    """SHA-256 of a Python file's meaning; equal on every supported Python version."""
    return _meaning(path.read_bytes())


@cache
def _meaning(content: bytes) -> str:
    return hashlib.sha256(describe(ast.parse(content)).encode()).hexdigest()


@cache
def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe(node: ast.AST | list[ast.AST] | object) -> str:
    """An ASCII text for a syntax tree, without positions, docstrings, empty fields and `None`.

    Written out here because `ast.dump` changes between Python versions: fields come and go, and what is
    empty is dropped by some and kept by others. Not `repr`, since which characters it escapes depends on the
    version's Unicode tables.
    """
    if isinstance(node, list):
        return "[" + ",".join(describe(item) for item in node) + "]"
    if not isinstance(node, ast.AST):
        return ascii(node)
    fields = []
    for name in sorted(node._fields):
        value = getattr(node, name, None)
        if name == "body" and isinstance(node, WITH_DOCSTRING):
            value = _without_docstring(value or [])
        if name == "values" and isinstance(node, ast.JoinedStr):
            # Python 3.12 alone puts an empty text behind `{b}` in f"{a:{b}}".
            value = [part for part in node.values if getattr(part, "value", None) != ""]
        if name == "value" and isinstance(node, ast.Constant):
            fields.append(f"value={value!a}")
        elif value is not None and value != []:
            fields.append(f"{name}={describe(value)}")
    return f"{type(node).__name__}({','.join(fields)})"


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    def is_text(statement: ast.stmt) -> bool:
        return (
            isinstance(statement, ast.Expr)
            and isinstance(statement.value, ast.Constant)
            and isinstance(statement.value.value, str)
        )

    # A string that stands alone does nothing: first in a body it is the docstring, below a field its help.
    return [statement for statement in body if not is_text(statement)]
