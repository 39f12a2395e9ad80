"""Divergence, records, and going on after a kill."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from programs import Workplace
from proxykd.errors import UserError
from proxykd.presentation.progress import Progress
from proxykd.training.checkpoint import STOPPED, Checkpoint
from proxykd.training.loop import fit
from proxykd.training.settings import Recipe
from proxykd.training.teacher import channel_statistics

TEACHER = {
    "images": "digits",
    "network": {"architecture": "convnet_8"},
    "recipe": {"steps": 60, "batch": 16},
    "augmentation": "extreme",
}
DIGITS = {"source": "digits", "size": 8, "channels": 1, "split": "train", "limit": 300}


def test_channel_statistics_are_those_of_the_pixels() -> None:
    images_NHWC = np.random.default_rng(0).integers(0, 200, (1500, 4, 4, 3), np.uint8)
    images_NHWC[..., 2] = 51
    mean, deviation = channel_statistics(images_NHWC)
    assert mean == pytest.approx((images_NHWC.mean((0, 1, 2)) / 255).tolist(), abs=1e-6)
    assert deviation[:2] == pytest.approx((images_NHWC.std((0, 1, 2)) / 255).tolist()[:2], abs=1e-6)
    # A channel without contrast must not be divided by nothing.
    assert (mean[2], deviation[2]) == (0.2, 0.001)


class Interrupted(Exception):
    """Stands for a kill between two steps."""


def train_until(stop: int | None, recipe: Recipe, folder: Path) -> tuple[nn.Module, list[dict[str, float]]]:
    """Train a network with batch norm and dropout from its checkpoint on, and raise Interrupted at `stop`."""
    torch.manual_seed(0)
    body = [nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.Dropout(0.5)]
    network = nn.Sequential(*body, nn.Flatten(), nn.Linear(128, 3)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def loss_at(step: int, _: int | None) -> torch.Tensor:
        if step == stop:
            raise Interrupted
        rng = np.random.default_rng(step)
        x_NCHW = torch.from_numpy(rng.normal(size=(8, 1, 8, 8)).astype(np.float32))
        return functional.cross_entropy(network(x_NCHW), torch.from_numpy(rng.integers(0, 3, 8)))

    with Progress("test", 0) as progress:
        records = fit(network, loss_at, recipe, progress, Checkpoint(folder, 0.0), 1.0)
    return network, records


@pytest.mark.parametrize(
    "how",
    [
        {"momentum": 0.9},
        {"momentum": 0.9, "nesterov": True},
        {"momentum": 0.0},
        {"ema": 0.8},
        {"optimiser": "muon", "ema": 0.5},
    ],
)
def test_a_training_in_pieces_ends_with_the_same_bits(how: dict[str, Any], tmp_path: Path) -> None:
    """Batch norm's buffers, optimisers, averages and dropout's random numbers go on where they were."""
    recipe = Recipe(steps=12, batch=8, **how)
    whole, records = train_until(None, recipe, tmp_path / "whole")
    for stop in (1, 5, 5, 11):
        with pytest.raises(Interrupted):
            train_until(stop, recipe, tmp_path / "pieces")
    pieces, again = train_until(None, recipe, tmp_path / "pieces")
    for (name, value), other in zip(whole.state_dict().items(), pieces.state_dict().values(), strict=True):
        assert torch.equal(value, other), name
    assert [record["loss"] for record in again] == [record["loss"] for record in records]


def test_a_checkpoint_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, 0.0)
    checkpoint.save({"step": 3})
    state = checkpoint.load()
    assert state is not None
    assert state["step"] == 3
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:50])
    assert checkpoint.load() is None


def test_the_loss_of_a_record_is_the_mean_since_the_last(tmp_path: Path) -> None:
    network = nn.Linear(1, 1)

    def loss_at(step: int, _: int | None) -> torch.Tensor:
        return network(torch.zeros(1, 1)).sum() * 0 + step

    with Progress("test", 0) as progress:
        records = fit(network, loss_at, Recipe(steps=60, batch=2), progress, Checkpoint(tmp_path), 7.5)
    assert [record["loss"] for record in records] == [12.0, 37.0, 54.5]
    assert [record["epoch"] for record in records] == [3.3333, 6.6667, 8.0]


def test_the_average_of_the_weights_is_kept(tmp_path: Path) -> None:
    """Worked out again, step by step, from the weights that a training without it passes through."""
    passed: list[torch.Tensor] = []

    def train(**how: Any) -> torch.Tensor:
        torch.manual_seed(1)
        network = nn.Linear(2, 1)

        def loss_at(step: int, _: int | None) -> torch.Tensor:
            passed.append(network.weight.detach().clone())
            return (network(torch.tensor([[1.0, step]])) ** 2).sum()

        with Progress("test", 0) as progress:
            fit(
                network,
                loss_at,
                Recipe(steps=5, learning_rate=0.01, **how),
                progress,
                Checkpoint(tmp_path),
                1.0,
            )
        return network.weight.detach()

    last = train()
    after = [*passed[1:], last]
    expected = after[0]
    for weight in after[1:]:
        expected = 0.75 * expected + 0.25 * weight
    assert torch.allclose(train(ema=0.75), expected, atol=1e-6)
    assert not torch.allclose(expected, last, atol=1e-3)


def test_weights_that_are_no_longer_finite_are_not_published(tmp_path: Path) -> None:
    network = nn.Linear(1, 2)
    with Progress("test", 0) as progress, pytest.raises(UserError, match="diverged: a weight is not finite"):
        fit(
            network,
            lambda *_: network(torch.ones(1, 1)).sum() * 1e30,
            Recipe(steps=1, learning_rate=1e30),
            progress,
            Checkpoint(tmp_path),
            1.0,
        )


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    workplace = Workplace(tmp_path_factory.mktemp("training"))
    workplace.make("import_images", "digits", DIGITS)
    return workplace


def weights_of(workplace: Workplace, name: str) -> dict[str, torch.Tensor]:
    return load_file(workplace.out("train_teacher", name) / "model.safetensors")


def killed_and_started_again(workplace: Workplace, seed: int) -> int:
    """Kill the program at random moments until it ends by itself; how often that was."""
    rng = random.Random(seed)
    kills = 0
    state = workplace.folder / "train_teacher" / f"killed-{seed}.checkpoint" / "state.pt"
    while True:
        process = workplace.start(
            "train_teacher",
            f"killed-{seed}",
            TEACHER,
            environment={"PROXYKD_CHECKPOINT_SECONDS": "0"},
            images="import_images/digits",
        )
        before = state.stat().st_mtime_ns if state.exists() else 0
        # At least one more step must be behind it, or it would never end.
        while process.is_alive() and not (state.exists() and state.stat().st_mtime_ns > before):
            time.sleep(0.002)
        process.join(rng.uniform(0, 0.1))
        if not process.is_alive():
            assert process.exitcode == 0
            return kills
        process.kill()
        process.join()
        kills += 1


def check_kills(workplace: Workplace, seeds: range) -> None:
    whole = whole_training(workplace)
    kills = 0
    for seed in seeds:
        kills += killed_and_started_again(workplace, seed)
        pieces = weights_of(workplace, f"killed-{seed}")
        assert all(torch.equal(whole[name], pieces[name]) for name in whole)
        assert not (workplace.folder / "train_teacher" / f"killed-{seed}.checkpoint").exists()
        lines = (workplace.out("train_teacher", f"killed-{seed}") / "metrics.jsonl").read_text().splitlines()
        assert [json.loads(line)["step"] for line in lines] == [25, 50, 60]
    assert kills >= len(seeds)


def test_a_killed_training_ends_with_the_same_bits(workplace: Workplace) -> None:
    check_kills(workplace, range(3))


@pytest.mark.full
def test_a_training_killed_many_times_ends_with_the_same_bits(workplace: Workplace) -> None:
    check_kills(workplace, range(3, 23))


def test_divergence_is_told_with_step_and_rate_and_nothing_is_published(workplace: Workplace) -> None:
    recipe = {"steps": 60, "batch": 16, "learning_rate": 1e30}
    status, told = workplace.run(
        "train_teacher", "diverged", TEACHER | {"recipe": recipe}, images="import_images/digits"
    )
    assert status == 1
    assert "error: The training diverged: the loss is nan by step 25, with a learning rate of" in told
    assert "Lower recipe.learning_rate" in told
    assert "Traceback" not in told
    assert not workplace.out("train_teacher", "diverged").exists()


def test_records_say_how_far_a_training_was(workplace: Workplace) -> None:
    whole_training(workplace)
    folder = workplace.out("train_teacher", "whole")
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    fields = {"step", "epoch", "images", "loss", "learning_rate", "seconds", "images_per_second"}
    assert set(records[0]) == fields
    speeds = [record["images"] / record["seconds"] for record in records[:1]]
    assert records[0]["images_per_second"] == pytest.approx(speeds[0], rel=0.01)
    assert (records[-1]["step"], records[-1]["images"], records[-1]["epoch"]) == (60, 960, 3.2)


def whole_training(workplace: Workplace) -> dict[str, torch.Tensor]:
    """Weights of a training that nothing disturbed."""
    if not workplace.out("train_teacher", "whole").exists():
        workplace.make("train_teacher", "whole", TEACHER, images="import_images/digits")
    return weights_of(workplace, "whole")


def assert_equal_weights(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_images_in_a_mapped_file_give_the_same_weights(workplace: Workplace) -> None:
    environment = {"PROXYKD_IMAGE_MEMORY_GIB": "0.000001"}
    status, told = workplace.run(
        "train_teacher", "mapped", TEACHER, environment=environment, images="import_images/digits"
    )
    assert status == 0
    assert "are mapped from a file in" in told
    assert_equal_weights(whole_training(workplace), weights_of(workplace, "mapped"))


def test_a_training_that_may_not_run_long_stops_and_goes_on(workplace: Workplace) -> None:
    environment = {"PROXYKD_STOP_AFTER": "0.02"}
    runs = 0
    while True:
        runs += 1
        status, told = workplace.run(
            "train_teacher", "in-turns", TEACHER, environment=environment, images="import_images/digits"
        )
        if status == 0:
            break
        assert status == STOPPED
        assert "as PROXYKD_STOP_AFTER asks; start the same command again" in told
        assert not workplace.out("train_teacher", "in-turns").exists()
    assert runs > 1
    assert_equal_weights(whole_training(workplace), weights_of(workplace, "in-turns"))


def test_tensorboard_shows_a_training_by_one_setting(workplace: Workplace, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    environment = {"PROXYKD_TENSORBOARD": str(tmp_path)}
    status, told = workplace.run(
        "train_teacher", "shown", TEACHER, environment=environment, images="import_images/digits"
    )
    assert status == 0, told
    shown = EventAccumulator(str(tmp_path / "train_teacher" / "shown"))
    shown.Reload()
    records = (workplace.out("train_teacher", "shown") / "metrics.jsonl").read_text().splitlines()
    expected = {record["step"]: record["loss"] for record in map(json.loads, records)}
    assert {event.step: event.value for event in shown.Scalars("loss")} == pytest.approx(expected)
    assert_equal_weights(whole_training(workplace), weights_of(workplace, "shown"))
