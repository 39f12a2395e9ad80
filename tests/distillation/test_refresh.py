"""Pairs that are made anew while a student learns."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from programs import Workplace
from proxykd.configuration import load
from proxykd.distillation.refresh import Refresher, moments
from proxykd.distillation.settings import DistillStudent
from proxykd.distillation.student import Attacked, distil
from proxykd.errors import UserError
from proxykd.networks.classifier import Classifier
from proxykd.networks.outputs import logits_of
from proxykd.plan import Plan
from proxykd.presentation.progress import Progress
from proxykd.source import stage_source
from proxykd.training.checkpoint import Checkpoint
from proxykd.training.data import Images
from trained import RECIPE, digit_images, digit_teacher

ATTACK: dict[str, Any] = {"epsilon": 40, "deeper": False}
STUDENT: dict[str, Any] = {
    "network": {"architecture": "convnet_8"},
    "recipe": {"steps": 20, "batch": 16, "learning_rate": 0.05},
    "temperature": 4,
    "augmentation": "none",
    "refresh": {"every": 0.35, "views": 60, "attacked": 0.5, "attack": ATTACK},
}


def settings(**refresh: Any) -> DistillStudent:
    return DistillStudent.model_validate(STUDENT | {"refresh": STUDENT["refresh"] | refresh})


def stored(count: int = 40, members: int = 2) -> np.ndarray:
    """Successes that no attack could have made: all pixels of a group are its number."""
    numbers_G = np.arange(count, dtype=np.uint8)[:, None, None, None, None]
    return np.broadcast_to(numbers_G, (count, members, 8, 8, 1)).copy()


class Interrupted(Exception):
    """Stands for a kill right after a checkpoint."""


class Interrupting(Checkpoint):
    """Writes a state after each step, and interrupts the training after one of them."""

    def __init__(self, folder: Path, stop: int | None) -> None:
        super().__init__(folder, 0.0)
        self.stop = stop

    def save(self, state: dict[str, Any]) -> bool:
        written = super().save(state)
        if state["step"] == self.stop:
            raise Interrupted
        return written


def run(
    how: DistillStudent, folder: Path, stop: int | None = None, device: str = "cpu", count: int = 40
) -> tuple[Classifier, list[dict[str, float]], np.ndarray]:
    """The student, its records, and the pairs in the end."""
    attacked = Attacked(Images(stored(count), device))
    teacher = digit_teacher().to(device)
    with Progress("test", 0) as progress:
        try:
            checkpoint = Interrupting(folder, stop)
            student, records, _ = distil(
                teacher, digit_images("test")[0], attacked, how, device, progress, checkpoint
            )
        finally:
            teacher.to("cpu")
    return student, records, attacked.images_GMHWC.stored.cpu().numpy()


def refreshes(records: list[dict[str, float]]) -> list[dict[str, float]]:
    return [record for record in records if "refresh_pairs" in record]


def is_stored(pairs_GMHWC: np.ndarray) -> np.ndarray:
    """Which places hold what they held in the beginning."""
    return (pairs_GMHWC == stored(len(pairs_GMHWC))).all((1, 2, 3, 4))


def test_new_pairs_take_the_places_of_the_oldest(tmp_path: Path) -> None:
    _, records, pairs_GMHWC = run(settings(), tmp_path, count=60)
    made = refreshes(records)
    assert [record["step"] for record in made] == [7, 14]
    counts = [int(record["refresh_pairs"]) for record in made]
    assert min(counts) >= 5
    assert sum(counts) < 60
    assert is_stored(pairs_GMHWC).tolist() == [False] * sum(counts) + [True] * (60 - sum(counts))
    new_GMHWC = pairs_GMHWC[: sum(counts)]
    class_GM = logits_of(digit_teacher(), new_GMHWC.reshape(-1, 8, 8, 1), "cpu").argmax(1).reshape(-1, 2)
    assert (class_GM[:, 0] != class_GM[:, 1]).all()
    change = np.abs(new_GMHWC[:, 0].astype(int) - new_GMHWC[:, 1])
    assert 0 < change.max() <= 80
    assert len({one.tobytes() for one in new_GMHWC}) == sum(counts), "each moment has views of its own"


def test_the_oldest_go_first_when_all_places_were_used(tmp_path: Path) -> None:
    how = settings(every=0.1, views=120)
    _, records, pairs_GMHWC = run(how, tmp_path, count=25)
    counts = [int(record["refresh_pairs"]) for record in refreshes(records)]
    assert len(counts) == 9
    assert max(counts) <= 25
    assert sum(counts[:-1]) > 25
    assert not is_stored(pairs_GMHWC).any()
    _, _, before = run(how, tmp_path / "again", count=25)
    assert (pairs_GMHWC == before).all()


def test_those_are_attacked_on_which_student_and_teacher_disagree_most(tmp_path: Path) -> None:
    _, records, _ = run(settings(), tmp_path / "half")
    for record in refreshes(records):
        assert record["refresh_attacked"] > 1.2 * record["refresh_disagreement"] > 0
    _, records, _ = run(settings(attacked=1), tmp_path / "all", count=60)
    for record in refreshes(records):
        assert record["refresh_attacked"] == pytest.approx(record["refresh_disagreement"])


def test_disagreement_is_measured_on_the_student_of_the_moment(tmp_path: Path) -> None:
    """Worked out again by hand from the two networks' outputs."""
    how = settings(attacked=1)
    assert how.refresh is not None
    student, _, _ = run(how, tmp_path)
    student.train()
    before = {name: value.clone() for name, value in student.state_dict().items()}
    images, pairs = Images(digit_images("test")[0], "cpu"), Images(stored(), "cpu")
    refresher = Refresher(digit_teacher(), student, images, pairs, how.refresh, how.recipe)
    assert refresher.after(8) == {}
    told = refresher.after(7)
    assert student.training, "the training goes on"
    assert all(torch.equal(value, before[name]) for name, value in student.state_dict().items())
    views_NHWC, source_N = refresher._draw(how.refresh.attack.model_copy(update={"seed": 5}))
    assert (len(views_NHWC), len(source_N)) == (60, 60)
    p_NK, q_NK = (
        torch.from_numpy(logits_of(one, views_NHWC, "cpu")).softmax(1) for one in (digit_teacher(), student)
    )
    expected = (p_NK * (p_NK / q_NK).log()).sum(1)
    assert torch.allclose(torch.from_numpy(refresher._disagreement(views_NHWC)).float(), expected, atol=1e-4)
    assert 0.3 < told["refresh_disagreement"] / float(expected.mean()) < 3


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_a_training_in_pieces_ends_with_the_same_bits(device: str, tmp_path: Path) -> None:
    """Interrupted before the first moment, at it, right after it, between the two and after the second."""
    student, records, pairs_GMHWC = run(settings(), tmp_path / "whole", device=device)
    for stop in (6, 7, 8, 13, 14, 16):
        with pytest.raises(Interrupted):
            run(settings(), tmp_path / "pieces", stop, device)
    again, records_again, pairs_again_GMHWC = run(settings(), tmp_path / "pieces", device=device)
    for (name, value), other in zip(student.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(value, other), name
    assert (pairs_GMHWC == pairs_again_GMHWC).all()
    assert without_time(records) == without_time(records_again)


def without_time(records: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{name: value for name, value in record.items() if "second" not in name} for record in records]


def test_the_student_learns_from_the_new_pairs(tmp_path: Path) -> None:
    refreshed, plain = (
        run(how, tmp_path / name)[0].state_dict()
        for name, how in (("new", settings()), ("old", settings().model_copy(update={"refresh": None})))
    )
    assert any(not torch.equal(value, plain[name]) for name, value in refreshed.items())


def test_where_no_new_pair_comes_the_present_ones_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    attack = ATTACK | {"epsilon": 0.01, "mixup": 0}
    _, records, pairs_GMHWC = run(settings(attack=attack), tmp_path)
    assert [record["refresh_pairs"] for record in refreshes(records)] == [0, 0]
    assert is_stored(pairs_GMHWC).all()
    assert "no new pair came of the 30 views attacked after step 7: all stay" in caplog.text


def test_pairs_of_another_number_of_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"have 2 images each, and distill_student\.refresh\.attack makes others"
    ):
        run(settings(attack=ATTACK | {"deeper": True}), tmp_path)


