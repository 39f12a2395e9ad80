"""The sets that torchvision knows by name and keeps as image files: FGVC-Aircraft, Oxford-IIIT Pets, EuroSAT,
Food-101.

A set with a name counts by its name in a stage's key. No digest of these sets' files is published, and
torchvision looks at an archive's only when it downloads it; a digest of the folder, as for `folder`, would
read 5 GB of Food-101 before the first plan, ask the disk for 101,000 files at every one after, and could not
be known before a download. So what their authors say of them is checked here: how many classes, how many
images of each split, and that each file is there. Images altered in place are not noticed: use `folder`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from proxykd.images.imported import Imported
from proxykd.images.prepare import decode_all
from proxykd.images.settings import ImportImages
from proxykd.images.splits import Keep, choose, own_splits
from proxykd.images.torchvision_load import load, root_of


@dataclass(frozen=True)
class FileSet:
    """What is known of one of the sets."""

    title: str
    kind: str
    """torchvision's class."""
    folder: str
    """The set's own below the root."""
    images: dict[str, int]
    """Split -> how many images it has."""
    classes: dict[str, int]
    """Annotation, "" where there is one -> how many classes it has."""


SETS = {
    "fgvc_aircraft": FileSet(
        "FGVC-Aircraft",
        "FGVCAircraft",
        "fgvc-aircraft-2013b",
        {"trainval": 6667, "train": 3334, "val": 3333, "test": 3333},
        {"variant": 100, "family": 70, "manufacturer": 30},
    ),
    "oxford_pets": FileSet(
        "Oxford-IIIT Pets", "OxfordIIITPet", "oxford-iiit-pet", {"trainval": 3680, "test": 3669}, {"": 37}
    ),
    "eurosat": FileSet("EuroSAT", "EuroSAT", "eurosat", {"train": 27_000}, {"": 10}),
    "food101": FileSet("Food-101", "Food101", "food-101", {"train": 75_750, "test": 25_250}, {"": 101}),
}


def read(settings: ImportImages, advance: Callable[[int], None], keep: Keep | None = None) -> Imported:
    """One split of a set of torchvision's, in its order; what it has no split for is held out of train.

    Raises UserError where the set is missing, cannot be downloaded, is not the official one, or has broken
    images.
    """
    known = SETS[settings.source]
    available = _available(settings, known)
    own = own_splits(settings, available, known.title)
    theirs = own.get(settings.split, own["train"] if "train" in own else available[0])
    loaded = _load(settings, known, theirs)
    files, labels = _listed(loaded)
    classes = [str(name) for name in loaded.classes]
    theirs, members_K = choose(settings, available, lambda _: labels, classes, known.title, keep)
    chosen = [files[index] for index in members_K]
    folder = root_of(settings) / known.folder
    return Imported(
        images_NHWC=decode_all(((file, str(file)) for file in chosen), len(chosen), settings, advance),
        labels=[labels[index] for index in members_K],
        classes=classes,
        origins=[file.relative_to(folder).as_posix() for file in chosen],
    )


def _available(settings: ImportImages, known: FileSet) -> list[str]:
    """The splits of which no two share images: train and val make up trainval."""
    parts = {"train", "val"}
    if "trainval" not in known.images or not parts <= known.images.keys():
        return list(known.images)
    apart = parts & set(settings.splits.values())
    return [split for split in known.images if (split not in parts if not apart else split != "trainval")]


def _load(settings: ImportImages, known: FileSet, split: str) -> Any:
    from torchvision import datasets

    given: dict[str, Any] = {} if len(known.images) == 1 else {"split": split}
    annotation = settings.annotation if settings.annotation in known.classes else ""
    if annotation:
        given["annotation_level"] = annotation

    def make(root: Path, **download: bool) -> Any:
        return getattr(datasets, known.kind)(root, **given, **download)

    def check(loaded: Any) -> None:
        _check(loaded, known, split, annotation)

    return load(settings, known.title, known.folder, make, check)


def _listed(loaded: Any) -> tuple[list[Path], list[int]]:
    """The files and labels of a set: every class of torchvision's keeps them under other names."""
    if hasattr(loaded, "samples"):
        return [Path(file) for file, _ in loaded.samples], [label for _, label in loaded.samples]
    files = loaded._images if hasattr(loaded, "_images") else loaded._image_files
    return [Path(file) for file in files], list(loaded._labels)


def _check(loaded: Any, known: FileSet, split: str, annotation: str) -> None:
    files, labels = _listed(loaded)
    classes, images = known.classes[annotation], known.images[split]
    if (len(loaded.classes), len(np.unique(labels)), len(files)) != (classes, classes, images):
        raise ValueError(
            f"{len(files)} {split} images of {len(set(labels))} classes, not {images} of {classes}"
        )
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise ValueError(f"{len(missing)} of {images} {split} images are missing, such as {missing[0].name}")
