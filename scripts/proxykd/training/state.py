"""A training between two steps, and the step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from proxykd.errors import UserError
from proxykd.training.optimisers import learning_rate, optimisers_for, set_rate
from proxykd.training.settings import Recipe

GRAPH_MODES = ("reduce-overhead", "max-autotune")
"""Modes of torch.compile that record CUDA graphs."""

LossAt = Callable[[int, int | None], torch.Tensor]
"""The loss of a step, of the first so many images of its batch; None: of all."""


class Between(Protocol):
    """What is done between the steps of a training, and has a state that is part of it."""

    def after(self, step: int) -> dict[str, float]:
        """Act after a step, where it is time; what the record says of it, nothing where it was not."""

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint's state."""


class Training:
    """A network, its optimisers and averages, and how far they are. All that a checkpoint holds.

    The learning rate is a function of the step, and all random numbers are drawn from (seed, step), so
    neither needs a state of its own.
    """

    def __init__(self, network: nn.Module, recipe: Recipe, between: Between | None = None) -> None:
        self.network, self.recipe, self.between = network, recipe, between
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
            "between": self.between.state() if self.between else None,
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
        if self.between is not None:
            self.between.restore(state["between"])

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
