"""Settings of a student's distillation."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from proxykd.augmentation.settings import Augmentation
from proxykd.distillation.refresh_settings import Refresh
from proxykd.networks.settings import Architecture
from proxykd.section import Section
from proxykd.training.settings import Recipe

Kind = Literal["kl", "argmax_of_mixed", "mixture_of_argmaxes", "dist", "dkd", "mse"]
LOSSES: dict[str, str] = {
    "kl": "proxykd.distillation.kl",
    "argmax_of_mixed": "proxykd.distillation.argmax_of_mixed",
    "mixture_of_argmaxes": "proxykd.distillation.mixture_of_argmaxes",
    "dist": "proxykd.distillation.dist",
    "dkd": "proxykd.distillation.dkd",
    "mse": "proxykd.distillation.mse",
}
# DKD's are the defaults of its authors' code. DIST's authors weigh both alike, against labels; there are none
# here, so what matters is that the two are equal and, with the learning rate, how large.
WEIGHTS: dict[str, dict[str, float]] = {
    "dist": {"beta": 2.0, "gamma": 2.0},
    "dkd": {"alpha": 1.0, "beta": 8.0},
}
"""Weights that a kind has, with their defaults; the other kinds have none."""
SOFTENED = ("kl", "dist", "dkd")
"""Kinds that look at softmaxes at the temperature."""
STANDARDISED = ("kl", "dkd")
"""Kinds whose logits can be standardised. DIST's correlations do that already, in their own way."""


class Loss(Section):
    """What makes the student follow the teacher's logits. In a configuration: a kind's name, or fields.

    None reads a label. A field that the kind has no use for is refused, so that two names for one loss do
    not make two students.
    """

    kind: Kind = "kl"
    """kl: KL divergence of the softmaxes at the temperature, with the factor T² (Hinton et al. 2015).
    argmax_of_mixed: cross-entropy with the teacher's class of the very view that the student sees.
    mixture_of_argmaxes: cross-entropies with the teacher's classes of the two views before mixing, by their
    shares; costs a second pass of the teacher. dist: correlations within rows and columns of the softmaxes
    (Huang et al. 2022). dkd: KL taken apart into the teacher's class and the others (Zhao et al. 2022).
    mse: squared difference of the logits."""
    standardise: bool = False
    """kl and dkd alone: each image's logits are brought to mean 0 and deviation 1 first, the teacher's and
    the student's (logit standardisation, Sun et al. 2024)."""
    alpha: float | None = Field(None, ge=0)
    """dkd: weight of the teacher's class against all others together. None: 1."""
    beta: float | None = Field(None, ge=0)
    """dkd: weight of the classes other than the teacher's among themselves; None: 8, the default of
    the authors' code. dist: weight of the correlations over an image's classes; None: 2."""
    gamma: float | None = Field(None, ge=0)
    """dist: weight of the correlations over a batch's images. None: 2."""

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        """A kind's name becomes fields, and weights that are not given become the kind's own."""
        if isinstance(given, str):
            given = {"kind": given}
        if not isinstance(given, dict):
            return given
        weights = WEIGHTS.get(str(given.get("kind", "kl")), {})
        return given | {name: value for name, value in weights.items() if given.get(name) is None}

    @model_validator(mode="after")
    def _only_what_counts(self) -> Self:
        has = WEIGHTS.get(self.kind, {})
        unused = [name for name in ("alpha", "beta", "gamma") if getattr(self, name) is not None]
        unused = [name for name in unused if name not in has]
        if self.standardise and self.kind not in STANDARDISED:
            unused.append("standardise")
        if unused:
            raise ValueError(
                f"{self.kind} has no use for {' and '.join(unused)}; leave it out, or write "
                f"loss: {self.kind} in an experiment whose base sets it"
            )
        if has and not any(getattr(self, name) for name in has):
            raise ValueError(f"with {' and '.join(has)} both 0 nothing is learned; raise one of them")
        return self

    @property
    def softens(self) -> bool:
        """Whether the temperature matters."""
        return self.kind in SOFTENED

    @property
    def needs_unmixed(self) -> bool:
        """Whether the teacher is asked about the views before mixing, too."""
        return self.kind == "mixture_of_argmaxes"

    def modules(self) -> list[str]:
        return [LOSSES[self.kind]]

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Fields, or the name of a kind alone."""
        return {"anyOf": [{"enum": list(LOSSES)}, handler(core_schema)]}


class BoundaryPolicy(Section):
    """How attacked images enter a batch: whole pairs, changed alike, never mixed."""

    share: float = Field(0.25, gt=0, lt=1)
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
    loss: Loss = Loss()
    """A kind's name (kl, argmax_of_mixed, mixture_of_argmaxes, dist, dkd, mse), or fields: kind,
    standardise for kl and dkd, and the weights alpha and beta of dkd, beta and gamma of dist."""
    temperature: float | None = Field(None, gt=0)
    """Temperature of both softmaxes, with the factor T² on kl and dkd. None: the paper's, 20 for rendered
    proxies and 2 for real ones. argmax_of_mixed, mixture_of_argmaxes and mse have none: it does not count
    for them."""
    augmentation: Augmentation | None = None
    """A preset's name or fields. None: the paper's choice, `extreme` for shaders and `standard` else."""
    mixup: float = Field(1.0, ge=0)
    """Parameter of Beta(a, a) from which each sample's share is drawn; the teacher sees the mixed image.
    0: no mixup."""
    cutmix: float = Field(0.0, ge=0, le=1)
    """Share of the mixed samples that get a rectangle of their partner (CutMix) in place of a blend."""
    boundary: BoundaryPolicy | None = BoundaryPolicy()
    """How attacked images are used, where there are any."""
    refresh: Refresh | None = None
    """New pairs against the student while it learns, in place of the stored ones; null: none."""

    @model_validator(mode="after")
    def _mixes(self) -> Self:
        if self.loss.needs_unmixed and not self.mixup:
            raise ValueError(
                "loss: mixture_of_argmaxes needs mixup: without it there is one argmax; set mixup: 1 or "
                "loss: argmax_of_mixed"
            )
        return self

    @model_validator(mode="after")
    def _has_pairs_to_replace(self) -> Self:
        if self.refresh is not None and self.boundary is None:
            raise ValueError(
                "refresh replaces attacked images, and boundary: null uses none; leave boundary out, or set "
                "refresh: null"
            )
        return self

    def modules(self) -> list[str]:
        refreshed = self.refresh.modules() if self.refresh is not None else []
        return [*self.network.modules(), *self.loss.modules(), *refreshed]

    def identity(self) -> dict[str, Any]:
        # A temperature that the loss does not look at must not tell two students apart.
        unused = set() if self.loss.softens else {"temperature"}
        return {name: value for name, value in self.canonical().items() if name not in unused}
