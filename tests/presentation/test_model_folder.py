"""The finished student: a folder that is the report's, and that loads where ProxyKD cannot be imported."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from small_runs import BASE, imported, without_labels

from proxykd.errors import UserError
from proxykd.networks.build import build
from proxykd.networks.classifier import Description
from proxykd.networks.files import load, save
from proxykd.networks.outputs import logits_of
from proxykd.presentation import example, links, model
from proxykd.presentation.collect import Shown
from trained import digit_images

Shows = Callable[[dict[str, Any]], Shown]
FILES = ["README.md", "example.py", "model.safetensors", "network.json", "network.py"]
ARCHITECTURES = {
    "convnet_8": (8, 1),
    "airbench_8": (16, 3),
    "cifar_resnet_8": (16, 1),
    "resnet_18": (16, 3),
    "wrn_16_1": (16, 1),
    "vgg_11": (16, 3),
    "mobilenet_v2": (16, 1),
    "convnext_tiny": (16, 3),
    "vit_small": (16, 1),
    "torchvision:resnet18": (32, 1),
    "torchvision:googlenet": (64, 3),
    "timm:resnet18": (32, 1),
    "timm:vit_tiny_patch16_224": (32, 3),
}
ALONE = """
import json, runpy, sys
try:
    import proxykd
except ModuleNotFoundError:
    pass
else:
    raise SystemExit("proxykd can be imported here")
for folder in sys.argv[1:]:
    sys.argv = ["example.py", f"{folder}/picture.png"]
    done = runpy.run_path(f"{folder}/example.py", run_name="__main__")
    print("#", json.dumps(done["logits_1K"][0].tolist()))
    sys.modules.pop("network", None)
    sys.path[:] = [place for place in sys.path if place != str(done["here"])]
"""


def alone(*folders: Path, cwd: Path) -> list[tuple[list[float], list[str]]]:
    """What each folder's example computes and prints in a Python that cannot find ProxyKD."""
    command = [sys.executable, "-I", "-c", ALONE, *map(str, folders)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    *parts, _ = done.stdout.split("# ")
    printed = [parts[0].splitlines(), *(part.splitlines()[1:] for part in parts[1:])]
    logits = [json.loads(line[2:]) for line in done.stdout.splitlines() if line.startswith("# ")]
    return list(zip(logits, printed, strict=True))


def placed(folder: Path, architecture: str, size: int, channels: int) -> np.ndarray:
    """Write a network's files and a real image, and what ProxyKD's own classifier says of it, logits K."""
    names = [f"class {i}" for i in range(7)]
    torch.manual_seed(0)
    mean, deviation = [0.4, 0.5, 0.6][:channels], [0.2, 0.25, 0.3][:channels]
    network = build(Description(architecture, size, channels, names, mean, deviation, "distilled"))
    # Batch norms that have seen something, so that their statistics count, and no weight that is zero.
    network.train()(torch.rand(8, channels, size, size))
    for parameter in network.parameters():
        parameter.data.add_(0.01 * torch.randn_like(parameter))
    stored = folder / "stored"
    stored.mkdir(parents=True)
    save(network.eval(), stored)
    for name, content in model.loadable(stored).items():
        (folder / name).write_bytes(content)
    digit = Image.fromarray(digit_images("test")[0][5, ..., 0]).resize((size, size))
    picture = digit if channels == 1 else Image.merge("RGB", (digit, digit.rotate(90), digit.rotate(180)))
    picture.save(folder / "picture.png")
    image_HWC = np.array(picture).reshape(size, size, channels)
    return logits_of(load(stored), image_HWC[None], "cpu")[0]


@pytest.fixture(scope="module")
def every_kind(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, np.ndarray]]:
    """A folder with each architecture, and the logits of its picture."""
    folder = tmp_path_factory.mktemp("kinds")
    places = {name: folder / name.replace(":", "_") for name in ARCHITECTURES}
    return {name: (places[name], placed(places[name], name, *of)) for name, of in ARCHITECTURES.items()}


@pytest.mark.full
def test_every_kind_of_network_loads_without_proxykd(
    every_kind: dict[str, tuple[Path, np.ndarray]], tmp_path: Path
) -> None:
    theirs = alone(*(folder for folder, _ in every_kind.values()), cwd=tmp_path)
    for (name, (_, ours_K)), (theirs_K, printed) in zip(every_kind.items(), theirs, strict=True):
        assert np.ptp(ours_K) > 1e-2, name
        assert theirs_K == pytest.approx(ours_K.tolist(), rel=1e-3, abs=1e-4), name
        assert printed[0].endswith(f"class {ours_K.argmax()}"), name
        assert len(printed) == 5


def test_a_network_of_our_own_needs_nothing_of_ours(every_kind: dict[str, tuple[Path, np.ndarray]]) -> None:
    for name, (folder, _) in every_kind.items():
        source = folder / "network.py"
        assert source.exists() == (":" not in name)
        if source.exists():
            assert "import proxykd" not in source.read_text()
            assert "from proxykd" not in source.read_text()


def test_a_transformer_is_built_for_its_images() -> None:
    described = {"architecture": "torchvision:vit_b_16", "size": 32, "channels": 3}
    assert 'get_model("vit_b_16", num_classes=len(classes), image_size=32)' in example.example(described)
    described = {"architecture": "timm:vit_tiny_patch16_224", "size": 32, "channels": 3}
    assert "in_chans=channels, img_size=size)" in example.example(described)


