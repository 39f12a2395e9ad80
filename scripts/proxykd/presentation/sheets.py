"""Pictures of proxies: contact sheets by class, and pairs on either side of the boundary.

Only the shards that hold a picked image are read.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from proxykd.presentation.collect import Result
from proxykd.shards import read_rows, read_table

COLUMNS = 10
"""Images of a class on a contact sheet."""
CLASSES = 10
"""Classes on a contact sheet."""
PAIRS = 12
LARGEST = 48
"""Pixels of an image's side on a contact sheet; larger ones are shrunk."""
LARGEST_OF_PAIR = 64
PNG_UP_TO = 32
"""Larger images are stored as WebP, which takes a fraction of the space."""


@dataclass(frozen=True)
class Sheet:
    """One picture of rows of images; `labels` has a line of text for each row."""

    labels: list[str]
    source: str
    """A data URI."""
    width: int
    height: int
    rows: int
    columns: int
    scale: int
    """Pixels of the screen for each pixel: whole, so that all are equally large."""
    empty: list[bool]
    """Rows that hold no image."""


@dataclass(frozen=True)
class PairSheet:
    """Pairs as rows of before, beyond and their difference, one half beside the other."""

    halves: list[Sheet]
    amplified: int
    """Factor on the difference."""


def contact_sheet(selection: Result, columns: int = COLUMNS, most: int = CLASSES) -> Sheet:
    """The first selected images of each class that the teacher sees; see `sheet_of_classes`."""
    return sheet_of_classes([(selection, selection)], selection.index.classes, columns, most)


def sheet_of_classes(
    parts: list[tuple[Result, Result]], classes: list[str], columns: int = COLUMNS, most: int = CLASSES
) -> Sheet:
    """The first images of each class that the teacher sees; classes without any have an empty row.

    parts: images, and whoever says what the teacher sees in them. Of many classes, `most` are shown: two
    without any image, if there are, and the others evenly from the one with the fewest images to the one with
    the most.
    """
    predicted = [read_table(scores.folder, ["predicted"])["predicted"].to_numpy() for _, scores in parts]
    shown = _classes_to_show(np.bincount(np.concatenate(predicted), minlength=len(classes)), most)
    lines: dict[int, list[np.ndarray]] = {label: [] for label in shown}
    for (images, _), predicted_N in zip(parts, predicted, strict=True):
        rows = {
            label: np.flatnonzero(predicted_N == label)[: columns - len(line)]
            for label, line in lines.items()
        }
        read = _read(images, [int(row) for several in rows.values() for row in several])
        for label, several in rows.items():
            lines[label] += [read[int(row)] for row in several]
    return _sheet(list(lines.values()), [classes[label] for label in shown], columns, LARGEST)


def check_sheet(
    check: Result, datasets: list[Result], kind: str, columns: int = COLUMNS, most: int = CLASSES
) -> Sheet:
    """What an imported teacher sees as each class of one kind of images, `proxies` or `pictures`."""
    table = read_table(check.folder, ["kind", "place", "row", "predicted"])
    chosen = np.array(table["kind"].to_pylist()) == kind
    place_N, row_N, predicted_N = (table[name].to_numpy()[chosen] for name in ("place", "row", "predicted"))
    classes = check.index.classes
    shown = _classes_to_show(np.bincount(predicted_N, minlength=len(classes)), most)
    picked = {label: np.flatnonzero(predicted_N == label)[:columns] for label in shown}
    wanted = np.concatenate(list(picked.values()))
    images = {
        (place, row): image
        for place, dataset in enumerate(datasets)
        for row, image in _read(dataset, row_N[wanted[place_N[wanted] == place]].tolist()).items()
    }
    lines = [[images[int(place_N[one]), int(row_N[one])] for one in picked[label]] for label in shown]
    return _sheet(lines, [classes[label] for label in shown], columns, LARGEST)


def _classes_to_show(histogram_K: np.ndarray, most: int) -> list[int]:
    if len(histogram_K) <= most:
        return list(range(len(histogram_K)))
    by_count = np.argsort(histogram_K, kind="stable")
    empty = by_count[histogram_K[by_count] == 0]
    filled = by_count[len(empty) :]
    places = np.linspace(0, len(filled) - 1, min(len(filled), most - len(empty[:2]))).round().astype(int)
    return [int(label) for label in [*empty[:2], *filled[places]]]


