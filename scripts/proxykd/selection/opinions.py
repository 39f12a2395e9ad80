"""The teacher's opinion of the images of some pools, as arrays of one row an image, pool after pool."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from proxykd.errors import UserError
from proxykd.selection.choice import Chooser
from proxykd.selection.settings import WITHIN, SelectProxies
from proxykd.shards import TABLE, stream_table

BLOCK = 16_384
"""Rows whose logits are in memory at once."""


def predicted(scores: list[Path]) -> np.ndarray:
    """The teacher's class of each image."""
    return _gather(scores, ["predicted"], lambda batch: batch["predicted"].astype(np.int32))


def digests(scores: list[Path]) -> np.ndarray:
    """64 bits that are equal for images which are equal in every pixel."""
    return _gather(scores, ["digest"], lambda batch: batch["digest"])


def chooser(scores: list[Path], settings: SelectProxies) -> Chooser:
    """What chooses among a class's images. Raises UserError where the scores lack what it looks at."""
    if settings.within == "random":
        return lambda rows, count: rows[:count]
    rule = import_module(WITHIN[settings.within])
    seen_N = _gather(scores, rule.columns(settings), lambda batch: rule.look(batch, settings))
    return lambda rows, count: rows[rule.choose(seen_N[rows], count, settings)]


def blocks(scores: list[Path], columns: list[str]) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Some columns of the rows in blocks, each with the number of its first row."""
    at = 0
    for folder in scores:
        for batch in stream_table(folder, columns, BLOCK):
            yield at, batch
            at += len(batch[columns[0]])


def _gather(
    scores: list[Path], columns: list[str], of: Callable[[dict[str, np.ndarray]], np.ndarray]
) -> np.ndarray:
    """What `of` makes of each block, in one array that is made once."""
    _check_columns(scores, columns)
    total = sum(pq.read_metadata(folder / TABLE).num_rows for folder in scores)
    whole = None
    for first, batch in blocks(scores, columns):
        part = of(batch)
        if whole is None:
            whole = np.empty((total, *part.shape[1:]), part.dtype)
        whole[first : first + len(part)] = part
    return np.empty(0, np.int64) if whole is None else whole


def _check_columns(scores: list[Path], columns: list[str]) -> None:
    for folder in scores:
        there = pq.read_schema(folder / TABLE).names
        if missing := [name for name in columns if name not in there]:
            raise UserError(
                f"{folder} has no {missing[0]}. Score the pool again"
                + (" with score_proxies.features: true." if missing == ["features"] else ".")
            )
