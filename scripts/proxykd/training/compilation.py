"""torch.compile, where a recipe asks for it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import torch
from torch import nn

from proxykd.errors import UserError
from proxykd.training.settings import Recipe

COMPILERS = {"cpu": ("CXX", "C++", ("g++", "clang++")), "cuda": ("CC", "C", ("cc", "gcc", "clang"))}
"""Variable, language and names of what PyTorch calls: for kernels on the CPU, for launching them on a GPU."""


def compiled(network: nn.Module, recipe: Recipe) -> Callable[[torch.Tensor], torch.Tensor]:
    """The network as it is, or compiled in the recipe's mode; both share their weights.

    Raises UserError where there is no compiler.
    """
    if recipe.compile == "no":
        return network
    device = next(network.parameters()).device.type
    variable, language, names = COMPILERS[device]
    if not any(shutil.which(name) for name in (os.environ.get(variable, ""), *names)):
        raise UserError(
            f"recipe.compile is {recipe.compile}, which needs a {language} compiler, and none was found. "
            f"Install {names[0]}, or set recipe.compile: no."
        )
    mode = None if recipe.compile == "default" else recipe.compile
    return torch.compile(network, mode=mode, dynamic=False)
