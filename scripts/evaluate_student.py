"""Measure an experiment's students beside their teacher: accuracy, fidelity, calibration, cost.

Without labelled images accuracy is null, and fidelity is that on held-out proxies alone, which is not
accuracy. Several students, one a seed, give mean and standard deviation.
"""

from proxykd.evaluation.settings import EvaluateStudent
from proxykd.shards import read_table
from proxykd.stage import Job, device, main


def make(job: Job[EvaluateStudent]) -> None:
    from proxykd.evaluation.experiment import Images, evaluate, summarise
    from proxykd.networks.cost import cost
    from proxykd.networks.files import load
    from proxykd.store import read_index

    sets = {"heldout": Images(job.images(job.one("heldout")), None)}
    if "images" in job.upstream:
        folder = job.one("images")
        sets["labelled"] = Images(job.images(folder), read_table(folder, ["label"])["label"].to_numpy())
    students = job.upstream["student"]
    teachers = job.upstream["teacher"] * (len(students) // len(job.upstream["teacher"]))
    measured = []
    with job.progress("evaluate_student", len(students), "student") as progress:
        for teacher, student in zip(teachers, students, strict=True):
            pair = load(teacher, device()), load(student, device())
            costs = {"teacher": cost(pair[0], teacher, device()), "student": cost(pair[1], student, device())}
            measured.append(evaluate(*pair, sets, job.settings.bins, device()) | {"cost": costs})
            progress.advance()
    facts = {
        role: [read_index(folder).facts for folder in job.upstream[role]] for role in ("scores", "selection")
    }
    job.write_json("evaluation.json", summarise(measured, facts["scores"], facts["selection"]))
    job.classes = load(students[0]).description.classes


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
