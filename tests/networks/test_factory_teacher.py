"""A network of the user's own Python file as the teacher, and what breaks in networks made by hand."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from programs import Workplace
from proxykd.networks.classifier import Classifier, Description
from proxykd.networks.factory import build
from proxykd.networks.files import load
from proxykd.networks.teacher_settings import ImportTeacher
from proxykd.outside import fill_paths

HEAD = "import torch\nfrom torch import nn\nfrom torch.nn import functional\n\n\n"
PLAIN = """
class Net(nn.Module):
    def __init__(self, classes=4, channels=3):
        super().__init__()
        self.first = nn.Conv2d(channels, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.last = nn.Linear(8, classes)

    def features(self, x):
        return torch.relu(self.norm(self.first(x))).mean((2, 3))

    def forward(self, x):
        return 5 * self.last(self.features(x))
"""
SIZES = {"size": 8, "classes": 4}


def weights() -> dict[str, torch.Tensor]:
    """Of `Net`."""
    torch.manual_seed(0)
    norm, first, last = nn.BatchNorm2d(8), nn.Conv2d(3, 8, 3), nn.Linear(8, 4)
    layers = {"first": first, "norm": norm, "last": last}
    return {f"{of}.{name}": value for of, one in layers.items() for name, value in one.state_dict().items()}


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    torch.save(weights(), tmp_path / "weights.pt")
    return Workplace(tmp_path)


def imported(workplace: Workplace, code: str, function: str = "Net", **settings: Any) -> tuple[int, str]:
    (workplace.folder / "mine.py").write_text(HEAD + code)
    given = {
        "architecture": "factory",
        "factory": {"path": str(workplace.folder / "mine.py"), "function": function},
        "checkpoint": str(workplace.folder / "weights.pt"),
        "trust": True,
    }
    return workplace.run("import_teacher", "t", given | SIZES | settings)


def refused(workplace: Workplace, code: str, function: str = "Net", **settings: Any) -> str:
    status, told = imported(workplace, code, function, **settings)
    assert status == 1, told
    assert "Traceback" not in told
    assert not workplace.out("import_teacher", "t").exists()
    return told.splitlines()[-1]


def test_a_class_of_the_users_file_is_a_teacher_for_later_stages(workplace: Workplace) -> None:
    status, told = imported(workplace, PLAIN)
    assert status == 0, told
    out = workplace.out("import_teacher", "t")
    teacher = load(out)
    assert all(torch.equal(value, weights()[name]) for name, value in teacher.body.state_dict().items())
    assert not teacher.training
    # It is the copy in the store that counts from now on.
    (workplace.folder / "mine.py").unlink()
    (workplace.folder / "weights.pt").unlink()
    pool = workplace.make("render_proxies", "p", {"kind": "noise", "count": 20, "size": 8, "channels": 3})
    workplace.make("score_proxies", "s", {}, teacher="import_teacher/t", pool=pool)
    files = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert files == ["factory/mine.py", "index.json", "model.safetensors", "network.json"]


def test_modules_beside_the_file_are_found_and_kept(workplace: Workplace) -> None:
    (workplace.folder / "blocks").mkdir()
    (workplace.folder / "blocks" / "__init__.py").write_text("")
    (workplace.folder / "blocks" / "net.py").write_text(HEAD + PLAIN)
    (workplace.folder / "unused.py").write_text("raise RuntimeError\n")
    code = "from blocks.net import Net\n\n\ndef build(size, *, classes, channels=9):\n"
    status, told = imported(
        workplace, code + "    assert (size, channels) == (8, 3)\n    return Net(classes)\n", "build"
    )
    assert status == 0, told
    out = workplace.out("import_teacher", "t")
    kept = sorted(str(path.relative_to(out / "factory")) for path in (out / "factory").rglob("*.py"))
    assert kept == ["blocks/__init__.py", "blocks/net.py", "mine.py"]
    (workplace.folder / "blocks" / "net.py").unlink()
    assert load(out)(torch.rand(2, 3, 8, 8)).shape == (2, 4)


def test_two_files_of_one_name_do_not_take_each_others_modules(tmp_path: Path) -> None:
    described = Description("factory", 8, 3, ["a", "b"], [0.5] * 3, [0.5] * 3)
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "beside.py").write_text(f"WIDTH = {number}\n")
        code = "from beside import WIDTH\n\n\ndef build():\n    return nn.Conv2d(3, WIDTH, 3)\n"
        (folder / "mine.py").write_text(HEAD + code)
        body = build(folder / "mine.py", "build", described)
        assert body.state_dict()["bias"].shape == (number,)
        assert not (folder / "__pycache__").exists()
    assert str(tmp_path / "2") not in sys.path


def test_weights_of_the_inner_network_load_into_a_wrapper(workplace: Workplace) -> None:
    wrapper = """
class Wrapped(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.inner = Net(classes)

    def forward(self, x):
        return self.inner(x)
"""
    status, told = imported(workplace, PLAIN + wrapper, "Wrapped")
    assert status == 0, told


def test_a_whole_network_pickled_by_the_users_file_gives_its_weights(workplace: Workplace) -> None:
    (workplace.folder / "mine.py").write_text(HEAD + PLAIN)
    described = Description("factory", 8, 3, ["a", "b", "c", "d"], [0.5] * 3, [0.5] * 3)
    body = build(workplace.folder / "mine.py", "Net", described)
    torch.save(body, workplace.folder / "weights.pt")
    status, told = imported(workplace, PLAIN)
    assert status == 0, told
    teacher = load(workplace.out("import_teacher", "t"))
    assert all(
        torch.equal(value, body.state_dict()[name]) for name, value in teacher.body.state_dict().items()
    )


def test_tied_weights_are_stored(workplace: Workplace) -> None:
    tied = (
        PLAIN + "\n\ndef tied(classes):\n    net = Net(classes)\n    net.again = net.last\n    return net\n"
    )
    content = weights()
    again = {f"again.{name}": content[f"last.{name}"] for name in ("weight", "bias")}
    torch.save(content | again, workplace.folder / "weights.pt")
    status, told = imported(workplace, tied, "tied")
    assert status == 0, told


def test_without_trust_nothing_of_the_file_runs(workplace: Workplace) -> None:
    marker = workplace.folder / "ran"
    told = refused(workplace, f"open({str(marker)!r}, 'w')\n" + PLAIN, trust=False)
    assert (
        "your Python file can execute any code when it is loaded, so it is refused; set trust: true" in told
    )
    assert not marker.exists()


CODE = {
    "syntax": ("def build(:\n", "mine.py:build failed in mine.py (SyntaxError: "),
    "raises": ("def build():\n    return unknown\n", "failed in mine.py, line 7 (NameError: name 'unknown'"),
    "leaves": ("import sys\nsys.exit(3)\n", "failed in mine.py, line 7 (SystemExit: 3)"),
    "missing module": ("import nothing_of_this_name\n", "(ModuleNotFoundError: No module named"),
    "no function": (PLAIN, "mine.py has no function called 'build'"),
    "no network": ("def build():\n    return {}\n", "returned a dict, and should return a torch.nn.Module"),
    "arguments": (
        "def build(depth, width, classes):\n    pass\n",
        "mine.py:build needs depth, width, and is given",
    ),
}


@pytest.mark.parametrize("name", CODE)
def test_code_that_builds_no_network_is_told_with_its_line(name: str, workplace: Workplace) -> None:
    code, told = CODE[name]
    assert told in refused(workplace, code, "build")


FORWARD = {
    "nan": ("return self.last(self.features(x)) / 0 * 0", {}, "gives outputs that are not finite"),
    "infinite": ("return (self.last(self.features(x)) + 30) * 1e38", {}, "gives outputs that are not finite"),
    "constant": ("return self.last(0 * self.features(x))", {}, "gives the same outputs whatever the image"),
    "probabilities": (
        "return self.last(self.features(x)).softmax(1)",
        {},
        "gives probabilities, and logits are needed. Set import_teacher.outputs: probabilities",
    ),
    "no probabilities": (
        "return self.last(self.features(x))",
        {"outputs": "probabilities"},
        "gives no probabilities: they are negative, or do not sum to 1",
    ),
    "dropout": (
        "return self.last(functional.dropout(self.features(x)))",
        {},
        "gives other outputs each time it sees the same images, although eval() was called: dropout",
    ),
    "batch norm": (
        "y = functional.batch_norm(self.first(x), None, None, training=True)\n"
        "        return self.last(y.amax((2, 3)))",
        {},
        "gives an image other outputs with other images beside it, although eval() was called",
    ),
    "batch norm of features": (
        "return self.last(functional.batch_norm(self.features(x), None, None, training=True))",
        {},
        "does not run on a batch of 1 images (Expected more than 1 value per channel when training",
    ),
    "fixed batch": (
        "return self.last(self.features(x).view(2, -1, 8)[:, 0])",
        {},
        "does not run on a batch of 1 or 5 images",
    ),
    "tuple": (
        "y = self.features(x)\n        return self.last(y), y",
        {},
        "returns a tuple, and should return one",
    ),
    "dictionary": (
        "return {'logits': self.last(self.features(x))}",
        {},
        "returns a dict, and should return one",
    ),
    "maps": (
        "return self.first(x)",
        {},
        "gives torch.float32 of the shape (5, 8, 8, 8) for 5 images, and should give logits, 5 x classes",
    ),
    "numbers": ("return self.last(self.features(x)).argmax(1)", {}, "gives torch.int64 of the shape (5,)"),
    "one class": (
        "return self.last(self.features(x))[:, :1]",
        {},
        "has a single output, and a classifier has",
    ),
    "class count": (
        "return self.last(self.features(x))[:, :3]",
        {},
        "has 3 classes, and import_teacher.classes says 4",
    ),
    "size": (
        "return self.last(self.features(x.view(-1, 3, 9, 9)))",
        {},
        "does not run on images of 8 x 8 pixels with 3 channel(s)",
    ),
    "detached": (
        "return self.last(self.features(x.detach()))",
        {},
        "gives no gradient with respect to its input",
    ),
    "in no_grad": (
        "with torch.no_grad():\n            return self.last(self.features(x))",
        {},
        "gives no gradient with respect to its input",
    ),
    "rounded": (
        "return self.last(self.features(x.round()))",
        {},
        "gives no gradient with respect to its input",
    ),
    "root of zero": (
        "return self.last(self.features((x - x.amin((1, 2, 3), True)).sqrt()))",
        {},
        "gives gradients with respect to its input that are not finite",
    ),
    "in place": (
        "y = torch.exp(self.features(x))\n        z = y * y\n        y += 1\n        return self.last(z)",
        {},
        "cannot be differentiated with respect to its input",
    ),
    "random weights": (
        "return self.last(self.features(x) * self.scale)",
        {},
        "answers otherwise once it is stored: it draws weights at random",
    ),
}


@pytest.mark.parametrize("name", FORWARD)
def test_what_breaks_is_told_before_anything_is_stored(name: str, workplace: Workplace) -> None:
    forward, settings, told = FORWARD[name]
    code = PLAIN.replace("return 5 * self.last(self.features(x))", forward)
    code = code.replace("self.last = ", "self.scale = torch.rand(8) * 9\n        self.last = ")
    assert code != PLAIN
    assert f"mine.py:Net {told}" in refused(workplace, code, **settings)


def test_probabilities_become_logits_by_their_logarithm(workplace: Workplace) -> None:
    code = PLAIN.replace(
        "return 5 * self.last(self.features(x))", "return (90 * self.last(self.features(x))).softmax(1)"
    )
    status, told = imported(workplace, code, outputs="probabilities")
    assert status == 0, told
    out = workplace.out("import_teacher", "t")
    assert json.loads((out / "network.json").read_text())["outputs"] == "probabilities"
    teacher, x_NCHW = load(out), torch.rand(3, 3, 8, 8)
    assert torch.allclose(teacher(x_NCHW), teacher.outputs(x_NCHW).log(), atol=1e-4)
    sure_NK = torch.tensor([[1.0, 0.0]])
    described = Description("x", 8, 3, ["a", "b"], [0.0], [1.0], outputs="probabilities")
    assert Classifier(nn.Identity(), described)(sure_NK).isfinite().all()


def test_log_probabilities_are_logits(workplace: Workplace) -> None:
    code = PLAIN.replace(
        "return 5 * self.last(self.features(x))", "return self.last(self.features(x)).log_softmax(1)"
    )
    assert imported(workplace, code)[0] == 0


def test_the_files_place_is_filled_in_and_counts_by_content(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE", str(workplace.folder))
    given = {
        "architecture": "factory",
        "factory": {"path": "$MINE/mine.py"},
        "checkpoint": "$MINE/weights.pt",
    }
    settings = ImportTeacher(**fill_paths(given | SIZES | {"trust": True}, "here"))
    assert settings.data() == [str(workplace.folder / name) for name in ("mine.py", "weights.pt")]
    assert str(workplace.folder) not in json.dumps(settings.identity())
    assert settings.modules() == ["proxykd.networks.factory"]
