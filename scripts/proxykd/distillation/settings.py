"""Settings of a student's distillation."""

from __future__ import annotations

from pydantic import Field

from proxykd.augmentation.settings import Augmentation
from proxykd.networks.settings import Architecture
from proxykd.section import Section
from proxykd.training.settings import Recipe


class BoundaryPolicy(Section):
    """How attacked images enter a batch: whole pairs, changed alike, never mixed."""

    share: float = Field(0.5, gt=0, lt=1)
    """Share of each batch that is attacked images; the rest are augmented and mixed selected images."""
    flip: float = Field(0.0, ge=0, le=1)
    """Probability of a horizontal flip, the same for all members of a pair. Flipped or shifted alike, a pair
    need not lie on two sides of the boundary any more: the report states the share that does."""
    shift: int = Field(0, ge=0)
    """Largest shift in whole pixels, the same for all members of a pair. Whole, since interpolation would
    change the pixels by more than the two members differ."""


class DistillStudent(Section):
    """A student that learns the teacher's outputs on proxies."""

    network: Architecture
    """Which network."""
    recipe: Recipe
    """How it is trained."""
    temperature: float | None = Field(None, gt=0)
    """Temperature of both softmaxes, with the factor T² on the loss. None: the paper's, 20 for rendered
    proxies and 2 for real ones."""
    augmentation: Augmentation | None = None
    """A preset's name or fields. None: the paper's choice, `extreme` for shaders and `standard` else."""
    mixup: float = Field(1.0, ge=0)
    """Parameter of Beta(a, a) from which each sample's share is drawn; the teacher sees the mixed image.
    0: no mixup."""
    boundary: BoundaryPolicy | None = BoundaryPolicy()
    """How attacked images are used, where there are any."""

    def modules(self) -> list[str]:
        return self.network.modules()
