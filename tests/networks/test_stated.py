"""What is left out of import_teacher is found in the checkpoint or beside it."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision import models

from programs import SCRIPTS, Workplace
from proxykd.configuration import Experiment
from proxykd.derivation import input_of, with_teacher
from proxykd.errors import UserError
from proxykd.networks.files import load
from proxykd.networks.skeleton import skeleton
from proxykd.networks.teacher_settings import ImportTeacher

NAMES = ["a", "b", "c"]
MEAN, DEVIATION = [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def weights(architecture: str = "resnet18", classes: int = 3, **options: Any) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return models.get_model(architecture, num_classes=classes, **options).state_dict()


def resolved(path: Path, architecture: str = "torchvision:resnet18", **given: Any) -> ImportTeacher:
    return ImportTeacher(architecture=architecture, checkpoint=str(path), **given).resolved()


def namespace(path: Path) -> None:
    torch.save({"model": weights(), "args": argparse.Namespace(img_size=48, num_classes=3, lr=0.1)}, path)


def lightning(path: Path) -> None:
    named = {"hyper_parameters": {"data": {"input_size": (3, 48, 48)}, "classes": NAMES}}
    torch.save({"state_dict": {f"model.{k}": v for k, v in weights().items()}, **named}, path)


def class_numbers(path: Path) -> None:
    torch.save({"net": weights(), "class_to_idx": {"c": 2, "a": 0, "b": 1}, "image_size": [48, 48]}, path)


def old_pickle(path: Path) -> None:
    content = {"state_dict": weights(), "img_size": 48, "mean": MEAN, "std": tuple(DEVIATION)}
    torch.save(content, path, _use_new_zipfile_serialization=False)


def metadata(path: Path) -> None:
    save_file(weights(), path, {"classes": json.dumps(NAMES), "img_size": "48"})


def ours_beside(path: Path) -> None:
    save_file(weights(), path)
    told = {"size": 48, "channels": 3, "classes": NAMES, "mean": MEAN, "deviation": DEVIATION}
    (path.parent / "network.json").write_text(json.dumps({"architecture": "resnet_18", **told}))


def timm_beside(path: Path) -> None:
    save_file(weights(), path)
    told = {"input_size": [3, 48, 48], "mean": MEAN, "std": DEVIATION, "num_classes": 1000}
    told = {"architecture": "resnet18", "num_classes": 3, "label_names": NAMES, "pretrained_cfg": told}
    (path.parent / "config.json").write_text(json.dumps(told))


def transformers_beside(path: Path) -> None:
    torch.save(weights(), path)
    told = {"id2label": {"1": "b", "0": "a", "2": "c"}, "image_size": 48, "num_channels": 3}
    (path.parent / "config.json").write_text(json.dumps(told))
    seen = {"image_mean": MEAN, "image_std": DEVIATION, "size": {"height": 48, "width": 48}}
    (path.parent / "preprocessor_config.json").write_text(json.dumps(seen))


WAYS = {
    namespace: (3, None),
    lightning: (NAMES, None),
    class_numbers: (NAMES, None),
    old_pickle: (3, MEAN),
    metadata: (NAMES, None),
    ours_beside: (NAMES, MEAN),
    timm_beside: (NAMES, MEAN),
    transformers_beside: (NAMES, MEAN),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_left_out_is_found(way: Any, tmp_path: Path) -> None:
    way(tmp_path / "weights.bin")
    found, (classes, mean) = resolved(tmp_path / "weights.bin"), WAYS[way]
    assert (found.size, found.channels, found.classes) == (48, 3, classes)
    assert (found.mean, found.deviation) == (mean, DEVIATION if mean else None)
    assert found.resolved() == found


def test_names_that_are_found_take_the_place_of_their_number(tmp_path: Path) -> None:
    ours_beside(tmp_path / "w")
    assert resolved(tmp_path / "w", classes=3).classes == NAMES


def test_words_about_another_number_of_classes_than_the_last_layer_has_do_not_count(tmp_path: Path) -> None:
    torch.save(weights(classes=5), tmp_path / "w")
    (tmp_path / "config.json").write_text(json.dumps({"num_classes": 1000, "image_size": 32}))
    assert resolved(tmp_path / "w").classes == 5


SHAPES = {
    "vit_b_32": (96, {"image_size": 96}),
    "squeezenet1_1": (64, {}),
    "densenet121": (64, {}),
    "mobilenet_v3_small": (64, {}),
    "vgg11_bn": (64, {}),
    "googlenet": (64, {"aux_logits": False, "init_weights": False}),
}


@pytest.mark.parametrize("as_safetensors", [False, True])
@pytest.mark.parametrize("name", SHAPES)
def test_classes_and_channels_follow_from_the_shapes_of_layers(
    name: str, as_safetensors: bool, tmp_path: Path
) -> None:
    size, options = SHAPES[name]
    content = weights(name, classes=7, **options)
    (save_file if as_safetensors else torch.save)(content, tmp_path / "w")
    given = {} if name.startswith("vit") else {"size": size}
    found = resolved(tmp_path / "w", f"torchvision:{name}", **given)
    assert (found.size, found.channels, found.classes) == (size, 3, 7)


def test_published_teachers_say_their_classes() -> None:
    if "PROXYKD_DATA" not in os.environ:
        pytest.skip("PROXYKD_DATA names no folder with real checkpoints")
    path = Path(os.environ["PROXYKD_DATA"]) / "teachers/resnet56-4bfd9763.th"
    found = resolved(path, "cifar_resnet_56", size=32)
    assert (found.channels, found.classes, found.mean) == (3, 10, None)


@pytest.mark.parametrize(("missing", "given"), [("size", {}), ("classes", {"size": 32})])
def test_what_is_nowhere_is_asked_for(missing: str, given: dict[str, Any], tmp_path: Path) -> None:
    save_file({"body.weight": torch.rand(3, 3)}, tmp_path / "w")
    with pytest.raises(
        UserError, match=rf"import_teacher.{missing} is not given, .* Add it to import_teacher"
    ):
        resolved(tmp_path / "w", **given)


@pytest.mark.parametrize("content", [b"", b"text\n" * 50, b"PK\x03\x04 cut", b"\x80\x02 cut"])
def test_what_cannot_be_read_says_nothing(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(content)
    assert skeleton(tmp_path / "w") is None
    assert resolved(tmp_path / "w", size=32, classes=3).channels == 3


class RunsCode:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("zipped", [True, False])
def test_looking_executes_nothing(zipped: bool, tmp_path: Path) -> None:
    content = {"extra": RunsCode(tmp_path / "ran"), "model": weights(), "img_size": 48}
    torch.save(content, tmp_path / "w", _use_new_zipfile_serialization=zipped)
    assert resolved(tmp_path / "w").size == 48
    assert not (tmp_path / "ran").exists()


def test_a_whole_network_is_looked_into(tmp_path: Path) -> None:
    body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4, 6))
    torch.save(body, tmp_path / "w")
    assert resolved(tmp_path / "w", size=8).classes == 6


def test_the_plan_knows_the_input_and_loads_no_pytorch(tmp_path: Path) -> None:
    namespace(tmp_path / "w")
    teacher = {"architecture": "torchvision:resnet18", "checkpoint": str(tmp_path / "w")}
    student = {"network": {"architecture": "convnet_8"}, "recipe": {"steps": 1}}
    given = {
        "import_teacher": teacher,
        "proxies": [{"render_proxies": {"kind": "noise", "count": 10}}],
        "distill_student": student,
    }
    assert input_of(with_teacher(Experiment.model_validate(given))) == (48, 3)
    code = (
        "import sys; from proxykd.networks.teacher_settings import ImportTeacher; "
        f"print(ImportTeacher(**{teacher!r}).resolved().size, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["48", "False"]


def test_paths_do_not_count_for_the_key_and_what_is_found_does(tmp_path: Path) -> None:
    places = [tmp_path / "one", tmp_path / "other"]
    for place in places:
        place.mkdir()
        timm_beside(place / "w")
    one, other = (resolved(place / "w") for place in places)
    assert one.identity() == other.identity()
    (places[1] / "config.json").write_text(json.dumps({"image_size": 64}))
    assert one.identity() != resolved(places[1] / "w").identity()


def test_given_and_found_are_told_apart_in_the_log(workplace: Workplace) -> None:
    path = workplace.folder / "w"
    timm_beside(path)
    given = {"architecture": "torchvision:resnet18", "checkpoint": str(path), "size": 32, "mean": [0.5] * 3}
    status, told = workplace.run("import_teacher", "t", given)
    assert status == 0, told
    assert "import_teacher.size: 32 is given and counts, though 48 was found in config.json beside it" in told
    assert (
        "import_teacher.mean: [0.5, 0.5, 0.5] is given and counts, though [0.1, 0.2, 0.3] was found" in told
    )
    assert "import_teacher.deviation: [0.4, 0.5, 0.6], found in config.json beside it" in told
    assert workplace.index("import_teacher/t")["facts"]["assumed"] == []
    described = load(workplace.out("import_teacher", "t")).description
    assert (described.size, described.mean, described.deviation) == (32, [0.5] * 3, DEVIATION)


@pytest.mark.parametrize(
    ("architecture", "channels", "mean", "whose"),
    [
        ("torchvision:resnet18", 3, [0.485, 0.456, 0.406], "ImageNet's"),
        ("torchvision:resnet18", 1, [0.449], "ImageNet's"),
        ("timm:vit_tiny_patch16_224", 3, [0.5, 0.5, 0.5], "timm's for timm:vit_tiny_patch16_224"),
    ],
)
def test_a_normalisation_that_is_nowhere_is_assumed_with_a_warning(
    architecture: str, channels: int, mean: list[float], whose: str, workplace: Workplace
) -> None:
    import timm

    torch.manual_seed(0)
    library, _, name = architecture.partition(":")
    made = {"torchvision": models.get_model, "timm": timm.create_model}[library]
    network = made(name, num_classes=3)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.05)
    torch.save(
        {"state_dict": {f"module.{k}": v for k, v in network.state_dict().items()}}, workplace.folder / "w"
    )
    given = {"architecture": architecture, "checkpoint": str(workplace.folder / "w"), "channels": channels}
    # timm knows its network's size, and its weights too.
    given |= {"size": 32} if library == "torchvision" else {}
    status, told = workplace.run("import_teacher", "t", given)
    assert status == 0, told
    assert f"import_teacher.mean is neither given nor found: {mean} is assumed, which is {whose}" in told
    index = workplace.index("import_teacher/t")
    assert index["facts"]["assumed"] == ["mean", "deviation"]
    assert index["settings"]["mean"] is None
    described = load(workplace.out("import_teacher", "t")).description
    assert described.mean == pytest.approx(mean)
    assert described.size == (32 if library == "torchvision" else 224)


def test_timm_says_the_size_of_its_network_where_nothing_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(weights(), tmp_path / "w")
    assert resolved(tmp_path / "w", "timm:resnet18").size == 224
    (entry,) = json.loads((tmp_path / ".cache" / "timm.json").read_text())
    assert entry.endswith(" resnet18")


def test_old_descriptions_are_read(tmp_path: Path) -> None:
    from proxykd.networks.files import describe

    told = {"architecture": "convnet_8", "size": 8, "channels": 1, "classes": NAMES, "mean": [0.5]}
    (tmp_path / "network.json").write_text(json.dumps(told | {"deviation": [0.5], "made": "trained"}))
    assert describe(tmp_path).outputs == "logits"
