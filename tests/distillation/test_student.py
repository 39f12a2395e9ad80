"""What teacher and student are shown while a student learns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from proxykd.distillation.policy import move_alike
from proxykd.distillation.settings import BoundaryPolicy, DistillStudent
from proxykd.distillation.student import Attacked, Batches, distil
from proxykd.errors import UserError
from proxykd.networks.classifier import Classifier, to_float
from proxykd.presentation.progress import Progress
from proxykd.training.checkpoint import Checkpoint
from proxykd.training.data import Images
from trained import digit_images, digit_teacher

STUDENT: dict[str, Any] = {
    "network": {"architecture": "convnet_8"},
    "recipe": {"steps": 4, "batch": 32, "learning_rate": 0.05},
    "temperature": 4,
    "augmentation": "strong",
}


def settings(**changes: Any) -> DistillStudent:
    return DistillStudent.model_validate(STUDENT | changes)


def selected() -> np.ndarray:
    return digit_images("test")[0]


def attacked_images(images_GMHWC: np.ndarray) -> Attacked:
    return Attacked(Images(images_GMHWC, "cpu"))


def successes(count: int = 40, members: int = 4) -> Attacked:
    """Groups of images a grey level apart, as the attack stores them."""
    rng = np.random.default_rng(3)
    start = rng.integers(1, 250, (count, 1, 8, 8, 1))
    return attacked_images((start + np.arange(members)[None, :, None, None, None]).astype(np.uint8))


def run(
    how: DistillStudent, folder: Path, attacked: Attacked | None = None
) -> tuple[Classifier, list[dict[str, float]], float | None]:
    with Progress("test", 0) as progress:
        return distil(
            digit_teacher(), selected(), attacked, how, "cpu", progress, Checkpoint(folder, every_seconds=1e9)
        )


@pytest.mark.parametrize("attacked", [None, successes()])
def test_teacher_and_student_see_the_identical_view(attacked: Attacked | None, tmp_path: Path) -> None:
    seen: list[tuple[nn.Module, torch.Tensor, bool]] = []

    def note(network: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if isinstance(network, Classifier):
            seen.append((network, inputs[0].clone(), network.training))

    before = {name: value.clone() for name, value in digit_teacher().state_dict().items()}
    hook = register_module_forward_pre_hook(note)
    student, _, _ = run(settings(), tmp_path, attacked)
    hook.remove()
    # The first pass is that of building the student, those after the steps measure the straddling.
    steps = seen[1:9]
    for (first, shown, trains), (second, again, learns) in zip(steps[::2], steps[1::2], strict=True):
        assert first is digit_teacher()
        assert second is student
        assert torch.equal(shown, again)
        assert (trains, learns) == (False, True)
        assert shown.shape == (32, 1, 8, 8)
        assert 0 <= float(shown.min()) <= float(shown.max()) <= 1
    assert not student.training
    after = digit_teacher().state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_a_student_follows_its_teacher(tmp_path: Path) -> None:
    """On the digits themselves, to see that the loss leads where it should."""
    recipe = {"steps": 200, "batch": 64, "learning_rate": 0.1, "warmup": 0.1}
    student, records, _ = run(settings(recipe=recipe, augmentation="none"), tmp_path)
    x_NCHW = to_float(torch.from_numpy(digit_images("validation")[0]))
    agreement = (student(x_NCHW).argmax(1) == digit_teacher()(x_NCHW).argmax(1)).float().mean()
    assert float(agreement) > 0.85
    assert records[-1]["loss"] < records[0]["loss"] / 3
    assert student.description.made == "distilled"
    assert student.description.mean == digit_teacher().description.mean


@pytest.mark.parametrize(
    "oddity", [{"outputs": "probabilities"}, {"factory": "a.py:build"}, {"order": "bgr"}]
)
def test_a_student_has_none_of_its_teachers_oddities(oddity: dict[str, str], tmp_path: Path) -> None:
    usual = digit_teacher()
    teacher = Classifier(usual.body, replace(usual.description, **oddity)).eval()
    with Progress("test", 0) as progress:
        student, _, _ = distil(
            teacher, selected(), None, settings(), "cpu", progress, Checkpoint(tmp_path, every_seconds=1e9)
        )
    told = student.description.to_json()
    assert (told["outputs"], told["factory"], told["order"]) == ("logits", "", "rgb")
    assert told["classes"] == teacher.description.classes


def test_a_student_starts_from_random_weights(tmp_path: Path) -> None:
    tiny = {"steps": 1, "batch": 2, "learning_rate": 1e-12}
    first, again, other = (
        run(settings(recipe=tiny | {"seed": seed}), tmp_path / str(number))[0]
        for number, seed in enumerate((0, 0, 1))
    )
    teacher = next(digit_teacher().parameters())
    one, two, three = (next(student.parameters()) for student in (first, again, other))
    assert torch.equal(one, two)
    assert not torch.allclose(one, three, atol=1e-2)
    assert not torch.allclose(one, teacher, atol=1e-2)
    assert settings().network.pretrained is False


def batches(attacked: Attacked | None, **changes: Any) -> Batches:
    return Batches(Images(selected(), "cpu"), attacked, settings(**changes), digit_teacher())


@pytest.mark.parametrize(
    ("share", "members", "groups"), [(0.5, 4, 4), (0.25, 4, 2), (0.01, 4, 1), (0.5, 2, 8)]
)
def test_a_batch_holds_the_share_of_attacked_images(share: float, members: int, groups: int) -> None:
    attacked = successes(members=members)
    boundary = {"share": share, "flip": 0, "shift": 0}
    x_NCHW = batches(attacked, boundary=boundary, augmentation="none", mixup=0).views(0).x_NCHW
    assert len(x_NCHW) == 32
    known = {one.tobytes() for one in to_float(attacked.images_GMHWC.stored.flatten(0, 1)).numpy()}
    known_clean = {one.tobytes() for one in to_float(torch.from_numpy(selected())).numpy()}
    is_attacked = [one.numpy().tobytes() in known for one in x_NCHW]
    assert is_attacked == [False] * (32 - groups * members) + [True] * groups * members
    assert all(one.numpy().tobytes() in known_clean for one in x_NCHW[: 32 - groups * members])


def test_members_of_a_success_stay_together_and_keep_their_difference() -> None:
    views = batches(successes(), boundary={"share": 0.5, "flip": 0.5, "shift": 2})
    for step in range(6):
        groups = views.views(step).x_NCHW[-16:].mul(255).round().view(4, 4, 1, 8, 8)
        for member in range(4):
            assert (groups[:, member] - groups[:, 0] == member).all()


def test_each_success_comes_once_an_epoch() -> None:
    attacked = successes(count=8)
    attacked.images_GMHWC.stored[:] = torch.arange(8, dtype=torch.uint8)[:, None, None, None, None]
    views = batches(attacked, boundary={"share": 0.5, "flip": 0, "shift": 0})
    shown = torch.cat([views.views(step).x_NCHW[-16::4, 0, 0, 0] for step in range(2)]).mul(255).round().int()
    assert sorted(shown.tolist()) == list(range(8))


def test_moving_alike_copies_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 3, 2, 6, 6), np.uint8)
    x_GMCHW = torch.from_numpy(pixels)
    moved = move_alike(x_GMCHW, BoundaryPolicy(flip=0.5, shift=1), np.random.default_rng(1))
    seen = set()
    for before, after in zip(x_GMCHW, moved, strict=True):
        ways = {
            (flip, dy, dx)
            for flip in (False, True)
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
            if torch.equal(after, shifted(before.flip(3) if flip else before, dy, dx))
        }
        assert len(ways) == 1, "all members of a group move in one and the same way"
        seen |= ways
    assert len(seen) > 12
    same = move_alike(x_GMCHW, BoundaryPolicy(flip=0, shift=0), np.random.default_rng(1))
    assert torch.equal(same, x_GMCHW)


def shifted(x_MCHW: torch.Tensor, dy: int, dx: int) -> torch.Tensor:
    """Moved by whole pixels, the edge repeated."""
    rows = torch.arange(6).add(dy).clamp(0, 5)
    columns = torch.arange(6).add(dx).clamp(0, 5)
    return x_MCHW[:, :, rows][:, :, :, columns]


def test_straddling_is_measured_in_the_students_views(tmp_path: Path) -> None:
    images_NHWC, labels_N = digit_images("test")
    zero, one = images_NHWC[labels_N == 0][:6], images_NHWC[labels_N == 1][:6]
    still = settings(boundary={"flip": 0, "shift": 0})
    apart = attacked_images(np.stack([zero, one], 1))
    assert run(still, tmp_path / "apart", apart)[2] == 1
    together = attacked_images(np.stack([zero, zero], 1))
    assert run(still, tmp_path / "together", together)[2] == 0
    assert run(still, tmp_path / "none")[2] is None
    assert run(settings(boundary=None), tmp_path / "unused", apart)[2] is None


def test_a_batch_too_small_for_a_success_is_refused() -> None:
    with pytest.raises(UserError, match="A batch of 5 has no room for an attacked image with its 4 members"):
        batches(successes(), recipe={"steps": 1, "batch": 5})
    least = batches(successes(), recipe={"steps": 1, "batch": 6}, boundary={"share": 0.9})
    assert len(least.views(0).x_NCHW) == 6
