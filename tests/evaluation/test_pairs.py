"""Boundary fidelity against values worked out by hand, on a real attack, and through the programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from programs import Workplace
from proxykd.boundary.collect import Attack
from proxykd.evaluation.pairs import Pairs, boundary_fidelity, pairs_of
from proxykd.evaluation.settings import HeldoutPairs
from proxykd.networks.classifier import Classifier
from proxykd.networks.outputs import logits_of
from trained import digit_images, digit_teacher, linear_classifier


def bright(threshold: float) -> Classifier:
    """Class 1 for the one pixel above a grey level, class 0 below."""
    return linear_classifier([[0.0], [255.0]], [0.0, -threshold])


def pixels(*pairs: tuple[int, int]) -> np.ndarray:
    """Images of one pixel: success x member x 1 x 1 x 1."""
    return np.array(pairs, np.uint8)[..., None, None, None]


def test_separated_by_hand() -> None:
    # The student's boundary, at 98.5, lies in two pairs, and in the mirror image of one.
    pairs = pairs_of(pixels((97, 101), (98, 102), (100, 101), (100, 104)), np.array([[0, 1]] * 4))
    found = boundary_fidelity(bright(98.5), pairs, "cpu")
    assert found == {"n": 4, "separated": 0.5, "as_teacher": 0.5, "mirrored": 0.25, "distance": 4.0}
    # One that says the opposite of the teacher separates the same pairs, and gives none its classes.
    opposite = boundary_fidelity(linear_classifier([[255.0], [0.0]], [-98.5, 0.0]), pairs, "cpu")
    assert (opposite["separated"], opposite["as_teacher"]) == (0.5, 0)


def test_deeper_pairs_have_figures_of_their_own() -> None:
    images_GMHWC = pixels((100, 101, 96, 105), (99, 102, 90, 110))
    pairs = pairs_of(images_GMHWC, np.array([[0, 1, 0, 1]] * 2))
    found = boundary_fidelity(bright(97.5), pairs, "cpu")
    assert (found["separated"], found["separated_deeper"]) == (0, 1)
    assert (found["distance"], found["distance_deeper"]) == (2, 14.5)
    assert found["mirrored"] == 0.5


def test_a_mirror_image_stays_an_image() -> None:
    pairs = Pairs(*(pixels((3, 9), (250, 240), (128, 131))[:, i] for i in (0, 1)), np.zeros((3, 2), int))
    assert pairs.mirrored_NHWC().ravel().tolist() == [0, 255, 125]
    assert pairs.distance() == 6


def test_a_student_that_knows_nothing_separates_mirror_images_as_often() -> None:
    rng = np.random.default_rng(0)
    before_NHWC = rng.integers(90, 166, (4000, 4, 4, 1), np.uint8)
    change_NHWC = rng.integers(-20, 21, before_NHWC.shape)
    beyond_NHWC = (before_NHWC + change_NHWC).astype(np.uint8)
    student = linear_classifier(rng.normal(size=(3, 16)).tolist(), [0.0, 0.0, 0.0], size=4)
    images_GMHWC = np.stack([before_NHWC, beyond_NHWC], 1)
    found = boundary_fidelity(student, pairs_of(images_GMHWC, np.array([[0, 1]] * 4000)), "cpu")
    assert found["separated"] > 0.1
    assert found["separated"] == pytest.approx(found["mirrored"], abs=0.02)


def test_a_teacher_separates_all_of_its_pairs_and_hardly_a_mirror_image() -> None:
    images_NHWC = digit_images("test")[0]
    teacher = digit_teacher()
    predicted_N = logits_of(teacher, images_NHWC, "cpu").argmax(1)
    batches = list(
        Attack(teacher, torch.from_numpy(images_NHWC), predicted_N, HeldoutPairs(sources=200)).blocks()
    )
    images_GMHWC = np.concatenate([batch.images_NHWC for batch in batches]).reshape(-1, 4, 8, 8, 1)
    predicted = [row["predicted"] for batch in batches for row in batch.rows]
    pairs = pairs_of(images_GMHWC, np.array(predicted).reshape(-1, 4))
    found = boundary_fidelity(teacher, pairs, "cpu")
    assert found["n"] > 100
    for ending in ("", "_deeper"):
        assert found[f"separated{ending}"] == found[f"as_teacher{ending}"] == 1
        assert found[f"mirrored{ending}"] < 0.2
    assert found["distance"] <= found["distance_deeper"]


DIGITS = {"source": "digits", "size": 8, "channels": 1, "limit": 300}
NETWORK = {"architecture": "convnet_8"}
STUDENT = {"network": NETWORK, "recipe": {"steps": 5, "batch": 16}, "temperature": 2, "augmentation": "none"}
IMPOSSIBLE = HeldoutPairs(epsilon=0.01, sources=20)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Two teachers, a student of each, and held-out proxies that each teacher's boundary runs through."""
    workplace = Workplace(tmp_path_factory.mktemp("pairs"))
    workplace.make("import_images", "train", DIGITS | {"split": "train"})
    workplace.make("render_proxies", "h", {"kind": "leaves", "count": 60, "size": 8, "channels": 1})
    for seed in (0, 1):
        teacher = {"images": "d", "network": NETWORK, "recipe": {"steps": 80, "batch": 32, "seed": seed}}
        name = f"{seed}"
        workplace.make("train_teacher", name, teacher, images="import_images/train")
        for pool, scores in (("import_images/train", f"s{seed}"), ("render_proxies/h", f"h{seed}")):
            of = {"teacher": f"train_teacher/{seed}", "pool": pool}
            workplace.make("score_proxies", scores, {}, **of)
            known = {"pool": pool, "scores": f"score_proxies/{scores}"}
            workplace.make("select_proxies", scores, {"count": 40}, **known)
        upstream = {"teacher": f"train_teacher/{seed}", "selection": f"select_proxies/s{seed}"}
        workplace.make("distill_student", name, STUDENT, **upstream)
        attack(workplace, name, HeldoutPairs(sources=60), seed)
    return workplace


