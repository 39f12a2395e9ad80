"""The one training loop, for teachers and for students."""

from __future__ import annotations

import json
import math
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from proxykd.errors import UserError
from proxykd.presentation.progress import Progress
from proxykd.training.checkpoint import Checkpoint
from proxykd.training.memory import BatchTooLarge, largest_that_fits, told_of_memory
from proxykd.training.optimisers import learning_rate, optimisers_for, set_rate
from proxykd.training.settings import Recipe

RECORD_EVERY = 25
GRAPH_MODES = ("reduce-overhead", "max-autotune")
"""Modes of torch.compile that record CUDA graphs."""

LossAt = Callable[[int, int | None], torch.Tensor]
"""The loss of a step, of the first so many images of its batch; None: of all."""


class Training:
    """A network, its optimisers and averages, and how far they are. All that a checkpoint holds.

    The learning rate is a function of the step, and all random numbers are drawn from (seed, step), so
    neither needs a state of its own.
    """

    def __init__(self, network: nn.Module, recipe: Recipe) -> None:
        self.network, self.recipe = network, recipe
        self.optimisers = optimisers_for(network, recipe)
        self.average = _moving_average(network, recipe.ema) if recipe.ema else None
        self.step = 0
        self.records: list[dict[str, float]] = []
        # Summed where the loss is, so that a GPU is waited for once a record and not once a step.
        self.loss_sum = torch.zeros((), device=next(network.parameters()).device)
        self.summed = 0

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            "network": self.network.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "average": self.average.state_dict() if self.average else None,
            "step": self.step,
            "records": self.records,
            "loss_sum": self.loss_sum,
            "summed": self.summed,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint's state."""
        self.network.load_state_dict(state["network"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.step, self.records = state["step"], state["records"]
        self.loss_sum.copy_(state["loss_sum"])
        self.summed = state["summed"]

    def advance(self, loss_at: LossAt) -> None:
        """One step of gradient descent."""
        set_rate(self.optimisers, learning_rate(self.step, self.recipe))
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        if self.recipe.compile in GRAPH_MODES:
            # Else the student's graph may overwrite what the teacher's has put out.
            torch.compiler.cudagraph_mark_step_begin()
        torch.manual_seed(((self.recipe.seed << 32) + self.step) % 2**63)
        loss = loss_at(self.step, None)
        loss.backward()
        for optimiser in self.optimisers:
            optimiser.step()
        if self.average is not None:
            self.average.update_parameters(self.network)
        self.loss_sum += loss.detach()
        self.summed += 1
        self.step += 1

    def take_loss(self) -> float:
        """Mean loss since it was last taken. UserError where it is not finite."""
        mean = float(self.loss_sum) / max(1, self.summed)
        if not math.isfinite(mean):
            raise self.diverged(f"the loss is {mean}")
        self.loss_sum.zero_()
        self.summed = 0
        return mean

    def check_finite(self) -> None:
        """UserError where the loss is not finite: such a state is no checkpoint to go on from."""
        if not math.isfinite(float(self.loss_sum)):
            raise self.diverged(f"the loss is {float(self.loss_sum)}")

    def diverged(self, what: str) -> UserError:
        """What to tell of a training that is lost."""
        rate = learning_rate(max(0, self.step - 1), self.recipe)
        return UserError(
            f"The training diverged: {what} by step {self.step}, with a learning rate of {rate:.3g}. Nothing "
            "was published. Lower recipe.learning_rate, or raise recipe.warmup."
        )

    def finish(self) -> None:
        """Leave the network in eval mode, with the averaged weights where there are any."""
        if self.average is not None:
            self.network.load_state_dict(self.average.module.state_dict())
        if not all(value.isfinite().all() for value in self.network.state_dict().values()):
            raise self.diverged("a weight is not finite")
        self.network.eval()


def _moving_average(network: nn.Module, decay: float) -> AveragedModel:
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)


def fit(
    network: nn.Module,
    loss_at: LossAt,
    recipe: Recipe,
    progress: Progress,
    checkpoint: Checkpoint,
    steps_per_epoch: float,
) -> list[dict[str, float]]:
    """Train in place for `recipe.steps` steps and return the records of `metrics.jsonl`.

    `loss_at` runs the forward pass of a step and must depend on the step, the weights and PyTorch's own
    random numbers (dropout's) alone: that makes a training that was killed and started again end with the
    same bits on the same device.
    Raises UserError, with step and learning rate, when the loss or a weight is no longer finite; and where
    a batch does not fit the memory, with the batch that would.
    """
    torch.backends.cudnn.deterministic = True
    training = Training(network, recipe)
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
            if training.step % RECORD_EVERY == 0 or training.step == recipe.steps:
                records.append(_record(training, steps_per_epoch, clock))
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
