"""The program: what it leaves, what it says, and where it stops."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from programs import Workplace
from proxykd.networks.files import save
from trained import digit_teacher

DATA = os.environ.get("PROXYKD_DATA")
CLASSES = 10


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def looked_at(
    workplace: Workplace, mean: list[float], deviation: list[float], settings: dict[str, Any], **given: Any
) -> tuple[int, str]:
    """A digits' teacher, imported with a normalisation and looked at with leaves and digits."""
    folder = workplace.folder / "theirs"
    folder.mkdir()
    save(digit_teacher(), folder)
    stated = {"architecture": "convnet_8", "checkpoint": str(folder / "model.safetensors"), "size": 8}
    stated |= {"channels": 1, "classes": CLASSES, "mean": mean, "deviation": deviation}
    teacher = workplace.make("import_teacher", "t", stated)
    pool = {"kind": "leaves", "count": 40, "size": 8, "channels": 1}
    proxies = workplace.make("render_proxies", "p", pool)
    images = {"source": "digits", "size": 8, "channels": 1, "split": "validation"}
    pictures = workplace.make("import_images", "i", images)
    return workplace.run("check_teacher", "c", settings, teacher=teacher, proxies=proxies, pictures=pictures)


def told(workplace: Workplace) -> dict[str, Any]:
    return json.loads((workplace.out("check_teacher", "c") / "check.json").read_text())


def test_it_tells_what_it_saw_of_every_image_and_of_every_normalisation(workplace: Workplace) -> None:
    own = digit_teacher().description
    settings = {"sample": 32, "pictures": 50}
    status, said = looked_at(workplace, own.mean, own.deviation, settings)
    assert status == 0
    assert "agrees with the statistics" in said
    found = told(workplace)
    assert found["verdict"] == "stated"
    assert found["likely"] is None
    assert {kind: one["images"] for kind, one in found["looks"].items()} == {"proxies": 40, "pictures": 50}
    for one in found["looks"].values():
        assert all(sum(row["classes"]["histogram"]) == 32 for row in one["normalisations"])
    rows = pq.read_table(workplace.out("check_teacher", "c") / "samples.parquet").to_pylist()
    for kind, one in found["looks"].items():
        predicted = [row["predicted"] for row in rows if row["kind"] == kind]
        assert [predicted.count(label) for label in range(CLASSES)] == one["classes"]["histogram"]
    assert workplace.index("check_teacher/c")["facts"] == {"verdict": "stated", "likely": None}


def test_a_wrong_one_is_a_warning_that_says_what_to_write(workplace: Workplace) -> None:
    status, said = looked_at(workplace, [0.0], [1.0], {})
    assert status == 0
    assert "looks wrong" in said
    assert "write import_teacher.mean: [0.286] and import_teacher.deviation: [0.353]" in said
    assert told(workplace)["likely"] == "Fashion-MNIST's"
    assert told(workplace)["instead"]["mean"] == [0.286]


def test_it_stops_the_run_where_that_is_asked_for(workplace: Workplace) -> None:
    status, said = looked_at(workplace, [0.0], [1.0], {"unlikely": "fail"})
    assert status == 1
    assert "looks wrong" in said
    assert "check_teacher.unlikely" in said
    assert "Traceback" not in said
    assert not workplace.out("check_teacher", "c").exists()


@pytest.mark.skipif(not DATA, reason="PROXYKD_DATA names no folder with real checkpoints")
@pytest.mark.parametrize("with_pictures", [True, False])
@pytest.mark.parametrize(
    ("mean", "deviation", "verdict"),
    [
        ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225], "stated"),
        ([0.0] * 3, [1.0] * 3, "wrong"),
        ([0.5] * 3, [0.5] * 3, "wrong"),
    ],
)
def test_a_published_teacher(
    mean: list[float], deviation: list[float], verdict: str, with_pictures: bool, workplace: Workplace
) -> None:
    data = Path(DATA or "")
    stated = {
        "architecture": "cifar_resnet_20",
        "size": 32,
        "classes": 10,
        "mean": mean,
        "deviation": deviation,
    }
    stated["checkpoint"] = str(data / "teachers/resnet20-12fca82f.th")
    roles: dict[str, Any] = {"teacher": workplace.make("import_teacher", "t", stated)}
    pool = {"kind": "shaders", "count": 64, "programs": 64, "size": 32, "channels": 3}
    roles["proxies"] = workplace.make("render_proxies", "p", pool)
    if with_pictures:
        # Of another kind than it was trained on, as a user's may be.
        images = {"source": "parquet", "path": str(data / "flowers5_64"), "size": 32, "split": "test"}
        roles["pictures"] = workplace.make("import_images", "i", images | {"limit": 64})
    workplace.make("check_teacher", "c", {"sample": 64}, **roles)
    found = told(workplace)
    assert found["verdict"] == verdict
    assert found["likely"] == (None if verdict == "stated" else "ImageNet's")
