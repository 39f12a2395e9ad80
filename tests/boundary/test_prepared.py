"""The teacher as the attack runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from proxykd.boundary.prepared import Prepared, has_bf16, prepared, quickest
from proxykd.networks.build import build_body
from proxykd.networks.classifier import Classifier, Description
from proxykd.stage import device
from trained import digit_teacher

CPU = torch.device("cpu")


def classifier(body: nn.Module, size: int = 8, channels: int = 3) -> Classifier:
    described = Description("by hand", size, channels, ["a", "b", "c"], [0.4] * channels, [0.3] * channels)
    return Classifier(body, described).eval()


def unsettled(network: nn.Module) -> nn.Module:
    """Batch norms that do something."""
    rng = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_mean, module.running_var, module.weight.data, module.bias.data):
                assert tensor is not None
                tensor.copy_(torch.rand(tensor.shape, generator=rng) + 0.5)
    return network


def norms(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize("architecture", ["cifar_resnet_20", "resnet_18", "wrn_16_1", "vgg_11"])
def test_batch_norms_are_folded_and_the_logits_stay(architecture: str) -> None:
    body = unsettled(build_body(architecture, 3, 3, 32))
    teacher = classifier(body, 32)
    x_NCHW = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    quick = prepared(teacher, x_NCHW, "fp32")
    assert norms(teacher) > 0
    # The wide network's batch norms stand before the convolutions, so those of sums of branches are left.
    left = norms(quick.network)
    assert left == 0 or (architecture == "wrn_16_1" and left < norms(teacher))
    with torch.no_grad():
        wanted_NK, found_NK = teacher(x_NCHW), quick(x_NCHW)
    assert torch.allclose(found_NK, wanted_NK, rtol=1e-3, atol=1e-3 * float(wanted_NK.abs().max()))
    assert all(weight.requires_grad for weight in teacher.parameters())
    assert not any(weight.requires_grad for weight in quick.network.parameters())


def test_a_convolution_that_feeds_something_else_too_is_left_alone() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution, self.norm = nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3)

        def forward(self, x_NCHW: torch.Tensor) -> torch.Tensor:
            made_NCHW = self.convolution(x_NCHW)
            return (self.norm(made_NCHW) + made_NCHW).mean((2, 3))

    teacher = classifier(unsettled(Twice()))
    x_NCHW = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    quick = prepared(teacher, x_NCHW, "fp32")
    assert norms(quick.network) == 1
    assert torch.equal(quick(x_NCHW), teacher(x_NCHW))


def test_a_network_that_cannot_be_copied_is_run_as_it_is() -> None:
    class Single(nn.Module):
        def __deepcopy__(self, memo: dict) -> nn.Module:
            raise RuntimeError("there can only be one")

        def forward(self, x_NCHW: torch.Tensor) -> torch.Tensor:
            return x_NCHW.mean((2, 3))

    teacher = classifier(Single())
    x_NCHW = torch.rand(2, 3, 8, 8)
    assert torch.equal(prepared(teacher, x_NCHW, "fp32")(x_NCHW), teacher(x_NCHW))


def test_bf16_passes_are_nearly_the_same_and_give_float32() -> None:
    x_NCHW = torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    exact_NK, near_NK = (
        Prepared(digit_teacher(), precision, digit_teacher())(x_NCHW) for precision in ("fp32", "bf16")
    )
    assert near_NK.dtype == torch.float32
    assert not torch.equal(exact_NK, near_NK)
    assert float((exact_NK - near_NK).abs().max()) < 0.05 * float(exact_NK.abs().max())


def test_precision_is_settled_by_method_and_device() -> None:
    assert quickest("fp32", False, CPU) == "fp32"
    assert quickest("bf16", True, CPU) == "bf16"
    assert quickest("auto", True, CPU) == "fp32"
    flags = Path("/proc/cpuinfo").read_text()
    wanted = "avx512_bf16" in flags or "amx_bf16" in flags or " bf16" in flags
    assert has_bf16(CPU) == wanted
    assert quickest("auto", False, CPU) == ("bf16" if wanted else "fp32")


def test_fp32_is_fp32_on_a_gpu_too() -> None:
    """TF32, which PyTorch takes for convolutions by itself, moves margins by more than CLEAR."""
    device()
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32
    assert torch.backends.cudnn.deterministic
