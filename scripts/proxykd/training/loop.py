"""The one training loop, for teachers and for students."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from proxykd.presentation.progress import Progress
from proxykd.training.checkpoint import Checkpoint
from proxykd.training.memory import BatchTooLarge, largest_that_fits, told_of_memory
from proxykd.training.optimisers import learning_rate
from proxykd.training.settings import Recipe
from proxykd.training.state import Between, LossAt, Training

RECORD_EVERY = 25


def fit(
    network: nn.Module,
    loss_at: LossAt,
    recipe: Recipe,
    progress: Progress,
    checkpoint: Checkpoint,
    steps_per_epoch: float,
    between: Between | None = None,
) -> list[dict[str, float]]:
    """Train in place for `recipe.steps` steps and return the records of `metrics.jsonl`.

    There is a record every RECORD_EVERY steps, and wherever `between` has done something after a step.

    `loss_at` runs the forward pass of a step and must depend on the step, the weights and PyTorch's own
    random numbers (dropout's) alone: that makes a training that was killed and started again end with the
    same bits on the same device.
    Raises UserError, with step and learning rate, when the loss or a weight is no longer finite; and where
    a batch does not fit the memory, with the batch that would.
    """
    torch.backends.cudnn.deterministic = True
    training = Training(network, recipe, between)
    state = checkpoint.load()
    if state is not None:
        training.restore(state)
    records = training.records
    progress.start_at(training.step * recipe.batch, training.step)
    clock = _Clock(records)
    network.train()
    with _memory_told(training, loss_at):
        while training.step < recipe.steps:
            training.advance(loss_at)
            told = between.after(training.step) if between is not None else {}
            if told or training.step % RECORD_EVERY == 0 or training.step == recipe.steps:
                records.append(_record(training, steps_per_epoch, clock) | told)
                progress.record(records[-1])
                progress.advance(recipe.batch, loss=records[-1]["loss"])
            else:
                progress.advance(recipe.batch)
            if checkpoint.is_due():
                training.check_finite()
                if checkpoint.save(training.state()):
                    checkpoint.stop_if_asked(training.step, recipe.steps)
    training.finish()
    return records


class _Clock:
    """Seconds of training, over all the runs that it took."""

    def __init__(self, records: list[dict[str, float]]) -> None:
        self.before = records[-1]["seconds"] if records else 0.0
        self.began = time.monotonic()

    def seconds(self) -> float:
        return self.before + time.monotonic() - self.began


def _record(training: Training, steps_per_epoch: float, clock: _Clock) -> dict[str, float]:
    """A line of `metrics.jsonl`; the loss is the mean over the steps since the last one."""
    images, seconds = training.step * training.recipe.batch, clock.seconds()
    last = training.records[-1] if training.records else {"images": 0, "seconds": 0.0}
    return {
        "step": training.step,
        "epoch": round(training.step / steps_per_epoch, 4),
        "images": images,
        "loss": training.take_loss(),
        "learning_rate": learning_rate(training.step - 1, training.recipe),
        "seconds": round(seconds, 3),
        "images_per_second": round((images - last["images"]) / max(seconds - last["seconds"], 1e-9), 1),
    }


@contextmanager
def _memory_told(training: Training, loss_at: LossAt) -> Iterator[None]:
    """Turn an allocation that failed into a sentence that names a batch which fits."""
    asked = training.recipe.batch
    try:
        yield
        return
    except (RuntimeError, MemoryError) as error:
        if not told_of_memory(error):
            raise
        # The frames that the error came from hold the tensors that filled the memory.
        traceback.clear_frames(error.__traceback__)
    for optimiser in training.optimisers:
        optimiser.zero_grad(set_to_none=True)
    raise BatchTooLarge(asked, largest_that_fits(asked, lambda first: loss_at(training.step, first)))


def write_records(path: Path, records: list[dict[str, float]]) -> None:
    """`metrics.jsonl`: one JSON object a line."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
