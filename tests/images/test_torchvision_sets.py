"""torchvision's named sets, on small sets written by hand in torchvision's own layout.

They are not the official sets, so the tables of checksums are replaced here, and only here.
"""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
from torchvision import datasets

from proxykd.errors import UserError
from proxykd.images import torchvision_sets
from proxykd.images.imported import Imported
from proxykd.images.settings import ImportImages


def read(source: str, root: Path, split: str, **given: object) -> Imported:
    size = 32 if source.startswith("cifar") else 28
    settings = {"source": source, "path": str(root), "size": size, "split": split, **given}
    return torchvision_sets.read(ImportImages(**settings), lambda _: None)


def pickled(path: Path, value: object) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(value))
    return hashlib.md5(path.read_bytes()).hexdigest()


def write_cifar(root: Path, kind: type, per_batch: int, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """A set in CIFAR's layout; every pixel of image i of a batch, and its label, comes from i."""
    fine = kind is datasets.CIFAR100
    folder, rng = root / kind.base_folder, np.random.default_rng(0)
    pixels = rng.integers(0, 256, (per_batch, 3, 32, 32), dtype=np.uint8)
    labels = [index % 10 for index in range(per_batch)]
    wrong = [0] * per_batch
    batch = {"data": pixels.reshape(per_batch, -1)}
    batch |= {"fine_labels": labels, "coarse_labels": wrong} if fine else {"labels": labels}
    for table in ("train_list", "test_list"):
        names = [name for name, _ in getattr(kind, table)]
        monkeypatch.setattr(kind, table, [[name, pickled(folder / name, batch)] for name in names])
    names = [f"name {index}" for index in range(100 if fine else 10)]
    meta = {kind.meta["key"]: names}
    md5 = pickled(folder / kind.meta["filename"], meta)
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": md5})
    return pixels.transpose(0, 2, 3, 1)


def write_mnist(root: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    folder = root / torchvision_sets.CLASS_NAMES[source] / "raw"
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 28, 28), dtype=np.uint8)
    labels = np.arange(40, dtype=np.uint8) % 10
    content = {}
    for split, name in (("train", "train"), ("test", "t10k")):
        header = b"".join(number.to_bytes(4, "big") for number in (2051, 40, 28, 28))
        (folder / f"{name}-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
        header = b"".join(number.to_bytes(4, "big") for number in (2049, 40))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(header + labels.tobytes())
        content[source, split] = hashlib.sha256(pixels.tobytes() + labels.tobytes()).hexdigest()
    monkeypatch.setattr(torchvision_sets, "CONTENT", content)
    return pixels


@pytest.mark.parametrize("source", ["cifar10", "cifar100"])
def test_cifar_is_read_exactly(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = getattr(datasets, source.upper())
    pixels = write_cifar(tmp_path, kind, 40, monkeypatch)
    test = read(source, tmp_path, "test")
    assert np.array_equal(test.images_NHWC, pixels)
    assert test.labels == [index % 10 for index in range(40)]
    assert (len(test.classes), test.classes[3]) == (100 if source == "cifar100" else 10, "name 3")
    assert test.origins[39] == "test/39"
    assert all(
        np.array_equal(read(source, tmp_path, "test", limit=9).images_NHWC[i], pixels[j])
        for i, j in enumerate(int(o[5:]) for o in read(source, tmp_path, "test", limit=9).origins)
    )


def test_cifar_holds_validation_out_of_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar(tmp_path, datasets.CIFAR10, 40, monkeypatch)
    train, validation = read("cifar10", tmp_path, "train"), read("cifar10", tmp_path, "validation")
    assert (len(train.labels), len(validation.labels)) == (180, 20)
    assert not set(train.origins) & set(validation.origins)
    assert set(read("cifar10", tmp_path, "validation", limit=10).origins) < set(validation.origins)


@pytest.mark.parametrize("source", ["mnist", "fashion_mnist"])
def test_mnist_is_read_exactly(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = write_mnist(tmp_path, source, monkeypatch)
    test = read(source, tmp_path, "test", channels=1)
    assert np.array_equal(test.images_NHWC, pixels[..., None])
    assert test.labels == [index % 10 for index in range(40)]
    assert len(test.classes) == 10
    assert np.array_equal(read(source, tmp_path, "test").images_NHWC, np.stack([pixels] * 3, axis=3))
    assert sorted(read(source, tmp_path, "validation").labels) == list(range(10))


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("cifar10", "cifar-10-batches-py"),
        ("cifar100", "cifar-100-python"),
        ("mnist", "MNIST/raw"),
        ("fashion_mnist", "FashionMNIST/raw"),
    ],
)
def test_a_set_that_is_not_there(source: str, place: str, tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=rf"is not at {tmp_path}/{place}. Set download: true .* in which {place} lies"
    ):
        read(source, tmp_path, "train")


def test_files_that_are_not_the_official_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as tables:
        write_cifar(tmp_path, datasets.CIFAR10, 4, tables)
        write_mnist(tmp_path, "mnist", tables)
    with pytest.raises(
        UserError, match=r"damaged, incomplete, or not those of CIFAR-10 .* choose source folder"
    ):
        read("cifar10", tmp_path, "test")
    with pytest.raises(UserError, match=r"not those of MNIST \(its test split has another checksum\)"):
        read("mnist", tmp_path, "test")


def test_an_interrupted_download_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mnist(tmp_path, "mnist", monkeypatch)
    images = tmp_path / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:5000])
    with pytest.raises(UserError, match="damaged, incomplete"):
        read("mnist", tmp_path, "test")


def test_a_set_that_is_there_is_not_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar(tmp_path, datasets.CIFAR10, 10, monkeypatch)
    before = sorted(tmp_path.rglob("*"))
    assert len(read("cifar10", tmp_path, "test", download=True).labels) == 10
    assert sorted(tmp_path.rglob("*")) == before


def test_a_download_that_fails_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.CIFAR10, "url", f"file://{tmp_path}/absent.tar.gz")
    with pytest.raises(UserError, match=r"CIFAR-10 could not be downloaded to .* Check the connection"):
        read("cifar10", tmp_path / "root", "train", download=True)
