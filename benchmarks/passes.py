"""Counts the images that pass through a classifier, whoever sends them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from proxykd.networks.classifier import Classifier


class Passes:
    """Images that went forward and back through a classifier and its copies.

    It is a forward hook. A copy of the classifier carries the same counter along, so that an attack which
    prepares a copy for itself is counted like one that does not.
    """

    def __init__(self) -> None:
        self.forward = 0
        self.backward = 0

    @property
    def total(self) -> int:
        """A pass back costs about as much as two forward."""
        return self.forward + 2 * self.backward

    def __deepcopy__(self, memo: dict[int, Any]) -> Passes:
        return self

    def __call__(self, network: torch.nn.Module, given: tuple[Any, ...], logits_NK: torch.Tensor) -> None:
        self.forward += len(logits_NK)
        if logits_NK.requires_grad:
            logits_NK.register_hook(self._back)

    def _back(self, gradient_NK: torch.Tensor) -> None:
        self.backward += len(gradient_NK)


@contextmanager
def counted(teacher: Classifier) -> Iterator[Passes]:
    """Count what passes through the teacher until the block ends."""
    passes = Passes()
    hook = teacher.register_forward_hook(passes)
    try:
        yield passes
    finally:
        hook.remove()
