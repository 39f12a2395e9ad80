"""Measure an experiment's students beside their teacher: accuracy, fidelity, calibration, cost.

Without labelled images accuracy is null, and fidelity is that on held-out proxies alone, which is not
accuracy. Several students, one a seed, give mean and standard deviation.
"""

from pathlib import Path

from proxykd.errors import UserError
from proxykd.evaluation.settings import EvaluateStudent
from proxykd.shards import read_table
from proxykd.stage import Job, device, main


def make(job: Job[EvaluateStudent]) -> None:
    from proxykd.evaluation.experiment import Images, evaluate, outputs, summarise
    from proxykd.networks.cost import cost
    from proxykd.networks.files import describe, load
    from proxykd.store import read_index

    sets = {"heldout": Images(job.images(job.one("heldout")), None)}
    if "images" in job.upstream:
        _check_classes(job, describe(job.upstream["teacher"][0]).classes)
        folder = job.one("images")
        sets["labelled"] = Images(job.images(folder), read_table(folder, ["label"])["label"].to_numpy())
    students, teachers = job.upstream["student"], job.upstream["teacher"]
    said, costs = {}, {}
    with job.progress("evaluate_student", len(students) + len(teachers), "network") as progress:
        for folder in [*teachers, *students]:
            network = load(folder, device())
            said[folder] = outputs(network, sets, device())
            costs[folder] = cost(network, folder, device())
            progress.advance()
    measured = [
        evaluate(said[teacher], said[student], sets, job.settings.bins)
        | {"cost": {"teacher": costs[teacher], "student": costs[student]}}
        for teacher, student in zip(_teacher_of_each(teachers, students), students, strict=True)
    ]
    facts = {
        role: [read_index(folder).facts for folder in job.upstream[role]] for role in ("scores", "selection")
    }
    job.write_json("evaluation.json", summarise(measured, facts["scores"], facts["selection"]))
    job.classes = describe(teachers[0]).classes


def _teacher_of_each(teachers: list[Path], students: list[Path]) -> list[Path]:
    """One teacher for all students, or one each."""
    if len(teachers) not in {1, len(students)}:
        raise UserError(
            f"evaluate_student got {len(teachers)} teachers for {len(students)} students. "
            "Give one, or one each."
        )
    return teachers * (len(students) // len(teachers))


def _check_classes(job: Job[EvaluateStudent], known: list[str]) -> None:
    """The labelled images and the teacher must speak of equally many classes."""
    classes = job.index("images").classes
    if len(classes) != len(known):
        raise UserError(
            f"The labelled images have {len(classes)} classes and the teacher has {len(known)}, so their "
            "labels say nothing about it. Correct evaluate_student.images, or leave it out."
        )


if __name__ == "__main__":
    roles = {
        "teacher": "many",
        "student": "many",
        "scores": "many",
        "selection": "many",
        "heldout": "one",
        "images": "optional",
    }
    main("evaluate_student", EvaluateStudent, roles, make, __doc__)
