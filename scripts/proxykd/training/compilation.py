"""torch.compile, where a recipe asks for it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import torch
from torch import nn

from proxykd.errors import UserError
from proxykd.training.settings import Recipe

COMPILERS = ("cc", "gcc", "clang")
"""A host compiler of C++ is needed on a GPU too, where it builds the launchers of Triton's kernels."""


def compiled(network: nn.Module, recipe: Recipe) -> Callable[[torch.Tensor], torch.Tensor]:
    """The network as it is, or compiled in the recipe's mode; both share their weights.

    Raises UserError where there is no compiler.
    """
    if recipe.compile == "no":
        return network
    if not os.environ.get("CXX") and not any(shutil.which(name) for name in COMPILERS):
        raise UserError(
            f"recipe.compile is {recipe.compile}, which needs a C++ compiler, and none was found. Install "
            "g++, or set recipe.compile: no."
        )
    mode = None if recipe.compile == "default" else recipe.compile
    return torch.compile(network, mode=mode, dynamic=False)
