"""Training a teacher on labelled images."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from proxykd.augmentation.batch import augment, generator
from proxykd.errors import UserError
from proxykd.networks.build import build
from proxykd.networks.classifier import Classifier, Description, to_float
from proxykd.networks.outputs import logits_of
from proxykd.presentation.progress import Progress
from proxykd.training.checkpoint import Checkpoint
from proxykd.training.loop import fit
from proxykd.training.order import Order
from proxykd.training.settings import TrainTeacher

STATISTICS_BLOCK = 1024


def channel_statistics(images_NHWC: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation per channel, of pixels in [0, 1]."""
    channels = images_NHWC.shape[3]
    counts_CV = np.zeros((channels, 256), np.int64)
    # Through a histogram and block by block: as floats a large set would not fit into memory.
    for first in range(0, len(images_NHWC), STATISTICS_BLOCK):
        block_NHWC = images_NHWC[first : first + STATISTICS_BLOCK]
        for channel in range(channels):
            counts_CV[channel] += np.bincount(block_NHWC[..., channel].ravel(), minlength=256)
    values_V, share_CV = np.arange(256) / 255, counts_CV / counts_CV.sum(1, keepdims=True)
    mean_C = share_CV @ values_V
    deviation_C = np.sqrt((share_CV * (values_V - mean_C[:, None]) ** 2).sum(1))
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
    labels = torch.tensor(labels_N, device=device)
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

    records = fit(
        network, loss_at, settings.recipe, progress, checkpoint, len(images) / settings.recipe.batch
    )
    return network, records


def accuracy(network: Classifier, images_NHWC: np.ndarray, labels_N: np.ndarray, device: str) -> float:
    """Share of images whose largest logit is their label's, 0 to 1."""
    return float((logits_of(network, images_NHWC, device).argmax(1) == labels_N).mean())
