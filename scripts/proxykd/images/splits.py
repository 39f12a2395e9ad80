"""Which images belong to train, validation and test.

A split of the source is used whole where there is one; else a share of each class's train images is held
out. The order within a class comes from SHA-256 and nothing else, so that a split stays the same on every
machine and with every version of every library.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence

import numpy as np

from proxykd.errors import UserError
from proxykd.images.settings import ImportImages

Keep = Callable[[Sequence[str]], np.ndarray]
"""From a set's class names to the labels of the classes that are imported."""
NAMES = {"train": ("train", "trainval"), "validation": ("validation", "val"), "test": ("test",)}


def own_splits(settings: ImportImages, available: Collection[str], place: str) -> dict[str, str]:
    """The source's splits in use: from train, validation, test to the source's name for it.

    `available` are the source's names, `place` is how a sentence calls the source. A split that `splits`
    claims for one of ours is not used under its own name too: no image may be in two splits.
    """
    own: dict[str, str] = {}
    for name, theirs in settings.splits.items():
        if theirs not in available:
            raise UserError(
                f"splits says that {name} is '{theirs}', but {place} has no such split. "
                f"It has: {', '.join(sorted(available))}."
            )
        own[name] = theirs
    for ours, names in NAMES.items():
        free = [name for name in names if name in available and name not in settings.splits.values()]
        if ours not in own and free:
            own[ours] = free[0]
    return own


def choose(
    settings: ImportImages,
    available: Collection[str],
    labels_of: Callable[[str], Sequence[int] | np.ndarray],
    classes: Sequence[str],
    place: str,
    keep: Keep | None = None,
) -> tuple[str, np.ndarray]:
    """The source's split to read and the indices of the images to take from it, ascending.

    `labels_of(name)` gives all labels of a split of the source, in its order. What is held out does not
    depend on which classes are kept; the limit counts images of these alone.
    Raises UserError where the wanted split can be neither read nor held out.
    """
    own = own_splits(settings, available, place)
    held = _held_out(settings, own)
    wanted = settings.split
    _require(settings, own, held, available, place)
    theirs = own.get(wanted, own.get("train", ""))
    labels_N = np.asarray(labels_of(theirs), dtype=np.int64)
    ranks_N = class_ranks(labels_N, settings.split_seed)
    if wanted == "train" or wanted in held:
        members_K = np.flatnonzero(_parts(labels_N, ranks_N, held, classes, place) == wanted)
    else:
        members_K = np.arange(len(labels_N))
    if keep is not None:
        members_K = members_K[np.isin(labels_N[members_K], keep(classes))]
    if settings.limit is not None:
        members_K = _limited(members_K, labels_N, ranks_N, settings.limit)
    return theirs, members_K


def choose_unlabelled(
    settings: ImportImages,
    available: Collection[str],
    labels_of: Callable[[str], Sequence[int] | np.ndarray],
    classes: Sequence[str],
    place: str,
    keep: Keep | None = None,
) -> tuple[str, np.ndarray]:
    """As `choose`, of images that nobody has labelled: they are proxies, so none is held out.

    Raises UserError for a split that the source does not have.
    """
    if settings.split not in own_splits(settings, available, place):
        raise UserError(
            f"The images at {place} have no labels, so none is held out for {settings.split}. Use them as "
            "proxies, with split: train; put images for a teacher into one folder a class."
        )
    whole = settings.model_copy(update={"validation_share": 0.0, "test_share": 0.0})
    return choose(whole, available, labels_of, classes, place, keep)


def class_ranks(labels_N: np.ndarray, seed: int) -> np.ndarray:
    """Each image's place, from 0, in a shuffled order of its class; it depends on the seed, the label and the
    image's position within its class."""
    ranks_N = np.empty(len(labels_N), dtype=np.int64)
    for label in np.unique(labels_N):
        members = np.flatnonzero(labels_N == label)
        drawn = [hashlib.sha256(f"{seed}/{label}/{place}".encode()).digest() for place in range(len(members))]
        order = sorted(range(len(members)), key=drawn.__getitem__)
        ranks_N[members[order]] = np.arange(len(members))
    return ranks_N


def _held_out(settings: ImportImages, own: dict[str, str]) -> dict[str, float]:
    """The splits that are made from train, with their shares; test first, so that the share for validation
    does not move it."""
    shares = {"test": settings.test_share, "validation": settings.validation_share}
    return {name: share for name, share in shares.items() if name not in own and share > 0}


def _require(
    settings: ImportImages,
    own: dict[str, str],
    held: dict[str, float],
    available: Collection[str],
    place: str,
) -> None:
    wanted, there = settings.split, ", ".join(sorted(available)) or "none"
    if wanted in own:
        return
    if wanted in held and "train" in own:
        return
    missing = f"{place} has no {wanted} split (splits there: {there})"
    if wanted == "train" or wanted in held:
        hint = "no train split" if wanted == "train" else "no train split to hold it out of"
        raise UserError(f"{missing}, and {hint} is left. Name the split to use: splits: {{train: ...}}.")
    raise UserError(
        f"{missing} and {wanted}_share is 0. Set {wanted}_share, or name one: splits: {{{wanted}: ...}}."
    )


def _parts(
    labels_N: np.ndarray, ranks_N: np.ndarray, held: dict[str, float], classes: Sequence[str], place: str
) -> np.ndarray:
    """For each image of the source's train split the name of the split that it belongs to.

    Each class gives its share, rounded, and at least one image: a class that validation never sees could
    not be judged by it.
    """
    part_N = np.full(len(labels_N), "train", dtype="<U10")
    for label in np.unique(labels_N):
        members = np.flatnonzero(labels_N == label)
        start = 0
        for name, share in held.items():
            count = max(1, int(share * len(members) + 0.5))
            part_N[members[(ranks_N[members] >= start) & (ranks_N[members] < start + count)]] = name
            start += count
        if start >= len(members):
            shares = " and ".join(f"{name}_share" for name in held)
            raise UserError(
                f"Class '{classes[label]}' of {place} has too few images ({len(members)}) to hold some out "
                f"for {' and '.join(held)}. Add images, leave the class out, or set {shares} to 0."
            )
    return part_N


def _limited(members_K: np.ndarray, labels_N: np.ndarray, ranks_N: np.ndarray, limit: int) -> np.ndarray:
    """The first `limit` of the members when every class is gone through at an even pace: the proportions of
    the classes to within one image, one of each class first, and nested for growing limits."""
    labels_K = labels_N[members_K]
    pace_K = np.empty(len(members_K))
    for label in np.unique(labels_K):
        mine = np.flatnonzero(labels_K == label)
        order = np.argsort(ranks_N[members_K[mine]])
        pace_K[mine[order]] = np.arange(len(mine)) / len(mine)
    first = np.lexsort((labels_K, pace_K))[:limit]
    return np.sort(members_K[first])
