"""What a network costs: counted, and measured."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from proxykd.networks.build import build
from proxykd.networks.classifier import Classifier, Description
from proxykd.networks.cost import cost, latency, throughput
from proxykd.networks.files import load, save


def stored(folder: Path, architecture: str = "convnet_8", size: int = 16) -> Path:
    torch.manual_seed(0)
    save(build(Description(architecture, size, 3, ["a", "b"], [0.5] * 3, [0.25] * 3)), folder)
    return folder


def wide(factor: int) -> Classifier:
    network = build(Description(f"convnet_{8 * factor}", 32, 3, ["a", "b"], [0.5] * 3, [0.25] * 3))
    return network.eval().requires_grad_(False)


def test_on_a_cpu_there_is_no_figure_of_a_gpu(tmp_path: Path) -> None:
    folder = stored(tmp_path)
    found = cost(load(folder), folder, "cpu")
    assert found["gpu"] is found["gpu_latency_ms"] is found["gpu_images_per_second"] is None
    assert found["bytes"] == (folder / "model.safetensors").stat().st_size
    assert found["parameters"] == sum(tensor.numel() for tensor in load(folder).parameters())
    assert found["cpu_threads"] == torch.get_num_threads()
    assert 0 < float(found["cpu_latency_ms"] or 0) < 1000
    assert isinstance(found["macs"], int)


def test_what_computes_more_takes_longer() -> None:
    x_NCHW = torch.rand(1, 3, 32, 32)
    assert latency(wide(8), x_NCHW) > latency(wide(1), x_NCHW)
    assert throughput(wide(8), x_NCHW, 16) < throughput(wide(1), x_NCHW, 16)


@pytest.mark.gpu
def test_on_a_gpu_both_are_measured(tmp_path: Path) -> None:
    folder = stored(tmp_path, "resnet_18", 32)
    found = cost(load(folder, "cuda"), folder, "cuda")
    assert found["gpu"] == torch.cuda.get_device_name()
    assert 0 < float(found["gpu_latency_ms"] or 0) < float(found["cpu_latency_ms"] or 0)
    assert float(found["gpu_images_per_second"] or 0) > 1000 / float(found["gpu_latency_ms"] or 0)
