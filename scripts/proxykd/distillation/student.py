"""Distilling a student: the teacher and the student see the same view, and the student follows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from proxykd.augmentation.batch import augment, generator, mix
from proxykd.distillation.losses import kl_divergence
from proxykd.distillation.policy import move_alike
from proxykd.distillation.settings import DistillStudent
from proxykd.errors import UserError
from proxykd.networks.build import build
from proxykd.networks.classifier import Classifier, to_float
from proxykd.presentation.progress import Progress
from proxykd.training.checkpoint import Checkpoint
from proxykd.training.loop import fit
from proxykd.training.order import Order


@dataclass
class Attacked:
    """Stored images of the attack, G successes x M members x H x W x C, uint8 on the device."""

    images_GMHWC: torch.Tensor

    def views(self, step: int, order: Order, settings: DistillStudent) -> torch.Tensor:
        """The successes of a step, G x M x C x H x W in [0, 1], each one's members changed alike."""
        assert settings.boundary is not None
        rows = torch.from_numpy(order.at(step)).to(self.images_GMHWC.device)
        images = self.images_GMHWC[rows]
        x_NCHW = to_float(images.flatten(0, 1))
        rng = generator(settings.recipe.seed, step, 1)
        return move_alike(x_NCHW.unflatten(0, images.shape[:2]), settings.boundary, rng)


def distil(
    teacher: Classifier,
    images_NHWC: torch.Tensor,
    attacked: Attacked | None,
    settings: DistillStudent,
    device: str,
    progress: Progress,
    checkpoint: Checkpoint,
) -> tuple[Classifier, list[dict[str, float]], float | None]:
    """A student, the records of its training, and the share of pairs that straddled as the student saw them.

    images_NHWC: selected images, uint8 on the device.
    """
    assert settings.temperature is not None
    assert settings.augmentation is not None
    recipe, temperature = settings.recipe, settings.temperature
    torch.manual_seed(recipe.seed)
    described = replace(teacher.description, architecture=settings.network.architecture, made="distilled")
    student = build(described, settings.network.pretrained).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    batches = Batches(images_NHWC, attacked, settings, teacher)
    bf16 = recipe.precision == "bf16"

    def loss_at(step: int) -> torch.Tensor:
        x_NCHW = batches.at(step)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=bf16):
            with torch.no_grad():
                teacher_NK = teacher(x_NCHW)
            student_NK = student(x_NCHW)
        return kl_divergence(student_NK.float(), teacher_NK.float(), temperature)

    records = fit(student, loss_at, recipe, progress, checkpoint, len(images_NHWC) / batches.order.batch)
    return student, records, batches.straddling()


class Batches:
    """The views of each step, from the seed and the step alone."""

    def __init__(
        self,
        images_NHWC: torch.Tensor,
        attacked: Attacked | None,
        settings: DistillStudent,
        teacher: Classifier,
    ) -> None:
        recipe = settings.recipe
        self.images_NHWC, self.attacked, self.settings, self.teacher = (
            images_NHWC,
            attacked,
            settings,
            teacher,
        )
        self.groups = 0
        members = attacked.images_GMHWC.shape[1] if attacked is not None else 0
        if attacked is not None and settings.boundary is not None:
            self.groups = _groups(settings.boundary.share, recipe.batch, members)
            self.group_order = Order(len(attacked.images_GMHWC), self.groups, recipe.seed, stream=1)
        self.order = Order(len(images_NHWC), recipe.batch - self.groups * members, recipe.seed)
        self.fill_C = teacher.mean_C11.flatten()

    def at(self, step: int) -> torch.Tensor:
        """Augmented and mixed selected images, and attacked ones after them, in [0, 1]."""
        settings = self.settings
        rows = torch.from_numpy(self.order.at(step)).to(self.images_NHWC.device)
        rng = generator(settings.recipe.seed, step)
        assert settings.augmentation is not None
        x_NCHW = augment(to_float(self.images_NHWC[rows]), settings.augmentation, self.fill_C, rng)
        if settings.mixup:
            x_NCHW, _, _ = mix(x_NCHW, settings.mixup, rng)
        if self.attacked is None or not self.groups:
            return x_NCHW
        pairs_GMCHW = self.attacked.views(step, self.group_order, settings)
        whole = torch.cat([x_NCHW, pairs_GMCHW.flatten(0, 1)])
        return whole.contiguous(memory_format=torch.channels_last)

    @torch.no_grad()
    def straddling(self, groups: int = 2048) -> float | None:
        """Share of pairs whose two members the teacher gives different classes, in the student's views."""
        if self.attacked is None or not self.groups:
            return None
        apart: list[np.ndarray] = []
        groups = min(groups, len(self.attacked.images_GMHWC))
        for step in range(-(-groups // self.groups)):
            pairs_GMCHW = self.attacked.views(step, self.group_order, self.settings)[:, :2]
            classes_GM = self.teacher(pairs_GMCHW.flatten(0, 1)).argmax(1).view(pairs_GMCHW.shape[:2])
            apart.append((classes_GM[:, 0] != classes_GM[:, 1]).cpu().numpy())
        return float(np.concatenate(apart).mean())


def _groups(share: float, batch: int, members: int) -> int:
    """How many whole successes come nearest to a share of a batch that also holds selected images."""
    most = (batch - 2) // members
    if most < 1:
        raise UserError(
            f"A batch of {batch} has no room for an attacked image with its {members} members and two "
            f"selected images. Raise distill_student.recipe.batch to {members + 2} or more."
        )
    return min(most, max(1, round(share * batch / members)))
