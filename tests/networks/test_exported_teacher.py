"""A program of torch.export as the teacher."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from programs import SCRIPTS, Workplace
from proxykd.networks.build import build
from proxykd.networks.checkpoint import load_into, read_weights
from proxykd.networks.classifier import Description
from proxykd.networks.cost import cost
from proxykd.networks.files import load

SETTINGS = {"architecture": "export", "trust": True}
NAMES = [str(i) for i in range(10)]
BATCH = torch.export.Dim("batch")


class Small(nn.Module):
    """Everything that has a mode, and constants that a move to another device must not forget."""

    def __init__(self, norm: nn.Module | None = None, dropout: float = 0.0, classes: int = 4) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = norm or nn.BatchNorm2d(8)
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(8, classes)

    def forward(self, x_NCHW: torch.Tensor) -> torch.Tensor:
        y_NC = torch.relu(self.norm(self.first(x_NCHW))).mean((2, 3))
        return 5 * self.last(self.dropout(y_NC)) + torch.tensor(1.0)


def exported(network: nn.Module, path: Path, size: int = 8, decomposed: bool = False, **how: Any) -> Path:
    how = {"dynamic_shapes": ({0: BATCH},)} | how
    program = torch.export.export(network, (torch.rand(2, 3, size, size),), **how)
    torch.export.save(program.run_decompositions() if decomposed else program, path)
    return path


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def imported(workplace: Workplace, path: Path, **settings: Any) -> tuple[int, str]:
    return workplace.run("import_teacher", "t", SETTINGS | {"checkpoint": str(path)} | settings)


def refused(workplace: Workplace, path: Path, **settings: Any) -> str:
    status, told = imported(workplace, path, **settings)
    assert status == 1, told
    assert "Traceback" not in told
    assert not workplace.out("import_teacher", "t").exists()
    return told.splitlines()[-1]


def gradient(network: nn.Module, x_NCHW: torch.Tensor) -> torch.Tensor:
    x_NCHW = x_NCHW.clone().requires_grad_()
    (found_NCHW,) = torch.autograd.grad(network(x_NCHW)[:, 0].sum(), x_NCHW)
    return found_NCHW


def test_the_published_resnet20_exported_is_the_imported_one_and_serves_later_stages(
    workplace: Workplace,
) -> None:
    if "PROXYKD_DATA" not in os.environ:
        pytest.skip("PROXYKD_DATA names no folder with real checkpoints")
    checkpoint = Path(os.environ["PROXYKD_DATA"]) / "teachers/resnet20-12fca82f.th"
    body = build(Description("cifar_resnet_20", 32, 3, NAMES, [0.0] * 3, [1.0] * 3)).body
    load_into(body, read_weights(checkpoint), "cifar_resnet_20", checkpoint)
    path = exported(body.eval(), workplace.folder / "resnet20.pt2", size=32)
    status, told = imported(workplace, path)
    assert status == 0, told
    assert "import_teacher.size: 32, found by the shapes" in told
    assert "import_teacher.classes: 10, found by the shapes" in told
    plain = {"architecture": "cifar_resnet_20", "checkpoint": str(checkpoint), "size": 32}
    workplace.make("import_teacher", "plain", plain)
    teacher, other = (load(workplace.out("import_teacher", name)) for name in ("t", "plain"))
    assert not teacher.training
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    x_NCHW = torch.rand(7, 3, 32, 32)
    assert torch.allclose(teacher(x_NCHW), other(x_NCHW), atol=1e-5)
    assert torch.allclose(gradient(teacher, x_NCHW), gradient(other, x_NCHW), atol=1e-5)
    assert (workplace.out("import_teacher", "t") / "program.pt2").read_bytes() == path.read_bytes()
    costs = [
        cost(net, workplace.out("import_teacher", n), "cpu") for net, n in ((teacher, "t"), (other, "plain"))
    ]
    assert costs[0]["macs"] == costs[1]["macs"]
    assert costs[0]["bytes"] == path.stat().st_size
    pool = workplace.make("render_proxies", "p", {"kind": "noise", "count": 50, "size": 32, "channels": 3})
    scores = [
        workplace.make("score_proxies", name, {}, teacher=f"import_teacher/{name}", pool=pool)
        for name in ("t", "plain")
    ]
    assert workplace.index(scores[0])["facts"] == workplace.index(scores[1])["facts"]


def test_a_program_can_be_trained_and_evaluated_around(tmp_path: Path) -> None:
    """Whoever holds a teacher calls `train` and `eval`; a program takes it and stays as it is."""
    workplace = Workplace(tmp_path)
    status, told = imported(workplace, exported(Small().eval(), tmp_path / "small.pt2"))
    assert status == 0, told
    teacher = load(workplace.out("import_teacher", "t"))
    x_NCHW = torch.rand(3, 3, 8, 8)
    before_NK = teacher(x_NCHW)
    assert torch.equal(teacher.train().eval()(x_NCHW), before_NK)
    with torch.inference_mode():
        assert torch.equal(teacher(x_NCHW), before_NK)


@pytest.mark.gpu
def test_constants_and_weights_move_to_a_gpu(workplace: Workplace) -> None:
    status, told = imported(workplace, exported(Small().eval(), workplace.folder / "small.pt2"))
    assert status == 0, told
    x_NCHW = torch.rand(3, 3, 8, 8)
    on_cpu, on_gpu = (load(workplace.out("import_teacher", "t"), device) for device in ("cpu", "cuda"))
    assert torch.allclose(on_gpu(x_NCHW.cuda()).cpu(), on_cpu(x_NCHW), atol=1e-3)
    assert torch.allclose(gradient(on_gpu, x_NCHW.cuda()).cpu(), gradient(on_cpu, x_NCHW), atol=1e-3)


@pytest.mark.parametrize("decomposed", [False, True])
@pytest.mark.parametrize(
    ("network", "told"),
    [
        (Small(), "was exported in training mode: its batch norm uses the statistics of each batch"),
        (Small(nn.Identity(), dropout=0.5), "was exported in training mode: its dropout is active"),
    ],
)
def test_a_program_in_training_mode_is_refused(
    network: nn.Module, told: str, decomposed: bool, workplace: Workplace
) -> None:
    path = exported(network.train(), workplace.folder / "train.pt2", decomposed=decomposed)
    assert told in (sentence := refused(workplace, path))
    assert "call .eval() on the network and export it again" in sentence


@pytest.mark.parametrize("decomposed", [False, True])
def test_layers_that_look_like_training_and_are_not(decomposed: bool, workplace: Workplace) -> None:
    """Dropout and batch norm in eval mode, and an instance norm, which has none, are in order."""
    body = nn.Sequential(nn.InstanceNorm2d(3), Small(dropout=0.5)).eval()
    status, told = imported(workplace, exported(body, workplace.folder / "eval.pt2", decomposed=decomposed))
    assert status == 0, told


def test_batch_norm_without_running_statistics_shows_in_what_it_does(workplace: Workplace) -> None:
    network = Small(nn.BatchNorm2d(8, track_running_stats=False)).eval()
    sentence = refused(workplace, exported(network, workplace.folder / "stats.pt2"))
    assert "gives an image other outputs with other images beside it" in sentence


def test_a_fixed_batch_size_is_refused_with_the_way_out(workplace: Workplace) -> None:
    path = exported(Small().eval(), workplace.folder / "fixed.pt2", dynamic_shapes=None)
    sentence = refused(workplace, path)
    assert "was exported for batches of 2 and takes no other" in sentence
    assert 'dynamic_shapes=({0: torch.export.Dim("batch")},)' in sentence


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"size": 16}, "does not run on images of 16 x 16 pixels with 3 channel(s) (Guard failed"),
        ({"classes": 7}, "has 4 classes, and import_teacher.classes says 7. Correct import_teacher.classes."),
        ({"channels": 1}, "does not run on images of 8 x 8 pixels with 1 channel(s)"),
    ],
)
def test_settings_that_contradict_the_program(
    settings: dict[str, Any], told: str, workplace: Workplace
) -> None:
    path = exported(Small().eval(), workplace.folder / "small.pt2")
    assert told in refused(workplace, path, **settings)


class Cut(Small):
    def forward(self, x_NCHW: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return super().forward(x_NCHW)


def test_gradients_are_needed_and_exporting_without_them_does_no_harm(workplace: Workplace) -> None:
    with torch.no_grad():
        path = exported(Small().eval(), workplace.folder / "whole.pt2")
    assert imported(workplace, path)[0] == 0
    other = Workplace(workplace.folder / "other")
    other.folder.mkdir()
    assert "gives no gradient" in refused(other, exported(Cut().eval(), workplace.folder / "cut.pt2"))


class TwoInputs(Small):
    def forward(self, x_NCHW: torch.Tensor, y_NCHW: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return super().forward(x_NCHW + y_NCHW)


def test_a_program_of_two_inputs(workplace: Workplace) -> None:
    images_NCHW, path = torch.rand(2, 3, 8, 8), workplace.folder / "two.pt2"
    program = torch.export.export(
        TwoInputs().eval(), (images_NCHW, images_NCHW), dynamic_shapes=({0: BATCH}, {0: BATCH})
    )
    torch.export.save(program, path)
    assert "takes 2 inputs, and should take one" in refused(workplace, path, size=8, classes=4)


def test_a_truncated_or_altered_program_is_told(workplace: Workplace) -> None:
    path = exported(Small().eval(), workplace.folder / "small.pt2")
    whole = path.read_bytes()
    sizes = {"size": 8, "classes": 4}
    for cut in (5, 300, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert "is truncated, or no program of torch.export.save" in refused(workplace, path, **sizes)
    middle = whole.index(b"weight_0") + 4000
    path.write_bytes(whole[:middle] + bytes(64) + whole[middle + 64 :])
    assert "is damaged" in refused(workplace, path, **sizes)


def test_another_zip_file_and_a_program_of_another_version(workplace: Workplace) -> None:
    path = workplace.folder / "weights.pt"
    torch.save(Small().state_dict(), path)
    assert "holds none. Correct import_teacher.architecture" in refused(workplace, path, size=8, classes=4)
    whole = exported(Small().eval(), workplace.folder / "small.pt2")
    newer = workplace.folder / "newer.pt2"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(newer, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("models/model.json"):
                model = json.loads(content)
                model["schema_version"] = {"major": 999, "minor": 0}
                content = json.dumps(model).encode()
            target.writestr(name, content)
    assert "cannot be loaded by PyTorch" in refused(workplace, newer, size=8, classes=4)


class RunsCode:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("settings", [{}, {"size": 8, "classes": 4}])
def test_a_crafted_program_runs_nothing_without_trust(settings: dict[str, Any], workplace: Workplace) -> None:
    """All its pickles are replaced by one that makes a file; with trust it would be made."""
    whole = exported(Small().eval(), workplace.folder / "small.pt2")
    payload, crafted, marker = (
        workplace.folder / "payload",
        workplace.folder / "crafted.pt2",
        workplace.folder / "ran",
    )
    torch.save(RunsCode(marker), payload)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(crafted, "w") as target:
        for name in source.namelist():
            pickled = name.endswith(".pt") or "/weights/weight_" in name or "/constants/tensor_" in name
            target.writestr(name, payload.read_bytes() if pickled else source.read(name))
    given = SETTINGS | {"trust": False, "checkpoint": str(crafted)} | settings
    command = [sys.executable, str(SCRIPTS / "import_teacher.py"), "--settings", json.dumps(given), "--out"]
    done = subprocess.run(
        [*command, str(workplace.out("import_teacher", "t"))], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "can execute any code when it is loaded, so it is refused; set trust: true" in done.stderr
    assert "Traceback" not in done.stderr
    assert not marker.exists()
