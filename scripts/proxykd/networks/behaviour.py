"""Whether a stranger's network behaves as a classifier that can be distilled: asked before it is stored.

Each check ends in one sentence that says what is wrong and what to do.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from proxykd.errors import UserError
from proxykd.networks.classifier import Classifier

BATCH = 5
BATCHES = (1, 2, BATCH)
SAME = 1e-6
"""Relative; outputs that differ by less do not depend on the image."""
CLOSE = 1e-3
"""Relative; the order of sums differs with the batch, and in half precision that is this much."""
SUM_TO_ONE = 1e-3


def check_behaviour(teacher: Classifier, what: str) -> torch.Tensor:
    """Logits, N x K, of fixed images, of a teacher that passed every check.

    Raises UserError for outputs that are no tensor of N x K floats, not finite, constant, probabilities
    where logits were promised (or the other way round), of another number of classes, that depend on the
    batch or on chance, and where there is no gradient by which to attack.
    """
    x_NCHW = trial_images(teacher)
    _check_batches(teacher, x_NCHW, what)
    with torch.no_grad():
        outputs_NK = teacher.outputs(x_NCHW)
    _check_shape(outputs_NK, len(teacher.description.classes), what)
    _check_finite(outputs_NK, what)
    _check_repeats(teacher, x_NCHW, outputs_NK, what)
    _check_alone(teacher, x_NCHW, outputs_NK, what)
    _check_kind(teacher, outputs_NK, what)
    with torch.no_grad():
        # Of probabilities that are next to 0 and 1, the logarithms still differ.
        logits_NK = teacher(x_NCHW)
    _check_varies(logits_NK, what)
    _check_gradient(teacher, x_NCHW, what)
    return logits_NK


def trial_images(teacher: Classifier) -> torch.Tensor:
    """Black, white, fine noise and two coarse patterns: BATCH x C x H x W in [0, 1], always the same ones."""
    described = teacher.description
    shape = (described.channels, described.size, described.size)
    generator = torch.Generator().manual_seed(0)
    coarse_NCHW = torch.rand(2, described.channels, 4, 4, generator=generator)
    return torch.cat(
        [
            torch.zeros(1, *shape),
            torch.ones(1, *shape),
            torch.rand(1, *shape, generator=generator),
            functional.interpolate(coarse_NCHW, shape[1:], mode="bilinear"),
        ]
    )


def _check_batches(teacher: Classifier, x_NCHW: torch.Tensor, what: str) -> None:
    """That it runs, whatever number of images it gets."""
    size, channels = teacher.description.size, teacher.description.channels
    failed: dict[int, Exception] = {}
    for count in BATCHES:
        try:
            with torch.no_grad():
                teacher.outputs(x_NCHW[:count])
        except Exception as error:
            # It is somebody else's code: whatever it raises.
            failed[count] = error
    if not failed:
        return
    first = next(iter(failed.values()))
    reason = _first_line(first)
    if len(failed) < len(BATCHES):
        raise UserError(
            f"{what} does not run on a batch of {' or '.join(map(str, failed))} images ({reason}), but does "
            "on another: it has a fixed batch size, or is in training mode. Let it take any number of "
            "images, in eval mode."
        ) from first
    raise UserError(
        f"{what} does not run on images of {size} x {size} pixels with {channels} channel(s) ({reason}). "
        "Correct import_teacher.size or channels."
    ) from first


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:160]


def _check_shape(outputs: Any, classes: int, what: str) -> None:
    if not isinstance(outputs, torch.Tensor):
        raise UserError(
            f"{what} returns a {type(outputs).__name__}, and should return one tensor of logits, images x "
            "classes. Wrap it in a module that picks them out (architecture: factory)."
        )
    shape = tuple(outputs.shape)
    if outputs.ndim != 2 or len(outputs) != BATCH or not outputs.is_floating_point():
        raise UserError(
            f"{what} gives {outputs.dtype} of the shape {shape} for {BATCH} images, and should give logits, "
            f"{BATCH} x classes. Choose a classifier, or wrap it (architecture: factory)."
        )
    if shape[1] == 1:
        raise UserError(
            f"{what} has a single output, and a classifier has one for each of at least two classes. For two "
            "classes by one logit z, wrap it (architecture: factory) so that it gives (0, z)."
        )
    if shape[1] != classes:
        raise UserError(
            f"{what} has {shape[1]} classes, and import_teacher.classes says {classes}. Correct "
            "import_teacher.classes."
        )


def _check_finite(outputs_NK: torch.Tensor, what: str) -> None:
    if not outputs_NK.isfinite().all():
        raise UserError(
            f"{what} gives outputs that are not finite: its weights are damaged, or too large. Fetch "
            "it again, or correct import_teacher.mean and deviation."
        )


def difference(one_NK: torch.Tensor, other_NK: torch.Tensor) -> float:
    """The largest, relative to how far outputs are apart."""
    spread = float((one_NK.max() - one_NK.min()).clamp(min=1e-12))
    return float((one_NK - other_NK).abs().max()) / spread


@torch.no_grad()
def _check_repeats(teacher: Classifier, x_NCHW: torch.Tensor, outputs_NK: torch.Tensor, what: str) -> None:
    if difference(outputs_NK, teacher.outputs(x_NCHW)) > CLOSE:
        raise UserError(
            f"{what} gives other outputs each time it sees the same images, although eval() was called: "
            "dropout or other chance is left in training mode. Switch that off in evaluation."
        )


@torch.no_grad()
def _check_alone(teacher: Classifier, x_NCHW: torch.Tensor, outputs_NK: torch.Tensor, what: str) -> None:
    alone_NK = torch.cat([teacher.outputs(x_1CHW) for x_1CHW in x_NCHW.split(1)])
    if difference(outputs_NK, alone_NK) > CLOSE:
        raise UserError(
            f"{what} gives an image other outputs with other images beside it, although eval() was called: "
            "its batch norm uses the statistics of the batch. Let it use running statistics in evaluation."
        )


def _check_varies(logits_NK: torch.Tensor, what: str) -> None:
    spread_K = logits_NK.max(0).values - logits_NK.min(0).values
    if float(spread_K.max()) <= SAME * float(logits_NK.abs().max()):
        raise UserError(
            f"{what} gives the same outputs whatever the image: it is no trained classifier, or "
            "import_teacher.mean and deviation are far off. Fetch it again, or correct them."
        )


def _check_kind(teacher: Classifier, outputs_NK: torch.Tensor, what: str) -> None:
    sums_N = outputs_NK.sum(1)
    likely = bool((outputs_NK >= 0).all() and ((sums_N - 1).abs() < SUM_TO_ONE).all())
    if likely and teacher.description.outputs == "logits":
        raise UserError(
            f"{what} gives probabilities, and logits are needed. Set import_teacher.outputs: probabilities, "
            "or take the softmax out of it."
        )
    if not likely and teacher.description.outputs == "probabilities":
        raise UserError(
            f"{what} gives no probabilities: they are negative, or do not sum to 1. Remove "
            "import_teacher.outputs, if these are logits."
        )


def _check_gradient(teacher: Classifier, x_NCHW: torch.Tensor, what: str) -> None:
    """Of differently weighted logits with respect to the images, as the attack will want it."""
    gradient_NCHW = input_gradient(teacher, x_NCHW, what)
    if gradient_NCHW is None or not gradient_NCHW.any():
        raise UserError(
            f"{what} gives no gradient with respect to its input, which the attack needs: something in it "
            "(detach, torch.no_grad, a rounding) cuts it off. Remove that."
        )
    if not gradient_NCHW.isfinite().all():
        raise UserError(
            f"{what} gives gradients with respect to its input that are not finite, and the attack needs "
            "them. Look for a division by zero or a root of zero in it."
        )


def input_gradient(teacher: Classifier, x_NCHW: torch.Tensor, what: str) -> torch.Tensor | None:
    """Of the logits, weighted 1 to K, with respect to images; None where there is none. Weights get none."""
    x_NCHW = x_NCHW.clone().requires_grad_()
    logits_NK = teacher(x_NCHW)
    if not logits_NK.requires_grad:
        return None
    weighted_NK = logits_NK * torch.linspace(-1, 1, logits_NK.shape[1])
    try:
        (gradient_NCHW,) = torch.autograd.grad(weighted_NK.sum(), x_NCHW, allow_unused=True)
    except Exception as error:
        raise UserError(
            f"{what} cannot be differentiated with respect to its input ({_first_line(error)}), and the "
            "attack needs that. Replace what works in place or has no gradient."
        ) from error
    return gradient_NCHW
