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
from PIL import Image

from proxykd.environment import cores
from proxykd.errors import UserError
from proxykd.scratch import room_for

FORMAT = 1
SAMPLES_PER_SHARD = 10_000
TABLE = "samples.parquet"
ROW_GROUP = 100_000
DECODED_AT_ONCE = 256
KEY = re.compile(r"[0-9a-f]{16}")
ALTERED = "its SHA-256 is not the one in index.json"


@dataclass
class ShardWriter:
    """Writes `train-000000.tar` ... and `samples.parquet` into a folder; byte-identical when made twice.

    Use as a context manager. A sample's key is its running number in eight digits; `mtime=0` as an int,
    since a float makes tarfile add a kilobyte of extended header to every member.
    """

    folder: Path
    samples_per_shard: int = SAMPLES_PER_SHARD
    shards: list[dict[str, Any]] = field(default_factory=list)
    """Finished shards: name, samples, bytes, sha256."""
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __enter__(self) -> ShardWriter:
        self._tar: tarfile.TarFile | None = None
        self._in_shard = 0
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._finish_shard()
            write_table(self.folder / TABLE, self.rows)
        elif self._tar is not None:
            # The folder is thrown away; closing the tar would only hide the first error behind a second.
            self._tar.fileobj.close()

    def add(self, image_HWC: np.ndarray, row: dict[str, Any]) -> None:
        """Append one uint8 image of 1 or 3 channels; `row` is what is known of it."""
        self.add_encoded(encode(image_HWC), "png", row)

    def add_encoded(self, content: bytes, suffix: str, row: dict[str, Any]) -> None:
        """Append one image that is encoded already; `suffix` is its format's, without a dot."""
        if self._tar is None:
            self._tar = tarfile.open(self._path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        key = f"{len(self.rows):08d}"
        member = tarfile.TarInfo(f"{key}.{suffix}")
        member.size, member.mtime, member.mode = len(content), 0, 0o444
        self._tar.addfile(member, io.BytesIO(content))
        self.rows.append({"key": key, "shard": self._path.name, **row})
        self._in_shard += 1
        if self._in_shard == self.samples_per_shard:
            self._finish_shard()

    @property
    def _path(self) -> Path:
        return self.folder / f"train-{len(self.shards):06d}.tar"

    def _finish_shard(self) -> None:
        if self._tar is None:
            return
        path = self._path
        self._tar.close()
        self._tar = None
        self.shards.append({"name": path.name, "samples": self._in_shard, **file_facts(path)})
        self._in_shard = 0


def encode(image_HWC: np.ndarray) -> bytes:
    """PNG of one uint8 image with 1 or 3 channels."""
    buffer = io.BytesIO()
    image = image_HWC[..., 0] if image_HWC.shape[-1] == 1 else image_HWC
    Image.fromarray(image).save(buffer, "png", compress_level=4)
    return buffer.getvalue()


def decode(content: bytes) -> np.ndarray:
    """The uint8 image, H x W x C with C 1 or 3, of an encoded one."""
    image = np.asarray(Image.open(io.BytesIO(content)))
    return image[..., None] if image.ndim == 2 else image


def file_facts(path: Path) -> dict[str, Any]:
    """Size in bytes and SHA-256 of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


def write_table(path: Path, rows: list[dict[str, Any]] | dict[str, Any]) -> None:
    """Write rows (a list of dictionaries, or a dictionary of columns) as parquet."""
    table = pa.table(rows) if isinstance(rows, dict) else pa.Table.from_pylist(rows)
    pq.write_table(table, path, row_group_size=ROW_GROUP, compression="zstd")


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
            place = images[at : at + len(members)]
            chunks = range(0, len(members), DECODED_AT_ONCE)
            fits = pool.map(
                lambda first, members=members, place=place: _decode_into(place, members, first), chunks
            )
            if not all(fits):
                # NumPy would broadcast one channel to three without a word.
                raise UserError(damaged(folder / shard["name"], "its images differ in size or channels"))
            at += len(members)
    if images is None:
        raise UserError(f"{folder} holds no images: nothing can be made from an empty set.")
    return images


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
