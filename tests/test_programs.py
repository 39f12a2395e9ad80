"""The programs one after another, as a person runs them by hand: results, facts and sentences."""

from __future__ import annotations

import json
from typing import Any

import pytest

from programs import Workplace

DIGITS = {"source": "digits", "size": 8, "channels": 1}
STUDENT = {
    "network": {"architecture": "convnet_8"},
    "recipe": {"steps": 5, "batch": 16},
    "temperature": 2,
    "augmentation": "standard",
}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A whole run with two students."""
    workplace = Workplace(tmp_path_factory.mktemp("programs"))
    for split in ("train", "validation", "test"):
        workplace.make("import_images", split, DIGITS | {"split": split, "limit": 300})
    teacher = {"images": "d", "network": {"architecture": "convnet_8"}, "recipe": {"steps": 80, "batch": 32}}
    workplace.make(
        "train_teacher", "t", teacher, images="import_images/train", validation="import_images/validation"
    )
    workplace.make("render_proxies", "h", {"kind": "noise", "count": 30, "size": 8, "channels": 1})
    images = {"teacher": "train_teacher/t", "pool": "import_images/train"}
    workplace.make("score_proxies", "s", {}, **images)
    workplace.make("select_proxies", "s", {"count": 60}, pool="import_images/train", scores="score_proxies/s")
    upstream = {"teacher": "train_teacher/t", "selection": "select_proxies/s"}
    for seed in (0, 1):
        settings = STUDENT | {"recipe": STUDENT["recipe"] | {"seed": seed}}  # type: ignore[operator]
        workplace.make("distill_student", f"seed-{seed}", settings, **upstream)
    return workplace


EVALUATED = {
    "teacher": "train_teacher/t",
    "student": ["distill_student/seed-0", "distill_student/seed-1"],
    "scores": "score_proxies/s",
    "selection": "select_proxies/s",
    "heldout": "render_proxies/h",
}


def evaluation(workplace: Workplace, name: str, **upstream: Any) -> dict[str, Any]:
    made = workplace.make("evaluate_student", name, {}, **EVALUATED, **upstream)
    return json.loads((workplace.folder / made / "evaluation.json").read_text())


def test_a_teacher_tells_how_well_it_does_on_validation(workplace: Workplace) -> None:
    facts = workplace.index("train_teacher/t")["facts"]
    assert facts["train_accuracy"] > 0.6
    assert facts["validation_accuracy"] > 0.5


def test_scores_hold_what_the_teacher_says(workplace: Workplace) -> None:
    import numpy as np
    import pyarrow.parquet as pq

    table = pq.read_table(workplace.out("score_proxies", "s") / "samples.parquet")
    logits_NK = np.stack(table["logits"].to_numpy()).astype(np.float64)
    powers = np.exp(logits_NK - logits_NK.max(1, keepdims=True))
    probability_NK = powers / powers.sum(1, keepdims=True)
    assert table["predicted"].to_pylist() == logits_NK.argmax(1).tolist()
    assert table["confidence"].to_numpy() == pytest.approx(probability_NK.max(1), abs=1e-6)
    entropy_N = -(probability_NK * np.log(probability_NK)).sum(1)
    assert table["entropy"].to_numpy() == pytest.approx(entropy_N, abs=1e-5)
    assert table["key"].to_pylist()[:2] == ["00000000", "00000001"]


def test_an_evaluation_with_labels(workplace: Workplace) -> None:
    told = evaluation(workplace, "labels", images="import_images/test")
    assert told["labels"] is True
    assert told["accuracy"]["n"] == 2
    assert told["accuracy"]["std"] is not None
    assert set(told["fidelity"]) == {"heldout", "labelled"}
    for network in ("teacher", "student"):
        assert set(told["cost"][network]) == {
            *("parameters", "macs", "bytes", "cpu_latency_ms", "cpu_threads"),
            *("gpu", "gpu_latency_ms", "gpu_images_per_second"),
        }


def test_an_evaluation_without_labels(workplace: Workplace) -> None:
    told = evaluation(workplace, "none")
    assert told["accuracy"] is None
    assert told["labels"] is False
    assert told["fidelity"]["heldout"]["agreement"]["n"] == 2


def test_students_of_two_seeds_differ_and_of_one_do_not(workplace: Workplace) -> None:
    upstream = {"teacher": "train_teacher/t", "selection": "select_proxies/s"}
    workplace.make(
        "distill_student", "again", STUDENT | {"recipe": {"steps": 5, "batch": 16, "seed": 0}}, **upstream
    )
    weights = [
        (workplace.out("distill_student", name) / "model.safetensors").read_bytes()
        for name in ("seed-0", "again", "seed-1")
    ]
    assert weights[0] == weights[1] != weights[2]


def test_labelled_images_of_another_size_are_refused(workplace: Workplace) -> None:
    workplace.make("import_images", "large", DIGITS | {"size": 12, "split": "test", "limit": 40})
    status, told = workplace.run("evaluate_student", "x", {}, **EVALUATED, images="import_images/large")
    assert status == 1
    assert "The labelled images are 12x12x1 and the network takes 8x8x1" in told
    assert "Traceback" not in told


def test_a_teacher_and_images_that_do_not_fit_are_refused_by_every_program(workplace: Workplace) -> None:
    """A convolutional network would take images of any size, and answer nonsense."""
    pool = "import_images/mid"
    workplace.make("import_images", "mid", DIGITS | {"size": 12, "split": "train", "limit": 60})
    teacher = {"images": "d", "network": {"architecture": "convnet_8"}, "recipe": {"steps": 2, "batch": 16}}
    workplace.make("train_teacher", "mid", teacher, images=pool)
    upstream = {"teacher": "train_teacher/mid", "selection": "select_proxies/s"}
    for stage, settings in (("attack_boundary", {}), ("distill_student", STUDENT)):
        status, told = workplace.run(stage, "x", settings, **upstream)
        assert status == 1
        assert "The selected images are 8x8x1 and the network takes 12x12x1" in told


def test_a_wrong_setting_is_named(workplace: Workplace) -> None:
    status, told = workplace.run(
        "distill_student",
        "x",
        STUDENT | {"temperature": -1},
        teacher="train_teacher/t",
        selection="select_proxies/s",
    )
    assert status == 1
    assert "distill_student.temperature" in told
    assert "Traceback" not in told
