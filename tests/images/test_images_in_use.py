"""Real images as a teacher's data, as proxies, and in mixtures with shares: plans, and whole short runs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import webdataset as wds
from PIL import Image

from programs import Workplace
from proxykd.configuration import load
from proxykd.errors import UserError
from proxykd.plan import Plan

SMALL = {"size": 8, "channels": 1}
CROPS = {"source": "crops", "path": "scikit-learn:china.jpg", "crops": {"count": 90}, **SMALL}
SHADERS = {"kind": "shaders", "count": 40, "programs": 8, **SMALL}
NETWORK = {"architecture": "convnet_8"}


def write_digits(root: Path, per_class: int = 24) -> None:
    """scikit-learn's digits as image files of several formats, one folder a class."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    for label in range(10):
        (root / str(label)).mkdir(parents=True)
        for index in np.flatnonzero(bunch.target == label)[:per_class]:
            image = Image.fromarray((bunch.images[index] * 15.9).astype(np.uint8))
            image.save(root / str(label) / f"{index}.{('png', 'webp', 'tif')[index % 3]}", lossless=True)


def write_unlabelled(root: Path, count: int = 30) -> None:
    """Pieces of a photograph, in colour and larger than needed."""
    from sklearn.datasets import load_sample_image

    photograph, rng = load_sample_image("flower.jpg"), np.random.default_rng(0)
    root.mkdir()
    for index in range(count):
        top, left = rng.integers(0, 300), rng.integers(0, 500)
        Image.fromarray(photograph[top : top + 60, left : left + 80]).save(root / f"{index:03d}.jpg")


def write_shards(root: Path, count: int = 40) -> None:
    rng = np.random.default_rng(1)
    root.mkdir()
    with wds.ShardWriter(f"{root}/%05d.tar", maxcount=25, verbose=0) as writer:
        for index in range(count):
            pixels = np.repeat(np.repeat(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8), 4, 0), 4, 1)
            writer.write({"__key__": f"{index:05d}", "png": Image.fromarray(pixels)})


def train_teacher(workplace: Workplace, photos: Path) -> str:
    """On a folder of digits, on its train images alone."""
    write_digits(photos)
    digits = {"source": "folder", "path": str(photos), **SMALL}
    train = workplace.make("import_images", "train", {**digits, "split": "train"})
    held = workplace.make("import_images", "held", {**digits, "split": "validation"})
    recipe = {"steps": 40, "batch": 32, "warmup": 0.1}
    settings = {"images": "mine", "network": NETWORK, "recipe": recipe, "augmentation": "none"}
    return workplace.make("train_teacher", "t", settings, images=train, validation=held)


@pytest.mark.full
def test_a_mixture_of_photographs_crops_shards_and_shaders_teaches_a_student(tmp_path: Path) -> None:
    workplace = Workplace(tmp_path / "store")
    workplace.folder.mkdir()
    teacher = train_teacher(workplace, tmp_path / "digits")
    assert len(workplace.index(teacher)["classes"]) == 10
    write_unlabelled(tmp_path / "photos")
    write_shards(tmp_path / "shards")
    given = {
        "photos": {"source": "folder", "path": str(tmp_path / "photos"), **SMALL},
        "shards": {"source": "webdataset", "path": str(tmp_path / "shards"), **SMALL},
        "crops": CROPS,
    }
    pools = [
        workplace.make("import_images", name, {**settings, "split": "train"})
        for name, settings in given.items()
    ]
    pools.append(workplace.make("render_proxies", "shaders", SHADERS))
    assert [workplace.index(pool)["samples"] for pool in pools] == [30, 40, 90, 40]
    scores = [
        workplace.make("score_proxies", f"{number}", {}, teacher=teacher, pool=pool)
        for number, pool in enumerate(pools)
    ]
    shares = {"count": 40, "shares": [0.2, 0.2, 0.4, 0.2], "balance": "none"}
    selection = workplace.make("select_proxies", "s", shares, pool=pools, scores=scores)
    rows = pq.read_table(workplace.folder / selection / "samples.parquet").to_pylist()
    assert Counter(row["pool"] for row in rows) == {0: 8, 1: 8, 2: 16, 3: 8}
    assert {row["program"] for row in rows if row["pool"] < 3} == {"unlabelled"}
    recipe = {"steps": 6, "batch": 16}
    settings = {"network": NETWORK, "recipe": recipe, "temperature": 20, "augmentation": "extreme"}
    student = workplace.make("distill_student", "d", settings, teacher=teacher, selection=selection)
    assert (workplace.folder / student / "model.safetensors").stat().st_size > 1000


def configured(tiny: dict[str, Any], **images: dict[str, Any]) -> dict[str, Any]:
    tiny["import_images"] |= images
    tiny["select_proxies"] = {"count": 40}
    return tiny


def test_pools_with_shares_are_planned_each_with_its_split(tiny: dict[str, Any], tmp_path: Path) -> None:
    write_unlabelled(tmp_path / "photos")
    photos = {"source": "folder", "path": str(tmp_path / "photos"), **SMALL}
    given = configured(tiny, photos=photos, crops=CROPS)
    given["proxies"] = [
        {"import_images": "photos", "share": 0.5},
        {"import_images": "crops", "share": 0.2},
        {"import_images": "digits", "split": "validation", "share": 0.3},
    ]
    (experiment,) = Plan(load(given)).experiments
    pools = experiment.runs[0].pools
    assert [pool.settings.source for pool in pools] == ["folder", "crops", "digits"]
    assert [pool.settings.split for pool in pools] == ["train", "train", "validation"]
    assert experiment.runs[0].selection.settings.shares == [0.5, 0.2, 0.3]
    assert [len(pool.data) for pool in pools] == [1, 1, 0]


def test_another_picture_makes_other_crops(tiny: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "mine.png"
    keys = []
    for level in (3, 3, 4):
        Image.new("L", (64, 64), level).save(file)
        given = configured(tiny, crops=CROPS | {"path": str(file)})
        given["proxies"] = [{"import_images": "crops"}]
        keys.append(Plan(load(given)).experiments[0].runs[0].pools[0].key)
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ({"proxies": [{"import_images": "crops", "split": "validation"}]}, "have no validation split"),
        ({"evaluate_student": {"images": "crops"}}, "'crops' is crops of one image, without labels"),
        (
            {"train_teacher": {"images": "crops", "network": NETWORK, "recipe": {"steps": 4}}},
            "without labels",
        ),
    ],
)
def test_crops_are_for_proxies_alone(tiny: dict[str, Any], place: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        load(configured(tiny, crops=CROPS) | place)


def test_a_teacher_is_not_trained_on_what_nobody_labelled(tmp_path: Path) -> None:
    workplace = Workplace(tmp_path / "store")
    workplace.folder.mkdir()
    write_unlabelled(tmp_path / "photos")
    photos = {"source": "folder", "path": str(tmp_path / "photos"), **SMALL}
    status, told = workplace.run("import_images", "held", {**photos, "split": "validation"})
    assert status == 1
    assert "have no labels, so none is held out for validation" in told
    train = workplace.make("import_images", "train", {**photos, "split": "train"})
    settings = {"images": "photos", "network": NETWORK, "recipe": {"steps": 4, "batch": 8}}
    status, told = workplace.run("train_teacher", "t", settings, images=train)
    assert status == 1
    assert "needs at least two classes" in told
