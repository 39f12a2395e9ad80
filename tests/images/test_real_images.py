"""Real image sets, where PROXYKD_DATA names the folder that holds them."""

from __future__ import annotations

import io
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import webdataset as wds
from PIL import Image

from proxykd.images import folder, parquet, torchvision_sets, webdataset
from proxykd.images.imported import Imported
from proxykd.images.settings import ImportImages

ROOT = os.environ.get("PROXYKD_DATA")
pytestmark = pytest.mark.skipif(not ROOT, reason="PROXYKD_DATA names no folder with real image sets")


def read(name: str, split: str, **given: object) -> Imported:
    path = Path(ROOT or "") / name
    if not path.is_dir():
        pytest.skip(f"{name} is not in PROXYKD_DATA")
    settings = {"source": "parquet", "path": str(path), "split": split, **given}
    return parquet.read(ImportImages(**settings), lambda _: None)


def stored(name: str, split: str) -> pq.ParquetFile:
    return pq.ParquetFile(Path(ROOT or "") / name / "data" / f"{split}-00000-of-00001.parquet")


def test_cifar10_is_complete_and_exact() -> None:
    found = read("cifar10", "test", size=32)
    assert found.images_NHWC.shape == (10_000, 32, 32, 3)
    assert Counter(found.labels) == dict.fromkeys(range(10), 1000)
    assert found.classes[0] == "airplane"
    rows = stored("cifar10", "test").read().to_pylist()
    assert found.labels == [row["label"] for row in rows]
    for index in range(0, 10_000, 97):
        pixels = np.asarray(Image.open(io.BytesIO(rows[index]["image"]["bytes"])).convert("RGB"))
        assert np.array_equal(found.images_NHWC[index], pixels)


def test_cifar10_splits_over_its_shards() -> None:
    parts = [read("cifar10", split, size=32, limit=500) for split in ("train", "validation", "test")]
    for part in parts:
        assert Counter(part.labels) == dict.fromkeys(range(10), 50)
    assert not set(parts[0].origins) & set(parts[1].origins)
    assert {origin.split("/")[0] for origin in parts[1].origins} == {"train"}
    assert {origin.split("/")[0] for origin in parts[2].origins} == {"test"}


def test_flowers_are_read_at_another_size() -> None:
    same, small = read("flowers5_64", "test", size=64), read("flowers5_64", "test", size=32)
    assert same.images_NHWC.shape == (864, 64, 64, 3)
    assert len(same.classes) == len(set(same.labels)) == 5
    means = (same.images_NHWC.mean((1, 2)), small.images_NHWC.mean((1, 2)))
    assert np.abs(means[0] - means[1]).max() < 4


def test_imagenettes_validation_can_be_the_test_split() -> None:
    mapped = read("imagenette64", "test", size=64, splits={"test": "validation"}, limit=50)
    assert {origin.split("/")[0] for origin in mapped.origins} == {"validation"}
    held = read("imagenette64", "validation", size=64, splits={"test": "validation"}, limit=50)
    assert {origin.split("/")[0] for origin in held.origins} == {"train"}


def test_the_same_photographs_from_parquet_a_folder_and_shards(tmp_path: Path) -> None:
    rows = stored("imagenette64", "validation").read().slice(0, 300).to_pylist()
    expected = read("imagenette64", "test", size=48, splits={"test": "validation"})
    with wds.TarWriter(str(tmp_path / "test-0.tar")) as writer:
        for index, row in enumerate(rows):
            content = row["image"]["bytes"]
            suffix = Image.open(io.BytesIO(content)).format.lower()
            file = tmp_path / "test" / expected.classes[row["label"]] / f"{index:04d}.{suffix}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            writer.write({"__key__": f"{index:04d}", suffix: content, "cls": row["label"]})
    (tmp_path / "classes.txt").write_text("\n".join(expected.classes))
    shards = ImportImages(source="webdataset", path=str(tmp_path), size=48, split="test")
    photos = ImportImages(source="folder", path=str(tmp_path), size=48, split="test")
    from_shards = webdataset.read(shards, lambda _: None)
    assert np.array_equal(from_shards.images_NHWC, expected.images_NHWC[:300])
    assert (from_shards.labels, from_shards.classes) == (expected.labels[:300], expected.classes)
    for image_HWC, origin in zip(*_images(folder.read(photos, lambda _: None)), strict=True):
        index = int(Path(origin).stem)
        assert np.array_equal(image_HWC, expected.images_NHWC[index])
        assert Path(origin).parent.name == expected.classes[expected.labels[index]]


def _images(part: Imported) -> tuple[np.ndarray, list[str]]:
    return part.images_NHWC, part.origins


def test_fashion_mnist_in_one_channel_is_exact() -> None:
    found = read("fashion_mnist", "test", size=28, channels=1, limit=300)
    assert found.images_NHWC.shape == (300, 28, 28, 1)
    rows = stored("fashion_mnist", "test").read(columns=["image"]).column("image")
    for image_HWC, origin in zip(found.images_NHWC, found.origins, strict=True):
        data = rows[int(origin.removeprefix("test/"))].as_py()["bytes"]
        assert np.array_equal(image_HWC[..., 0], np.asarray(Image.open(io.BytesIO(data)))[..., 0])


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_real_set_passes_the_check_of_its_content(name: str, tmp_path: Path) -> None:
    """torchvision reads the test split from IDX files; of the train split it only wants to see files."""
    found = read(name, "test", size=28, channels=1)
    raw = tmp_path / torchvision_sets.CLASS_NAMES[name] / "raw"
    raw.mkdir(parents=True)
    for empty in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        (raw / empty).touch()
    header = b"".join(number.to_bytes(4, "big") for number in (2051, 10_000, 28, 28))
    (raw / "t10k-images-idx3-ubyte").write_bytes(header + found.images_NHWC.tobytes())
    header = b"".join(number.to_bytes(4, "big") for number in (2049, 10_000))
    (raw / "t10k-labels-idx1-ubyte").write_bytes(header + bytes(found.labels))
    settings = ImportImages(source=name, path=str(tmp_path), size=28, channels=1, split="test", limit=100)
    assert len(torchvision_sets.read(settings, lambda _: None).labels) == 100
