"""A folder or URL elsewhere: its files by name, its failures as sentences.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from proxykd.errors import UserError, full_disk
from proxykd.store import STAMP, Entry, write_atomically

BLOCK_BYTES = 2**24
"""Of a file that is read back, at once."""
WITHOUT_FOLDERS = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "oss", "hf"}
"""Object stores: a name is enough, and making a folder may make a bucket."""
UNREACHABLE = {"ConnectionError", "TimeoutError", "HTTPClientError", "ClientConnectionError", "gaierror"}


class Remote:
    """A place that fsspec can open. Every failure is a UserError that names the place."""

    def __init__(self, place: str) -> None:
        import fsspec  # type: ignore[import-untyped]

        # Without a password that stands in it.
        self.shown = re.sub(r"(?<=://)[^/@]*@", "", place)
        self.shown = self.shown if self.shown.endswith("://") else self.shown.rstrip("/")
        try:
            with self._telling(""):
                self.files, root = fsspec.url_to_fs(place)
        except ImportError as error:
            raise UserError(f"{self.shown} cannot be opened: {error}, in this environment.") from error
        self.root = str(root).rstrip("/")
        # Fresh, where an earlier use in this process has listed it.
        self.files.invalidate_cache()
        protocol = self.files.protocol
        self._protocols = {protocol} if isinstance(protocol, str) else set(protocol)

    @property
    def at_once(self) -> int:
        """How many files may be moved at once: implementations without coroutines may hold one connection."""
        return 4 if self.files.async_impl else 1

    def path(self, name: str) -> str:
        """A name as the file system takes it."""
        return f"{self.root}/{name}"

    @property
    def folder(self) -> Path | None:
        """The place as a folder of this machine, where it is one."""
        return Path(self.root) if "file" in self._protocols else None

    def names(self, name: str) -> list[str]:
        """What is in a folder; nothing where there is no such folder."""
        with self._telling(name):
            try:
                found = self.files.ls(self.path(name), detail=False)
            except (FileNotFoundError, NotADirectoryError):
                return []
        return sorted(PurePosixPath(str(one).rstrip("/")).name for one in found)

    def read(self, name: str) -> bytes | None:
        """A small file; None where there is none."""
        with self._telling(name):
            try:
                return bytes(self.files.cat_file(self.path(name)))
            except (FileNotFoundError, NotADirectoryError):
                return None

    def objection(self, name: str, entry: Entry) -> str:
        """Why a file cannot be the listed one, without reading it; empty where it may be."""
        with self._telling(name):
            try:
                size = self.files.info(self.path(name))["size"]
            except (FileNotFoundError, NotADirectoryError):
                return "it is missing"
        # A web server may not say.
        return "" if size in {entry.bytes, None} else f"it has {size} bytes, not {entry.bytes}"

    def holds(self, name: str, entry: Entry) -> bool:
        """Whether the listed file is there, going by its SHA-256: it is read for that."""
        if self.objection(name, entry):
            return False
        with self._telling(name), self.files.open(self.path(name), "rb", block_size=BLOCK_BYTES) as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256

    def put(self, source: Path, name: str) -> None:
        """Copy a file there."""
        with self._telling(name):
            self._make_folder(name)
            self.files.put_file(str(source), self.path(name))

    def write(self, name: str, content: bytes) -> None:
        """Write a small file; on this machine and in an object store whole or not at all."""
        with self._telling(name):
            self._make_folder(name)
            if self.folder is not None:
                write_atomically(self.folder / name, content)
            else:
                self.files.pipe_file(self.path(name), content)

    def get(self, name: str, target: Path) -> None:
        """Fetch a file. A full disk is an OSError here, since it is ours."""
        with self._telling(name, ours=True):
            self.files.get_file(self.path(name), str(target))

    def remove(self, name: str) -> None:
        """Remove a file."""
        with self._telling(name):
            self.files.rm_file(self.path(name))

    def _make_folder(self, name: str) -> None:
        if not self._protocols & WITHOUT_FOLDERS:
            self.files.makedirs(self.path(name).rpartition("/")[0], exist_ok=True)

    @contextmanager
    def _telling(self, name: str, ours: bool = False) -> Iterator[None]:
        try:
            yield
        except (UserError, ImportError):
            raise
        except Exception as error:  # Each implementation raises what its own libraries do.
            full = full_disk(error)
            if full and ours:
                raise
            place = f"{self.shown}/{name}".rstrip("/")
            raise UserError(
                f"{place}: {full} Free some space there." if full else _told(place, error)
            ) from error


def _told(place: str, error: Exception) -> str:
    """A sentence for whatever a file system raised."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    reason = (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]
    reason = reason.rstrip(".")
    if isinstance(error, PermissionError) or any("Credential" in kind for kind in kinds):
        return (
            f"{place}: no permission ({reason}). Credentials come from the environment (see --help); check "
            "them, and what they allow."
        )
    if isinstance(error, FileNotFoundError):
        return (
            f"{place}: there is no such bucket or folder ({reason}). Make it first, or correct the address."
        )
    if kinds & UNREACHABLE:
        return f"{place} cannot be reached ({reason}). Check the address, and AWS_ENDPOINT_URL for s3://."
    return f"{place}: {reason} ({type(error).__name__})."


def is_store(remote: Remote) -> bool:
    """Whether a place is a folder in which stages are made, with stamps or locks."""
    folder = remote.folder
    return folder is not None and any(any(folder.glob(f"*/*{end}")) for end in (STAMP, ".lock"))
