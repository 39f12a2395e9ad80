"""A teacher as the attack runs it: the same function, in fewer and larger steps."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from proxykd.networks.classifier import Classifier

TOLERANCE = 1e-3
"""Largest difference of a logit, relative to the largest logit, up to which two networks are the same."""


CPU = Path("/proc/cpuinfo")
BF16 = ("avx512_bf16", "amx_bf16", "bf16")
"""What Linux calls the instructions of x86 and of ARM processors."""


class Prepared(nn.Module):
    """A network whose passes are in the given precision; logits come out as float32.

    original: the teacher that it stands for, which is to decide what counts.
    """

    def __init__(self, network: nn.Module, precision: str, original: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.original = original
        self.precision = precision

    def forward(self, x_NCHW: torch.Tensor) -> torch.Tensor:
        """Logits of images in [0, 1]."""
        low = self.precision == "bf16"
        with torch.autocast(x_NCHW.device.type, torch.bfloat16, enabled=low):
            return self.network(x_NCHW).float()


def prepared(teacher: Classifier, x_NCHW: torch.Tensor, precision: str) -> Prepared:
    """The teacher with its batch norms folded into the convolutions before them, weights without gradients.

    The few images x_NCHW tell which batch norm follows which convolution, and whether the logits are the same
    afterwards: a convolution that feeds something else too keeps its norm. A network that cannot be copied is
    run as it is. precision: `fp32` or `bf16`.
    """
    try:
        network = deepcopy(teacher).eval().requires_grad_(False)
    except (RuntimeError, TypeError):
        # Some exported programs hold what cannot be copied.
        return Prepared(teacher, precision, teacher)
    with torch.no_grad():
        wanted_NK = teacher(x_NCHW)
        pairs = _followers(network, x_NCHW)
        folded = _folded(network, pairs)
        if not _same(folded(x_NCHW), wanted_NK):
            folded = network
            for pair in pairs:
                further = _folded(folded, [pair])
                folded = further if _same(further(x_NCHW), wanted_NK) else folded
    return Prepared(folded, precision, teacher)


def original(network: nn.Module) -> nn.Module:
    """The teacher that a network was prepared from; itself where it was not."""
    return network.original if isinstance(network, Prepared) else network


def _same(found_NK: torch.Tensor, wanted_NK: torch.Tensor) -> bool:
    return bool((found_NK - wanted_NK).abs().max() <= TOLERANCE * wanted_NK.abs().max())


def quickest(precision: str, method_is_exact: bool, device: torch.device) -> str:
    """`auto` settled: bf16 where the device computes with it, unless the method is to be exact."""
    if precision != "auto":
        return precision
    return "bf16" if not method_is_exact and has_bf16(device) else "fp32"


def has_bf16(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 itself; elsewhere it is emulated and slower than float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    flags = CPU.read_text().split() if CPU.exists() else []
    return any(flag in flags for flag in BF16)


def _followers(network: nn.Module, x_NCHW: torch.Tensor) -> list[tuple[str, str]]:
    """Names of convolutions and of the batch norms that take their outputs as they are."""
    made: dict[int, tuple[str, torch.Tensor]] = {}
    found: list[tuple[str, str]] = []
    names = {module: name for name, module in network.named_modules()}

    def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(module, nn.Conv2d):
            # The tensor is kept so that its id is not given to another one.
            made[id(output)] = names[module], output
        elif isinstance(module, nn.BatchNorm2d) and module.track_running_stats and id(inputs[0]) in made:
            found.append((made[id(inputs[0])][0], names[module]))

    hooks = [module.register_forward_hook(note) for module in names]
    network(x_NCHW)
    for hook in hooks:
        hook.remove()
    return found


def _folded(network: nn.Module, pairs: list[tuple[str, str]]) -> nn.Module:
    """A copy in which these batch norms do nothing and their convolutions do their work."""
    copy = deepcopy(network)
    for convolution_name, norm_name in pairs:
        convolution, norm = copy.get_submodule(convolution_name), copy.get_submodule(norm_name)
        assert isinstance(convolution, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        convolution.weight, convolution.bias = fuse_conv_bn_weights(
            convolution.weight,
            convolution.bias,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
        )
        copy.set_submodule(norm_name, nn.Identity())
    return copy.requires_grad_(False)
