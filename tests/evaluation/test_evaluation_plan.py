"""Which stages boundary fidelity asks of the plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from checkouts import tiny_configuration
from proxykd.configuration import load
from proxykd.evaluation.settings import EvaluateStudent
from proxykd.plan import Plan


@pytest.fixture
def tiny() -> dict[str, Any]:
    """A run of seconds that measures boundary fidelity, as runs do that do not say otherwise."""
    configuration = tiny_configuration()
    del configuration["evaluate_student"]["pairs"]
    return configuration


def test_all_experiments_of_a_teacher_share_its_pairs(tiny: dict[str, Any]) -> None:
    tiny["experiments"] = {
        "noise": {},
        "attacked": {"attack_boundary": {}, "score_proxies": {"precision": "bf16"}},
        "leaves": {"proxies": [{"render_proxies": {"kind": "leaves", "count": 40}}]},
    }
    plan = Plan(load(tiny))
    several = [one.evaluation.upstream["pairs"] for one in plan.experiments]
    assert several[0] == several[1] == several[2]
    (pairs,) = several[0]
    (selection,) = pairs.upstream["selection"]
    assert selection.upstream["pool"] == plan.experiments[0].evaluation.upstream["heldout"]
    assert pairs is not plan.experiments[1].runs[0].boundary
    assert len(plan.stages["attack_boundary"]) == 2


def test_each_teacher_has_its_own(tiny: dict[str, Any]) -> None:
    tiny["seeds"] = {"train_teacher": [0, 1], "distill_student": [0, 1]}
    (experiment,) = Plan(load(tiny)).experiments
    pairs = experiment.evaluation.upstream["pairs"]
    assert [one.upstream["teacher"] for one in pairs] == [[run.teacher] for run in experiment.runs]
    tiny["seeds"] = [0, 1]
    (experiment,) = Plan(load(tiny)).experiments
    assert len(experiment.evaluation.upstream["pairs"]) == 1


def test_null_turns_it_off(tiny: dict[str, Any]) -> None:
    tiny["evaluate_student"]["pairs"] = None
    plan = Plan(load(tiny))
    assert "pairs" not in plan.experiments[0].evaluation.upstream
    assert not plan.stages["attack_boundary"]


def test_other_pairs_are_another_evaluation_and_no_other_student(tiny: dict[str, Any]) -> None:
    before = Plan(load(tiny))
    tiny["evaluate_student"]["pairs"] = {"sources": 30}
    after = Plan(load(tiny))
    changed = {stage for stage in before.stages if list(before.stages[stage]) != list(after.stages[stage])}
    assert changed == {"select_proxies", "attack_boundary", "evaluate_student"}
    # What is not given keeps its default for measuring, not the attack's own.
    (pairs,) = after.stages["attack_boundary"].values()
    settings = pairs.settings.canonical()
    assert (settings["mixup"], settings["unmade"], settings["sources"]) == (0, "report", 30)


def test_held_out_proxies_are_scored_after_the_check_of_an_imported_teacher(
    tiny: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "weights.pth").write_bytes(b"never read by the plan")
    del tiny["train_teacher"], tiny["import_images"]
    del tiny["evaluate_student"]["images"]
    tiny["import_teacher"] = {
        "architecture": "convnet_8",
        "checkpoint": str(tmp_path / "weights.pth"),
        "size": 8,
        "channels": 1,
        "classes": 10,
        "mean": [0.5],
        "deviation": [0.5],
    }
    plan = Plan(load(tiny))
    (check,) = plan.stages["check_teacher"].values()
    assert len(plan.stages["score_proxies"]) == 2
    assert all(check in stage.before for stage in plan.stages["score_proxies"].values())


def test_a_wrong_attack_is_refused_where_it_is_set() -> None:
    with pytest.raises(ValidationError, match="pseudo_label needs mixup"):
        EvaluateStudent.model_validate({"pairs": {"targets": "pseudo_label"}})