def test_a_refresh_needs_pairs_to_replace(tmp_path: Path, tiny: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="refresh replaces attacked images, and boundary: null uses"):
        DistillStudent.model_validate(STUDENT | {"boundary": None})
    with (
        Progress("test", 0) as progress,
        pytest.raises(UserError, match="replaces attacked images, and there are none"),
    ):
        distil(
            digit_teacher(), digit_images("test")[0], None, settings(), "cpu", progress, Checkpoint(tmp_path)
        )
    tiny["distill_student"]["refresh"] = {}
    tiny.pop("attack_boundary", None)
    with pytest.raises(UserError, match="refresh replaces pairs of attack_boundary, and there are none"):
        load(tiny)


def test_pairs_are_made_as_the_stored_ones_where_nothing_is_said(tiny: dict[str, Any]) -> None:
    tiny["attack_boundary"] = {"epsilon": 7}
    tiny["distill_student"]["refresh"] = {"views": 10}

    def student() -> Any:
        return Plan(load(tiny)).experiments[0].runs[0].student

    first = student()
    assert first.settings.refresh.attack.epsilon == 7
    tiny["distill_student"]["refresh"] = {"views": 10, "attack": {"epsilon": 7}}
    assert student().key == first.key
    tiny["distill_student"]["refresh"]["attack"]["epsilon"] = 8
    assert student().key != first.key


