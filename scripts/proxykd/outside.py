"""Digests of what comes from outside by path: a checkpoint, a folder of images.

Digests are cached by path, size and time of change, so that a plan that needs nothing stays instant.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from proxykd.errors import UserError
from proxykd.store import write_atomically

CACHE = Path(".cache") / "digests.json"
PATHS = ("path", "checkpoint", "division")
"""Keys of a configuration whose values are paths outside the store."""
SETTLED_SECONDS = 2.0
"""A file that changed more recently is not remembered: it may change again within its clock's resolution."""


class Digests:
    """Content digests of files and folders, remembered in one file of the checkout.

    `save` writes it atomically: parsing the Snakefile on many nodes at once must not corrupt it.
    """

    def __init__(self, cache: Path = CACHE) -> None:
        self.cache = cache
        self.changed = False
        self.known: dict[str, list] = {}
        with suppress(OSError, ValueError, TypeError):
            self.known.update(json.loads(cache.read_bytes()))

    def digest(self, path: str) -> str:
        """SHA-256 of a file's content, or of the names and contents of a folder's files, links followed.

        Raises UserError where nothing is at the path, and where a file cannot be read.
        """
        place = Path(path).expanduser()
        if place.is_file():
            return self._file(place)
        if not place.is_dir():
            raise UserError(f"There is nothing at {path}. Correct the path in the configuration.")
        whole = hashlib.sha256()
        for name in sorted(files_below(place)):
            whole.update(b"%s %s\n" % (os.fsencode(name), self._file(place / name).encode()))
        return whole.hexdigest()

    def _file(self, path: Path) -> str:
        state = path.stat()
        facts = [state.st_size, state.st_mtime_ns]
        name = os.path.realpath(path)
        known = self.known.get(name)
        if known is not None and known[:2] == facts:
            return known[2]
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UserError(
                f"{path} cannot be read: {error.strerror}. It counts for a stage's key."
            ) from error
        if time.time() - state.st_mtime > SETTLED_SECONDS:
            self.known[name] = [*facts, digest]
            self.changed = True
        return digest

    def save(self) -> None:
        """Write the cache if anything is new. A checkout that cannot be written simply keeps none."""
        if not self.changed:
            return
        with suppress(OSError):
            self.cache.parent.mkdir(exist_ok=True)
            write_atomically(self.cache, json.dumps(self.known).encode())
        self.changed = False


def files_below(folder: Path) -> Iterator[str]:
    """Names, relative to a folder, of all files below it. Links to folders are followed, but never round."""
    above: dict[str, set[str]] = {str(folder): {os.path.realpath(folder)}}
    for place, folders, names in os.walk(folder, followlinks=True):
        passed = above.pop(place)
        real = {name: os.path.realpath(os.path.join(place, name)) for name in folders}
        folders[:] = [name for name in folders if real[name] not in passed]
        above |= {os.path.join(place, name): passed | {real[name]} for name in folders}
        yield from (os.path.relpath(os.path.join(place, name), folder) for name in names)


def fill_paths(given: Any, place: str) -> Any:
    """A configuration whose paths to things outside have `~` and `$NAME` filled in.

    Raises UserError for an environment variable that is not set.
    """
    if isinstance(given, list):
        return [fill_paths(item, place) for item in given]
    if not isinstance(given, dict):
        return given
    return {
        key: _filled(value, f"{place}: {key}")
        if key in PATHS and isinstance(value, str)
        else fill_paths(value, place)
        for key, value in given.items()
    }


def _filled(path: str, place: str) -> str:
    filled = os.path.expanduser(os.path.expandvars(path))
    if "$" in filled:
        name = filled[filled.index("$") :].split("/")[0]
        raise UserError(
            f"{place} is {path}, but the environment variable {name} is not set. Set it, or give a path."
        )
    return filled
