"""Tiny ImageNet in its authors' folders, on a small set of the same layout.

It has fewer classes and images, so the official numbers are replaced here, and only here.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from pydantic import ValidationError

from proxykd.errors import UserError
from proxykd.images import tiny_imagenet
from proxykd.images.imported import Imported
from proxykd.images.settings import ImageSet, ImportImages

WNIDS = ["n02124075", "n04067472", "n01443537"]
"""In the order of the set's own list, which is not sorted."""
OF_A_CLASS, VALIDATION = 20, 9


def paint(file: Path, value: int, mode: str = "RGB") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (64, 64), value).convert(mode).save(file, "JPEG", quality=95)


def write(root: Path) -> Path:
    folder = root / "tiny-imagenet-200"
    for label, wnid in enumerate(WNIDS):
        for number in range(OF_A_CLASS):
            paint(folder / "train" / wnid / "images" / f"{wnid}_{number}.JPEG", 80 * label + number)
        boxes = "".join(f"{wnid}_{number}.JPEG\t0\t10\t63\t58\n" for number in range(OF_A_CLASS))
        (folder / "train" / wnid / f"{wnid}_boxes.txt").write_text(boxes)
    rows = []
    for number in range(VALIDATION):
        # Some images of the set are grey.
        label, mode = number % 3, "L" if number == 4 else "RGB"
        paint(folder / "val" / "images" / f"val_{number}.JPEG", 80 * label + number, mode)
        rows.append(f"val_{number}.JPEG\t{WNIDS[label]}\t0\t32\t44\t62\n")
        paint(folder / "test" / "images" / f"test_{number}.JPEG", 255)
    (folder / "val" / "val_annotations.txt").write_text("".join(rows))
    (folder / "wnids.txt").write_text("\n".join(WNIDS))
    (folder / "words.txt").write_text("n01443537\tgoldfish, Carassius auratus\nn02124075\tEgyptian cat\n")
    return folder


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny_imagenet, "CLASSES", len(WNIDS))
    monkeypatch.setattr(tiny_imagenet, "OF_A_CLASS", OF_A_CLASS)
    monkeypatch.setattr(tiny_imagenet, "VALIDATION", VALIDATION)


def read(root: Path, split: str = "train", **given: object) -> Imported:
    settings = {"source": "tiny_imagenet", "path": str(root), "size": 64, "split": split, **given}
    return tiny_imagenet.read(ImportImages(**settings), lambda _: None)


def wnids(part: Imported) -> list[str]:
    """What each image shows, by its level: 80 for each place in `WNIDS`."""
    return [WNIDS[int(level) // 80] for level in part.images_NHWC[:, 32, 32, 0] + 1]


@pytest.mark.parametrize("below", [".", "tiny-imagenet-200"])
def test_val_is_our_test_and_validation_is_held_out(numbers: None, tmp_path: Path, below: str) -> None:
    write(tmp_path)
    parts = {split: read(tmp_path / below, split) for split in ("train", "validation", "test")}
    assert [len(part.labels) for part in parts.values()] == [54, 6, 9]
    assert parts["test"].origins == [f"val/images/val_{number}.JPEG" for number in range(VALIDATION)]
    assert {origin.split("/")[0] for origin in parts["validation"].origins} == {"train"}
    for part in parts.values():
        assert part.classes == sorted(WNIDS)
        assert [part.classes[label] for label in part.labels] == wnids(part)
    assert len({origin for part in parts.values() for origin in part.origins}) == 69


def test_val_can_be_our_validation(numbers: None, tmp_path: Path) -> None:
    write(tmp_path)
    splits = {"validation": "val"}
    parts = [read(tmp_path, split, splits=splits) for split in ("train", "validation", "test")]
    assert [len(part.labels) for part in parts] == [54, 9, 6]
    assert parts[1].origins[0] == "val/images/val_0.JPEG"
    assert parts[2].origins[0].startswith("train/")
    assert read(tmp_path, "test", splits={"test": "val"}).origins == read(tmp_path, "test").origins


def test_the_unlabelled_test_images_are_never_read(numbers: None, tmp_path: Path) -> None:
    folder = write(tmp_path)
    before = [read(tmp_path, split).origins for split in ("train", "validation", "test")]
    for file in (folder / "test" / "images").iterdir():
        file.write_text("no image")
    assert [read(tmp_path, split).origins for split in ("train", "validation", "test")] == before
    with pytest.raises(ValidationError, match="tiny_imagenet has only train and val, not test"):
        ImageSet(source="tiny_imagenet", size=64, splits={"test": "test"})


def test_a_set_that_is_missing_or_cannot_be_downloaded(tmp_path: Path) -> None:
    told = rf"is not at {tmp_path}/tiny-imagenet-200. Get tiny-imagenet-200.zip from its authors"
    with pytest.raises(UserError, match=told):
        read(tmp_path)
    with pytest.raises(ValidationError, match=r"torchvision cannot download Tiny ImageNet. Get .* authors"):
        ImageSet(source="tiny_imagenet", size=64, download=True)


def test_a_set_that_is_not_whole(numbers: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path)
    image = folder / "train" / WNIDS[0] / "images" / f"{WNIDS[0]}_3.JPEG"
    content = image.read_bytes()
    image.unlink()
    with pytest.raises(UserError, match=rf"train/{WNIDS[0]}/images has 19 images, not 20"):
        read(tmp_path)
    assert len(read(tmp_path, "test").labels) == VALIDATION
    image.write_bytes(content[:200])
    with pytest.raises(UserError, match=r"1 of 60 images cannot be read: .*_3.JPEG"):
        read(tmp_path, validation_share=0)
    (folder / "val" / "images" / "val_2.JPEG").unlink()
    with pytest.raises(UserError, match="val lists 9 images and has 8 of them, not 9"):
        read(tmp_path, "test")
    annotations = folder / "val" / "val_annotations.txt"
    annotations.write_text("val_0.JPEG\tn99999999\t0\t0\t1\t1\n")
    with pytest.raises(UserError, match=r"line 1 of val/val_annotations.txt names no class"):
        read(tmp_path, "test")
    annotations.unlink()
    with pytest.raises(UserError, match=r"val_annotations.txt is missing.* splits: \{test: val\}"):
        read(tmp_path, "test")
    monkeypatch.setattr(tiny_imagenet, "CLASSES", 200)
    with pytest.raises(UserError, match=r"wnids.txt names 3 classes, not 200"):
        read(tmp_path)


def test_it_counts_by_its_name() -> None:
    mine = ImportImages(source="tiny_imagenet", size=64, split="train", path="here")
    assert mine.data() == []
    assert mine.identity() == mine.model_copy(update={"path": None}).identity()
