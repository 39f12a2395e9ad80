"""Datasets on disk: WebDataset shards of PNG images, and one parquet row a sample.

Plumbing: not in a stage's code digest. Whoever changes what is written raises FORMAT, and the
golden-bytes test fails until they do.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from proxykd.encoding import SUFFIX, decode, encode
from proxykd.environment import cores
from proxykd.errors import UserError
from proxykd.scratch import room_for
from proxykd.ustar import TarWriter

FORMAT = 2
SAMPLES_PER_SHARD = 10_000
TABLE = "samples.parquet"
ROW_GROUP = 100_000
DECODED_AT_ONCE = 256
WRITTEN_AT_ONCE = 2**24
"""Bytes of images."""
KEY = re.compile(r"[0-9a-f]{16}")
ALTERED = "its SHA-256 is not the one in index.json"


@dataclass
class ShardWriter:
    """Writes `train-000000.tar` ... and `samples.parquet` into a folder; byte-identical when made twice.

    Use as a context manager. A sample's key is its running number (`key_of`).
    """

    folder: Path
    samples_per_shard: int = SAMPLES_PER_SHARD
    shards: list[dict[str, Any]] = field(default_factory=list)
    """Finished shards: name, samples, bytes, sha256."""
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __enter__(self) -> ShardWriter:
        self._tar: TarWriter | None = None
        self._names: list[str] = []
        self._contents: list[bytes] = []
        self._waiting = 0
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._finish_shard()
            write_table(self.folder / TABLE, self.rows)
        elif self._tar is not None:
            # The folder is thrown away.
            self._tar.abandon()

    def add(self, image_HWC: np.ndarray, row: dict[str, Any]) -> None:
        """Append one uint8 image of 1 or 3 channels; `row` is what is known of it."""
        self.add_encoded(encode(image_HWC), SUFFIX, row)

    def add_encoded(self, content: bytes, suffix: str, row: dict[str, Any]) -> None:
        """Append one image that is encoded already; `suffix` is its format's, without a dot."""
        shard = shard_name(len(self.shards))
        if self._tar is None:
            self._tar = TarWriter(self.folder / shard)
        key = key_of(len(self.rows))
        self._names.append(f"{key}.{suffix}")
        self._contents.append(content)
        self.rows.append({"key": key, "shard": shard, **row})
        self._waiting += len(content)
        if self._waiting >= WRITTEN_AT_ONCE:
            self._write()
        if self._tar.samples + len(self._names) == self.samples_per_shard:
            self._finish_shard()

    def _write(self) -> None:
        if self._tar is not None and self._names:
            self._tar.append(self._names, self._contents)
            self._names, self._contents, self._waiting = [], [], 0

    def _finish_shard(self) -> None:
        self._write()
        if self._tar is not None:
            self.shards.append(self._tar.close())
            self._tar = None


def key_of(sample: int) -> str:
    """A sample's key: its running number."""
    return f"{sample:08d}"


def shard_name(shard: int) -> str:
    """The file of a dataset's shard."""
    return f"train-{shard:06d}.tar"


def file_facts(path: Path) -> dict[str, Any]:
    """Size in bytes and SHA-256 of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


def write_table(path: Path, rows: list[dict[str, Any]] | dict[str, Any]) -> None:
    """Write rows (a list of dictionaries, or a dictionary of columns) as parquet."""
    table = pa.table(rows) if isinstance(rows, dict) else pa.Table.from_pylist(rows)
    write_groups(path, iter([table]))


def write_groups(path: Path, tables: Iterator[pa.Table]) -> None:
    """Write a parquet file from one table, or from several of `ROW_GROUP` rows each but for the last."""
    first = next(tables)
    with pq.ParquetWriter(path, first.schema, compression="zstd") as writer:
        writer.write_table(first, row_group_size=ROW_GROUP)
        for table in tables:
            writer.write_table(table, row_group_size=ROW_GROUP)


def read_table(folder: Path, columns: list[str] | None = None) -> pa.Table:
    """The rows of a dataset; `columns` picks some."""
    try:
        return pq.read_table(folder / TABLE, columns=columns)
    except (OSError, pa.ArrowInvalid) as error:
        raise UserError(damaged(folder / TABLE, "it cannot be read as parquet")) from error


def stream_table(folder: Path, columns: list[str], rows: int) -> Iterator[dict[str, np.ndarray]]:
    """Some columns of a dataset's rows as arrays, at most `rows` at a time; lists are N x K."""
    try:
        for batch in pq.ParquetFile(folder / TABLE).iter_batches(rows, columns=columns):
            yield {name: _array(batch[name]) for name in columns}
    except (OSError, pa.ArrowInvalid) as error:
        raise UserError(damaged(folder / TABLE, "it cannot be read as parquet")) from error


