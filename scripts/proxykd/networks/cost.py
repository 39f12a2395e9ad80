"""What a network costs: parameters, multiply-accumulates, file size, latency, throughput."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch import nn

from proxykd.networks.classifier import Classifier
from proxykd.networks.files import weights_file

WARM_UP = 3
REPEATS = 60
SECONDS = 10.0
"""A large network is measured for so long, and at least a few times, however often that is."""
FEWEST = 5
LARGE_BATCH = 256
LARGE_REPEATS = 10


def cost(network: Classifier, folder: Path, device: str) -> dict[str, float | int | str | None]:
    """Parameters, multiply-accumulates for one image, bytes on disk, and measured times in fp32.

    `cpu_latency_ms`: median for one image on the CPU, with `cpu_threads` threads. `gpu_latency_ms`: the same
    on the GPU, whose name is `gpu`; `gpu_images_per_second`: in batches of `LARGE_BATCH` there. All three
    are None where `device` is no GPU. The network is on the CPU afterwards.
    """
    described = network.description
    x_NCHW = torch.rand(1, described.channels, described.size, described.size)
    figures: dict[str, float | int | str | None] = {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "bytes": weights_file(folder).stat().st_size,
        "gpu": None,
        "gpu_latency_ms": None,
        "gpu_images_per_second": None,
    }
    if device.startswith("cuda"):
        figures |= {
            "gpu": torch.cuda.get_device_name(),
            "gpu_latency_ms": latency(network, x_NCHW.to(device)),
            "gpu_images_per_second": throughput(network, x_NCHW.to(device)),
        }
    network.to("cpu")
    return figures | {
        "macs": macs(network, x_NCHW),
        "cpu_latency_ms": latency(network, x_NCHW),
        "cpu_threads": torch.get_num_threads(),
    }


@torch.no_grad()
def macs(network: nn.Module, x_NCHW: torch.Tensor) -> int:
    """Multiply-accumulates of convolutions and matrix products in a forward pass, as PyTorch counts them."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        network(x_NCHW)
    return counter.get_total_flops() // 2


def latency(network: nn.Module, x_NCHW: torch.Tensor) -> float:
    """Median milliseconds of a forward pass, after a warm-up."""
    for _ in range(WARM_UP):
        _seconds(network, x_NCHW)
    times: list[float] = []
    while len(times) < FEWEST or (len(times) < REPEATS and sum(times) < SECONDS):
        times.append(_seconds(network, x_NCHW))
    return 1000 * sorted(times)[len(times) // 2]


def throughput(network: nn.Module, x_1CHW: torch.Tensor, batch: int = LARGE_BATCH) -> float:
    """Images a second in batches of one image repeated; the median pass counts."""
    x_NCHW = x_1CHW.expand(batch, -1, -1, -1).contiguous(memory_format=torch.channels_last)
    _seconds(network, x_NCHW)
    times = sorted(_seconds(network, x_NCHW) for _ in range(LARGE_REPEATS))
    return batch / times[LARGE_REPEATS // 2]


@torch.no_grad()
def _seconds(network: nn.Module, x_NCHW: torch.Tensor) -> float:
    """Of one forward pass, until a GPU is done with it."""
    began = time.perf_counter()
    network(x_NCHW)
    if x_NCHW.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - began
