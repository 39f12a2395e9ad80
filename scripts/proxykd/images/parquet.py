"""Image sets in parquet files, as the Hugging Face hub stores them.

`<path>/data/<split>-NNNNN-of-NNNNN.parquet`, or the same files in `<path>` itself; a column `image` (or
`img`) with the encoded bytes, a column `label` (or `labels`, `fine_label`), class names in the metadata.
"""

from __future__ import annotations

import bisect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from proxykd.errors import UserError
from proxykd.images.imported import Imported
from proxykd.images.parquet_layout import find_shards
from proxykd.images.prepare import decode_all
from proxykd.images.settings import ImportImages
from proxykd.images.splits import Keep, choose, own_splits

IMAGE_COLUMNS = ("image", "img")
LABEL_COLUMNS = ("label", "labels", "fine_label")
ROWS = 512


def read(settings: ImportImages, advance: Callable[[int], None], keep: Keep | None = None) -> Imported:
    """One split of a set in parquet files.

    Raises UserError on missing shards, columns, splits, class names, and on images that cannot be decoded.
    """
    root = Path(settings.path or "")
    shards = find_shards(root)
    used = sorted(set(own_splits(settings, shards, str(root)).values()))
    labels = {split: _labels(shards[split], split) for split in used}
    classes = _classes({split: shards[split] for split in used}, labels)
    _check_labels(labels, classes, root)
    theirs, members_K = choose(settings, shards, labels.__getitem__, classes, str(root), keep)
    images_NHWC = decode_all(_encoded(shards[theirs], members_K), len(members_K), settings, advance)
    return Imported(
        images_NHWC=images_NHWC,
        labels=labels[theirs][members_K].tolist(),
        classes=classes,
        origins=[f"{theirs}/{index}" for index in members_K],
    )


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except PermissionError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise UserError(
            f"{path} is no parquet file, or is damaged ({error}). Download it again (with git: git lfs pull)."
        ) from None


def _column(file: pq.ParquetFile, path: Path, names: tuple[str, ...]) -> str:
    there = file.schema_arrow.names
    for name in names:
        if name in there:
            return name
    raise UserError(
        f"{path} has no column {' or '.join(names)}; it has {', '.join(there)}. Rename the column."
    )


def _labels(paths: list[Path], split: str) -> np.ndarray:
    """All labels of a split, int64, in order; a null is -1, the hub's own mark for an unlabelled image."""
    parts: list[np.ndarray] = [np.empty(0, dtype=np.int64)]
    for path in paths:
        with _open(path) as file:
            name = _column(file, path, LABEL_COLUMNS)
            if not pa.types.is_integer(file.schema_arrow.field(name).type):
                kind = file.schema_arrow.field(name).type
                raise UserError(f"Column {name} of {path} is of type {kind}. Labels must be integers.")
            column = _read_column(file, path, name)
            parts.append(column.fill_null(-1).to_numpy().astype(np.int64))
    labels_N = np.concatenate(parts)
    if len(labels_N) == 0:
        raise UserError(f"The {split} files at {paths[0].parent} hold no rows. Download the set again.")
    return labels_N


def _read_column(file: pq.ParquetFile, path: Path, name: str) -> Any:
    try:
        return file.read(columns=[name]).column(name)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} is damaged ({error}). Download it again.") from None


def _classes(shards: dict[str, list[Path]], labels: dict[str, np.ndarray]) -> list[str]:
    """The class names of the schema's metadata, else "0" to the highest label of all splits in use."""
    named = {split: _class_names(paths[0]) for split, paths in shards.items()}
    lists = {split: names for split, names in named.items() if names is not None}
    if not lists:
        highest = max((int(labels_N.max()) for labels_N in labels.values()), default=-1)
        return [str(label) for label in range(highest + 1)]
    first = min(lists)
    for split, names in lists.items():
        if names != lists[first]:
            raise UserError(
                f"The class names of {shards[split][0]} are not those of {shards[first][0]}. "
                "The splits of a set must have the same classes in the same order."
            )
    return lists[first]


def _class_names(path: Path) -> list[str] | None:
    with _open(path) as file:
        label = _column(file, path, LABEL_COLUMNS)
        metadata = (file.schema_arrow.metadata or {}).get(b"huggingface")
    try:
        names = json.loads(metadata or b"{}")["info"]["features"][label]["names"]
    except (ValueError, KeyError, TypeError):
        return None
    return [str(name) for name in names] if isinstance(names, list) else None


def _check_labels(labels: dict[str, np.ndarray], classes: list[str], root: Path) -> None:
    for split, labels_N in labels.items():
        wrong = np.flatnonzero((labels_N < 0) | (labels_N >= len(classes)))
        if len(wrong):
            raise UserError(
                f"Row {wrong[0]} of the {split} split at {root} has the label {labels_N[wrong[0]]}, of "
                f"{len(classes)} classes ({len(wrong)} such rows; -1 marks unlabelled ones). Labels must be "
                "0 to the number of classes less one: repair them, or name another split in splits."
            )


def _encoded(paths: list[Path], members_K: np.ndarray) -> Iterator[tuple[bytes, str]]:
    """The encoded images of the rows `members_K` (ascending, counted over all files), with their places."""
    start = 0
    for path in paths:
        with _open(path) as file:
            stop = start + file.metadata.num_rows
            rows = (members_K[(members_K >= start) & (members_K < stop)] - start).tolist()
            try:
                yield from _rows(file, path, rows)
            except (pa.ArrowException, OSError) as error:
                raise UserError(f"{path} is damaged ({error}). Download it again.") from None
            start = stop


def _rows(file: pq.ParquetFile, path: Path, rows: list[int]) -> Iterator[tuple[bytes, str]]:
    """The images of a file's `rows`; row groups without a wanted row are not read."""
    column = _column(file, path, IMAGE_COLUMNS)
    first = 0
    for group in range(file.num_row_groups):
        stop = first + file.metadata.row_group(group).num_rows
        mine = rows[bisect.bisect_left(rows, first) : bisect.bisect_left(rows, stop)]
        batches = file.iter_batches(ROWS, row_groups=[group], columns=[column]) if mine else ()
        for batch in batches:
            here = mine[bisect.bisect_left(mine, first) : bisect.bisect_left(mine, first + batch.num_rows)]
            values = batch.column(0).take(pa.array([row - first for row in here], pa.int64()))
            for row, value in zip(here, values, strict=True):
                place = f"row {row} of {path.name}"
                yield _bytes(value.as_py(), place), place
            first += batch.num_rows
        first = stop


def _bytes(value: Any, place: str) -> bytes:
    data = value.get("bytes") if isinstance(value, dict) else value
    if not isinstance(data, bytes):
        raise UserError(
            f"The image in {place} has no bytes in it, perhaps only a path. Save the set with its images "
            "embedded, as datasets.Dataset.push_to_hub does."
        )
    return data
