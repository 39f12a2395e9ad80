"""Image folders: `path/<class>/*`, or `path/<split>/<class>/*` (train, validation or val, test), or
unlabelled images in `path/*`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from proxykd.errors import UserError
from proxykd.images.folder_layout import Listing, list_images, printable, split_folders
from proxykd.images.imported import Imported
from proxykd.images.prepare import decode_all
from proxykd.images.settings import ImportImages
from proxykd.images.splits import Keep, choose, choose_unlabelled, own_splits


def read(settings: ImportImages, advance: Callable[[int], None], keep: Keep | None = None) -> Imported:
    """One split of a folder of images, in the order of class names, then of file names.

    Raises UserError on a missing folder, empty classes, classes that differ between splits, and broken files.
    """
    root = Path(settings.path or "")
    folders, outside = split_folders(root, set(settings.splits.values()))
    used = sorted(set(own_splits(settings, folders, str(root)).values()))
    listings = {split: list_images(folders[split], nested=folders[split] != root) for split in used}
    classes = _same_classes(listings, folders)
    labels = {split: _labels(listing) for split, listing in listings.items()}
    choosing = choose if all(listing.labelled for listing in listings.values()) else choose_unlabelled
    theirs, members_K = choosing(settings, folders, labels.__getitem__, classes, str(root), keep)
    files = listings[theirs].files
    chosen = [files[index] for index in members_K]
    return Imported(
        images_NHWC=decode_all(((file, str(file)) for file in chosen), len(chosen), settings, advance),
        labels=labels[theirs][members_K].tolist(),
        classes=[printable(name) for name in classes],
        origins=[printable(file.relative_to(root).as_posix()) for file in chosen],
        ignored=[printable(path.relative_to(root).as_posix()) for path in outside + listings[theirs].ignored],
    )


def _labels(listing: Listing) -> np.ndarray:
    index = {name: label for label, name in enumerate(listing.classes)}
    return np.array([index[name] for name in listing.class_of], dtype=np.int64)


def _same_classes(listings: dict[str, Listing], folders: dict[str, Path]) -> list[str]:
    """The class names, which every split in use must have."""
    if not listings:
        return []
    first = "train" if "train" in listings else min(listings)
    expected = listings[first].classes
    for split, listing in listings.items():
        if missing := sorted(set(expected) - set(listing.classes)):
            raise _differing(missing, folders[first], folders[split])
        if extra := sorted(set(listing.classes) - set(expected)):
            raise _differing(extra, folders[split], folders[first])
    return expected


def _differing(names: list[str], there: Path, absent: Path) -> UserError:
    listed = ", ".join(printable(name) for name in names[:5]) + (", ..." if len(names) > 5 else "")
    return UserError(
        f"The classes of the splits differ: {listed} in {there}, but not in {absent}. "
        "Every split needs the same class folders; move, rename or remove them."
    )
