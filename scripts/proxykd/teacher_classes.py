"""The teacher's class of each image, for readers that know nothing of ProxyKD: `.cls` members of the shards.

In the store a class stands in a parquet column alone (each member more costs a third of the reading speed);
it is added on the way out, and taken out on the way in, which gives the store's own bytes again.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proxykd import store
from proxykd.errors import UserError
from proxykd.shards import damaged, read_table
from proxykd.store import Index, Upstream

SUFFIX = ".cls"
WITH_CLASSES = ("select_proxies", "attack_boundary")
"""Their own table says what the teacher sees."""
POOLS = ("render_proxies", "import_images")
"""Scores say it, of one teacher or another. A real set's own label is not the teacher's class."""


@dataclass(frozen=True)
class Classes:
    """What a teacher sees in the images of one result."""

    origin: Upstream
    names: list[str]
    """Class names by number."""
    table: Any
    """Columns `key` and `predicted`, a row an image, in the order of the shards."""

    def counts(self) -> list[int]:
        """Images of each class."""
        import numpy as np

        return np.bincount(self.table["predicted"].to_numpy(), minlength=len(self.names)).tolist()

    def of_rows(self, first: int, count: int) -> dict[str, int]:
        """Sample's key -> class, of some rows."""
        rows = self.table.slice(first, count)
        return dict(zip(rows["key"].to_pylist(), rows["predicted"].to_pylist(), strict=True))


def classes_of(folder: Path, index: Index, scores: Path | None) -> Classes | None:
    """The teacher's classes for a result's images; `scores` is the folder that has a pool's. None: unknown.

    Raises UserError where the classes are not those of these images.
    """
    if not index.shards:
        return None
    source = folder if index.stage in WITH_CLASSES else scores
    if source is None:
        return None
    of = store.check_files(source)
    table = read_table(source, ["key", "predicted"])
    if table.num_rows != index.samples:
        raise UserError(f"{source} has {table.num_rows} rows, and {folder} {index.samples} images.")
    return Classes(Upstream(stage=of.stage, key=of.key, digest=of.digest), of.classes, table)


def scores_of(root: Path, pool: Index, given: list[Path], preferred: set[str]) -> Path | None:
    """The scores of a pool: of those `given`, else of the keys `preferred`, else of whatever the store has.

    The newest of one teacher; None where there are none. Raises UserError where there are several teachers'.
    """
    found = {folder: store.read_index(folder) for folder in _finished(root / "score_proxies")}
    ours = {folder: index for folder, index in found.items() if index.upstream["pool"][0].key == pool.key}
    wanted = [folder for folder in ours if folder in given]
    wanted = wanted or [folder for folder in ours if folder.name in preferred] or list(ours)
    teachers = {ours[folder].upstream["teacher"][0].key for folder in wanted}
    if len(teachers) > 1:
        several = ", ".join(
            f"score_proxies/{folder.name} (of {index.upstream['teacher'][0].stage}/"
            f"{index.upstream['teacher'][0].key})"
            for folder, index in sorted(ours.items())
            if folder in wanted
        )
        raise UserError(
            f"{pool.stage}/{pool.key} was scored by several teachers: {several}. Say with --scores whose "
            "classes to write."
        )
    return max(wanted, key=lambda folder: (folder / store.INDEX).stat().st_mtime, default=None)


def _finished(stage: Path) -> list[Path]:
    return [path.parent for path in stage.glob(f"*/{store.INDEX}") if store.is_complete(path.parent)]


def add(source: Path, target: Path, class_of: dict[str, int]) -> None:
    """Write a shard again with a `.cls` member behind each image: the class as decimal digits.

    Raises UserError where a sample has no class.
    """
    with _new_shard(target) as tar:
        for name, content in _members(source):
            key = name.partition(".")[0]
            if key not in class_of:
                raise UserError(damaged(source, f"sample {key} has no row in the table of classes"))
            _append(tar, name, content)
            _append(tar, f"{key}{SUFFIX}", str(class_of[key]).encode())


def take_out(source: Path, target: Path) -> None:
    """Write a shard again without its `.cls` members, in the form that `shards.ShardWriter` gives it."""
    with _new_shard(target) as tar:
        for name, content in _members(source):
            if not name.endswith(SUFFIX):
                _append(tar, name, content)


def image_suffix(shard: Path) -> str:
    """The format of a shard's images, as their names have it."""
    return next((name.partition(".")[2] for name, _ in _members(shard)), "png")


def _new_shard(path: Path) -> tarfile.TarFile:
    return tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)


def _append(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = len(content), 0, 0o444
    tar.addfile(member, io.BytesIO(content))


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents. UserError for what no shard holds: a link, or a file that is mostly a hole."""
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isreg() and not member.issparse() else None
                if file is None:
                    raise UserError(f"{path.name} holds {member.name!r}, which is no ordinary file.")
                yield member.name, file.read()
    except tarfile.TarError as error:
        raise UserError(f"{path.name} cannot be read as a tar file: {error}.") from error