def attack(workplace: Workplace, name: str, how: HeldoutPairs, seed: int = 0) -> str:
    upstream = {"teacher": f"train_teacher/{seed}", "selection": f"select_proxies/h{seed}"}
    return workplace.make("attack_boundary", name, how.canonical(), **upstream)


def evaluation(workplace: Workplace, name: str, seeds: tuple[int, ...], **roles: Any) -> dict[str, Any]:
    upstream: dict[str, Any] = {
        "teacher": [f"train_teacher/{seed}" for seed in seeds],
        "student": [f"distill_student/{seed}" for seed in seeds],
        "scores": [f"score_proxies/s{seed}" for seed in seeds],
        "selection": [f"select_proxies/s{seed}" for seed in seeds],
        "heldout": "render_proxies/h",
    }
    made = workplace.make("evaluate_student", name, {}, **upstream, **roles)
    return json.loads((workplace.folder / made / "evaluation.json").read_text())


def test_each_student_is_measured_on_its_own_teachers_pairs(workplace: Workplace) -> None:
    both = evaluation(workplace, "both", (0, 1), pairs=["attack_boundary/0", "attack_boundary/1"])
    on = both["fidelity"]["pairs"]
    assert set(on) == {
        *("n", "separated", "as_teacher", "mirrored", "distance"),
        *("separated_deeper", "as_teacher_deeper", "mirrored_deeper", "distance_deeper"),
    }
    assert on["separated"]["n"] == 2
    for seed in (0, 1):
        index = workplace.index(f"attack_boundary/{seed}")
        alone = evaluation(workplace, f"alone-{seed}", (seed,), pairs=f"attack_boundary/{seed}")
        assert alone["students"][0]["fidelity"]["pairs"] == both["students"][seed]["fidelity"]["pairs"]
        assert alone["fidelity"]["pairs"]["n"]["mean"] == index["facts"]["counts"]["kept"] > 20
        assert both["pairs"][seed] == index["facts"]["counts"]


def test_without_pairs_all_else_is_measured(workplace: Workplace) -> None:
    told = evaluation(workplace, "off", (0,))
    assert set(told["fidelity"]) == {"heldout"}
    assert told["pairs"] == []


def test_an_attack_without_a_pair_costs_boundary_fidelity_alone(workplace: Workplace) -> None:
    made = attack(workplace, "none", IMPOSSIBLE)
    assert (
        "made no pair from 20 views: 0 were" in (workplace.folder / "attack_boundary.py.stderr").read_text()
    )
    assert workplace.index(made)["samples"] == 0
    told = evaluation(workplace, "none", (0,), pairs=made)
    assert set(told["fidelity"]) == {"heldout"}
    assert told["pairs"][0]["kept"] == 0 < told["pairs"][0]["failed"]
    # With another teacher's beside it, the mean is over the one student that could be measured.
    mixed = evaluation(workplace, "mixed", (0, 1), pairs=[made, "attack_boundary/1"])
    assert mixed["fidelity"]["pairs"]["separated"]["n"] == 1
    assert mixed["fidelity"]["heldout"]["kl"]["n"] == 2


def test_a_student_cannot_learn_from_no_pair(workplace: Workplace, tmp_path: Path) -> None:
    made = attack(workplace, "nothing", IMPOSSIBLE)
    upstream = {"teacher": "train_teacher/0", "selection": "select_proxies/s0", "boundary": made}
    status, told = workplace.run("distill_student", "x", STUDENT, **upstream)
    assert status == 1
    assert "attack_boundary/nothing holds no images" in told
    assert "Traceback" not in told


def test_pairs_that_are_no_students_are_refused(workplace: Workplace) -> None:
    pairs = ["attack_boundary/0", "attack_boundary/1"]
    upstream = {"teacher": "train_teacher/0", "student": "distill_student/0", "scores": "score_proxies/s0"}
    more = {"selection": "select_proxies/s0", "heldout": "render_proxies/h", "pairs": pairs}
    status, told = workplace.run("evaluate_student", "x", {}, **upstream, **more)
    assert status == 1
    assert "evaluate_student got 2 results as --pairs for 1 students" in told
