"""Settings of the one training loop, and of the teacher that it trains."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from proxykd.augmentation.settings import Augmentation
from proxykd.networks.settings import Architecture
from proxykd.section import Section


class Recipe(Section):
    """Stochastic gradient descent with a linear warm-up and a cosine schedule."""

    steps: int = Field(ge=1)
    """Batches in the whole training. Equal for all experiments that are compared."""
    batch: int = Field(128, ge=2)
    """Images in a batch."""
    learning_rate: float = Field(0.1, gt=0)
    """Highest learning rate."""
    final_learning_rate: float = Field(1e-6, ge=0)
    """Learning rate at the last step."""
    warmup: float = Field(0.0, ge=0, lt=1)
    """Share of the steps in which the rate rises from 0."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """Momentum."""
    nesterov: bool = False
    """Nesterov's momentum."""
    weight_decay: float = Field(1e-4, ge=0)
    """L2 penalty on all weights that have more than one dimension; biases and batch norms have none."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Arithmetic of both networks' passes; weights stay in fp32."""
    seed: int = Field(0, ge=0)
    """Initial weights, order of the images, augmentation and mixup."""


class TrainTeacher(Section):
    """A teacher trained on labelled images."""

    images: str
    """Name of the set under `import_images`; its train split teaches, its validation split is measured."""
    network: Architecture
    """Which network."""
    recipe: Recipe
    """How it is trained."""
    augmentation: Augmentation = Augmentation(flip=0.5, shift=0.125)
    """Augmentation of its images; a preset's name or fields. `standard` where none is given."""
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """Share of the target that is spread over all classes."""

    def modules(self) -> list[str]:
        return self.network.modules()

    def identity(self) -> dict[str, Any]:
        return {name: value for name, value in self.canonical().items() if name != "images"}
