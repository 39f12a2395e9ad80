"""The one training loop, for teachers and for students."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from proxykd.errors import UserError
from proxykd.presentation.progress import Progress
from proxykd.training.checkpoint import Checkpoint
from proxykd.training.settings import Recipe

RECORD_EVERY = 25


def learning_rate(step: int, recipe: Recipe) -> float:
    """A linear warm-up, then half a cosine down to the final rate at the last step."""
    warm = recipe.warmup * recipe.steps
    if step < warm:
        return recipe.learning_rate * (step + 1) / (warm + 1)
    share = (step - warm) / max(1.0, recipe.steps - 1 - warm)
    low = recipe.final_learning_rate
    return low + (recipe.learning_rate - low) * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))


def optimiser_for(network: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    """SGD; weight decay on matrices and filters alone."""
    decayed = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    free = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": free, "weight_decay": 0.0}]
    return torch.optim.SGD(
        groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.nesterov, fused=True
    )


def fit(
    network: nn.Module,
    loss_at: Callable[[int], torch.Tensor],
    recipe: Recipe,
    progress: Progress,
    checkpoint: Checkpoint,
    steps_per_epoch: float,
) -> list[dict[str, float]]:
    """Train in place for `recipe.steps` steps and return the records of `metrics.jsonl`.

    `loss_at(step)` runs the forward pass of a step and must depend on the step, the weights and PyTorch's
    own random numbers (dropout's) alone: that makes a training that was killed and started again end with
    the same bits on the same device.
    Raises UserError, with step and learning rate, when the loss or a weight is no longer finite.
    """
    torch.backends.cudnn.deterministic = True
    optimiser = optimiser_for(network, recipe)
    records: list[dict[str, float]] = []
    first = 0
    state = checkpoint.load()
    if state is not None:
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        first, records = state["step"], state["records"]
    progress.start_at(first * recipe.batch)
    began = time.monotonic() - (records[-1]["seconds"] if records else 0.0)
    network.train()
    for step in range(first, recipe.steps):
        rate = learning_rate(step, recipe)
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad(set_to_none=True)
        torch.manual_seed(((recipe.seed << 32) + step) % 2**63)
        loss = loss_at(step)
        loss.backward()
        optimiser.step()
        if (step + 1) % RECORD_EVERY == 0 or step + 1 == recipe.steps:
            value = _finite(loss, step, rate)
            epoch = (step + 1) / steps_per_epoch
            records.append(_record(step + 1, epoch, value, rate, recipe, time.monotonic() - began))
            progress.advance(recipe.batch, loss=value)
        else:
            progress.advance(recipe.batch)
        if checkpoint.is_due():
            _finite(loss, step, rate)
            checkpoint.save(_state(network, optimiser, step + 1, records))
    if not all(value.isfinite().all() for value in network.state_dict().values()):
        raise _diverged("a weight is not finite", recipe.steps, learning_rate(recipe.steps - 1, recipe))
    network.eval()
    return records


def _record(
    step: int, epoch: float, loss: float, rate: float, recipe: Recipe, seconds: float
) -> dict[str, float]:
    return {
        "step": step,
        "epoch": round(epoch, 4),
        "images": step * recipe.batch,
        "loss": loss,
        "learning_rate": rate,
        "seconds": round(seconds, 3),
    }


def _finite(loss: torch.Tensor, step: int, rate: float) -> float:
    value = float(loss.detach())
    if not math.isfinite(value):
        raise _diverged(f"the loss is {value}", step + 1, rate)
    return value


def _diverged(what: str, step: int, rate: float) -> UserError:
    return UserError(
        f"The training diverged: {what} at step {step}, with a learning rate of {rate:.3g}. Nothing was "
        "published. Lower recipe.learning_rate, or raise recipe.warmup."
    )


def _state(
    network: nn.Module, optimiser: torch.optim.Optimizer, step: int, records: list[dict[str, float]]
) -> dict[str, Any]:
    return {
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": step,
        "records": records,
    }


def write_records(path: Path, records: list[dict[str, float]]) -> None:
    """`metrics.jsonl`: one JSON object a line."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
