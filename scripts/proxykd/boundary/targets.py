"""To which class each view is carried."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from proxykd.augmentation.batch import generator
from proxykd.boundary.settings import AttackBoundary
from proxykd.errors import UserError

CANDIDATES = 4
"""Classes, those with the largest other logits, of which the nearest is looked for."""

FAILURE = 0.25
"""A view that was sent to a class in vain counts as so much of a pair: else a pair of classes between which
nothing ever crosses would be tried for ever."""


class Targets:
    """Chooses targets batch after batch, and keeps count of the pairs of classes that came of them.

    Raises UserError where there is no second class, or a list names one that is not the teacher's.
    """

    def __init__(self, how: AttackBoundary, classes: list[str]) -> None:
        if len(classes) < 2:
            raise UserError("attack_boundary needs a teacher of two classes or more: one has no boundary.")
        self.how = how
        self.covered_KK = np.zeros((len(classes), len(classes)))
        """Pairs between each two classes: made, or on their way; either order counts as both."""
        self.listed_KK = _listed(how, classes)

    def choose(
        self, network: nn.Module, x_NCHW: torch.Tensor, current_N: np.ndarray, label_N: np.ndarray, step: int
    ) -> np.ndarray:
        """The class that each view is carried to; its own where there is nothing to do.

        current_N: the teacher's class of each view. label_N: of the unmixed image. step: with the seed, what
        random numbers are drawn from. network: used for `nearest` alone.
        """
        # A second stream of random numbers, so that targets do not depend on how views are drawn.
        rng = generator(self.how.seed, step, 1)
        classes = len(self.covered_KK)
        if self.listed_KK is not None:
            target_N = self._fewest(current_N, self.listed_KK, rng)
        elif self.how.targets == "pseudo_label":
            target_N = label_N
        elif self.how.targets == "nearest":
            target_N = nearest(network, x_NCHW, torch.from_numpy(current_N).to(x_NCHW.device)).cpu().numpy()
        elif self.how.targets == "least_covered":
            target_N = self._fewest(current_N, ~np.eye(classes, dtype=bool), rng)
        else:
            target_N = (current_N + rng.integers(1, classes, len(current_N))) % classes
        return target_N

    def note(self, current_N: np.ndarray, target_N: np.ndarray, before_N: np.ndarray) -> None:
        """What became of views: the class before the boundary of each one's pair, -1 without a pair."""
        failed_N = before_N < 0
        self._count(current_N[failed_N], target_N[failed_N], FAILURE - 1)
        # The last image before the target's boundary may have a third class.
        moved_N = ~failed_N & (before_N != current_N)
        self._count(current_N[moved_N], target_N[moved_N], -1)
        self._count(before_N[moved_N], target_N[moved_N], 1)

    def _count(self, a_N: np.ndarray, b_N: np.ndarray, change: float) -> None:
        np.add.at(self.covered_KK, (a_N, b_N), change)
        np.add.at(self.covered_KK, (b_N, a_N), change)

    def _fewest(self, current_N: np.ndarray, allowed_KK: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Of the classes allowed for each view, that with which it has the fewest pairs; its own if none is.

        A view costs a row of the matrix, so the cost grows with the views and not with the pairs of classes.
        """
        target_N = current_N.copy()
        for place, current in enumerate(current_N):
            allowed = np.flatnonzero(allowed_KK[current])
            if len(allowed):
                covered = self.covered_KK[current, allowed]
                target_N[place] = rng.choice(allowed[covered == covered.min()])
                self._count(np.array([current]), target_N[place : place + 1], 1)
        return target_N


def nearest(network: nn.Module, x_NCHW: torch.Tensor, current_N: torch.Tensor) -> torch.Tensor:
    """The class whose boundary is nearest in the L-infinity norm as far as the linearised network knows.

    DeepFool's choice (Moosavi-Dezfooli et al., CVPR 2016, equation 8 for p = infinity): the smallest
    |f_k| / |grad f_k|_1, among the few classes with the largest logits. One pass forward, and one back for
    each of these.
    """
    seen_NCHW = x_NCHW.detach().requires_grad_()
    logits_NK = network(seen_NCHW)
    others_NK = logits_NK.detach().scatter(1, current_N[:, None], -torch.inf)
    candidates_NJ = others_NK.topk(min(CANDIDATES, logits_NK.shape[1] - 1)).indices
    distances = []
    for target_N in candidates_NJ.T:
        gap_N = logits_NK.gather(1, current_N[:, None])[:, 0] - logits_NK.gather(1, target_N[:, None])[:, 0]
        (gradient_NCHW,) = torch.autograd.grad(gap_N.sum(), seen_NCHW, retain_graph=True)
        slope_N = gradient_NCHW.abs().sum((1, 2, 3))
        distances.append(gap_N.detach().abs() / slope_N)
    best_N = torch.stack(distances, 1).nan_to_num(torch.inf).argmin(1)
    return candidates_NJ.gather(1, best_N[:, None])[:, 0]


def _listed(how: AttackBoundary, classes: list[str]) -> np.ndarray | None:
    """K x K: which classes the list of pairs joins; None without a list. UserError for an unknown name."""
    if isinstance(how.targets, str):
        return None
    joined_KK = np.zeros((len(classes), len(classes)), bool)
    for pair in how.targets:
        for name in pair:
            if name not in classes:
                raise UserError(
                    f"attack_boundary.targets names the class {name}, which the teacher does not have. "
                    f"It has {', '.join(classes[:20])}{', ...' if len(classes) > 20 else ''}."
                )
        a, b = (classes.index(name) for name in pair)
        joined_KK[a, b] = joined_KK[b, a] = True
    return joined_KK