def test_the_report_leaves_a_student_that_answers_as_it_does_here(shown_of: Shows, tmp_path: Path) -> None:
    shown = shown_of(BASE)
    model.write(shown, tmp_path, "make it")
    folder = tmp_path / "leaves" / "model"
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert not any(path.is_symlink() for path in [folder, *folder.iterdir()])
    images_NHWC = digit_images("test")[0][:1]
    Image.fromarray(images_NHWC[0, ..., 0]).save(folder / "picture.png")
    ((theirs_K, printed),) = alone(folder, cwd=folder)
    run = model.chosen(shown.experiments[0])
    ours_K = logits_of(load(run.student.folder), images_NHWC, "cpu")[0]
    assert theirs_K == pytest.approx(ours_K.tolist(), rel=1e-3, abs=1e-4)
    assert printed[0].endswith(f" {shown.experiments[0].classes[int(ours_K.argmax())]}")


def test_the_student_of_the_smallest_divergence_is_chosen(shown_of: Shows) -> None:
    for experiment in shown_of(BASE).experiments:
        divergence = [one["fidelity"]["heldout"]["kl"] for one in experiment.measured["students"]]
        assert divergence[0] != divergence[1]
        best = experiment.runs[int(np.argmin(divergence))]
        assert model.chosen(experiment) is best


def card(shown: Shown, out: Path, name: str) -> tuple[dict[str, Any], str]:
    model.write(shown, out, "make <it> & more")
    _, front, text = (out / name / "model" / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(front), text


def test_the_card_has_the_reports_figures(shown_of: Shows, tmp_path: Path) -> None:
    front, text = card(shown_of(BASE), tmp_path, "attacked+real")
    assert front["pipeline_tag"] == "image-classification"
    for told in (
        "| accuracy |",
        "| agreement |",
        "| boundary pairs separated |",
        "| latency, CPU |",
        "| file |",
    ):
        assert told in text
    assert "all 2 seeds" in text
    assert "make <it> & more" in text
    assert "DeepFool (L-infinity) within" in text
    # Its students saw real images, so the headline must not say that there were none.
    assert "**Not without data**" in text
    assert "without its teacher's training data" not in text
    assert "Two seeds" in text


def test_without_labels_the_card_says_that_nothing_is_accuracy(shown_of: Shows, tmp_path: Path) -> None:
    _, text = card(shown_of(without_labels()), tmp_path, "leaves")
    assert "nothing here is accuracy" in text
    assert "| accuracy |" not in text
    assert "| agreement |" in text
    assert "One seed" in text
    assert "seeds |" not in text


def test_an_imported_teachers_student_has_a_folder(shown_of: Shows, finished: Path, tmp_path: Path) -> None:
    _, text = card(shown_of(imported(finished)), tmp_path, "base")
    assert "imported from a checkpoint" in text


def test_what_is_planned_no_more_goes_and_what_is_not_the_reports_stays(
    shown_of: Shows, tmp_path: Path
) -> None:
    model.write(shown_of(BASE), tmp_path, "")
    links.write(shown_of(BASE), tmp_path)
    (tmp_path / "noise" / "model" / "notes.txt").write_text("mine")
    cache = tmp_path / "attacked+real" / "model" / "__pycache__"
    cache.mkdir()
    (cache / "network.cpython-311.pyc").write_bytes(b"left by the example")
    (tmp_path / "alias").symlink_to("leaves")
    shutil.copytree(tmp_path / "noise", tmp_path / "kept", symlinks=True)
    foreign = tmp_path / "other" / "model"
    foreign.mkdir(parents=True)
    (foreign / "README.md").write_text("a model of mine")
    given = without_labels()
    given["experiments"] = {"leaves": {}}
    model.write(shown_of(given), tmp_path, "")
    links.write(shown_of(given), tmp_path)
    assert not (tmp_path / "attacked+real").exists()
    assert [path.name for path in (tmp_path / "noise" / "model").iterdir()] == ["notes.txt"]
    assert sorted(path.name for path in (tmp_path / "leaves" / "model").iterdir()) == FILES
    assert (foreign / "README.md").read_text() == "a model of mine"
    assert (tmp_path / "alias").is_symlink()
    # Somebody's copy, to keep.
    assert sorted(path.name for path in (tmp_path / "kept" / "model").iterdir()) == [*FILES, "notes.txt"]


def test_a_folder_that_is_not_the_reports_is_kept_and_named(shown_of: Shows, tmp_path: Path) -> None:
    mine = tmp_path / "leaves" / "model" / "weights.pth"
    mine.parent.mkdir(parents=True)
    mine.write_text("precious")
    with pytest.raises(UserError, match="leaves/model is no folder of the report's"):
        model.write(shown_of(BASE), tmp_path, "")
    assert [path.name for path in mine.parent.iterdir()] == ["weights.pth"]


def test_a_damaged_student_is_not_handed_on(shown_of: Shows, tmp_path: Path) -> None:
    shown = shown_of(BASE)
    run = model.chosen(shown.experiments[0])
    weights = run.student.folder / "model.safetensors"
    before = weights.read_bytes()
    mode = weights.stat().st_mode
    weights.chmod(0o644)
    try:
        weights.write_bytes(before[:-4] + b"\0\0\0\0")
        with pytest.raises(UserError, match=r"model\.safetensors is damaged"):
            model.write(shown, tmp_path, "")
    finally:
        weights.write_bytes(before)
        weights.chmod(mode)
