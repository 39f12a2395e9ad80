"""Measure an experiment's students beside their teacher: accuracy, fidelity, calibration, cost.

Fidelity is measured on held-out proxies, and on pairs of them on either side of the teacher's boundary where
there are any. Without labelled images accuracy is null, and fidelity is all there is, which is not accuracy.
Several students, one a seed, give mean and standard deviation.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from proxykd.errors import UserError
from proxykd.evaluation.settings import EvaluateStudent
from proxykd.shards import read_table
from proxykd.stage import Job, device, main

if TYPE_CHECKING:
    from proxykd.evaluation.pairs import Pairs


def make(job: Job[EvaluateStudent]) -> None:
    from proxykd.evaluation.experiment import Images, evaluate, outputs, summarise
    from proxykd.evaluation.pairs import boundary_fidelity
    from proxykd.networks.cost import cost
    from proxykd.networks.files import describe, load
    from proxykd.store import read_index

    sets = {"heldout": Images(job.images(job.one("heldout")), None)}
    if "images" in job.upstream:
        _check_classes(job, describe(job.upstream["teacher"][0]).classes)
        folder = job.one("images")
        sets["labelled"] = Images(job.images(folder), read_table(folder, ["label"])["label"].to_numpy())
    students = job.upstream["student"]
    teachers = _of_each("teacher", job.upstream["teacher"], students)
    attacks = _of_each("pairs", job.upstream.get("pairs", []), students)
    pairs = {folder: _read_pairs(job, folder) for folder in dict.fromkeys(attacks)}
    said, costs, on_pairs = {}, {}, {}
    of_student = dict(zip(students, attacks, strict=True)) if attacks else {}
    networks = dict.fromkeys([*teachers, *students])
    with job.progress("evaluate_student", len(networks), "network") as progress:
        for folder in networks:
            network = load(folder, device())
            said[folder] = outputs(network, sets, device())
            if several := pairs.get(of_student.get(folder)):
                on_pairs[folder] = boundary_fidelity(network, several, device())
            costs[folder] = cost(network, folder, device())
            progress.advance()
    measured = [
        evaluate(said[teacher], said[student], sets, job.settings.bins, on_pairs.get(student))
        | {"cost": {"teacher": costs[teacher], "student": costs[student]}}
        for teacher, student in zip(teachers, students, strict=True)
    ]
    facts = {
        role: [read_index(folder).facts for folder in job.upstream.get(role, [])]
        for role in ("scores", "selection", "pairs")
    }
    job.write_json("evaluation.json", summarise(measured, **facts))
    job.classes = describe(teachers[0]).classes


def _of_each(role: str, several: list[Path], students: list[Path]) -> list[Path]:
    """Each student's result of a role: one for all of them, or one each; none where there are none at all."""
    if several and len(several) not in {1, len(students)}:
        raise UserError(
            f"evaluate_student got {len(several)} results as --{role} for {len(students)} students. "
            "Give one, or one each."
        )
    return several * len(students) if len(several) == 1 else several


def _read_pairs(job: Job[EvaluateStudent], folder: Path) -> dict[str, Pairs]:
    """The pairs of an attack on held-out proxies; empty where it made none."""
    from proxykd.evaluation.pairs import pairs_of
    from proxykd.store import read_index

    index = read_index(folder)
    if not index.samples:
        return {}
    images_NHWC = job.images(folder)
    predicted_N = read_table(folder, ["predicted"])["predicted"].to_numpy()
    members = index.facts["members"]
    images_GMHWC = images_NHWC.reshape(-1, members, *images_NHWC.shape[1:])
    return pairs_of(images_GMHWC, predicted_N.reshape(-1, members))


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
        "pairs": "any",
        "images": "optional",
    }
    main("evaluate_student", EvaluateStudent, roles, make, __doc__)
