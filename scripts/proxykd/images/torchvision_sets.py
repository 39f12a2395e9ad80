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

from proxykd.errors import UserError
from proxykd.images.imported import Imported
from proxykd.images.prepare import prepare_arrays
from proxykd.images.settings import ImportImages
from proxykd.images.splits import Keep, choose, own_splits

CLASS_NAMES = {
    "cifar10": "CIFAR10",
    "cifar100": "CIFAR100",
    "mnist": "MNIST",
    "fashion_mnist": "FashionMNIST",
}
TITLES = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "mnist": "MNIST", "fashion_mnist": "Fashion-MNIST"}
SPLITS = ("train", "test")
DEFAULT_ROOT = "data"

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
    """torchvision's data set, downloaded if that is allowed and necessary."""
    from torchvision import datasets

    kind = getattr(datasets, CLASS_NAMES[settings.source])
    root = Path(settings.path or DEFAULT_ROOT)
    folder = root / getattr(kind, "base_folder", f"{kind.__name__}/raw")
    try:
        return kind(root, train=split == "train")
    except PermissionError:
        raise
    except (
        Exception
    ) as error:  # torchvision and pickle raise anything on files that are not what they should be
        if settings.download:
            return _download(kind, root, settings.source, split)
        if folder.is_dir():
            raise _not_official(settings.source, folder, str(error)) from error
    raise UserError(
        f"{TITLES[settings.source]} is not at {folder}. Set download: true to fetch it, or set path to the "
        f"folder in which {folder.relative_to(root)} lies."
    )


def _download(kind: Any, root: Path, source: str, split: str) -> Any:
    from filelock import FileLock

    root.mkdir(parents=True, exist_ok=True)
    try:
        # The stages of a set's splits start at the same time and would write into the same files.
        with FileLock(root / f".{source}.lock"):
            return kind(root, train=split == "train", download=True)
    except PermissionError:
        raise
    except Exception as error:  # whatever the network, the archive and torchvision can raise
        raise UserError(
            f"{TITLES[source]} could not be downloaded to {root} ({error}). Check the connection and delete "
            "what is there of the set, or bring its files there by hand."
        ) from error


def _check_content(settings: ImportImages, split: str, images_N: np.ndarray, labels_N: np.ndarray) -> None:
    expected = CONTENT.get((settings.source, split))
    if expected is None:
        return
    digest = hashlib.sha256(images_N.tobytes())
    digest.update(labels_N.astype(np.uint8).tobytes())
    if digest.hexdigest() != expected:
        folder = Path(settings.path or DEFAULT_ROOT) / CLASS_NAMES[settings.source]
        raise _not_official(settings.source, folder, f"its {split} split has another checksum")


def _not_official(source: str, folder: Path, reason: str) -> UserError:
    return UserError(
        f"The files at {folder} are damaged, incomplete, or not those of {TITLES[source]} ({reason}). Delete "
        "that folder and set download: true; to use images of your own, choose source folder or parquet."
    )
