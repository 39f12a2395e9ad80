"""The sets that torchvision knows by name: CIFAR-10, CIFAR-100 (fine labels), MNIST, Fashion-MNIST.

A set with a name counts by its name in a stage's key, so it must be that set: CIFAR's files are checked by
torchvision, MNIST's and Fashion-MNIST's content here, because torchvision only looks whether the files exist.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from proxykd.images.imported import Imported
from proxykd.images.prepare import prepare_arrays
from proxykd.images.settings import ImportImages
from proxykd.images.splits import Keep, choose, own_splits
from proxykd.images.torchvision_load import load, not_official, root_of

CLASS_NAMES = {
    "cifar10": "CIFAR10",
    "cifar100": "CIFAR100",
    "mnist": "MNIST",
    "fashion_mnist": "FashionMNIST",
}
TITLES = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "mnist": "MNIST", "fashion_mnist": "Fashion-MNIST"}
SPLITS = ("train", "test")

# SHA-256 of the pixels, then the labels, one byte each, of the files with the published MD5 sums
# (train-images-idx3-ubyte: 6bbc9ace898e44ae57da46a324031adb for MNIST, f4a8712d7a061bf5bd6d2ca38dc4d50a for
# Fashion-MNIST).
CONTENT = {
    ("mnist", "train"): "edc0d1098aa497be14ace79ddd5171e5a3dcf9c4d196c015389203eb3ba1f59b",
    ("mnist", "test"): "c3f9adf9c66efb572b1f9326c3a511b45910c7173b97be66ceceeeeaef6b802b",
    ("fashion_mnist", "train"): "16d82e2b505296aa2b78bd5ea0992634f30419a4c97def7c907d154a35ac6157",
    ("fashion_mnist", "test"): "9f1ec356a747bfe4ebab3cfb722d3694c9ca737e2570f6f90cf31d7b6fd689d4",
}


def read(settings: ImportImages, advance: Callable[[int], None], keep: Keep | None = None) -> Imported:
    """One split of a set of torchvision's; validation is held out of its train split.

    Raises UserError where the set is missing, cannot be downloaded, or is not the official one.
    """
    title = TITLES[settings.source]
    # Only the split that is read is loaded: to load both would take twice the time and memory.
    own = own_splits(settings, SPLITS, title)
    theirs = own.get(settings.split, own.get("train", "train"))
    loaded = _load(settings, theirs)
    images_N = np.asarray(loaded.data)
    labels_N = np.asarray(loaded.targets, dtype=np.int64)
    _check_content(settings, theirs, images_N, labels_N)
    classes = [str(name) for name in loaded.classes]
    theirs, members_K = choose(settings, SPLITS, lambda _: labels_N, classes, title, keep)
    return Imported(
        images_NHWC=prepare_arrays(images_N[members_K], settings, advance),
        labels=labels_N[members_K].tolist(),
        classes=classes,
        origins=[f"{theirs}/{index}" for index in members_K],
    )


def _load(settings: ImportImages, split: str) -> Any:
    from torchvision import datasets

    kind = getattr(datasets, CLASS_NAMES[settings.source])
    folder = getattr(kind, "base_folder", f"{kind.__name__}/raw")

    def make(root: Path, **download: bool) -> Any:
        return kind(root, train=split == "train", **download)

    # The content is checked once it is in memory.
    return load(settings, TITLES[settings.source], folder, make, lambda _: None)


def _check_content(settings: ImportImages, split: str, images_N: np.ndarray, labels_N: np.ndarray) -> None:
    expected = CONTENT.get((settings.source, split))
    if expected is None:
        return
    digest = hashlib.sha256(images_N.tobytes())
    digest.update(labels_N.astype(np.uint8).tobytes())
    if digest.hexdigest() != expected:
        folder = root_of(settings) / CLASS_NAMES[settings.source]
        raise not_official(folder, TITLES[settings.source], f"its {split} split has another checksum")