def test_the_reach_is_that_of_the_stored_pairs_where_it_is_left_to_be_measured() -> None:
    stated, measured = settings().refresh, settings(attack={}).refresh
    assert stated is not None
    assert measured is not None
    assert stated.within(8) is stated
    measured = measured.within(8)
    assert measured.attack is not None
    assert measured.attack.epsilon == 8


def test_the_attack_counts_for_students_that_use_it_and_for_no_other() -> None:
    how = settings()
    parts = stage_source("distill_student", how.modules()).parts
    assert {
        "proxykd.boundary.deepfool_linf",
        "proxykd.boundary.collect",
        "proxykd.distillation.refresh",
    } < set(parts)
    plain = stage_source("distill_student", how.model_copy(update={"refresh": None}).modules()).parts
    assert not any("boundary" in name or "refresh" in name for name in plain)


@pytest.mark.parametrize(
    ("every", "steps", "after"),
    [
        (0.2, 200, {40, 80, 120, 160}),
        (0.35, 20, {7, 14}),
        (0.6, 10, {6}),
        (0.5, 3, {2}),
        (0.01, 10, set(range(1, 10))),
        (0.9, 1, set()),
    ],
)
def test_moments_are_shares_of_the_steps(every: float, steps: int, after: set[int]) -> None:
    assert moments(every, steps) == after


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A trained teacher, a selection of digits and the pairs that came of it."""
    workplace = Workplace(tmp_path_factory.mktemp("refresh"))
    for split in ("train", "test"):
        workplace.make("import_images", split, {"source": "digits", "size": 8, "channels": 1, "split": split})
    teacher = {"images": "d", "network": {"architecture": "convnet_8"}, "recipe": RECIPE}
    workplace.make("train_teacher", "t", teacher, images="import_images/train")
    workplace.make("score_proxies", "s", {}, teacher="train_teacher/t", pool="import_images/test")
    workplace.make("select_proxies", "s", {"count": 120}, pool="import_images/test", scores="score_proxies/s")
    workplace.make("attack_boundary", "a", {"sources": 80, "deeper": False}, **UPSTREAM)
    return workplace


UPSTREAM = {"teacher": "train_teacher/t", "selection": "select_proxies/s"}
# Within the reach that the attack measured.
REFRESHED = STUDENT | {
    "refresh": STUDENT["refresh"] | {"attack": {"deeper": False}},
    "recipe": {"steps": 40, "batch": 16},
    "augmentation": "standard",
}
ENVIRONMENT = {"PROXYKD_CHECKPOINT_SECONDS": "0"}


def killed_and_started_again(workplace: Workplace, name: str) -> int:
    """Kill the program at random moments until it ends by itself; how often that was."""
    rng = random.Random(name)
    state = workplace.folder / "distill_student" / f"{name}.checkpoint" / "state.pt"
    kills = 0
    while True:
        process = workplace.start(
            "distill_student", name, REFRESHED, ENVIRONMENT, **UPSTREAM, boundary="attack_boundary/a"
        )
        before = state.stat().st_mtime_ns if state.exists() else 0
        while process.is_alive() and not (state.exists() and state.stat().st_mtime_ns > before):
            time.sleep(0.002)
        process.join(rng.uniform(0, 0.15))
        if not process.is_alive():
            assert process.exitcode == 0
            return kills
        process.kill()
        process.join()
        kills += 1


@pytest.mark.full
def test_a_killed_training_ends_with_the_same_bits(workplace: Workplace) -> None:
    whole = workplace.make("distill_student", "whole", REFRESHED, **UPSTREAM, boundary="attack_boundary/a")
    assert killed_and_started_again(workplace, "pieces") > 0
    folders = [workplace.out("distill_student", name) for name in ("whole", "pieces")]
    weights, again = (load_file(folder / "model.safetensors") for folder in folders)
    assert all(torch.equal(weights[name], again[name]) for name in weights)
    lines, lines_again = (
        [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        for folder in folders
    )
    assert without_time(lines) == without_time(lines_again)
    assert [record["step"] for record in refreshes(lines)] == [14, 28]
    assert workplace.index(whole)["facts"]["refreshed"] == [
        {"step": record["step"], **{name: record[name] for name in record if name.startswith("refresh_")}}
        for record in refreshes(lines)
    ]
