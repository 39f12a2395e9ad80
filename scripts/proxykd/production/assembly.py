"""Shards and their table from a pool's bundles, in the order of the samples.

Plumbing: not in a stage's code digest. What is written is what `shards.ShardWriter` would write.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from proxykd import shards
from proxykd.encoding import SUFFIX
from proxykd.environment import cores
from proxykd.production.spool import IMAGE, SAMPLE
from proxykd.ustar import TarWriter


def assemble(bundles: list[pa.RecordBatch], folder: Path) -> list[dict[str, Any]]:
    """Write all shards and `samples.parquet`; the shards' names, samples, bytes and digests.

    bundles: each with its rows in the order of their samples, which are together all from 0 on.
    """
    contents = [Contents.of(bundle) for bundle in bundles]
    count = sum(bundle.num_rows for bundle in bundles)

    def written(shard: int) -> dict[str, Any]:
        first = shard * shards.SAMPLES_PER_SHARD
        last = min(first + shards.SAMPLES_PER_SHARD, count)
        return write_shard(contents, first, last, folder / shards.shard_name(shard))

    with ThreadPoolExecutor(min(cores(), AT_ONCE)) as threads:
        listed = threads.map(written, range(-(-count // shards.SAMPLES_PER_SHARD)))
        shards.write_groups(folder / shards.TABLE, table_groups(bundles, contents, count))
        return list(listed)


AT_ONCE = 4
"""Shards, at most, that are written at once: a disk is busy with few."""


@dataclass
class Contents:
    """The encoded images of a bundle, without copies."""

    samples_N: np.ndarray
    ends: list[int]
    """Where each image begins in `data`, and behind them where the last one ends."""
    data: memoryview

    @classmethod
    def of(cls, bundle: pa.RecordBatch) -> Contents:
        """Those of a mapped file."""
        _, ends, data = bundle[IMAGE].buffers()
        ends_N = np.frombuffer(ends, np.int32)[: bundle.num_rows + 1]
        return cls(bundle[SAMPLE].to_numpy(), ends_N.tolist(), memoryview(data))

    def rows(self, first: int, last: int) -> range:
        """The rows of samples from `first` up to `last`."""
        return range(*np.searchsorted(self.samples_N, [first, last]).tolist())


def write_shard(contents: list[Contents], first: int, last: int, path: Path) -> dict[str, Any]:
    """Write the samples from `first` up to `last` as one shard."""
    images: list[memoryview] = [memoryview(b"")] * (last - first)
    for bundle in contents:
        rows = bundle.rows(first, last)
        for sample, row in zip(bundle.samples_N[rows.start : rows.stop].tolist(), rows, strict=True):
            images[sample - first] = bundle.data[bundle.ends[row] : bundle.ends[row + 1]]
    tar = TarWriter(path)
    for begin, end in _pieces([len(image) for image in images]):
        names = [f"{shards.key_of(first + i)}.{SUFFIX}" for i in range(begin, end)]
        tar.append(names, images[begin:end])
    return tar.close()


def _pieces(sizes: list[int]) -> Iterator[tuple[int, int]]:
    """Runs of images that take up `WRITTEN_AT_ONCE` bytes, or little more."""
    begin = held = 0
    for i, size in enumerate(sizes):
        held += size
        if held >= shards.WRITTEN_AT_ONCE or i == len(sizes) - 1:
            yield begin, i + 1
            begin, held = i + 1, 0


def table_groups(bundles: list[pa.RecordBatch], contents: list[Contents], count: int) -> Iterator[pa.Table]:
    """The table, in as many rows at a time as lie together in the file."""
    for first in range(0, count, shards.ROW_GROUP):
        last = min(first + shards.ROW_GROUP, count)
        here = [one.rows(first, last) for one in contents]
        slices = [bundle.slice(rows.start, len(rows)) for bundle, rows in zip(bundles, here, strict=True)]
        table = pa.Table.from_batches([one.drop_columns([IMAGE]) for one in slices if one.num_rows])
        table = table.take(np.argsort(table[SAMPLE].to_numpy())).drop_columns([SAMPLE])
        samples = range(first, last)
        names = [shards.shard_name(i // shards.SAMPLES_PER_SHARD) for i in samples]
        table = table.add_column(0, "shard", pa.array(names))
        yield table.add_column(0, "key", pa.array([shards.key_of(i) for i in samples])).combine_chunks()
