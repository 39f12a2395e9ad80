"""torch.compile where a recipe asks for it, and what the environment sets."""

from __future__ import annotations

import shutil

import pytest
import torch
from torch import nn

from proxykd.environment import number
from proxykd.errors import UserError
from proxykd.training.compilation import compiled
from proxykd.training.settings import Recipe


def test_nothing_is_compiled_unless_asked() -> None:
    network = nn.Linear(2, 2)
    assert compiled(network, Recipe(steps=1)) is network


def test_a_missing_compiler_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    told = r"recipe.compile is default, which needs a C\+\+ compiler, and none was found. Install g\+\+"
    with pytest.raises(UserError, match=told):
        compiled(nn.Linear(2, 2), Recipe(steps=1, compile="default"))


@pytest.mark.full
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
def test_a_compiled_network_gives_the_same_and_shares_its_weights() -> None:
    network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    run, x = compiled(network, Recipe(steps=1, compile="default")), torch.rand(5, 4)
    assert torch.allclose(run(x), network(x), atol=1e-6)
    run(x).sum().backward()
    assert network[0].weight.grad is not None
    with torch.no_grad():
        network[2].bias += 1
    assert torch.allclose(run(x), network(x), atol=1e-6)


@pytest.mark.parametrize("text", ["soon", "-1", "nan"])
def test_a_number_that_is_none_is_told(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROXYKD_STOP_AFTER", text)
    with pytest.raises(UserError, match=r"PROXYKD_STOP_AFTER is .* and should be a number from 0"):
        number("PROXYKD_STOP_AFTER", 1.0)


def test_an_empty_number_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROXYKD_STOP_AFTER", "")
    assert number("PROXYKD_STOP_AFTER", 1.5) == 1.5
    monkeypatch.setenv("PROXYKD_STOP_AFTER", "540")
    assert number("PROXYKD_STOP_AFTER", 1.5) == 540
