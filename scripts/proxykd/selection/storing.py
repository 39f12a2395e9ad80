"""Write what was selected: shards from images that are encoded already, and a table from columns.

What is written is what `shards.ShardWriter` would write, without a dictionary for each row in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from proxykd import shards
from proxykd.encoding import SUFFIX
from proxykd.ustar import TarWriter

ORIGINS = ("program", "class", "key")
"""The column that says what a pool's image came from: the first of these that there is."""
AT_ONCE = 256
"""Images that are handed to a shard at once."""


def write(
    folder: Path, count: int, content: Callable[[int], bytes], columns: dict[str, Any]
) -> list[dict[str, Any]]:
    """Write shards and table of `count` images; the shards' names, samples, bytes and digests."""
    listed: list[dict[str, Any]] = []
    for first in range(0, count, shards.SAMPLES_PER_SHARD):
        last = min(first + shards.SAMPLES_PER_SHARD, count)
        tar = TarWriter(folder / shards.shard_name(len(listed)))
        for begin in range(first, last, AT_ONCE):
            here = range(begin, min(begin + AT_ONCE, last))
            tar.append([f"{shards.key_of(i)}.{SUFFIX}" for i in here], [content(i) for i in here])
        listed.append(tar.close())
    shards.write_groups(folder / shards.TABLE, _groups(pa.table(columns), count))
    return listed


def _groups(table: pa.Table, count: int) -> Iterator[pa.Table]:
    for first in range(0, max(count, 1), shards.ROW_GROUP):
        samples = range(first, min(first + shards.ROW_GROUP, count))
        names = [shards.shard_name(i // shards.SAMPLES_PER_SHARD) for i in samples]
        rows = table.slice(first, len(samples)).add_column(0, "shard", pa.array(names, pa.string()))
        keys = pa.array([shards.key_of(i) for i in samples], pa.string())
        yield rows.add_column(0, "key", keys).combine_chunks()


def origins(pools: list[Path], pool_M: np.ndarray, row_M: np.ndarray) -> dict[str, pa.Array]:
    """For each of M images its key in its pool, and the program or class that it came from."""
    order = np.lexsort((row_M, pool_M))
    kept: list[Any] = [pa.array([], pa.string())]
    for number, pool in enumerate(pools):
        rows = row_M[order[pool_M[order] == number]]
        there = pq.read_schema(pool / shards.TABLE).names
        origin = next(name for name in ORIGINS if name in there)
        start = 0
        for batch in shards.stream_table(pool, [origin], shards.ROW_GROUP):
            end = start + len(batch[origin])
            here = rows[slice(*np.searchsorted(rows, [start, end]).tolist())] - start
            kept.append(pa.array([str(value) for value in batch[origin][here]], pa.string()))
            start = end
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return {
        "pool_key": pa.array([shards.key_of(row) for row in row_M.tolist()], pa.string()),
        "program": pa.concat_arrays(kept).take(pa.array(back)),
    }