def pair_sheet(boundary: Result, most: int = PAIRS) -> PairSheet:
    """Pairs from the first shard, evenly spread over it."""
    columns = ["shard", "success", "role", "predicted", "confidence", "steps"]
    table = read_table(boundary.folder, columns)
    roles = np.array(table["role"].to_pylist())
    before = np.flatnonzero(roles == "pre")
    first = boundary.index.shards[0].samples - boundary.facts["members"]
    before = before[before <= first]
    picked = before[np.unique(np.linspace(0, len(before) - 1, min(most, len(before))).round().astype(int))]
    # A success's images follow one another: the one beyond the boundary stands after the one before it.
    members = [(int(row), int(row) + 1) for row in picked]
    images = _read(boundary, [row for pair in members for row in pair])
    changes = [images[b].astype(int) - images[a] for a, b in members]
    factor = max(1, 127 // max(1, max(int(np.abs(change).max()) for change in changes)))
    lines = [
        [images[a], images[b], np.clip(128 + factor * change, 0, 255).astype(np.uint8)]
        for (a, b), change in zip(members, changes, strict=True)
    ]
    classes = boundary.index.classes
    known = table.take([row for pair in members for row in pair]).to_pylist()
    labels = [
        f"{_outcome(classes, pre)} → {_outcome(classes, post)}, {_steps(post['steps'])}"
        for pre, post in zip(known[::2], known[1::2], strict=True)
    ]
    half = -(-len(lines) // 2)
    parts = [(lines[:half], labels[:half]), (lines[half:], labels[half:])]
    return PairSheet([_sheet(*part, 3, LARGEST_OF_PAIR) for part in parts if part[0]], factor)


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"


def _outcome(classes: list[str], row: dict[str, Any]) -> str:
    return f"{classes[row['predicted']]} ({100 * row['confidence']:.0f} %)"


def matrix(counts_KK: list[list[int]]) -> Sheet:
    """A picture of a matrix of counts, the darker the more; for more classes than a table can show."""
    counts = np.array(counts_KK, float)
    shade = np.sqrt(counts / max(1.0, counts.max()))[..., None]
    low, high = np.array([238, 241, 245]), np.array([29, 78, 137])
    image = (low + shade * (high - low)).round().astype(np.uint8)
    return Sheet([], _data_uri(image, "PNG"), image.shape[1], image.shape[0], len(image), 1, 1, [])


def _read(result: Result, rows: list[int]) -> dict[int, np.ndarray]:
    """The images of some rows of a dataset."""
    wanted = sorted(set(rows))
    shards = [entry.model_dump() for entry in result.index.shards]
    return dict(zip(wanted, read_rows(result.folder, shards, wanted), strict=True))


def _sheet(lines: list[list[np.ndarray]], labels: list[str], columns: int, largest: int) -> Sheet:
    """One picture of rows of images, transparent where there are none."""
    side = min(largest, next(image.shape[0] for line in lines for image in line))
    pitch = side + max(1, side // 12)
    canvas = np.zeros((len(lines) * pitch, columns * pitch, 4), np.uint8)
    for i, line in enumerate(lines):
        for j, image_HWC in enumerate(line):
            tile = canvas[i * pitch : i * pitch + side, j * pitch : j * pitch + side]
            tile[..., :3], tile[..., 3] = _shrunk(image_HWC, side), 255
    # What is shown at its own size and has many pixels may lose some detail.
    lossless = side <= PNG_UP_TO or columns <= 3
    return Sheet(
        labels,
        _data_uri(canvas, "PNG" if side <= PNG_UP_TO else "WEBP", lossless),
        canvas.shape[1],
        canvas.shape[0],
        len(lines),
        columns,
        max(1, largest // side),
        [not line for line in lines],
    )


def _shrunk(image_HWC: np.ndarray, side: int) -> np.ndarray:
    if image_HWC.shape[0] == side:
        return image_HWC
    flat = image_HWC[..., 0] if image_HWC.shape[-1] == 1 else image_HWC
    small = np.asarray(Image.fromarray(flat).resize((side, side), Image.Resampling.BOX))
    return small[..., None] if small.ndim == 2 else small


def _data_uri(image: np.ndarray, kind: str, lossless: bool = True) -> str:
    buffer = io.BytesIO()
    options: dict[str, Any] = {"optimize": True} if kind == "PNG" else {"quality": 85, "lossless": lossless}
    Image.fromarray(image).save(buffer, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"
