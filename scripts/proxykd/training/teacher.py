"""Training a teacher on labelled images."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from proxykd.augmentation.batch import augment, generator, to_float
from proxykd.errors import UserError
from proxykd.networks.outputs import logits_of
from proxykd.networks.build import build
from proxykd.networks.classifier import Classifier, Description
from proxykd.presentation.progress import Progress
from proxykd.training.checkpoint import Checkpoint
from proxykd.training.loop import fit
from proxykd.training.order import Order
from proxykd.training.settings import TrainTeacher


def channel_statistics(images_NHWC: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation per channel, of pixels in [0, 1]."""
    mean_C = images_NHWC.mean((0, 1, 2), dtype=np.float64) / 255
    deviation_C = images_NHWC.std((0, 1, 2), dtype=np.float64) / 255
    return [round(float(m), 6) for m in mean_C], [round(max(float(d), 1e-3), 6) for d in deviation_C]


def train_teacher(
    images_NHWC: np.ndarray,
    labels_N: np.ndarray,
    classes: list[str],
    settings: TrainTeacher,
    device: str,
    progress: Progress,
    checkpoint: Checkpoint,
) -> tuple[Classifier, list[dict[str, float]]]:
    """A classifier trained with cross-entropy, and the records of its training."""
    if len(classes) < 2:
        raise UserError("A teacher needs at least two classes; the imported images have one.")
    mean, deviation = channel_statistics(images_NHWC)
    torch.manual_seed(settings.recipe.seed)
    described = Description(
        settings.network.architecture,
        images_NHWC.shape[1],
        images_NHWC.shape[3],
        classes,
        mean,
        deviation,
        "trained",
    )
    network = build(described, settings.network.pretrained).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.from_numpy(images_NHWC).to(device)
    labels = torch.from_numpy(labels_N).to(device)
    order = Order(len(images), settings.recipe.batch, settings.recipe.seed)
    fill_C = network.mean_C11.flatten()
    bf16 = settings.recipe.precision == "bf16"

    def loss_at(step: int) -> torch.Tensor:
        rows = torch.from_numpy(order.at(step)).to(device)
        x_NCHW = augment(
            to_float(images[rows]), settings.augmentation, fill_C, generator(settings.recipe.seed, step)
        )
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=bf16):
            logits_NK = network(x_NCHW)
        return functional.cross_entropy(
            logits_NK.float(), labels[rows], label_smoothing=settings.label_smoothing
        )

    records = fit(network, loss_at, settings.recipe, progress, checkpoint)
    return network, records


def accuracy(network: Classifier, images_NHWC: np.ndarray, labels_N: np.ndarray, device: str) -> float:
    """Share of images whose largest logit is their label's, 0 to 1."""
    return float((logits_of(network, images_NHWC, device).argmax(1) == labels_N).mean())
