"""Training a teacher on labelled images."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from proxykd.augmentation.batch import augment, generator, mix
from proxykd.errors import UserError
from proxykd.networks.classifier import Classifier, Description, to_float
from proxykd.networks.outputs import logits_of
from proxykd.presentation.progress import Progress
from proxykd.training.checkpoint import Checkpoint
from proxykd.training.compilation import compiled
from proxykd.training.data import Images
from proxykd.training.fresh import fresh
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
    recipe = settings.recipe
    torch.manual_seed(recipe.seed)
    described = Description(
        settings.network.architecture,
        images_NHWC.shape[1],
        images_NHWC.shape[3],
        classes,
        mean,
        deviation,
        "trained",
    )
    network = fresh(described, settings.network.pretrained, images_NHWC, device)
    batches = LabelledBatches(images_NHWC, labels_N, settings, network)
    run = compiled(network, recipe)

    def loss_at(step: int, first: int | None = None) -> torch.Tensor:
        x_NCHW, label_N, partner_label_N, share_N = batches.at(step, first)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=recipe.precision == "bf16"):
            logits_NK = run(x_NCHW)
        loss_N = cross_entropy(logits_NK, label_N, settings.label_smoothing)
        if share_N is not None:
            partner_loss_N = cross_entropy(logits_NK, partner_label_N, settings.label_smoothing)
            loss_N = torch.lerp(partner_loss_N, loss_N, share_N)
        return loss_N.mean()

    records = fit(network, loss_at, recipe, progress, checkpoint, len(images_NHWC) / recipe.batch)
    return network, records


def cross_entropy(logits_NK: torch.Tensor, label_N: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Of each image, in fp32."""
    return functional.cross_entropy(logits_NK.float(), label_N, label_smoothing=smoothing, reduction="none")


class LabelledBatches:
    """The views and labels of each step, from the seed and the step alone."""

    def __init__(
        self, images_NHWC: np.ndarray, labels_N: np.ndarray, settings: TrainTeacher, network: Classifier
    ) -> None:
        self.settings = settings
        self.fill_C = network.mean_C11.flatten()
        self.images = Images(images_NHWC, str(self.fill_C.device))
        self.labels = Images(np.array(labels_N, np.int64), str(self.fill_C.device))
        self.order = Order(len(images_NHWC), settings.recipe.batch, settings.recipe.seed)

    def at(
        self, step: int, first: int | None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Views, their labels, the labels of what they are mixed with, and the share of their own, if any."""
        how, rows = self.settings, self.order.at(step)[:first]
        rng = generator(how.recipe.seed, step)
        x_NCHW = augment(to_float(self.images.at(rows)), how.augmentation, self.fill_C, rng)
        label_N = self.labels.at(rows)
        if not how.mixup:
            return x_NCHW, label_N, label_N, None
        x_NCHW, partner_N, share_N = mix(x_NCHW, how.mixup, rng, how.cutmix)
        return x_NCHW, label_N, label_N[partner_N], share_N


def accuracy(network: Classifier, images_NHWC: np.ndarray, labels_N: np.ndarray, device: str) -> float:
    """Share of images whose largest logit is their label's, 0 to 1."""
    return float((logits_of(network, images_NHWC, device).argmax(1) == labels_N).mean())
