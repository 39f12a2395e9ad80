"""What a network costs: parameters, multiply-accumulates, file size, latency."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch import nn

from proxykd.networks.classifier import Classifier
from proxykd.networks.files import weights_file

REPEATS = 60


def cost(network: Classifier, folder: Path, device: str) -> dict[str, float]:
    """Parameters, multiply-accumulates for one image, bytes on disk, and milliseconds for one image.

    Latency is the median over repeated single images after a warm-up, in fp32, on `device`.
    """
    described = network.description
    x_NCHW = torch.rand(1, described.channels, described.size, described.size, device=device)
    return {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "macs": macs(network, x_NCHW),
        "bytes": weights_file(folder).stat().st_size,
        "latency_ms": latency(network, x_NCHW),
    }


@torch.no_grad()
def macs(network: nn.Module, x_NCHW: torch.Tensor) -> int:
    """Multiply-accumulates of convolutions and matrix products in a forward pass, as PyTorch counts them."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        network(x_NCHW)
    return counter.get_total_flops() // 2


@torch.no_grad()
def latency(network: nn.Module, x_NCHW: torch.Tensor) -> float:
    """Median milliseconds of a forward pass."""
    times = []
    for repeat in range(REPEATS + 3):
        began = time.perf_counter()
        network(x_NCHW)
        if x_NCHW.is_cuda:
            torch.cuda.synchronize()
        if repeat >= 3:
            times.append(time.perf_counter() - began)
    return 1000 * sorted(times)[len(times) // 2]
