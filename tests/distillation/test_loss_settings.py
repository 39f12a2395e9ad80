"""What a configuration may say of the loss, and what of it counts in a student's key."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from proxykd import source
from proxykd.configuration import load, schema
from proxykd.distillation.settings import LOSSES, DistillStudent, Loss
from proxykd.errors import UserError
from proxykd.plan import Plan

STUDENT: dict[str, Any] = {"network": {"architecture": "convnet_8"}, "recipe": {"steps": 4}}


def test_a_name_is_a_loss_with_its_defaults() -> None:
    assert Loss.model_validate("dkd") == Loss(kind="dkd", alpha=1, beta=8)
    assert Loss.model_validate("dist") == Loss(kind="dist", beta=2, gamma=2)
    assert Loss.model_validate({"kind": "dkd", "beta": 2}).alpha == 1
    assert DistillStudent.model_validate(STUDENT).loss == Loss(kind="kl")


@pytest.mark.parametrize("kind", LOSSES)
def test_what_a_program_is_given_is_the_same_loss(kind: str) -> None:
    student = DistillStudent.model_validate(STUDENT | {"loss": kind})
    given = json.loads(json.dumps(student.canonical()))
    assert DistillStudent.model_validate(given) == student


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        ("kll", "'kl', 'argmax_of_mixed'"),
        ({"kind": "kl", "beta": 1}, "kl has no use for beta"),
        ({"alpha": 1, "gamma": 1}, "kl has no use for alpha and gamma"),
        ({"kind": "dist", "alpha": 1}, "dist has no use for alpha"),
        ({"kind": "dkd", "gamma": 1}, "dkd has no use for gamma"),
        ({"kind": "mse", "standardise": True}, "mse has no use for standardise"),
        ({"kind": "dist", "standardise": True}, "dist has no use for standardise"),
        ({"kind": "argmax_of_mixed", "standardise": True}, "argmax_of_mixed has no use for standardise"),
        ({"kind": "dkd", "alpha": -1}, "greater than or equal to 0"),
        ({"kind": "dkd", "alpha": 0, "beta": 0}, "nothing is learned"),
        ({"kind": "dkd", "bta": 1}, "bta"),
        (3, "dictionary"),
    ],
)
def test_what_a_loss_has_no_use_for_is_refused(loss: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        DistillStudent.model_validate(STUDENT | {"loss": loss})


def test_a_mixture_needs_mixup() -> None:
    with pytest.raises(ValidationError, match="mixture_of_argmaxes needs mixup"):
        DistillStudent.model_validate(STUDENT | {"loss": "mixture_of_argmaxes", "mixup": 0})


def test_mistakes_are_sentences_of_the_file(tiny: dict[str, Any]) -> None:
    for loss, said in (
        ({"kind": "dkd", "bta": 1}, r"distill_student\.loss\.bta is no setting\. Did you mean beta\?"),
        ({"kind": "kl", "beta": 1}, r"distill_student\.loss: kl has no use for beta"),
    ):
        tiny["distill_student"]["loss"] = loss
        with pytest.raises(UserError, match=said):
            load(tiny, "run.yaml")


def test_an_experiment_may_take_another_loss(tiny: dict[str, Any]) -> None:
    tiny["distill_student"]["loss"] = {"kind": "dkd", "beta": 2}
    tiny["experiments"] = {"plain": {"distill_student": {"loss": "kl"}}, "same": {}}
    found = load(tiny).experiments
    assert found["plain"].distill_student.loss == Loss()
    assert found["same"].distill_student.loss.beta == 2


def student_keys(tiny: dict[str, Any], *changes: dict[str, Any]) -> list[str]:
    """The student's key in one experiment for each of some changes."""
    tiny["experiments"] = {str(at): {"distill_student": change} for at, change in enumerate(changes)}
    return [experiment.runs[0].student.key for experiment in Plan(load(tiny)).experiments]


def test_stating_a_default_makes_no_other_student(tiny: dict[str, Any]) -> None:
    keys = student_keys(
        tiny, {}, {"loss": "kl"}, {"loss": "dkd"}, {"loss": {"kind": "dkd", "alpha": 1, "beta": 8}}
    )
    assert keys[0] == keys[1] != keys[2] == keys[3]


def test_a_temperature_counts_for_the_losses_that_have_one(tiny: dict[str, Any]) -> None:
    for kind, loss in ((kind, {"loss": kind}) for kind in LOSSES):
        first, second = student_keys(tiny, loss | {"temperature": 2}, loss | {"temperature": 9})
        assert (first != second) == (kind in {"kl", "dist", "dkd"})


@pytest.mark.parametrize("kind", LOSSES)
def test_only_the_chosen_loss_is_code_of_the_student(kind: str) -> None:
    student = DistillStudent.model_validate(STUDENT | {"loss": kind})
    parts = source.stage_source("distill_student", student.modules()).parts
    assert [module for module in LOSSES.values() if module in parts] == [LOSSES[kind]]
    assert "proxykd.distillation.losses" in parts


def test_the_schema_knows_names_and_fields(tiny: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(schema())
    for loss in (*LOSSES, {"kind": "dkd", "beta": 4}, {"standardise": True}):
        tiny["distill_student"]["loss"] = loss
        assert validator.is_valid(tiny)
    for wrong in ("dkdd", {"kind": "x"}, {"bta": 1}, 3):
        tiny["distill_student"]["loss"] = wrong
        assert not validator.is_valid(tiny)
