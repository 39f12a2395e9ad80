"""Settings of the attack that carries images across the teacher's decision boundary."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from proxykd.augmentation.settings import Augmentation
from proxykd.section import Section

METHODS = {"bold_driver": "proxykd.boundary.bold_driver"}


class AttackBoundary(Section):
    """Targeted L-infinity attack on augmented and mixed views of the selected images.

    The paper's rule; its epsilon, start step and number of iterations are not known, so they are settings.
    """

    method: Literal["bold_driver"] = "bold_driver"
    """bold_driver: sign steps whose size adapts by sample (the paper's)."""
    sources: int | None = Field(None, ge=1)
    """Views to attack; the selected images are gone through again and again with new views. None: as many
    as there are selected images."""
    epsilon: float = Field(16.0, gt=0, le=255)
    """Largest change of a pixel, in grey levels of 255."""
    start_step: float = Field(1.0, gt=0)
    """First step of each sample, in grey levels of 255."""
    iterations: int = Field(30, ge=1)
    """Most steps of a sample."""
    threshold: float = Field(0.9, gt=0, le=1)
    """Both members of a pair must have a largest softmax output below this."""
    growth: float = Field(1.1, gt=1)
    """Factor on the step after one that did not cross."""
    shrink: float = Field(0.5, gt=0, lt=1)
    """Factor on the step after one that crossed too far and was taken back."""
    deeper: bool = True
    """One further step into its class for both members: four images a success instead of two."""
    targets: Literal["pseudo_label", "uniform"] = "uniform"
    """pseudo_label: the class that the teacher gave the unmixed image (the paper's for shaders);
    uniform: any class but the view's own (the paper's for other images)."""
    mixup: float = Field(1.0, ge=0)
    """Parameter of Beta(a, a) from which each view's share is drawn; 0: views are not mixed."""
    augmentation: Augmentation = Augmentation(flip=0.5, shift=0.125)
    """Augmentation of the views before mixing."""
    precision: Literal["fp32"] = "fp32"
    """Arithmetic of the teacher's passes."""
    unmade: Literal["fail", "report"] = "fail"
    """What to do when no pair can be made: fail, or report it and store none (which no student can use)."""
    seed: int = Field(0, ge=0)
    """Views and targets."""

    @model_validator(mode="after")
    def _can_cross(self) -> Self:
        if self.targets == "pseudo_label" and self.mixup == 0:
            raise ValueError(
                "targets: pseudo_label needs mixup: an image that is not mixed already has that class, so no "
                "pair could come of it; set mixup: 1 or targets: uniform"
            )
        return self

    def modules(self) -> list[str]:
        return [METHODS[self.method]]
