"""From selected images to stored pairs: draw views, attack them, keep what straddles the boundary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import torch

from proxykd.boundary import reach
from proxykd.boundary.pairs import Pairs
from proxykd.boundary.prepared import prepared, quickest
from proxykd.boundary.queue import BATCH
from proxykd.boundary.settings import METHODS, AttackBoundary
from proxykd.boundary.stored import store
from proxykd.boundary.targets import Targets
from proxykd.boundary.views import Views, draw_views
from proxykd.errors import UserError
from proxykd.networks.classifier import Classifier
from proxykd.training.order import Order

BLOCK_BYTES = 2**28
"""Of the views that are attacked together, as floats."""


@dataclass
class Harvest:
    """What became of some views, after rounding to grey levels."""

    images_NHWC: np.ndarray
    """uint8; all members of one success after another."""
    rows: list[dict[str, Any]]
    counts: dict[str, int]
    """views; already (in their target class before the attack, or in none of a list); failed (never crossed
    below the threshold); rounded (not as stored: on a wrong side, or above the threshold); kept. The
    last four add up to the first."""


class Attack:
    """An attack on views of selected images, with all that is to be settled before it begins.

    images_NHWC: uint8, on the teacher's device. predicted_N: the teacher's class of each.
    """

    def __init__(
        self,
        teacher: Classifier,
        images_NHWC: torch.Tensor,
        predicted_N: np.ndarray,
        settings: AttackBoundary,
    ) -> None:
        self.teacher, self.images_NHWC, self.predicted_N = teacher, images_NHWC, predicted_N
        self.method: Any = import_module(METHODS[settings.method])
        self.total = settings.sources or len(images_NHWC)
        self.batch = min(BATCH, self.total)
        self.order = Order(len(images_NHWC), self.batch, settings.seed)
        self.targets = Targets(settings, teacher.description.classes)
        self.precision = quickest(settings.precision, self.method.EXACT, images_NHWC.device)
        self.settings = settings
        first = self._views(0)
        self.network = prepared(teacher, first.x_NCHW[:8], self.precision)
        self.facts: dict[str, Any] = {"precision": self.precision, "reach": None}
        if settings.epsilon == "auto":
            self.facts["reach"] = self._reach(first.x_NCHW)
            self.settings = settings.model_copy(update={"epsilon": self.facts["reach"]["epsilon"]})
        self.facts["epsilon"] = self.settings.epsilon

    def blocks(self) -> Iterator[Harvest]:
        """All views, as many together as the method takes and memory allows."""
        steps = (self.total + self.batch - 1) // self.batch
        image = self.images_NHWC[0].numel() * 4
        together = max(1, min(self.method.BATCHES, BLOCK_BYTES // (self.batch * image)))
        for first in range(0, steps, together):
            yield self._block([self._views(step) for step in range(first, min(first + together, steps))])

    def _views(self, step: int) -> Views:
        """A batch of views; the last one is cut to the number of views that are asked for."""
        mean_C = self.teacher.mean_C11.flatten()
        views = draw_views(self.images_NHWC, self.order, step, self.settings, mean_C)
        return views.first(self.total - step * self.batch)

    @torch.no_grad()
    def _current(self, x_NCHW: torch.Tensor) -> np.ndarray:
        logits_NK = self.teacher(x_NCHW)
        if not torch.isfinite(logits_NK).all(1).any():
            raise UserError(
                "attack_boundary: the teacher's outputs are finite for none of the views, so that it has no "
                "boundary to look for."
            )
        return logits_NK.argmax(1).cpu().numpy()

    def _reach(self, x_NCHW: torch.Tensor) -> dict[str, Any]:
        """The way to any other class is measured, whatever the targets of the attack itself are."""
        anyone = Targets(
            self.settings.model_copy(update={"targets": "uniform"}), self.teacher.description.classes
        )
        current_N = self._current(x_NCHW)
        target_N = torch.from_numpy(anyone.choose(self.network, x_NCHW, current_N, current_N, 0))
        return reach.measure(self.method, self.network, x_NCHW, target_N.to(x_NCHW.device), self.settings)

    def _block(self, drawn: list[Views]) -> Harvest:
        x_NCHW = torch.cat([views.x_NCHW for views in drawn])
        initial_N = np.concatenate([self._current(views.x_NCHW) for views in drawn])
        target_N = self._targets(drawn, initial_N)
        # The paper keeps only what starts outside its target class.
        ready_N = np.flatnonzero(initial_N != target_N)
        aimed_N = torch.from_numpy(target_N[ready_N]).to(x_NCHW.device)
        pairs: Pairs = self.method.attack(self.network, x_NCHW[ready_N], aimed_N, self.settings)
        crossed_N = ready_N[pairs.success_N.cpu().numpy()]
        stored = store(self.teacher, self.method, pairs, aimed_N, self.settings)
        kept_N = crossed_N[stored.kept_N]
        before_N = np.full(len(x_NCHW), -1)
        before_N[kept_N] = [facts["predicted"] for facts in stored.facts["pre"]]
        self.targets.note(initial_N[ready_N], target_N[ready_N], before_N[ready_N])
        counts = {
            "views": len(x_NCHW),
            "already": len(x_NCHW) - len(ready_N),
            "failed": len(ready_N) - len(crossed_N),
            "rounded": len(crossed_N) - len(kept_N),
            "kept": len(kept_N),
        }
        made = [
            {"view_class": int(initial_N[row]), "target": int(target_N[row]), "steps": steps}
            for row, steps in zip(kept_N, stored.steps_N, strict=True)
        ]
        origins = _origins(drawn, kept_N)
        rows = [
            {
                "success": success,
                "role": role,
                **origins[success],
                **made[success],
                **stored.facts[role][success],
            }
            for success in range(len(kept_N))
            for role in stored.facts
        ]
        return Harvest(stored.images_NHWC, rows, counts)

    def _targets(self, drawn: list[Views], initial_N: np.ndarray) -> np.ndarray:
        chosen, first = [], 0
        for views in drawn:
            current_N = initial_N[first : first + len(views.x_NCHW)]
            label_N = self.predicted_N[views.source_N]
            chosen.append(self.targets.choose(self.network, views.x_NCHW, current_N, label_N, views.step))
            first += len(current_N)
        return np.concatenate(chosen)


def _origins(drawn: list[Views], kept_N: np.ndarray) -> list[dict[str, Any]]:
    """Where the views of the pairs come from."""
    ends = np.cumsum([0, *(len(views.x_NCHW) for views in drawn)])
    batch_N = np.searchsorted(ends, kept_N, "right") - 1
    return [
        drawn[batch].origin(int(place - ends[batch])) for batch, place in zip(batch_N, kept_N, strict=True)
    ]
