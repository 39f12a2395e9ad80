"""The store: one folder a stage and key, read back with checks; `publication.py` puts it there.

    <store>/<stage>/<key>/index.json      what it is; there if and only if the rest is complete
    <store>/<stage>/<key>.done            the stamp that Snakemake watches
    <store>/<stage>/<key>.lock            held by whoever makes it
    <store>/<stage>/<key>.checkpoint/     what a training needs to go on after a kill
    <store>/<stage>/<key>.*.partial/      a result that is being made

Plumbing: not in a stage's code digest. Whoever changes what a key or an index means raises FORMAT.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from proxykd import shards
from proxykd.errors import UserError
from proxykd.section import canonical_json

FORMAT = 1
INDEX = "index.json"
STAMP = ".done"
CHECKPOINT = ".checkpoint"
PARTIAL = ".partial"


class Entry(BaseModel):
    """One file that an index lists."""

    name: str
    bytes: int
    sha256: str
    samples: int = 0


class Upstream(BaseModel):
    """One dataset or model that a stage was made from."""

    stage: str
    key: str
    digest: str


class Index(BaseModel):
    """What `index.json` says of a stage's result."""

    stage: str
    key: str
    settings: dict[str, Any]
    upstream: dict[str, list[Upstream]]
    data: dict[str, str]
    """Content digests of what came from outside by path."""
    source: dict[str, Any]
    """Digest of the code, of each of its modules, and of what each of those defines."""
    versions: dict[str, str]
    device: str
    seconds: float
    samples: int = 0
    shards: list[Entry] = []
    files: list[Entry] = []
    classes: list[str] = []
    facts: dict[str, Any] = {}
    """What the stage has to say of its result: counts, shortfalls, accuracies."""

    @property
    def digest(self) -> str:
        """SHA-256 over the content: equal for two results with the same bytes, whenever they were made."""
        listed = sorted((entry.name, entry.sha256) for entry in [*self.shards, *self.files])
        return hashlib.sha256(canonical_json(listed).encode()).hexdigest()


def root() -> Path:
    """The store's folder: `store` in the checkout unless PROXYKD_STORE names another."""
    return Path(os.environ.get("PROXYKD_STORE") or "store").expanduser()


def stage_key(
    stage: str, identity: dict[str, Any], code: str, data: dict[str, str], upstream: dict[str, list[str]]
) -> str:
    """The name of a result: 16 hexadecimal digits of the SHA-256 of all that determines it.

    `identity` is the section's, `code` the digest of its source, `data` the digests of what comes from
    outside by path, in the order of the section's `data()`, `upstream` the keys, never the paths, of what
    it is made from, role by role.
    """
    parts = {
        "stage": stage,
        "settings": identity,
        "code": code,
        "data": list(data.values()),
        "upstream": upstream,
        "formats": {"store": FORMAT, "shards": shards.FORMAT},
    }
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:16]


def folder_of(path: Path | str) -> Path:
    """The folder of a result that is named by its folder or its stamp."""
    path = Path(path)
    return path.with_suffix("") if path.suffix == STAMP else path


def stamp_of(folder: Path) -> Path:
    """The stamp that stands for a result."""
    return folder.with_name(folder.name + STAMP)


def checkpoint_of(folder: Path) -> Path:
    """The folder of what a training needs to go on."""
    return folder.with_name(folder.name + CHECKPOINT)


def read_index(folder: Path) -> Index:
    """The index of a complete result.

    Raises UserError where there is none, where it cannot be read, or where a file that it lists is
    missing or of another size. `read_shard` checks a shard's digest, `check_files` the others'.
    """
    path = folder / INDEX
    try:
        index = Index.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"{folder} is no finished result: it has no {INDEX}. Make it first, or correct the path."
        ) from None
    except ValidationError as error:
        raise UserError(shards.damaged(path, "it is not a valid index")) from error
    for entry in [*index.shards, *index.files]:
        file = folder / entry.name
        if not file.is_file():
            raise UserError(shards.damaged(file, "it is missing"))
        if file.stat().st_size != entry.bytes:
            raise UserError(shards.damaged(file, f"it has {file.stat().st_size} bytes, not {entry.bytes}"))
    return index


def is_complete(folder: Path) -> bool:
    """Whether a result is there and agrees with its index in names and sizes."""
    try:
        read_index(folder)
    except UserError:
        return False
    return True


def verify(folder: Path) -> Index:
    """The index of a result, all of whose files were compared with their digests."""
    index = check_files(folder)
    for entry in index.shards:
        shards.read_shard(folder / entry.name, entry.model_dump())
    return index


def check_files(folder: Path) -> Index:
    """The index of a result whose files other than shards were compared with their digests."""
    index = read_index(folder)
    for entry in index.files:
        if shards.file_facts(folder / entry.name)["sha256"] != entry.sha256:
            raise UserError(shards.damaged(folder / entry.name, shards.ALTERED))
    return index


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, with ordinary permissions."""
    partial = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def listed_files(folder: Path, skip: set[str]) -> list[Entry]:
    """Entries for the files of a private folder, except those in `skip`."""
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return [Entry(name=name, **shards.file_facts(folder / name)) for name in names if name not in skip]


def read_facts(path: Path) -> Any:
    """A JSON file of a result."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, json.JSONDecodeError) as error:
        raise UserError(shards.damaged(path, "it cannot be read as JSON")) from error
