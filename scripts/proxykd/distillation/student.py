"""Distilling a student: the teacher and the student see the same view, and the student follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module

import numpy as np
import torch

from proxykd.augmentation.batch import augment, generator, mix
from proxykd.distillation.losses import Views, loss_function, teacher_outputs
from proxykd.distillation.policy import move_alike
from proxykd.distillation.refresh_settings import REFRESH
from proxykd.distillation.settings import DistillStudent
from proxykd.errors import UserError
from proxykd.networks.classifier import Classifier, to_float
from proxykd.presentation.progress import Progress
from proxykd.training.checkpoint import Checkpoint
from proxykd.training.compilation import compiled
from proxykd.training.data import Images
from proxykd.training.fresh import fresh
from proxykd.training.loop import fit
from proxykd.training.order import Order
from proxykd.training.state import Between


@dataclass
class Attacked:
    """Stored images of the attack, G successes x M members x H x W x C."""

    images_GMHWC: Images

    @property
    def members(self) -> int:
        """Images of one success."""
        return self.images_GMHWC.stored.shape[1]

    def views(self, step: int, order: Order, settings: DistillStudent) -> torch.Tensor:
        """The successes of a step, G x M x C x H x W in [0, 1], each one's members changed alike."""
        assert settings.boundary is not None
        images = self.images_GMHWC.at(order.at(step))
        x_NCHW = to_float(images.flatten(0, 1))
        rng = generator(settings.recipe.seed, step, 1)
        return move_alike(x_NCHW.unflatten(0, images.shape[:2]), settings.boundary, rng)


def distil(
    teacher: Classifier,
    images_NHWC: np.ndarray,
    attacked: Attacked | None,
    settings: DistillStudent,
    device: str,
    progress: Progress,
    checkpoint: Checkpoint,
) -> tuple[Classifier, list[dict[str, float]], float | None]:
    """A student, the records of its training, and the share of pairs that straddled as the student saw them.

    images_NHWC: selected images, uint8.
    """
    assert settings.temperature is not None
    assert settings.augmentation is not None
    recipe, temperature = settings.recipe, settings.temperature
    loss = loss_function(settings.loss)
    torch.manual_seed(recipe.seed)
    described = teacher.description.of_student(settings.network.architecture)
    student = fresh(described, settings.network.pretrained, images_NHWC, device)
    batches = Batches(Images(images_NHWC, device), attacked, settings, teacher)
    run_teacher, run_student = compiled(teacher, recipe), compiled(student, recipe)

    def loss_at(step: int, first: int | None = None) -> torch.Tensor:
        views = batches.views(step, first)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=recipe.precision == "bf16"):
            with torch.no_grad():
                outputs = teacher_outputs(run_teacher, views)
            student_NK = run_student(views.x_NCHW)
        return loss(student_NK.float(), outputs, settings.loss, temperature)

    epoch = len(images_NHWC) / batches.order.batch
    records = fit(student, loss_at, recipe, progress, checkpoint, epoch, batches.refresher(student))
    return student, records, batches.straddling()


class Batches:
    """The views of each step, from the seed and the step alone."""

    def __init__(
        self,
        images_NHWC: Images,
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
        members = attacked.members if attacked is not None else 0
        if attacked is not None and settings.boundary is not None:
            self.groups = _groups(settings.boundary.share, recipe.batch, members)
            self.group_order = Order(len(attacked.images_GMHWC), self.groups, recipe.seed, stream=1)
        self.order = Order(len(images_NHWC), recipe.batch - self.groups * members, recipe.seed)
        self.fill_C = teacher.mean_C11.flatten()

    def views(self, step: int, first: int | None = None) -> Views:
        """Augmented and mixed selected images, and attacked ones after them; of the first so many, or of all.

        With what they were mixed from where the loss asks for it.
        """
        settings = self.settings
        assert settings.augmentation is not None
        rows = self.order.at(step)[:first]
        rng = generator(settings.recipe.seed, step)
        x_NCHW = augment(to_float(self.images_NHWC.at(rows)), settings.augmentation, self.fill_C, rng)
        views = Views(x_NCHW)
        if settings.mixup:
            mixed_NCHW, partner_N, share_N = mix(x_NCHW, settings.mixup, rng, settings.cutmix)
            unmixed = (x_NCHW, partner_N, share_N) if settings.loss.needs_unmixed else ()
            views = Views(mixed_NCHW, *unmixed)
        if self.attacked is None or not self.groups or first is not None:
            return views
        pairs_GMCHW = self.attacked.views(step, self.group_order, settings)
        whole = torch.cat([views.x_NCHW, pairs_GMCHW.flatten(0, 1)])
        return replace(views, x_NCHW=whole.contiguous(memory_format=torch.channels_last))

    def refresher(self, student: Classifier) -> Between | None:
        """What makes the attacked images anew while the student learns, where that is asked for."""
        how = self.settings.refresh
        if how is None:
            return None
        if self.attacked is None or not self.groups:
            raise UserError(
                "distill_student.refresh replaces attacked images, and there are none. Give attack_boundary "
                "(to the program: --boundary), or set refresh: null."
            )
        module = import_module(REFRESH)
        pairs_GMHWC, recipe = self.attacked.images_GMHWC, self.settings.recipe
        return module.Refresher(self.teacher, student, self.images_NHWC, pairs_GMHWC, how, recipe)

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
