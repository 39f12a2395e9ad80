"""Settings of the attack that carries images across the teacher's decision boundary."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from proxykd.augmentation.settings import Augmentation
from proxykd.section import Section

METHODS = {
    "bold_driver": "proxykd.boundary.bold_driver",
    "deepfool_linf": "proxykd.boundary.deepfool_linf",
    "shuffled": "proxykd.boundary.shuffled",
}


class AttackBoundary(Section):
    """Targeted L-infinity attack on augmented and mixed views of the selected images.

    What counts is the teacher's opinion, in full precision, of the 8-bit images that are stored.
    """

    method: Literal["deepfool_linf", "bold_driver", "shuffled"] = "deepfool_linf"
    """deepfool_linf: steps of the length that a linearised teacher asks for, then a search on the last one;
    bold_driver: sign steps whose size adapts by sample (the paper's); shuffled: a control, the changes of
    deepfool_linf at other pixels, which cross nothing."""
    sources: int | None = Field(None, ge=1)
    """Views to attack; the selected images are gone through again and again with new views. None: as many
    as there are selected images."""
    epsilon: float | Literal["auto"] = "auto"
    """Largest change of a pixel, in grey levels of 255, above 0. auto: the smallest of 1, 2, 4 to 64 within
    which 95 % of the first views that cross at all do; the paper's is not known."""
    iterations: int = Field(30, ge=1)
    """Most gradients (deepfool_linf) or steps (bold_driver) of a sample."""
    threshold: float = Field(0.9, gt=0, le=1)
    """Both members of a pair must have a largest softmax output below this."""
    margin: float = Field(0.2, gt=0)
    """deepfool_linf: least difference in logits between a target and the best other class on either side."""
    longest_step: float = Field(4.0, gt=0)
    """deepfool_linf: the longest first step, in grey levels of 255. Longer ones take fewer gradients where
    boundaries are far, and leave the shortest way."""
    start_step: float = Field(1.0, gt=0)
    """The first step of bold_driver, and the step deeper into a class, in grey levels of 255."""
    growth: float = Field(1.1, gt=1)
    """Factor on the step (bold_driver) or on the longest one (deepfool_linf) after one that did not cross."""
    shrink: float = Field(0.5, gt=0, lt=1)
    """Factor on a step after one that went too far and was taken back."""
    deeper: bool = False
    """One further step into its class for both members, as in the paper: four images a success instead of
    two. Off, since students were 1.6 to 5.4 points better without it wherever both were tried."""
    targets: Literal["uniform", "pseudo_label", "least_covered", "nearest"] | list[tuple[str, str]] = (
        "uniform"
    )
    """uniform: any class but the view's own (the paper's for images that are not shaders'); pseudo_label: the
    class that the teacher gave the unmixed image (the paper's for shaders'); least_covered: the class with
    which the view's own has the fewest pairs yet; nearest: the class whose boundary is nearest; or a list of
    pairs of class names, least covered first, of which a view's own class must be one."""
    mixup: float = Field(1.0, ge=0)
    """Parameter of Beta(a, a) from which each view's share is drawn; 0: views are not mixed."""
    augmentation: Augmentation = Augmentation(flip=0.5, shift=0.125)
    """Augmentation of the views before mixing."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Arithmetic of deepfool_linf's gradients, and of all of bold_driver's passes. auto: bf16 for the former
    where the device computes with it, else fp32. What a pair must fulfil is decided in fp32 in any case."""
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
        if isinstance(self.targets, list) and (not self.targets or any(a == b for a, b in self.targets)):
            raise ValueError("targets: a list needs pairs of two different classes, such as [[cat, dog]]")
        if self.epsilon != "auto" and not 0 < self.epsilon <= 255:
            raise ValueError("epsilon must be above 0 and at most 255 grey levels, or auto")
        return self

    @property
    def spared(self) -> str:
        """What views that are not attacked are in, for people."""
        listed = ", or in no class of the list" if isinstance(self.targets, list) else ""
        return f"their target class already{listed}"

    @property
    def reach(self) -> float:
        """epsilon as a number; it must have been settled."""
        assert self.epsilon != "auto"
        return self.epsilon

    def modules(self) -> list[str]:
        return [METHODS[self.method]]
