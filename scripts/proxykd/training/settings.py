"""Settings of the one training loop, and of the teacher that it trains."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from proxykd.augmentation.settings import Augmentation
from proxykd.networks.settings import Architecture
from proxykd.section import Section

LENGTHS = ("steps", "images")


class Recipe(Section):
    """How a network is trained: optimiser, schedule, arithmetic.

    The length is given as `steps`, or as `images` seen, which is turned into steps.
    """

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
    schedule: Literal["cosine", "linear"] = "cosine"
    """How it falls after that: half a cosine, or a straight line."""
    optimiser: Literal["sgd", "muon"] = "sgd"
    """Stochastic gradient descent; or Muon (Jordan et al. 2024) for filters and matrices, and gradient
    descent for biases, norms and the last layer."""
    muon_learning_rate: float = Field(0.05, gt=0)
    """Highest learning rate of what Muon trains; follows the same schedule. Nothing without it."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """Momentum."""
    nesterov: bool = False
    """Nesterov's momentum."""
    weight_decay: float = Field(1e-4, ge=0)
    """Of all weights with more than one dimension; biases and batch norms have none. sgd: an L2 penalty.
    muon: taken off the weights themselves, times the learning rate."""
    ema: float = Field(0.0, ge=0, lt=1)
    """Decay, a step, of a moving average of the weights, which is what is kept in the end. 0: the last
    weights."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Arithmetic of both networks' passes; weights stay in fp32. On a GPU fp32 is not TF32."""
    compile: Literal["no", "default", "reduce-overhead", "max-autotune"] = "no"
    """Mode of torch.compile for both networks; the last two also use CUDA graphs. Needs a compiler. Off where
    none is asked for: on two CPU cores it made a ResNet-20 a quarter faster, after 38 seconds, and airbench
    many times slower. max-autotune chooses by timing, so two runs may differ in their last bits."""
    seed: int = Field(0, ge=0)
    """Initial weights, order of the images, augmentation and mixup."""

    @model_validator(mode="before")
    @classmethod
    def _length(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        # Null takes a length back that a base gives.
        given = {name: value for name, value in given.items() if name not in LENGTHS or value is not None}
        if "images" not in given:
            return given
        images, batch = given["images"], given.get("batch", cls.model_fields["batch"].default)
        if "steps" in given:
            raise ValueError(
                "a recipe's length is either steps or images, not both; set the other to null where it comes "
                "from the base"
            )
        if not isinstance(images, int) or images < 1:
            raise ValueError(f"images is {images!r}, and should be a whole number from 1")
        # An odd batch is told by its own field.
        steps = -(-images // batch) if isinstance(batch, int) and batch > 0 else 1
        return {name: value for name, value in given.items() if name != "images"} | {"steps": steps}


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
    mixup: float = Field(0.0, ge=0)
    """Parameter of Beta(a, a) from which each sample's share is drawn; labels are mixed in the same share.
    0: no mixup."""
    cutmix: float = Field(0.0, ge=0, le=1)
    """Share of the mixed samples that get a rectangle of their partner (CutMix) in place of a blend."""

    def modules(self) -> list[str]:
        return self.network.modules()

    def identity(self) -> dict[str, Any]:
        return {name: value for name, value in self.canonical().items() if name != "images"}
