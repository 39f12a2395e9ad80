"""WebDataset shards: tar files with an image a sample and, beside it, its label in a .cls or .json member.

Read with tarfile, not with the webdataset library: of a set of which a part is wanted only the headers are
read, then the images that were chosen; and a shard that was cut short is noticed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from proxykd.errors import UserError
from proxykd.images.imported import UNLABELLED, Imported
from proxykd.images.prepare import decode_all
from proxykd.images.settings import ImportImages
from proxykd.images.splits import Keep, choose, choose_unlabelled, own_splits
from proxykd.images.tars import Sample, list_samples, read_images
from proxykd.images.webdataset_layout import class_names, expected_samples, find_shards

TABLE = "samples.parquet"


def read(settings: ImportImages, advance: Callable[[int], None], keep: Keep | None = None) -> Imported:
    """One split of a set of shards, in the order of the shards' names and of the samples in them.

    A set without any labels has one class, `unlabelled`. Raises UserError on missing or damaged shards, and
    on labels that are missing, mixed or out of range.
    """
    root = Path(settings.path or "")
    shards = find_shards(root, set(settings.splits.values()))
    used = sorted(set(own_splits(settings, shards, str(root)).values()))
    expected = expected_samples(root, {split: shards[split] for split in used})
    samples = {split: _samples(shards[split], split, expected) for split in used}
    names = class_names(root)
    if not any(sample.label is not None for several in samples.values() for sample in several):
        _labels_of_table(root, [sample for several in samples.values() for sample in several])
    classes = _classes(samples, names, root)
    numbers = {name: label for label, name in enumerate(classes)}
    labels = {split: _labels(several, numbers, root) for split, several in samples.items()}
    choosing = choose_unlabelled if classes == [UNLABELLED] else choose
    theirs, members_K = choosing(settings, shards, labels.__getitem__, classes, str(root), keep)
    chosen = [samples[theirs][index] for index in members_K]
    return Imported(
        images_NHWC=decode_all(read_images(chosen), len(chosen), settings, advance),
        labels=labels[theirs][members_K].tolist(),
        classes=classes,
        origins=[f"{sample.shard.relative_to(root).as_posix()}/{sample.key}" for sample in chosen],
        ignored=[
            file.relative_to(root).as_posix()
            for split, files in shards.items()
            if split not in used
            for file in files
        ],
    )


def _samples(files: list[Path], split: str, expected: dict[Path, int]) -> list[Sample]:
    samples = [sample for file in files for sample in list_samples(file, expected.get(file))]
    if not samples:
        raise UserError(f"The {split} shards in {files[0].parent} hold no images. Download the set again.")
    return samples


def _labels_of_table(root: Path, samples: list[Sample]) -> None:
    """Labels from the table beside shards of ProxyKD's own store, whose samples have none in the shards."""
    if not (root / TABLE).is_file():
        return
    import pyarrow.parquet as pq

    if not {"key", "shard", "label"} <= set(pq.read_schema(root / TABLE).names):
        return
    rows = pq.read_table(root / TABLE, columns=["key", "shard", "label"]).to_pylist()
    known = {(row["shard"], row["key"]): row["label"] for row in rows}
    for sample in samples:
        sample.label = known.get((sample.shard.name, sample.key))


def _classes(samples: dict[str, list[Sample]], names: list[str] | None, root: Path) -> list[str]:
    """The class names: those of a file beside the shards, else the labels where they are names, else "0" to
    the highest label of all splits in use. Raises UserError for labels of several kinds."""
    found = {sample.label for several in samples.values() for sample in several}
    if found == {None}:
        return [UNLABELLED]
    kinds = {type(label) for label in found}
    if len(kinds) > 1:
        described = {int: "numbers", str: "names", type(None): "no label at all"}
        raise UserError(
            f"Some samples at {root} have {' and others '.join(sorted(described[kind] for kind in kinds))}. "
            "Give every sample a label of the same kind (a .cls member, or label in a .json one), or none."
        )
    if names is not None:
        return names
    numbers = [label for label in found if isinstance(label, int)]
    if numbers:
        return [str(label) for label in range(max(numbers) + 1)]
    return sorted(label for label in found if isinstance(label, str))


def _labels(samples: list[Sample], numbers: dict[str, int], root: Path) -> np.ndarray:
    """All labels of a split as int64."""
    labels_N = np.zeros(len(samples), dtype=np.int64)
    for index, sample in enumerate(samples):
        label = sample.label
        number = numbers.get(label) if isinstance(label, str) else label or 0
        if number is None or not 0 <= number < len(numbers):
            raise UserError(
                f"Sample {sample.key} of {sample.shard} has the label {label}, which is none of the "
                f"{len(numbers)} classes of {root}. Correct it, or the file with the class names."
            )
        labels_N[index] = number
    return labels_N
