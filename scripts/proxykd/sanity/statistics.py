"""How well what flows through a network fits the running statistics of its batch norms.

They are the mean and variance that each channel had while the network was trained, and lie in its
checkpoint: a trace of how its images were normalised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@dataclass
class _Sums:
    """Of one batch norm's inputs, channel by channel."""

    count: int
    sum_C: torch.Tensor
    squares_C: torch.Tensor


class Moments:
    """Mean and variance of what each batch norm is given while images pass; a context manager.

    Finds nothing in a network without batch norms (ViT, ConvNeXt), in one whose batch norms keep no
    statistics, or in a program whose layers are no modules.
    """

    def __init__(self, network: nn.Module) -> None:
        self._norms = [module for module in network.modules() if _keeps_statistics(module)]
        self._seen: dict[nn.Module, _Sums] = {}

    def __enter__(self) -> Moments:
        self._hooks = [norm.register_forward_pre_hook(self._look) for norm in self._norms]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _look(self, norm: nn.Module, inputs: Any) -> None:
        # In double precision: the variance is a small difference of large sums.
        x_CM = inputs[0].detach().transpose(0, 1).flatten(1).double()
        new = _Sums(x_CM.shape[1], x_CM.sum(1), x_CM.square().sum(1))
        old = self._seen.get(norm)
        if old is not None:
            new = _Sums(new.count + old.count, new.sum_C + old.sum_C, new.squares_C + old.squares_C)
        self._seen[norm] = new

    def misfits(self) -> list[float]:
        """Of each batch norm in the order in which images pass them: see `misfit`."""
        found = []
        for norm, sums in self._seen.items():
            mean_C = sums.sum_C / sums.count
            variance_C = (sums.squares_C / sums.count - mean_C.square()).clamp_min(0)
            epsilon: Any = norm.eps
            found.append(misfit(mean_C, variance_C + epsilon, *_kept(norm, epsilon)))
        return found


def misfit(
    mean_C: torch.Tensor, variance_C: torch.Tensor, expected_C: torch.Tensor, spread_C: torch.Tensor
) -> float:
    """Bhattacharyya's distance of two Gaussians, mean over channels; 0 where they are the same.

    (m - m')² / 4(v + v') + ½ ln((v + v') / 2√(vv')) (Bhattacharyya 1943): symmetric, and grows with the
    logarithm of a scale, so that a channel which is hardly alive counts no more than the others.
    """
    both_C = variance_C + spread_C
    apart_C = (mean_C - expected_C).square() / (4 * both_C)
    scale_C = 0.5 * (both_C.log() - (2 * (variance_C * spread_C).sqrt()).log())
    return float((apart_C + scale_C).mean())


def _keeps_statistics(module: nn.Module) -> bool:
    kept = [getattr(module, name, None) for name in ("running_mean", "running_var", "eps")]
    return isinstance(kept[0], torch.Tensor) and isinstance(kept[1], torch.Tensor) and kept[2] is not None


def _kept(norm: Any, epsilon: float) -> tuple[torch.Tensor, torch.Tensor]:
    return norm.running_mean.double(), norm.running_var.double() + epsilon
