"""Which images belong to which split, on labels alone and on scikit-learn's digits."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from proxykd.errors import UserError
from proxykd.images import digits
from proxykd.images.imported import Imported
from proxykd.images.settings import ImportImages
from proxykd.images.splits import choose, class_ranks

SPLITS = ("train", "validation", "test")
CLASSES = ["a", "b", "c"]
LABELS = np.random.default_rng(0).choice(3, size=400, p=[0.6, 0.3, 0.1])


def chosen(
    split: str, available: dict[str, np.ndarray] | None = None, **given: object
) -> set[tuple[str, int]]:
    """The images of a split as (the source's split, index)."""
    labels = available if available is not None else {"train": LABELS}
    settings = ImportImages(**{"source": "folder", "path": "p", "size": 8, "split": split, **given})
    theirs, members = choose(settings, labels, labels.__getitem__, CLASSES, "the set")
    assert members.tolist() == sorted(set(members.tolist()))
    return {(theirs, int(index)) for index in members}


def digits_of(split: str, **given: object) -> Imported:
    settings = ImportImages(**{"source": "digits", "size": 8, "channels": 1, "split": split, **given})
    return digits.read(settings, lambda _: None)


@pytest.mark.parametrize(
    ("theirs", "given"),
    [
        (["train"], {}),
        (["train"], {"test_share": 0}),
        (["train", "test"], {}),
        (["train", "val"], {}),
        (["train", "val", "validation", "test"], {}),
        (["train", "validation"], {"splits": {"test": "validation"}}),
        (["train", "extra", "test"], {"splits": {"train": "extra"}}),
        (["train", "test"], {"splits": {"train": "test", "test": "train"}}),
    ],
)
def test_no_image_is_in_two_splits(theirs: list[str], given: dict) -> None:
    available = dict.fromkeys(theirs, LABELS)
    wanted = [split for split in SPLITS if given.get("test_share") != 0 or split != "test"]
    parts = [chosen(split, available, **given) for split in wanted]
    assert all(parts)
    assert len(set.union(*parts)) == sum(len(part) for part in parts)


def test_train_validation_and_test_make_up_the_whole() -> None:
    assert set.union(*(chosen(split) for split in SPLITS)) == {
        ("train", index) for index in range(len(LABELS))
    }


def test_a_split_of_the_source_is_used_whole() -> None:
    available = {"train": LABELS, "validation": LABELS[:50]}
    assert chosen("validation", available) == {("validation", index) for index in range(50)}
    assert chosen("test", available, splits={"test": "validation"}) == chosen("validation", available)
    assert {split for split, _ in chosen("validation", available, splits={"test": "validation"})} == {"train"}


def test_the_share_for_validation_does_not_move_the_test_images() -> None:
    assert chosen("test", validation_share=0.3) == chosen("test", validation_share=0)


def test_the_seed_chooses_other_images() -> None:
    assert chosen("validation", split_seed=1) != chosen("validation", split_seed=2)


def test_what_is_held_out_is_fixed_for_all_time() -> None:
    """Changed values here mean that people's test images have moved into their train images."""
    assert class_ranks(np.array([0, 0, 1, 0, 1, 1, 0]), seed=0).tolist() == [1, 2, 1, 0, 0, 2, 3]
    assert class_ranks(np.array([0, 0, 1, 0, 1, 1, 0]), seed=7).tolist() == [3, 0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("split", SPLITS)
def test_a_limit_keeps_a_part_in_proportion_and_is_nested(split: str) -> None:
    whole, less, least = chosen(split), chosen(split, limit=20), chosen(split, limit=10)
    assert least < less < whole
    assert (len(less), len(least)) == (20, 10)
    counts, all_counts = (Counter(LABELS[index] for _, index in part) for part in (less, whole))
    for label in range(3):
        assert abs(counts[label] - 20 * all_counts[label] / len(whole)) <= 1
    assert chosen(split, limit=10_000) == whole


def test_a_small_limit_still_has_every_class() -> None:
    labels = np.array([0] * 500 + [1] * 5 + [2] * 5)
    kept = chosen("test", {"train": labels, "test": labels}, limit=3)
    assert {labels[index] for _, index in kept} == {0, 1, 2}


@pytest.mark.parametrize(
    ("split", "theirs", "given", "told"),
    [
        ("validation", ["train"], {"validation_share": 0}, "validation_share is 0. Set validation_share"),
        ("validation", ["test"], {}, "no train split to hold it out of"),
        ("train", ["test"], {}, r"the set has no train split \(splits there: test\)"),
        ("train", ["train"], {"splits": {"test": "train"}}, "no train split is left"),
        ("test", ["train", "b"], {"splits": {"test": "c"}}, "'c', but the set has no such split. It has: b"),
    ],
)
def test_a_split_that_cannot_be_made_is_a_sentence(split: str, theirs: list, given: dict, told: str) -> None:
    with pytest.raises(UserError, match=told):
        chosen(split, dict.fromkeys(theirs, LABELS), **given)


def test_a_class_too_small_to_share_is_named() -> None:
    with pytest.raises(UserError, match=r"Class 'b' of the set has too few images \(2\)"):
        chosen("train", {"train": np.array([0] * 10 + [1] * 2)})
    assert len(chosen("train", {"train": np.array([0])}, validation_share=0, test_share=0)) == 1


def test_the_digits_are_all_there_once() -> None:
    parts = {split: digits_of(split) for split in SPLITS}
    origins = [origin for part in parts.values() for origin in part.origins]
    assert len(origins) == len(set(origins)) == 1797
    totals = Counter(label for part in parts.values() for label in part.labels)
    for split, share in (("validation", 0.1), ("test", 0.1), ("train", 0.8)):
        counts = Counter(parts[split].labels)
        assert all(abs(counts[label] - share * totals[label]) <= 1 for label in range(10))


def test_the_digits_are_the_same_twice_and_use_the_whole_range() -> None:
    once, again = digits_of("train", limit=300), digits_of("train", limit=300)
    assert once.images_NHWC.shape == (300, 8, 8, 1)
    assert once.images_NHWC.dtype == np.uint8
    assert np.array_equal(once.images_NHWC, again.images_NHWC)
    assert (once.labels, once.origins) == (again.labels, again.origins)
    assert (once.images_NHWC.min(), once.images_NHWC.max()) == (0, 255)


def test_the_digits_labels_belong_to_their_images() -> None:
    from sklearn.datasets import load_digits

    bunch, part = load_digits(), digits_of("test")
    for image_HWC, label, origin in zip(part.images_NHWC, part.labels, part.origins, strict=True):
        index = int(origin.removeprefix("digits/"))
        assert bunch.target[index] == label
        assert np.abs(image_HWC[..., 0] - bunch.images[index] * 255 / 16).max() <= 0.5


def test_progress_counts_every_image() -> None:
    seen: list[int] = []
    part = digits.read(ImportImages(source="digits", size=16, split="train"), seen.append)
    assert sum(seen) == len(part.labels)
    assert part.images_NHWC.shape[1:] == (16, 16, 3)
