"""Somebody's checkpoint becomes a teacher, or the user is told why not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file

from programs import SCRIPTS, Workplace
from proxykd.networks.build import build
from proxykd.networks.classifier import Classifier, Description
from proxykd.networks.files import load
from proxykd.networks.outputs import logits_of
from proxykd.networks.teacher_settings import ImportTeacher

CIFAR = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
SETTINGS = {"architecture": "cifar_resnet_8", "size": 32, "classes": 10}


def weights(architecture: str = "cifar_resnet_8", channels: int = 3) -> dict[str, torch.Tensor]:
    names = [str(i) for i in range(10)]
    body = build(Description(architecture, 32, channels, names, [0.0] * channels, [1.0] * channels)).body
    return {name: value.clone() for name, value in body.state_dict().items()}


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def imported(workplace: Workplace, path: Path, **settings: Any) -> tuple[int, str]:
    return workplace.run("import_teacher", "t", SETTINGS | {"checkpoint": str(path)} | settings)


def nested(content: dict[str, torch.Tensor], path: Path) -> None:
    torch.save({"state_dict": {f"module.{name}": value for name, value in content.items()}, "epoch": 3}, path)


def plain_pickle(content: dict[str, torch.Tensor], path: Path) -> None:
    torch.save(content, path)


def old_pickle(content: dict[str, torch.Tensor], path: Path) -> None:
    torch.save({"model": content}, path, _use_new_zipfile_serialization=False)


def oddly_named(content: dict[str, torch.Tensor], path: Path) -> None:
    torch.save(
        {"epoch": 1, "ema": {f"_orig_mod.module.{name}": value for name, value in content.items()}}, path
    )


def half_precision(content: dict[str, torch.Tensor], path: Path) -> None:
    torch.save(
        {name: value.half() if value.is_floating_point() else value for name, value in content.items()}, path
    )


def without_counters(content: dict[str, torch.Tensor], path: Path) -> None:
    torch.save({name: value for name, value in content.items() if "num_batches" not in name}, path)


def safetensors(content: dict[str, torch.Tensor], path: Path) -> None:
    save_file(content, path)


WAYS = [nested, plain_pickle, old_pickle, oddly_named, half_precision, without_counters, safetensors]


@pytest.mark.parametrize("way", WAYS)
def test_weights_are_found_however_they_are_wrapped(
    way: Callable[[dict[str, torch.Tensor], Path], None], workplace: Workplace
) -> None:
    content = weights()
    path = workplace.folder / "theirs.bin"
    way(content, path)
    status, told = imported(workplace, path)
    assert status == 0, told
    teacher = load(workplace.out("import_teacher", "t"))
    for name, value in teacher.body.state_dict().items():
        expected = content[name].half().float() if way is half_precision else content[name]
        assert torch.equal(value, expected.to(value.dtype)), name


def test_the_program_alone_in_an_interpreter_of_its_own(tmp_path: Path) -> None:
    settings = (
        f'{{"architecture": "cifar_resnet_8", "size": 32, "classes": 10, "checkpoint": "{tmp_path}/no.pt"}}'
    )
    command = [sys.executable, str(SCRIPTS / "import_teacher.py"), "--settings", settings, "--out"]
    done = subprocess.run(
        [*command, str(tmp_path / "import_teacher/t")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "no.pt" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("architecture", "custom"),
    [
        ("resnet_18", {"downsample.": "shortcut.", "fc.": "linear."}),
        ("cifar_resnet_8b", {"shortcut.": "downsample.", "linear.": "fc."}),
    ],
)
def test_the_two_customs_of_naming_a_resnets_layers_are_one(
    architecture: str, custom: dict[str, str], workplace: Workplace
) -> None:
    content, theirs = weights(architecture), {}
    for name, value in content.items():
        for ours, word in custom.items():
            name = name.replace(ours, word)
        theirs[name] = value
    assert set(theirs) != set(content)
    torch.save(theirs, workplace.folder / "theirs.pt")
    assert imported(workplace, workplace.folder / "theirs.pt", architecture=architecture)[0] == 0
    teacher = load(workplace.out("import_teacher", "t"))
    assert all(torch.equal(value, content[name]) for name, value in teacher.body.state_dict().items())


def test_a_layer_under_both_names_is_not_passed_over(workplace: Workplace) -> None:
    content = weights("resnet_18")
    torch.save(content | {"linear.weight": content["fc.weight"]}, workplace.folder / "theirs.pt")
    status, told = imported(workplace, workplace.folder / "theirs.pt", architecture="resnet_18")
    assert status == 1
    assert "it has besides linear.weight" in told


# The names of published checkpoints: zju-vipa/CMI's WRN, and Tian et al. 2020's VGG.
THEIRS = {
    "wrn_40_2": ("conv1.weight", "block2.layer.0.convShortcut.weight", "block3.layer.5.bn2.bias", "fc.bias"),
    "vgg_11": ("block0.0.weight", "block2.3.bias", "block4.4.running_var", "classifier.weight"),
    "cifar_resnet_20b": ("layer2.0.shortcut.0.weight", "layer3.0.shortcut.1.running_mean", "linear.bias"),
    "mobilenet_v2": ("features.0.0.weight", "features.18.1.weight", "classifier.1.weight"),
}


@pytest.mark.parametrize("architecture", THEIRS)
def test_layers_have_the_names_of_published_checkpoints(architecture: str) -> None:
    assert set(THEIRS[architecture]) <= set(weights(architecture))


class RunsCode:
    """A pickle of it makes a file when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


