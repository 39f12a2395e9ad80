"""Small classifiers of real image sets, each trained under a normalisation of one's choice.

For benchmarks that need to know which one a teacher was trained under; somebody else's way of training, not
ProxyKD's: plain SGD on a part of the set, mirrored images.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from proxykd.images import parquet
from proxykd.images.settings import ImportImages
from proxykd.networks.build import build, build_body
from proxykd.networks.checkpoint import load_into, read_weights
from proxykd.networks.classifier import Classifier, Description, to_float
from proxykd.networks.outputs import logits_of

TRAINED_ON = 9000
"""Images of a set, so that a training is a minute's."""


@dataclass(frozen=True)
class Wanted:
    """A teacher: its set, network, the normalisation that it is trained under, and how long."""

    name: str
    data: str
    size: int
    channels: int
    architecture: str
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    flipped: bool = False
    """Whether it is trained on BGR."""
    steps: int = 1200
    batch: int = 128

    def description(self) -> Description:
        """As it must be stated, but for the order of the channels."""
        names = [str(label) for label in range(10)]
        return Description(
            self.architecture, self.size, self.channels, names, list(self.mean), list(self.deviation)
        )


def images_of(
    root: Path, data: str, split: str, size: int, channels: int, limit: int
) -> tuple[np.ndarray, np.ndarray]:
    """Images, N x H x W x C uint8, and labels of a set below the folder."""
    settings = ImportImages(
        source="parquet", path=str(root / data), split=split, size=size, channels=channels, limit=limit
    )
    found = parquet.read(settings, lambda _: None)
    return found.images_NHWC, np.array(found.labels)


def trained(wanted: Wanted, root: Path, kept: Path) -> tuple[Classifier, float]:
    """The teacher in eval mode, and its accuracy on 1000 other images; weights are kept and found again."""
    path = kept / f"{wanted.name}-{wanted.steps}.pt"
    teacher = classifier(wanted)
    if path.exists():
        teacher.body.load_state_dict(torch.load(path, weights_only=True))
    else:
        _train(teacher, wanted, root)
        torch.save(teacher.body.state_dict(), path)
    teacher.eval().requires_grad_(False)
    split = "validation" if wanted.data == "imagenette64" else "test"
    images_NHWC, labels_N = images_of(root, wanted.data, split, wanted.size, wanted.channels, 1000)
    if wanted.flipped:
        images_NHWC = np.ascontiguousarray(images_NHWC[..., ::-1])
    return teacher, float((logits_of(teacher, images_NHWC, "cpu").argmax(1) == labels_N).mean())


def classifier(wanted: Wanted) -> Classifier:
    """With fresh weights; `plain` is a network without batch norm."""
    torch.manual_seed(0)
    if wanted.architecture != "plain":
        return build(wanted.description())
    return Classifier(_plain(wanted.channels), wanted.description())


def _plain(channels: int) -> nn.Module:
    layers: list[nn.Module] = []
    for before, after in ((channels, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.Conv2d(after, after, 3, padding=1)]
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def _train(teacher: Classifier, wanted: Wanted, root: Path) -> None:
    images_NHWC, labels_N = images_of(root, wanted.data, "train", wanted.size, wanted.channels, TRAINED_ON)
    images = torch.from_numpy(images_NHWC)
    images = images.flip(3) if wanted.flipped else images
    labels = torch.from_numpy(labels_N)
    # Without batch norm, pixels of hundreds would make the first steps explode.
    rate = 0.1 if wanted.architecture != "plain" else 0.02
    optimiser = torch.optim.SGD(teacher.parameters(), rate, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=wanted.steps)
    rng = torch.Generator().manual_seed(0)
    teacher.train()
    for _ in range(wanted.steps):
        rows = torch.randint(len(images), (wanted.batch,), generator=rng)
        x_NCHW = to_float(images[rows])
        x_NCHW = x_NCHW.flip(3) if torch.rand((), generator=rng) < 0.5 else x_NCHW
        loss = nn.functional.cross_entropy(teacher(x_NCHW), labels[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


def published(root: Path, depth: int) -> Classifier:
    """A ResNet for CIFAR-10 that somebody published; its normalisation is ImageNet's."""
    name = {20: "resnet20-12fca82f.th", 56: "resnet56-4bfd9763.th"}[depth]
    wanted = Wanted(
        f"resnet{depth}", "cifar10", 32, 3, f"cifar_resnet_{depth}",
        (0.485, 0.456, 0.406), (0.229, 0.224, 0.225),
    )  # fmt: skip
    body = build_body(wanted.architecture, 10, 3, 32)
    path = root / "teachers" / name
    load_into(body, read_weights(path), wanted.architecture, path)
    description = replace(wanted.description(), made="imported")
    return Classifier(body, description).eval().requires_grad_(False)
