"""What to say when a batch does not fit the memory: which would."""

from __future__ import annotations

from collections.abc import Callable

import torch

from proxykd.errors import UserError

TEXTS = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "Cannot allocate memory",
    "STATUS_ALLOC_FAILED",
)


class BatchTooLarge(UserError):
    """A batch for which there is no room, and one for which there is."""

    def __init__(self, asked: int, fits: int | None) -> None:
        remedy = (
            f"A batch of {fits} fits: set recipe.batch to it."
            if fits
            else "Nor does one of 2: choose smaller images, a smaller network, or a larger machine."
        )
        super().__init__(
            f"A batch of {asked} images does not fit the memory. Nothing was published. {remedy}"
        )


def told_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory could not be had; PyTorch has a type for CUDA's alone."""
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    return any(text in str(error) for text in TEXTS)


def largest_that_fits(asked: int, loss_of: Callable[[int], torch.Tensor]) -> int | None:
    """The largest of asked/2, asked/4, ... whose passes fit, found by trying; None: not even 2."""
    batch = asked // 2
    while batch >= 2:
        if _fits(batch, loss_of):
            return batch
        batch //= 2
    return None


def _fits(batch: int, loss_of: Callable[[int], torch.Tensor]) -> bool:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    try:
        loss_of(batch).backward()
    except (RuntimeError, MemoryError) as error:
        if not told_of_memory(error):
            raise
        return False
    return True
