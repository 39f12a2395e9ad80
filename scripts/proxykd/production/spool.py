"""What is drawn already, in a folder that outlives a kill: one Arrow file a bundle, and what was settled.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, overload

import numpy as np
import pyarrow as pa

from proxykd.errors import full_disk
from proxykd.production.columns import column
from proxykd.production.parts import Bundle
from proxykd.store import write_atomically

FORMAT = 1
FILES = "*-????????????????"
"""Whole bundles' files."""
SETTLED = "settled.json"
PARTIAL = ".partial"
IMAGE, SAMPLE = "image", "sample"
"""Columns of a bundle's file: an encoded image, and its number in the pool. The others are the table's."""


@contextmanager
def open_spool(folder: Path, key: str) -> Iterator[Spool]:
    """The spool in a folder. Whatever ends the work, what is drawn stays there for whoever goes on.

    It goes where nothing is drawn yet, and when the disk is full or a quota used up: it may be what fills it.
    """
    try:
        yield Spool(folder, key)
    except BaseException as error:
        if (isinstance(error, Exception) and full_disk(error)) or not any(folder.glob(FILES)):
            shutil.rmtree(folder, ignore_errors=True)
        raise


class Spool:
    """The files of one pool's bundles.

    A file's name says who drew what in it, so that none is taken for another after a program has failed.
    """

    def __init__(self, folder: Path, key: str) -> None:
        """Go on with what is there of the same key; anything else is removed."""
        self.folder, self.key = folder, key
        self.backend: str | None = None
        self.failed: dict[int, str] = {}
        """Programs that draw nothing, by number, and why."""
        settled = self._settled()
        if settled is None:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            self.settle()
            return
        self.backend = settled["backend"]
        self.failed = {int(program): reason for program, reason in settled["failed"].items()}
        for left in folder.glob(f"*{PARTIAL}"):
            left.unlink(missing_ok=True)

    def _settled(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads((self.folder / SETTLED).read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return found if (found.get("format"), found.get("key")) == (FORMAT, self.key) else None

    def settle(self) -> None:
        """Write down the back end and the programs that failed, for whoever goes on."""
        settled = {"format": FORMAT, "key": self.key, "backend": self.backend, "failed": self.failed}
        write_atomically(self.folder / SETTLED, json.dumps(settled, indent=1).encode())

    def path(self, bundle: Bundle) -> Path:
        """Where a bundle's file is, or will be."""
        drawn = [(part.program, part.samples.start, part.samples.stop, part.samples.step)
                 for part in bundle.parts]  # fmt: skip
        return self.folder / f"{bundle.number:06d}-{hashlib.sha256(repr(drawn).encode()).hexdigest()[:16]}"

    def read(self, bundle: Bundle) -> pa.RecordBatch | None:
        """A bundle's rows, mapped into memory; None where they are not there, or not whole."""
        try:
            rows = pa.ipc.open_file(pa.memory_map(str(self.path(bundle)))).get_batch(0)
        except (OSError, pa.ArrowInvalid):
            return None
        return rows if rows.num_rows == len(bundle.samples) else None


class Stored(Sequence[pa.RecordBatch]):
    """The rows of bundles that are all there. Each is mapped when it is asked for, and held by who asks."""

    def __init__(self, spool: Spool, bundles: list[Bundle]) -> None:
        self.spool, self.bundles = spool, bundles

    def __len__(self) -> int:
        return len(self.bundles)

    @overload
    def __getitem__(self, k: int) -> pa.RecordBatch: ...
    @overload
    def __getitem__(self, k: slice) -> Sequence[pa.RecordBatch]: ...
    def __getitem__(self, k: int | slice) -> pa.RecordBatch | Sequence[pa.RecordBatch]:
        if isinstance(k, slice):
            return Stored(self.spool, self.bundles[k])
        rows = self.spool.read(self.bundles[k])
        if rows is None:
            raise RuntimeError("a bundle that was written before cannot be read")
        return rows


def write(path: Path, parts: list[pa.RecordBatch]) -> None:
    """Write a bundle's file from its parts' rows, in the order of the samples: whole or not at all."""
    table = pa.Table.from_batches(parts).sort_by(SAMPLE).combine_chunks()
    partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
    with pa.OSFile(str(partial), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    os.replace(partial, path)


def rows_of(samples: range, images: list[bytes], columns: dict[str, Any]) -> pa.RecordBatch:
    """A part's rows; a column is a list, or an array with a number or (N x K) a list a row."""
    numbers = np.arange(samples.start, samples.stop, samples.step)
    given = {SAMPLE: numbers, IMAGE: images, **columns}
    return pa.RecordBatch.from_pydict({name: column(values) for name, values in given.items()})
