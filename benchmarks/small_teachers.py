"""Small classifiers of real image sets, each trained under a normalisation of one's choice.

For benchmarks that need to know which one a teacher was trained under; somebody else's way of training, not
ProxyKD's: plain SGD on a part of the set, mirrored images.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from proxykd.images import parquet
from proxykd.images.settings import ImportImages
from proxykd.networks.build import build, build_body
from proxykd.networks.checkpoint import load_into, read_weights
from proxykd.networks.classifier import Classifier, Description, to_float

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
    steps: int = 600
    batch: int = 128
    development: bool = False
    """Whether constants may be chosen on it."""
    file: str = ""
    """Weights that somebody published, below the data's folder."""

    @property
    def held(self) -> str:
        """The split that it is not trained on."""
        return "validation" if self.data == "imagenette64" else "test"

    def description(self) -> Description:
        """As it must be stated, but for the order of the channels."""
        names = [str(label) for label in range(10)]
        return Description(
            self.architecture, self.size, self.channels, names, list(self.mean), list(self.deviation)
        )


IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CIFAR10 = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
ZERO_ONE = (0.0,) * 3, (1.0,) * 3
PLUS_MINUS = (0.5,) * 3, (0.5,) * 3
BYTES = (0.0,) * 3, (1 / 255,) * 3
CIFAR, FASHION, NETTE = ("cifar10", 32, 3), ("fashion_mnist", 28, 1), ("imagenette64", 64, 3)
SMALL = (
    Wanted("cifar-convnet-own", *CIFAR, "convnet_16", *CIFAR10, steps=1200, development=True),
    Wanted("cifar-convnet-01", *CIFAR, "convnet_16", *ZERO_ONE, development=True),
    Wanted("fashion-convnet-own", *FASHION, "convnet_16", (0.286,), (0.353,), steps=350, development=True),
    Wanted("fashion-convnet-pm1", *FASHION, "convnet_16", (0.5,), (0.5,), steps=350, development=True),
    Wanted("cifar-airbench-bgr", *CIFAR, "airbench_16", *IMAGENET, flipped=True, development=True),
    Wanted("cifar-plain-own", *CIFAR, "plain", *CIFAR10),
    Wanted("imagenette-convnet-in", *NETTE, "convnet_16", *IMAGENET, steps=350, batch=64),
    Wanted("cifar-resnet8-pm1", *CIFAR, "cifar_resnet_8", *PLUS_MINUS),
    Wanted("fashion-convnet-01", *FASHION, "convnet_16", (0.0,), (1.0,), steps=350, development=True),
    Wanted("imagenette-convnet-01", *NETTE, "convnet_16", *ZERO_ONE, steps=350, batch=64),
    Wanted("cifar-convnet-255", *CIFAR, "convnet_16", *BYTES),
    Wanted("imagenette-convnet-bgr", *NETTE, "convnet_16", *IMAGENET, flipped=True, steps=350, batch=64),
)
"""The name says the set, the network and the normalisation."""
PUBLISHED = (
    Wanted("resnet20", *CIFAR, "cifar_resnet_20", *IMAGENET, development=True,
           file="teachers/resnet20-12fca82f.th"),
    Wanted("resnet56", *CIFAR, "cifar_resnet_56", *IMAGENET, development=True,
           file="teachers/resnet56-4bfd9763.th"),
)  # fmt: skip
"""akamaster/pytorch_resnet_cifar10."""


def images_of(
    root: Path, data: str, split: str, size: int, channels: int, limit: int
) -> tuple[np.ndarray, np.ndarray]:
    """Images, N x H x W x C uint8, and labels of a set below the folder."""
    settings = ImportImages(
        source="parquet", path=str(root / data), split=split, size=size, channels=channels, limit=limit
    )
    found = parquet.read(settings, lambda _: None)
    return found.images_NHWC, np.array(found.labels)


def trained(wanted: Wanted, root: Path, kept: Path) -> Classifier:
    """The teacher in eval mode; its weights are kept in a folder, and found there again."""
    path = kept / f"{wanted.name}-{wanted.steps}.pt"
    teacher = classifier(wanted)
    if path.exists():
        teacher.body.load_state_dict(torch.load(path, weights_only=True))
    else:
        _train(teacher, wanted, root)
        torch.save(teacher.body.state_dict(), path)
    return teacher.eval().requires_grad_(False)


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
    # Without batch norm, a larger rate does not learn.
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


def published(wanted: Wanted, root: Path) -> Classifier:
    """A teacher whose weights somebody published."""
    body = build_body(wanted.architecture, 10, wanted.channels, wanted.size)
    path = root / wanted.file
    load_into(body, read_weights(path), wanted.architecture, path)
    return Classifier(body, wanted.description()).eval().requires_grad_(False)
