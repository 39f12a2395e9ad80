"""The optimisers of a training, and their learning rate at each step."""

from __future__ import annotations

import math

import torch
from torch import nn

from proxykd.training.settings import Recipe

SMALLEST = 4
"""Rows and columns, at least, of what Muon trains: there is little to make orthogonal in fewer."""


def learning_rate(step: int, recipe: Recipe) -> float:
    """A linear warm-up, then half a cosine or a straight line down to the final rate at the last step."""
    warm = recipe.warmup * recipe.steps
    if step < warm:
        return recipe.learning_rate * (step + 1) / (warm + 1)
    done = min(1.0, (step - warm) / max(1.0, recipe.steps - 1 - warm))
    left = 1 - done if recipe.schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done))
    low = recipe.final_learning_rate
    return low + (recipe.learning_rate - low) * left


def set_rate(optimisers: list[torch.optim.Optimizer], rate: float) -> None:
    """Give every group its rate; one with a highest rate of its own follows in proportion."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = rate * group["of_rate"]


def optimisers_for(network: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """One optimiser, or Muon and one for the rest. Weight decay on matrices and filters alone."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    decayed = [parameter for parameter in trained if parameter.ndim > 1]
    free = [parameter for parameter in trained if parameter.ndim <= 1]
    by_muon: list[nn.Parameter] = []
    if recipe.optimiser == "muon":
        # The last layer stays with gradient descent: its rows are classes, and their lengths matter.
        by_muon = [parameter for parameter in decayed[:-1] if _is_matrix(parameter)]
        taken = {id(parameter) for parameter in by_muon}
        decayed = [parameter for parameter in decayed if id(parameter) not in taken]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay, "of_rate": 1.0},
        {"params": free, "weight_decay": 0.0, "of_rate": 1.0},
    ]
    descent = torch.optim.SGD(
        groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.nesterov, fused=True
    )
    return [_muon(by_muon, recipe), descent] if by_muon else [descent]


def _is_matrix(parameter: nn.Parameter) -> bool:
    """A matrix, or filters of several channels, which are one when flattened."""
    if parameter.ndim not in {2, 4} or (parameter.ndim == 4 and parameter.shape[1] == 1):
        return False
    return min(len(parameter), parameter[0].numel()) >= SMALLEST


def _muon(parameters: list[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    # Here, since timm takes seconds to import and few trainings need it.
    from timm.optim.muon import Muon

    # Told to, it takes none of them for unsuitable, to give them to an Adam of its own.
    group = {
        "params": parameters,
        "of_rate": recipe.muon_learning_rate / recipe.learning_rate,
        "use_muon": True,
    }
    return Muon(
        [group],
        lr=recipe.muon_learning_rate,
        momentum=recipe.momentum,
        nesterov=True,
        weight_decay=recipe.weight_decay,
        adjust_lr_fn="original",
        normalize_spatial=False,
    )
