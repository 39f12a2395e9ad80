"""Image folders in both layouts, and a sentence for everything that may be wrong with one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from proxykd.errors import UserError
from proxykd.images import folder
from proxykd.images.imported import Imported
from proxykd.images.settings import ImportImages


def paint(path: Path, value: int, suffix: str = ".png") -> None:
    """An image whose grey level tells which one it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (value, value, value)).save(path.with_suffix(suffix))


def paint_classes(root: Path, classes: str = "ab", count: int = 12) -> None:
    for label, name in enumerate(classes):
        for index in range(count):
            paint(root / name / f"{index:02d}", 100 * label + index)


def read(root: Path, split: str = "train", **given: object) -> Imported:
    settings = {"source": "folder", "path": str(root), "size": 8, "split": split, **given}
    return folder.read(ImportImages(**settings), lambda _: None)


def levels(part: Imported) -> list[int]:
    return part.images_NHWC[:, 0, 0, 0].tolist()


def test_without_splits_shares_are_held_out(tmp_path: Path) -> None:
    paint_classes(tmp_path)
    parts = [read(tmp_path, split) for split in ("train", "validation", "test")]
    assert sorted(level for part in parts for level in levels(part)) == [*range(12), *range(100, 112)]
    assert [part.labels.count(0) for part in parts] == [10, 1, 1]
    for part in parts:
        assert part.classes == ["a", "b"]
        assert [level // 100 for level in levels(part)] == part.labels
        assert part.origins == [f"{'ab'[level // 100]}/{level % 100:02d}.png" for level in levels(part)]


@pytest.mark.parametrize("name", ["val", "validation"])
def test_splits_of_the_folder_are_used(tmp_path: Path, name: str) -> None:
    paint_classes(tmp_path / "train")
    paint_classes(tmp_path / name, count=3)
    assert levels(read(tmp_path, "validation")) == [0, 1, 2, 100, 101, 102]
    assert read(tmp_path, "validation").origins[0] == f"{name}/a/00.png"
    assert len(read(tmp_path, "train").labels) == 22
    mapped = read(tmp_path, "test", splits={"test": name})
    assert mapped.origins == read(tmp_path, "validation").origins


def test_splits_under_other_names_can_be_mapped(tmp_path: Path) -> None:
    paint_classes(tmp_path / "training")
    paint_classes(tmp_path / "testing", count=2)
    names = {"train": "training", "test": "testing"}
    assert levels(read(tmp_path, "test", splits=names)) == [0, 1, 100, 101]
    with pytest.raises(UserError, match=r"If testing is a split, say so with splits: \{train: testing\}"):
        read(tmp_path)
    with pytest.raises(
        UserError, match=r"test is 'tests', but .* has no such split. It has: testing, training"
    ):
        read(tmp_path, splits={"train": "training", "test": "tests"})


def test_folders_within_classes_are_searched_where_the_splits_are_clear(tmp_path: Path) -> None:
    for name in "ab":
        for index in range(12):
            paint(tmp_path / "train" / name / "images" / f"{index:02d}", index)
    os.symlink(tmp_path / "train" / "a", tmp_path / "train" / "a" / "images" / "loop")
    assert len(read(tmp_path, validation_share=0, test_share=0).labels) == 24


def test_unlabelled_images_are_one_class(tmp_path: Path) -> None:
    paint_classes(tmp_path, "u", 3)
    whole = read(tmp_path, validation_share=0, test_share=0)
    assert (whole.labels, whole.classes) == ([0, 0, 0], ["u"])


def test_every_format_is_read_whatever_its_case(tmp_path: Path) -> None:
    for suffix in (".png", ".jpg", ".JPEG", ".webp", ".bmp", ".gif", ".tif", ".ppm"):
        paint(tmp_path / "a" / f"x{suffix[1:]}", 77, suffix)
    found = read(tmp_path, validation_share=0, test_share=0)
    assert len(found.labels) == 8
    assert all(abs(level - 77) <= 2 for level in levels(found))


def test_the_order_does_not_depend_on_the_disk(tmp_path: Path) -> None:
    for index in (3, 10, 1, 2):
        paint(tmp_path / "b" / str(index), index)
    paint(tmp_path / "B" / "0", 50)
    found = read(tmp_path, validation_share=0, test_share=0)
    assert found.origins == ["B/0.png", "b/1.png", "b/10.png", "b/2.png", "b/3.png"]
    assert found.labels == [0, 1, 1, 1, 1]


def test_other_files_are_passed_over_and_named(tmp_path: Path) -> None:
    paint_classes(tmp_path / "train")
    for name in ("README.txt", ".DS_Store", "train/.hidden.png", "train/a/._00.png", "train/a/Thumbs.db"):
        (tmp_path / name).write_text("silent")
    for name in ("clip.mp4", "train/loose.png", "train/a/raw.heic"):
        (tmp_path / name).write_text("named")
    paint(tmp_path / "unsorted" / "x", 1)
    found = read(tmp_path)
    assert len(found.labels) == 20
    assert found.ignored == ["clip.mp4", "unsorted", "train/loose.png", "train/a/raw.heic"]


def test_a_file_name_that_is_no_text_is_kept_readable(tmp_path: Path) -> None:
    paint_classes(tmp_path, "a", 1)
    os.rename(tmp_path / "a" / "00.png", os.fsencode(tmp_path / "a") + b"/\xff.png")
    assert read(tmp_path, validation_share=0, test_share=0).origins == ["a/\\udcff.png"]


def test_broken_images_are_all_named_at_once(tmp_path: Path) -> None:
    paint_classes(tmp_path, count=20)
    whole = (tmp_path / "a" / "00.png").read_bytes()
    (tmp_path / "a" / "03.png").write_bytes(whole[:45])
    (tmp_path / "b" / "05.png").write_text("<html>404</html>")
    (tmp_path / "b" / "06.png").write_bytes(b"")
    (tmp_path / "b" / "07.png").unlink()
    (tmp_path / "b" / "07.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(UserError, match="4 of 40 images cannot be read: ") as caught:
        read(tmp_path, validation_share=0, test_share=0)
    told = str(caught.value)
    assert f"{tmp_path}/a/03.png" in told
    assert f"{tmp_path}/b/05.png (it is no image of a known format)" in told
    assert f"{tmp_path}/b/06.png (it is empty)" in told
    assert f"{tmp_path}/b/07.png (a link to nothing" in told
    assert "Replace or remove them" in told


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no folder .*/absent. Set path"):
        read(tmp_path / "absent")


def test_a_folder_without_classes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no class folders"):
        read(tmp_path)
    (tmp_path / "page.html").write_text("no image")
    (tmp_path / "clip.mp4").write_text("no image")
    with pytest.raises(UserError, match="unlabelled ones may lie in it as they are"):
        read(tmp_path)


def test_images_in_no_folder_are_unlabelled_and_none_is_held_out(tmp_path: Path) -> None:
    for index in range(5):
        paint(tmp_path / f"{index}", 10 * index)
    (tmp_path / "clip.mp4").write_text("no image")
    found = read(tmp_path)
    assert (found.classes, found.labels, levels(found)) == (["unlabelled"], [0] * 5, [0, 10, 20, 30, 40])
    assert found.origins == [f"{index}.png" for index in range(5)]
    assert found.ignored == ["clip.mp4"]
    assert set(levels(read(tmp_path, limit=2))) < set(levels(found))
    for split in ("validation", "test"):
        with pytest.raises(UserError, match=f"have no labels, so none is held out for {split}. Use them as"):
            read(tmp_path, split)


def test_images_beside_class_folders_are_not_taken_for_a_class(tmp_path: Path) -> None:
    paint_classes(tmp_path)
    paint(tmp_path / "x", 1)
    found = read(tmp_path)
    assert (found.classes, found.ignored) == (["a", "b"], ["x.png"])


def test_a_class_without_images(tmp_path: Path) -> None:
    paint_classes(tmp_path)
    (tmp_path / "c").mkdir()
    with pytest.raises(UserError, match=r"Class folder .*/c holds no images. Add images"):
        read(tmp_path)
    (tmp_path / "c" / "x.heic").write_text("x")
    with pytest.raises(UserError, match=r"holds no images \(files of other types: 1, such as x.heic\)"):
        read(tmp_path)


def test_a_split_without_classes(tmp_path: Path) -> None:
    paint(tmp_path / "train" / "x", 1)
    paint(tmp_path / "test" / "x", 1)
    with pytest.raises(UserError, match=r"/test has a split's name but no class folders"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("train", "test", "told"),
    [("ab", "abc", "c in .*/test, but not in .*/train"), ("abc", "ab", "c in .*/train, but not in .*/test")],
)
def test_classes_that_differ_between_splits(tmp_path: Path, train: str, test: str, told: str) -> None:
    paint_classes(tmp_path / "train", train)
    paint_classes(tmp_path / "test", test)
    for split in ("train", "test"):
        with pytest.raises(UserError, match=told):
            read(tmp_path, split)


def test_many_images_pass_in_batches_and_are_counted(tmp_path: Path) -> None:
    paint_classes(tmp_path, "a", 1)
    data = (tmp_path / "a" / "00.png").read_bytes()
    for index in range(1, 1100):
        (tmp_path / "a" / f"{index:04d}.png").write_bytes(data)
    seen: list[int] = []
    given = {"source": "folder", "path": str(tmp_path), "size": 4, "validation_share": 0, "test_share": 0}
    found = folder.read(ImportImages(**given, split="train"), seen.append)
    assert (len(found.labels), sum(seen), len(seen)) == (1100, 1100, 3)
    assert np.ptp(found.images_NHWC) == 0