def _array(column: pa.Array) -> np.ndarray:
    if isinstance(column, pa.FixedSizeListArray):
        return column.flatten().to_numpy().reshape(len(column), -1)
    return column.to_numpy(zero_copy_only=False)


def read_rows(folder: Path, shards: list[dict[str, Any]], rows: list[int]) -> list[np.ndarray]:
    """The images of some ascending rows of a dataset, each H x W x C uint8.

    Only shards that hold one of them are read, and checked as `read_images` does.
    """
    images: list[np.ndarray] = []
    start = 0
    for shard in shards:
        end = start + shard["samples"]
        here = [row - start for row in rows if start <= row < end]
        if here:
            members = read_shard(folder / shard["name"], shard)
            images += [decode(members[row]) for row in here]
        start = end
    return images


def read_images(folder: Path, shards: list[dict[str, Any]]) -> np.ndarray:
    """All images of a dataset, N x H x W x C uint8, in the order of its rows; decoded in parallel.

    In memory, or where they would fill it in a file that is mapped into it (`room_for`). Every shard's digest
    and number of samples is checked against the index while it is read: a tar that was cut between two
    members otherwise reads as a shorter one without an error.
    """
    images: np.ndarray | None = None
    total = sum(shard["samples"] for shard in shards)
    at = 0
    with ThreadPoolExecutor(cores()) as pool:
        for shard in shards:
            members = read_shard(folder / shard["name"], shard)
            if images is None:
                images = room_for((total, *decode(members[0]).shape))
            _decode_all(pool, images[at : at + len(members)], members, folder / shard["name"])
            at += len(members)
    if images is None:
        raise UserError(f"{folder} holds no images: nothing can be made from an empty set.")
    return images


def stream_images(folder: Path, shards: list[dict[str, Any]], rows: int) -> Iterator[np.ndarray]:
    """The same images, at most `rows` at a time, so that no more than a shard is in memory."""
    shape: tuple[int, ...] | None = None
    with ThreadPoolExecutor(cores()) as pool:
        for shard in shards:
            members = read_shard(folder / shard["name"], shard)
            shape = shape or decode(members[0]).shape
            for first in range(0, len(members), rows):
                block = members[first : first + rows]
                images_NHWC = np.empty((len(block), *shape), np.uint8)
                _decode_all(pool, images_NHWC, block, folder / shard["name"])
                yield images_NHWC
    if shape is None:
        raise UserError(f"{folder} holds no images: nothing can be made from an empty set.")


def _decode_all(pool: ThreadPoolExecutor, place_NHWC: np.ndarray, members: list[bytes], shard: Path) -> None:
    chunks = range(0, len(members), DECODED_AT_ONCE)
    if not all(pool.map(lambda first: _decode_into(place_NHWC, members, first), chunks)):
        # NumPy would broadcast one channel to three without a word.
        raise UserError(damaged(shard, "its images differ in size or channels"))


def _decode_into(place_NHWC: np.ndarray, members: list[bytes], first: int) -> bool:
    """Decode some of a shard's members into their places; False where one is no such image."""
    # OpenCV decodes outside Python's lock, so threads work side by side; Pillow hardly does at this size.
    for row, member in enumerate(members[first : first + DECODED_AT_ONCE], first):
        image = cv2.imdecode(np.frombuffer(member, np.uint8), cv2.IMREAD_UNCHANGED)
        if image is None:
            return False
        # OpenCV's colours are blue, green, red.
        image_HWC = image[..., ::-1] if image.ndim == 3 else image[..., None]
        if image_HWC.shape != place_NHWC.shape[1:]:
            return False
        place_NHWC[row] = image_HWC
    return True


def read_shard(path: Path, expected: dict[str, Any]) -> list[bytes]:
    """The encoded images of one shard, after checking it against its entry in the index."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise UserError(damaged(path, "it is missing")) from error
    if hashlib.sha256(content).hexdigest() != expected["sha256"]:
        cut = f"it is truncated: it has {len(content)} bytes, not {expected['bytes']}"
        raise UserError(damaged(path, cut if len(content) < expected["bytes"] else ALTERED))
    members = list(_members(content))
    if len(members) != expected["samples"]:
        raise UserError(damaged(path, f"it holds {len(members)} samples and should {expected['samples']}"))
    return members


def _members(content: bytes) -> Iterator[bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        for member in tar:
            file = tar.extractfile(member)
            if file is not None:
                yield file.read()


def damaged(path: Path, reason: str) -> str:
    """What to tell whoever meets a damaged file of the store, or of a result that lies elsewhere."""
    for folder in path.parents:
        if KEY.fullmatch(folder.name):
            command = f"python scripts/store.py discard {folder.parent.name}/{folder.name}"
            return (
                f"{path} is damaged: {reason}. Remove that dataset with `{command}` and start again: it and "
                "what was not yet made from it are rebuilt."
            )
    return f"{path} is damaged: {reason}. Remove {path.parent} and make it again."