def bad(name: str, folder: Path) -> tuple[Path, dict[str, Any], str]:
    """A checkpoint that cannot be imported, the settings, and what the user must be told."""
    path, content, settings = folder / "theirs.pt", weights(), {}
    told = {
        "empty": "is no checkpoint: neither safetensors nor a pickle",
        "text": "is no checkpoint: neither safetensors nor a pickle",
        "code": "holds more than weights: loading it could execute code, so it is refused",
        "a whole network": "import_teacher.trust: true",
        "another architecture": "is not a checkpoint of cifar_resnet_20: it lacks layer1.1.conv1.weight",
        "another class count": "has 10 classes, and import_teacher.classes says 7",
        "one channel": "conv1.weight has the shape (16, 3, 3, 3), the network's is (16, 1, 3, 3)",
        "nan": "holds values that are not finite",
        "infinite": "holds values that are not finite",
        "no weights": "holds no weights",
    }[name]
    if name in {"empty", "text"}:
        path.write_text("" if name == "empty" else "Weights are on request from the author.\n" * 20)
    elif name == "code":
        torch.save({"state_dict": content, "extra": RunsCode(folder / "marker")}, path)
    elif name == "a whole network":
        torch.save(torch.nn.Linear(2, 2), path)
    elif name in {"nan", "infinite"}:
        broken = "conv1.weight" if name == "nan" else "bn1.running_var"
        content[broken].view(-1)[0] = float("nan") if name == "nan" else float("inf")
        torch.save(content, path)
    else:
        torch.save({"epoch": 3} if name == "no weights" else content, path)
        settings = {
            "another architecture": {"architecture": "cifar_resnet_20"},
            "another class count": {"classes": 7},
            "one channel": {"channels": 1, "mean": [0.5], "deviation": [0.5]},
        }.get(name, {})
    return path, settings, told


BAD = [
    "empty",
    "text",
    "code",
    "a whole network",
    "another architecture",
    "another class count",
    "one channel",
]


@pytest.mark.parametrize("name", [*BAD, "nan", "infinite", "no weights"])
def test_what_cannot_be_imported_is_told_in_a_sentence(name: str, workplace: Workplace) -> None:
    path, settings, expected = bad(name, workplace.folder)
    status, told = imported(workplace, path, **settings)
    assert status == 1
    assert expected in told
    assert "Traceback" not in told
    assert told.splitlines()[-1].startswith("error: ")
    assert not workplace.out("import_teacher", "t").exists()
    assert not (workplace.folder / "marker").exists()


