"""Digests of what comes from outside by path: a checkpoint, a folder of images.

Digests are cached by path, size and time of change, so that a plan that needs nothing stays instant.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from proxykd.errors import UserError

CACHE = Path(".cache") / "digests.json"


class Digests:
    """Content digests of files and folders, remembered in one file of the checkout.

    `save` writes it atomically: parsing the Snakefile on many nodes at once must not corrupt it.
    """

    def __init__(self, cache: Path = CACHE) -> None:
        self.cache = cache
        self.changed = False
        try:
            self.known: dict[str, list] = json.loads(cache.read_bytes())
        except (OSError, json.JSONDecodeError):
            self.known = {}

    def digest(self, path: str) -> str:
        """SHA-256 of a file's content, or of the names and contents of a folder's files.

        Raises UserError where nothing is at the path.
        """
        place = Path(path).expanduser()
        if place.is_file():
            return self._file(place)
        if not place.is_dir():
            raise UserError(f"There is nothing at {path}. Correct the path in the configuration.")
        whole = hashlib.sha256()
        for file in sorted(place.rglob("*")):
            if file.is_file():
                whole.update(f"{file.relative_to(place)} {self._file(file)}\n".encode())
        return whole.hexdigest()

    def _file(self, path: Path) -> str:
        state = path.stat()
        facts = [state.st_size, state.st_mtime_ns]
        name = str(path.resolve())
        known = self.known.get(name)
        if known is None or known[:2] != facts:
            with path.open("rb") as file:
                known = [*facts, hashlib.file_digest(file, "sha256").hexdigest()]
            self.known[name] = known
            self.changed = True
        return known[2]

    def save(self) -> None:
        """Write the cache if anything is new. A checkout that cannot be written simply keeps none."""
        if not self.changed:
            return
        partial = self.cache.with_name(f"{self.cache.name}.{os.getpid()}")
        try:
            self.cache.parent.mkdir(exist_ok=True)
            partial.write_text(json.dumps(self.known))
            os.replace(partial, self.cache)
        except OSError:
            partial.unlink(missing_ok=True)
        self.changed = False
