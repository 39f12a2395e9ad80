"""The schedule, and which weights which optimiser trains."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from proxykd.training.optimisers import learning_rate, optimisers_for, set_rate
from proxykd.training.settings import Recipe


def test_the_rate_rises_and_falls_as_a_cosine() -> None:
    recipe = Recipe(steps=101, learning_rate=0.2, final_learning_rate=0.002)
    rates = [learning_rate(step, recipe) for step in range(101)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[50] == pytest.approx(0.101)
    assert rates[100] == pytest.approx(0.002)
    assert rates == sorted(rates, reverse=True)
    warm = Recipe(steps=100, learning_rate=0.2, warmup=0.1)
    rates = [learning_rate(step, warm) for step in range(100)]
    assert rates[:11] == pytest.approx([0.2 * (step + 1) / 11 for step in range(11)])
    assert rates.index(max(rates)) == 10
    assert learning_rate(0, Recipe(steps=1, learning_rate=0.2)) == 0.2


def small_network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))


def test_weight_decay_spares_biases_and_batch_norms() -> None:
    (optimiser,) = optimisers_for(small_network(), Recipe(steps=1, weight_decay=0.5))
    decayed, free = optimiser.param_groups
    assert [parameter.ndim for parameter in decayed["params"]] == [4, 2]
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.5, 0.0)
    assert all(parameter.ndim == 1 for parameter in free["params"])


def test_a_linear_schedule_falls_by_equal_steps() -> None:
    recipe = Recipe(steps=11, learning_rate=1.0, final_learning_rate=0.0, schedule="linear")
    assert [learning_rate(step, recipe) for step in range(11)] == pytest.approx(
        [1 - i / 10 for i in range(11)]
    )


def test_frozen_weights_are_left_to_no_optimiser() -> None:
    network = small_network()
    network[0].weight.requires_grad_(False)
    (optimiser,) = optimisers_for(network, Recipe(steps=1))
    given = {id(parameter) for group in optimiser.param_groups for parameter in group["params"]}
    assert given == {id(parameter) for parameter in network.parameters() if parameter.requires_grad}


def test_muon_trains_the_filters_and_not_the_last_layer() -> None:
    network = nn.Sequential(nn.Conv2d(8, 8, 3), nn.Flatten(), nn.Linear(8, 8), nn.Linear(8, 4))
    recipe = Recipe(steps=1, learning_rate=0.5, optimiser="muon", muon_learning_rate=0.1, weight_decay=0)
    muon, descent = optimisers_for(network, recipe)
    assert [parameter.shape for parameter in muon.param_groups[0]["params"]] == [(8, 8, 3, 3), (8, 8)]
    assert [parameter.shape for parameter in descent.param_groups[0]["params"]] == [(4, 8)]
    set_rate([muon, descent], 0.25)
    assert [group["lr"] for group in descent.param_groups] == [0.25, 0.25]
    assert muon.param_groups[0]["lr"] == pytest.approx(0.05)
    before = network[2].weight.detach().clone()
    network[2].weight.grad = torch.diag(torch.linspace(0.1, 1, 8))
    muon.step()
    # An orthogonal step, whatever the gradient's singular values: all of its own are about the rate.
    values = torch.linalg.svdvals(network[2].weight.detach() - before)
    assert values.max() < 0.05 * 1.3
    assert values.min() > 0.05 * 0.5


def test_muon_leaves_alone_what_is_no_matrix() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 4, 1)
    )
    muon, descent = optimisers_for(network, Recipe(steps=1, optimiser="muon"))
    assert [parameter.shape for parameter in muon.param_groups[0]["params"]] == [(8, 8, 1, 1)]
    by_descent = sum(len(group["params"]) for group in descent.param_groups)
    assert by_descent + 1 == len(list(network.parameters()))


def test_a_length_in_images_is_turned_into_steps() -> None:
    assert Recipe.model_validate({"images": 1000, "batch": 128}).steps == 8
    assert Recipe.model_validate({"images": 1024}).steps == 8
    with pytest.raises(ValidationError, match="either steps or images, not both"):
        Recipe.model_validate({"images": 1000, "steps": 8})
    assert Recipe.model_validate({"images": None, "steps": 8}).steps == 8
    assert Recipe.model_validate({"images": 1024, "steps": None}).steps == 8
    with pytest.raises(ValidationError, match="whole number from 1"):
        Recipe.model_validate({"images": 0})