@pytest.mark.parametrize("way", [nested, old_pickle, safetensors])
def test_a_truncated_file_is_told_wherever_it_was_cut(
    way: Callable[[dict[str, torch.Tensor], Path], None], workplace: Workplace
) -> None:
    path = workplace.folder / "theirs.bin"
    way(weights(), path)
    whole = path.read_bytes()
    for cut in (5, 300, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        status, told = imported(workplace, path)
        assert status == 1, cut
        assert "Traceback" not in told
        assert "truncated" in told or "is no complete safetensors" in told or "is no checkpoint" in told, told
        assert not workplace.out("import_teacher", "t").exists()


def test_with_trust_a_whole_network_gives_its_weights(workplace: Workplace) -> None:
    names = [str(i) for i in range(10)]
    body = build(Description("cifar_resnet_8", 32, 3, names, [0.0] * 3, [1.0] * 3)).body
    path = workplace.folder / "whole.pt"
    torch.save(body, path)
    assert imported(workplace, path)[0] == 1
    assert imported(workplace, path, trust=True)[0] == 0


def published(count: int, teacher: str, depth: int, workplace: Workplace) -> float:
    """Accuracy of a checkpoint of akamaster/pytorch_resnet_cifar10 on CIFAR-10's first test images."""
    if "PROXYKD_DATA" not in os.environ:
        pytest.skip("PROXYKD_DATA names no folder with real checkpoints")
    import io

    import pyarrow.parquet as pq
    from PIL import Image

    data = Path(os.environ["PROXYKD_DATA"])
    status, told = imported(
        workplace, data / "teachers" / teacher, architecture=f"cifar_resnet_{depth}", classes=CIFAR
    )
    assert status == 0, told
    network = load(workplace.out("import_teacher", "t"))
    tables = [pq.read_table(path) for path in sorted((data / "cifar10/data").glob("test-*.parquet"))]
    rows = [row for table in tables for row in table.slice(0, count).to_pylist()][:count]
    images_NHWC = np.stack([np.asarray(Image.open(io.BytesIO(row["image"]["bytes"]))) for row in rows])
    labels_N = np.array([row["label"] for row in rows])
    assert network.description.classes == CIFAR
    return float((logits_of(network, images_NHWC, "cpu").argmax(1) == labels_N).mean())


TEACHERS = [("resnet20-12fca82f.th", 20), ("resnet56-4bfd9763.th", 56)]


@pytest.mark.parametrize(("teacher", "depth"), TEACHERS)
def test_published_teachers_read_cifar10(teacher: str, depth: int, workplace: Workplace) -> None:
    assert published(1000 if depth == 20 else 500, teacher, depth, workplace) > 0.9


@pytest.mark.full
@pytest.mark.parametrize(("teacher", "depth", "accuracy"), [(*TEACHERS[0], 0.9173), (*TEACHERS[1], 0.9339)])
def test_published_teachers_score_what_they_are_known_for(
    teacher: str, depth: int, accuracy: float, workplace: Workplace
) -> None:
    assert published(10_000, teacher, depth, workplace) == pytest.approx(accuracy, abs=1e-9)


def test_a_network_of_blue_green_red_gets_them_in_its_order(workplace: Workplace, tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(weights(), path)
    normalised = {"mean": [0.5, 0.4, 0.3], "deviation": [0.3, 0.2, 0.1]}
    status, told = imported(workplace, path, order="bgr", **normalised)
    assert status == 0, told
    folder = workplace.out("import_teacher", "t")
    about = json.loads((folder / "network.json").read_text())
    assert (about["order"], about["mean"]) == ("bgr", normalised["mean"])
    x_NCHW = torch.rand(4, 3, 32, 32)
    usual = Classifier(
        load(folder).body,
        Description("cifar_resnet_8", 32, 3, CIFAR, normalised["mean"][::-1], normalised["deviation"][::-1]),
    ).eval()
    with torch.no_grad():
        assert torch.allclose(load(folder)(x_NCHW), usual(x_NCHW.flip(1)), atol=1e-5)


def test_one_channel_has_no_order() -> None:
    with pytest.raises(ValidationError, match="order: bgr is for three channels"):
        ImportTeacher.model_validate(
            SETTINGS | {"checkpoint": "x.pt", "order": "bgr", "mean": [0.5], "deviation": [0.5]}
        )
