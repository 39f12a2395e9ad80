"""New pairs between the steps of a training, where the teacher and the student of the moment disagree most.

Views come from seeds and the step, and the student's weights are in the checkpoint, so a training that goes
on after a kill makes the same pairs again; those it had made already are in the checkpoint too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from proxykd.augmentation.batch import augment, generator, mix
from proxykd.boundary.collect import Attack
from proxykd.boundary.settings import AttackBoundary
from proxykd.distillation.refresh_settings import Refresh
from proxykd.errors import UserError
from proxykd.networks.classifier import Classifier, to_float
from proxykd.networks.outputs import log_softmax, logits_of
from proxykd.presentation.progress import log
from proxykd.training.data import Images
from proxykd.training.order import Order
from proxykd.training.settings import Recipe

BATCH = 256


class Refresher:
    """Puts new pairs into the places of present ones, the oldest first, at stated steps of a training."""

    def __init__(
        self,
        teacher: Classifier,
        student: Classifier,
        images_NHWC: Images,
        pairs_GMHWC: Images,
        how: Refresh,
        recipe: Recipe,
    ) -> None:
        assert how.attack is not None
        self.teacher, self.student, self.how, self.recipe = teacher, student, how, recipe
        self.images_NHWC, self.pairs_GMHWC, self.attack = images_NHWC, pairs_GMHWC, how.attack
        self.device = str(images_NHWC.device)
        self.steps = moments(how.every, recipe.steps)
        self.made = 0
        members = pairs_GMHWC.stored.shape[1]
        if members != (4 if self.attack.deeper else 2):
            raise UserError(
                f"The stored successes have {members} images each, and distill_student.refresh.attack makes "
                f"others: deeper is {str(self.attack.deeper).lower()} there. Set it as in attack_boundary."
            )

    def after(self, step: int) -> dict[str, float]:
        """Refresh the pairs where it is time; what the record says of it.

        refresh_pairs: new pairs. refresh_disagreement: mean of the views that were looked at, in nats;
        refresh_attacked: of those that were attacked.
        """
        if step not in self.steps:
            return {}
        how = self.attack.model_copy(update={"seed": _seed(self.recipe.seed, self.attack.seed, step)})
        views_NHWC, source_N = self._draw(how)
        disagreement_N = self._disagreement(views_NHWC)
        # No more than there are places, and the earlier of two that are alike.
        count = min(max(1, round(self.how.attacked * len(views_NHWC))), len(self.pairs_GMHWC))
        chosen_N = np.argsort(-disagreement_N, kind="stable")[:count]
        new = self._replace(self._attack(views_NHWC[chosen_N], source_N[chosen_N], how))
        if new == 0:
            log.warning("no new pair came of the %s views attacked after step %s: all stay", count, step)
        return {
            "refresh_pairs": new,
            "refresh_disagreement": float(disagreement_N.mean()),
            "refresh_attacked": float(disagreement_N[chosen_N].mean()),
        }

    def state(self) -> dict[str, Any]:
        """For a checkpoint: the pairs that are new."""
        fresh = min(self.made, len(self.pairs_GMHWC))
        return {"made": self.made, "pairs_GMHWC": self.pairs_GMHWC.stored[:fresh].clone()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with a checkpoint's pairs."""
        self.made = state["made"]
        self.pairs_GMHWC.stored[: len(state["pairs_GMHWC"])] = state["pairs_GMHWC"].to(self._place)

    @property
    def _place(self) -> torch.device:
        return self.pairs_GMHWC.stored.device

    def _draw(self, how: AttackBoundary) -> tuple[np.ndarray, np.ndarray]:
        """Views as eight bits hold them, and the selected image that each one is of."""
        batch = min(BATCH, self.how.views)
        order, fill_C = Order(len(self.images_NHWC), batch, how.seed), self.teacher.mean_C11.flatten()
        views, sources = [], []
        for step in range(-(-self.how.views // batch)):
            source_N, rng = order.at(step), generator(how.seed, step)
            x_NCHW = augment(to_float(self.images_NHWC.at(source_N)), how.augmentation, fill_C, rng)
            if how.mixup:
                x_NCHW, _, _ = mix(x_NCHW, how.mixup, rng)
            views.append(x_NCHW.mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy())
            sources.append(source_N)
        return np.concatenate(views)[: self.how.views], np.concatenate(sources)[: self.how.views]

    def _disagreement(self, views_NHWC: np.ndarray) -> np.ndarray:
        """KL(teacher || student) of each view at temperature 1, in nats."""
        teacher_NK = log_softmax(logits_of(self.teacher, views_NHWC, self.device))
        student_NK = log_softmax(logits_of(self.student, views_NHWC, self.device))
        self.student.train()
        return (np.exp(teacher_NK) * (teacher_NK - student_NK)).sum(1)

    def _attack(self, views_NHWC: np.ndarray, source_N: np.ndarray, how: AttackBoundary) -> np.ndarray:
        """The successes of an attack on views as they are, G x M x H x W x C."""
        # Their augmentation and mixup are behind them, and each is attacked once.
        as_they_are = {"augmentation": type(how.augmentation)(), "mixup": 0.0, "sources": None}
        selected_NHWC = self.images_NHWC.at(source_N).cpu().numpy()
        predicted_N = logits_of(self.teacher, selected_NHWC, self.device).argmax(1)
        images_NHWC = torch.from_numpy(views_NHWC).to(self.device)
        attack = Attack(self.teacher, images_NHWC, predicted_N, how.model_copy(update=as_they_are))
        made = np.concatenate([block.images_NHWC for block in attack.blocks()])
        return made.reshape(-1, *self.pairs_GMHWC.stored.shape[1:])

    def _replace(self, new_GMHWC: np.ndarray) -> int:
        """Put new successes where the oldest are; how many there were."""
        place_G = torch.from_numpy((self.made + np.arange(len(new_GMHWC))) % len(self.pairs_GMHWC))
        self.pairs_GMHWC.stored[place_G.to(self._place)] = torch.from_numpy(new_GMHWC).to(self._place)
        self.made += len(new_GMHWC)
        return len(new_GMHWC)


def moments(every: float, steps: int) -> set[int]:
    """The steps after which pairs are made anew: multiples of a share of all, but not the last step."""
    # With a little more than there is, since 1 / 0.2 may come out just below 5.
    several = range(1, int(1 / every + 1e-9) + 1)
    return {round(number * every * steps) for number in several} - {0, steps}


def _seed(*seeds: int) -> int:
    """One seed from several, so that no stream of random numbers is one that was used before."""
    return int(np.random.SeedSequence(seeds).generate_state(1)[0])
