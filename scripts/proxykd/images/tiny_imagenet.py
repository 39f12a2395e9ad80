"""Tiny ImageNet in the folders that its authors gave it: 200 classes, 64 x 64 pixels.

    tiny-imagenet-200/train/<wnid>/images/*.JPEG      500 of each class
    tiny-imagenet-200/val/images/*.JPEG               10,000, labelled in val/val_annotations.txt
    tiny-imagenet-200/test/images/*.JPEG              10,000, whose labels were never given out
    tiny-imagenet-200/wnids.txt, words.txt            the classes, and what they are called

It counts by its name in a stage's key, as torchvision's sets do, so what its authors say of it is checked:
the number of classes, and of images of each.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from proxykd.errors import UserError
from proxykd.images.imported import Imported
from proxykd.images.prepare import decode_all
from proxykd.images.settings import ImportImages
from proxykd.images.splits import Keep, choose

TITLE = "Tiny ImageNet"
FOLDER = "tiny-imagenet-200"
ANNOTATIONS = "val_annotations.txt"
CLASSES, OF_A_CLASS, VALIDATION = 200, 500, 10_000


def read(settings: ImportImages, advance: Callable[[int], None], keep: Keep | None = None) -> Imported:
    """One split; `test` is the set's val, on which everybody reports, unless `splits` says otherwise.

    Classes are WordNet ids, sorted, as whoever reads the folders as they are has them; wnids.txt has another
    order. Raises UserError where the set is missing, incomplete, or has another layout.
    """
    root = _root(settings)
    classes = sorted(_lines(root / "wnids.txt"))
    if len(set(classes)) != CLASSES:
        raise _not_whole(root, f"wnids.txt names {len(set(classes))} classes, not {CLASSES}")
    tables = {"val": lambda: _validation(root, classes), "train": lambda: _train(root, classes)}
    # The set's own test split cannot be used, so val takes its name where `splits` does not give val another.
    available = {
        "train": "train",
        **({"val": "val"} if "val" in settings.splits.values() else {"test": "val"}),
    }
    read_already: dict[str, tuple[list[Path], np.ndarray]] = {}

    def labels_of(name: str) -> np.ndarray:
        read_already[name] = tables[available[name]]()
        return read_already[name][1]

    theirs, members_K = choose(settings, available, labels_of, classes, TITLE, keep)
    files, labels_N = read_already[theirs]
    chosen = [files[index] for index in members_K]
    return Imported(
        images_NHWC=decode_all(((file, str(file)) for file in chosen), len(chosen), settings, advance),
        labels=labels_N[members_K].tolist(),
        classes=classes,
        origins=[file.relative_to(root).as_posix() for file in chosen],
    )


def _root(settings: ImportImages) -> Path:
    root = Path(settings.path or "data")
    for folder in (root / FOLDER, root):
        if (folder / "wnids.txt").is_file():
            return folder
    raise UserError(
        f"{TITLE} is not at {root / FOLDER}. Get {FOLDER}.zip from its authors, unpack it, and set path to "
        f"the folder in which {FOLDER} lies."
    )


def _train(root: Path, classes: list[str]) -> tuple[list[Path], np.ndarray]:
    files: list[Path] = []
    for name in classes:
        mine = sorted((root / "train" / name / "images").glob("[!.]*.JPEG"))
        if len(mine) != OF_A_CLASS:
            raise _not_whole(root, f"train/{name}/images has {len(mine)} images, not {OF_A_CLASS}")
        files += mine
    return files, np.repeat(np.arange(len(classes)), OF_A_CLASS)


def _validation(root: Path, classes: list[str]) -> tuple[list[Path], np.ndarray]:
    """The images in the order of val_annotations.txt: file, WordNet id and a box, separated by tabs."""
    numbers = {name: label for label, name in enumerate(classes)}
    rows = [line.split("\t") for line in _lines(root / "val" / ANNOTATIONS)]
    files, labels = [], []
    for number, row in enumerate(rows, 1):
        if len(row) < 2 or row[1] not in numbers:
            raise _not_whole(root, f"line {number} of val/{ANNOTATIONS} names no class of wnids.txt")
        files.append(root / "val" / "images" / row[0])
        labels.append(numbers[row[1]])
    there = sum(file.is_file() for file in files)
    if (len(files), there) != (VALIDATION, VALIDATION):
        raise _not_whole(root, f"val lists {len(files)} images and has {there} of them, not {VALIDATION}")
    return files, np.array(labels, dtype=np.int64)


def _lines(file: Path) -> list[str]:
    try:
        return [line.strip() for line in file.read_text().splitlines() if line.strip()]
    except FileNotFoundError:
        raise _not_whole(file.parent, f"{file.name} is missing") from None


def _not_whole(folder: Path, reason: str) -> UserError:
    return UserError(
        f"{folder} is not {TITLE} as its authors gave it out ({reason}). Unpack {FOLDER}.zip anew; where its "
        "images were moved into one folder a class, choose source folder, and splits: {test: val}."
    )
