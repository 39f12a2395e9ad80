"""Edits of a checkout after which every result is still the one that is asked for."""

from __future__ import annotations

import io
import os
import time
import tokenize
from itertools import pairwise
from typing import Any

import yaml

from checkouts import PACKAGE, SMOKE, Checkout
from proxykd.configuration import load


def reformat(checkout: Checkout) -> None:
    """Other lines, other quotes, other docstrings, and a comment behind each statement."""
    style = {"line-length": "70", "format.quote-style": "'single'"}
    options = [part for name, value in style.items() for part in ("--config", f"{name}={value}")]
    programs = [path for path in (checkout.folder / "scripts").rglob("*.py") if path.stat().st_size]
    for path in programs:
        path.write_text(reworded(path.read_text()))
    worded = {path: path.read_text() for path in programs}
    done = checkout.python("-m", "ruff", "format", "--isolated", "--no-cache", *options, "scripts")
    assert done.returncode == 0, done.stderr
    assert sum(path.read_text() != text for path, text in worded.items()) > len(programs) / 2


def reworded(text: str) -> str:
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    lines = text.splitlines(keepends=True)
    for token, behind in reversed(list(pairwise(tokens))):
        row, column = behind.start[0] - 1, behind.start[1]
        if behind.type == tokenize.NEWLINE and token.type != tokenize.COMMENT:
            lines[row] = f"{lines[row][:column]}  # A comment.\n"
        if behind.type == tokenize.NEWLINE and token.line.lstrip().startswith('"""'):
            row = token.start[0] - 1
            lines[row] = lines[row].replace('"""', '"""Other words. ', 1)
    return "".join(lines)


def reorder(checkout: Checkout) -> None:
    """All mappings of the configuration turned round, and none of its comments."""
    write(checkout, turned(yaml.safe_load((checkout.folder / SMOKE).read_text())))


def turned(given: Any) -> Any:
    if isinstance(given, list):
        return [turned(one) for one in given]
    return {key: turned(given[key]) for key in reversed(given)} if isinstance(given, dict) else given


def state_defaults(checkout: Checkout) -> None:
    """Every setting of every stage, as it is anyway."""
    given = yaml.safe_load((checkout.folder / SMOKE).read_text())
    ((name, experiment),) = load(given).experiments.items()
    kept = {key: given[key] for key in ("title", "note", "seeds")}
    whole = kept | experiment.model_dump(mode="json") | {"experiments": {name: None}}
    assert len(yaml.safe_dump(whole)) > 2 * len(yaml.safe_dump(given))
    write(checkout, whole)


def write(checkout: Checkout, configuration: dict[str, Any], file: str = SMOKE) -> None:
    (checkout.folder / file).write_text(yaml.safe_dump(configuration, sort_keys=False))


def touch(checkout: Checkout) -> None:
    """All files of the checkout, and the first stages' stamps: they are newer than what is made from them."""
    now = time.time()
    stamps = [*checkout.store.glob("import_images/*.done"), *checkout.store.glob("render_proxies/*.done")]
    for path in [*checkout.folder.rglob("*"), *stamps]:
        if ".snakemake" not in path.parts:
            os.utime(path, (now, now), follow_symlinks=False)


def edit_presentation(checkout: Checkout) -> None:
    """Code of the report and of the progress bars, the page and its style."""
    added = {"page.py": "X = 1", "progress.py": "X = 1", "report.html": "<!-- x -->", "report.css": "/* x */"}
    for name, text in added.items():
        (path,) = (checkout.folder / PACKAGE / "presentation").rglob(name)
        path.write_text(f"{path.read_text()}\n{text}\n")
