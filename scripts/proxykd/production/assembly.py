"""Shards and their table from a pool's bundles, in the order of the samples.

Plumbing: not in a stage's code digest. What is written is what `shards.ShardWriter` would write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from proxykd import shards
from proxykd.encoding import SUFFIX
from proxykd.environment import cores
from proxykd.production.columns import column, numbers_of
from proxykd.production.spool import IMAGE, SAMPLE
from proxykd.ustar import TarWriter


def assemble(bundles: Sequence[pa.RecordBatch], folder: Path) -> list[dict[str, Any]]:
    """Write all shards and `samples.parquet`; the shards' names, samples, bytes and digests.

    bundles: each with its rows in the order of their samples, which are together all from 0 on. One is asked
    for anew wherever it is needed, so that a file that is mapped for it is let go in between: what is in
    memory is a few shards, however large the pool.
    """
    numbers = [numbers_of(bundle[SAMPLE]).copy() for bundle in bundles]
    count = sum(map(len, numbers))

    def written(shard: int) -> dict[str, Any]:
        first = shard * shards.SAMPLES_PER_SHARD
        last = min(first + shards.SAMPLES_PER_SHARD, count)
        return write_shard(
            slices(bundles, numbers, first, last), first, last, folder / shards.shard_name(shard)
        )

    with ThreadPoolExecutor(min(cores(), AT_ONCE)) as threads:
        listed = threads.map(written, range(-(-count // shards.SAMPLES_PER_SHARD)))
        shards.write_groups(folder / shards.TABLE, table_groups(bundles, numbers, count))
        return list(listed)


AT_ONCE = 4
"""Shards, at most, that are written at once: a disk is busy with few."""


def slices(
    bundles: Sequence[pa.RecordBatch], numbers: list[np.ndarray], first: int, last: int
) -> Iterator[pa.RecordBatch]:
    """The rows of samples from `first` up to `last`, from each bundle that has some.

    numbers: of the samples of each bundle, ascending.
    """
    for k, samples_N in enumerate(numbers):
        begin, end = np.searchsorted(samples_N, [first, last]).tolist()
        if begin < end:
            yield bundles[k].slice(begin, end - begin)


def write_shard(rows: Iterable[pa.RecordBatch], first: int, last: int, path: Path) -> dict[str, Any]:
    """Write the samples from `first` up to `last`, all of which are among the rows, as one shard."""
    images: list[memoryview] = [memoryview(b"")] * (last - first)
    for batch in rows:
        for sample, image in zip(batch[SAMPLE].to_pylist(), encoded(batch), strict=True):
            images[sample - first] = image
    tar = TarWriter(path)
    for begin, end in _pieces([len(image) for image in images]):
        names = [f"{shards.key_of(first + i)}.{SUFFIX}" for i in range(begin, end)]
        tar.append(names, images[begin:end])
    return tar.close()


def encoded(rows: pa.RecordBatch) -> Iterator[memoryview]:
    """Each row's image, without a copy."""
    images = rows[IMAGE]
    _, ends, data = images.buffers()
    # The buffers are those of the whole bundle.
    ends_N = np.frombuffer(ends, np.int32)[images.offset : images.offset + len(images) + 1].tolist()
    whole = memoryview(data)
    return (whole[begin:end] for begin, end in pairwise(ends_N))


def _pieces(sizes: list[int]) -> Iterator[tuple[int, int]]:
    """Runs of images that take up `WRITTEN_AT_ONCE` bytes, or little more."""
    begin = held = 0
    for i, size in enumerate(sizes):
        held += size
        if held >= shards.WRITTEN_AT_ONCE or i == len(sizes) - 1:
            yield begin, i + 1
            begin, held = i + 1, 0


def table_groups(
    bundles: Sequence[pa.RecordBatch], numbers: list[np.ndarray], count: int
) -> Iterator[pa.Table]:
    """The table, in as many rows at a time as lie together in the file."""
    for first in range(0, count, shards.ROW_GROUP):
        last = min(first + shards.ROW_GROUP, count)
        table = pa.Table.from_batches(
            [rows.drop_columns([IMAGE]) for rows in slices(bundles, numbers, first, last)]
        )
        table = table.sort_by(SAMPLE).drop_columns([SAMPLE])
        samples = range(first, last)
        names = [shards.shard_name(i // shards.SAMPLES_PER_SHARD) for i in samples]
        table = table.add_column(0, "shard", column(names))
        yield table.add_column(0, "key", column([shards.key_of(i) for i in samples])).combine_chunks()
