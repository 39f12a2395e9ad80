"""Parquet files as the hub has them, and a sentence for everything that may be wrong with them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from proxykd.errors import UserError
from proxykd.images import parquet
from proxykd.images.imported import Imported
from proxykd.images.settings import ImportImages

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def png(value: int) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (8, 8), value).save(stream, "PNG")
    return stream.getvalue()


def write(
    root: Path,
    split: str = "train",
    labels: list | None = None,
    *,
    shards: int = 1,
    names: list[str] | None = None,
    image: str = "image",
    label: str = "label",
    pixels: list | None = None,
) -> list[Path]:
    """Shards of a split; image number i has the grey level i."""
    labels = [0, 1] * 10 if labels is None else labels
    pixels = [png(index) for index in range(len(labels))] if pixels is None else pixels
    images = pa.array([{"bytes": data, "path": None} for data in pixels], IMAGE)
    table = pa.table({image: images, label: pa.array(labels)})
    if names is not None:
        feature = {label: {"names": names, "_type": "ClassLabel"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": feature}})})
    root.mkdir(parents=True, exist_ok=True)
    paths = [root / f"{split}-{number:05d}-of-{shards:05d}.parquet" for number in range(shards)]
    step = -(-len(labels) // shards)
    for number, path in enumerate(paths):
        pq.write_table(table.slice(number * step, step), path, row_group_size=3)
    return paths


def read(root: Path, split: str = "train", **given: object) -> Imported:
    settings = {"source": "parquet", "path": str(root), "size": 8, "channels": 1, "split": split, **given}
    return parquet.read(ImportImages(**settings), lambda _: None)


def whole(root: Path, **given: object) -> Imported:
    return read(root, validation_share=0, test_share=0, **given)


def levels(part: Imported) -> list[int]:
    return part.images_NHWC[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("below", ["data", "."])
def test_all_rows_come_in_order_over_shards_and_row_groups(tmp_path: Path, shards: int, below: str) -> None:
    write(tmp_path / below, shards=shards, names=["cat", "dog"])
    found = whole(tmp_path)
    assert levels(found) == list(range(20))
    assert (found.labels, found.classes) == ([0, 1] * 10, ["cat", "dog"])
    assert found.origins[:2] == ["train/0", "train/1"]


def test_only_the_chosen_rows_are_read_and_keep_their_labels(tmp_path: Path) -> None:
    write(tmp_path, shards=3)
    parts = [read(tmp_path, split) for split in ("train", "validation", "test")]
    assert sorted(level for part in parts for level in levels(part)) == list(range(20))
    for part in parts:
        assert part.labels == [level % 2 for level in levels(part)]
        assert part.origins == [f"train/{level}" for level in levels(part)]
    assert set(levels(read(tmp_path, limit=4))) < set(levels(parts[0]))


@pytest.mark.parametrize(("image", "label"), [("img", "labels"), ("img", "fine_label"), ("image", "label")])
def test_the_column_names_in_use_on_the_hub(tmp_path: Path, image: str, label: str) -> None:
    write(tmp_path, image=image, label=label, names=["a", "b"])
    assert whole(tmp_path).classes == ["a", "b"]


def test_classes_without_names_are_numbered_alike_in_every_split(tmp_path: Path) -> None:
    write(tmp_path, "train", [0, 1, 2, 3] * 5)
    write(tmp_path, "test", [0, 1])
    assert read(tmp_path, "test").classes == read(tmp_path, "train").classes == ["0", "1", "2", "3"]


def test_names_with_a_hash_after_the_count(tmp_path: Path) -> None:
    path = write(tmp_path)[0]
    path.rename(tmp_path / "train-00000-of-00001-b42a775f407cee45.parquet")
    assert levels(whole(tmp_path)) == list(range(20))


def test_a_split_of_another_name_can_be_mapped(tmp_path: Path) -> None:
    write(tmp_path, "train")
    write(tmp_path, "validation", [0, 1])
    assert read(tmp_path, "test", splits={"test": "validation"}).origins == ["validation/0", "validation/1"]
    with pytest.raises(UserError, match=r"has no such split\. It has: train, validation"):
        read(tmp_path, "test", splits={"test": "valid"})


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no folder .*absent"):
        read(tmp_path / "absent")
    with pytest.raises(UserError, match=r"holds no parquet files named <split>-NNNNN-of-NNNNN"):
        read(tmp_path)
    write(tmp_path, shards=3)[1].unlink()
    with pytest.raises(
        UserError, match=r"1 of the 3 train files are missing .* train-00001-of-00003.parquet"
    ):
        read(tmp_path)


def test_two_versions_of_a_set_are_not_mixed(tmp_path: Path) -> None:
    write(tmp_path, shards=1)
    write(tmp_path, shards=2)
    with pytest.raises(UserError, match="of different versions of the set"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ([0, 1, 2] * 8, r"Row 2 of the train split at .* has the label 2, of 2 classes \(8 such rows"),
        ([0, 1, -1, 0], r"Row 2 .* has the label -1"),
        ([0, 1, None, 0], r"Row 2 .* has the label -1"),
    ],
)
def test_labels_out_of_range(tmp_path: Path, labels: list, told: str) -> None:
    write(tmp_path, labels=labels, names=["a", "b"])
    with pytest.raises(UserError, match=told):
        read(tmp_path)


def test_labels_that_are_no_numbers(tmp_path: Path) -> None:
    write(tmp_path, labels=["cat", "dog"])
    with pytest.raises(UserError, match=r"Column label of .* is of type string. Labels must be integers"):
        read(tmp_path)


def test_columns_that_are_missing(tmp_path: Path) -> None:
    write(tmp_path / "one", label="target")
    with pytest.raises(UserError, match="has no column label or labels or fine_label; it has image, target"):
        read(tmp_path / "one")
    write(tmp_path / "two", image="picture")
    with pytest.raises(UserError, match="has no column image or img; it has picture, label"):
        read(tmp_path / "two")


def test_class_names_that_differ_between_splits(tmp_path: Path) -> None:
    write(tmp_path, "train", names=["a", "b"])
    write(tmp_path, "test", names=["b", "a"])
    with pytest.raises(UserError, match="must have the same classes in the same order"):
        read(tmp_path)


def test_files_that_are_damaged(tmp_path: Path) -> None:
    path = write(tmp_path)[0]
    data = path.read_bytes()
    path.write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(UserError, match=r"is no parquet file, or is damaged .* git lfs pull"):
        read(tmp_path)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match="is no parquet file, or is damaged"):
        read(tmp_path)
    path.write_bytes(data[:4] + bytes(len(data) // 2 - 4) + data[len(data) // 2 :])
    with pytest.raises(UserError, match="damaged"):
        read(tmp_path)


def test_images_that_are_broken_or_not_embedded(tmp_path: Path) -> None:
    pixels = [png(index) for index in range(20)]
    write(tmp_path / "one", shards=2, pixels=[*pixels[:14], pixels[14][:50], *pixels[15:]])
    with pytest.raises(
        UserError, match=r"1 of 20 images cannot be read: row 4 of train-00001-of-00002.parquet \("
    ):
        whole(tmp_path / "one")
    write(tmp_path / "two", pixels=[*pixels[:7], None, *pixels[8:]])
    with pytest.raises(UserError, match=r"row 7 of train-00000-of-00001.parquet has no bytes in it"):
        whole(tmp_path / "two")


def test_a_split_without_rows(tmp_path: Path) -> None:
    write(tmp_path, labels=pa.array([], pa.int64()), pixels=[])
    with pytest.raises(UserError, match="hold no rows"):
        read(tmp_path)
