"""Look at how an imported teacher behaves, under its stated normalisation and the usual others.

A wrong normalisation lets a teacher answer, only worse: nothing fails, and everything after it is spent on
wrong answers. Labels are not looked at.
"""

from proxykd.sanity.settings import CheckTeacher
from proxykd.shards import TABLE, write_table
from proxykd.stage import Job, device, main


def make(job: Job[CheckTeacher]) -> None:
    import numpy as np

    from proxykd.errors import UserError
    from proxykd.networks.files import load
    from proxykd.presentation.progress import log
    from proxykd.sanity.look import drawn, look
    from proxykd.sanity.normalisations import to_try
    from proxykd.sanity.verdict import judge

    settings = job.settings
    teacher = load(job.one("teacher"), device())
    described = teacher.description
    ways = to_try(described.mean, described.deviation)
    seen = {"proxies": drawn([job.images(job.one("proxies"))], None)}
    if "pictures" in job.upstream:
        seen["pictures"] = drawn([job.images(one) for one in job.upstream["pictures"]], settings.pictures)
    for role, images in seen.items():
        described.check_fits(images.images_NHWC, f"The {role} that the teacher is checked with")
    # Rendered colours prefer no order of the channels.
    tries = {"proxies": [how for how in ways if not how.flipped], "pictures": ways}
    total = sum(
        len(images.row_N) + len(tries[role]) * min(settings.sample, len(images.row_N))
        for role, images in seen.items()
    )
    with job.progress("check_teacher", total) as progress:
        looks = {
            role: look(teacher, images, tries[role], settings.sample, device(), progress.advance)
            for role, images in seen.items()
        }
    verdict = judge(*(looks[role].trials for role in seen))
    if verdict.verdict == "wrong" and settings.unlikely == "fail":
        raise UserError(
            f"{verdict.sentence} {verdict.advice} check_teacher.unlikely: report goes on all the same."
        )
    if verdict.verdict in {"wrong", "doubtful"}:
        log.warning("%s %s", verdict.sentence, verdict.advice)
    else:
        log.info("%s", verdict.sentence)
    job.write_json(
        "check.json", verdict.to_json() | {"looks": {role: one.to_json() for role, one in looks.items()}}
    )
    columns = {
        "kind": [role for role, one in looks.items() for _ in one.predicted_N],
        "place": np.concatenate([images.place_N for images in seen.values()]),
        "row": np.concatenate([images.row_N for images in seen.values()]),
        "predicted": np.concatenate([one.predicted_N for one in looks.values()]),
        "confidence": np.concatenate([one.confidence_N for one in looks.values()]).astype(np.float32),
    }
    keys = [f"{row:08d}" for row in range(len(columns["kind"]))]
    write_table(job.folder / TABLE, {"key": keys} | columns)
    job.classes = described.classes
    job.facts = {"verdict": verdict.verdict, "likely": verdict.to_json()["likely"]}


if __name__ == "__main__":
    roles = {"teacher": "one", "proxies": "one", "pictures": "any"}
    main("check_teacher", CheckTeacher, roles, make, __doc__)
