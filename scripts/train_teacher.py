"""Train a teacher on labelled images, and measure it on the validation split.

The test split is not read here.
"""

import numpy as np

from proxykd.shards import read_table
from proxykd.stage import Job, device, main
from proxykd.training.settings import TrainTeacher


def make(job: Job[TrainTeacher]) -> None:
    from proxykd.networks.files import save
    from proxykd.training.checkpoint import Checkpoint
    from proxykd.training.loop import write_records
    from proxykd.training.teacher import accuracy, train_teacher

    def labelled(role: str) -> tuple[np.ndarray, np.ndarray]:
        folder = job.one(role)
        return job.images(folder), read_table(folder, ["label"])["label"].to_numpy()

    images_NHWC, labels_N = labelled("images")
    recipe = job.settings.recipe
    with job.progress("train_teacher", recipe.steps * recipe.batch) as progress:
        teacher, records = train_teacher(
            images_NHWC,
            labels_N,
            job.index("images").classes,
            job.settings,
            device(),
            progress,
            Checkpoint(job.checkpoint),
        )
    save(teacher, job.folder)
    write_records(job.folder / "metrics.jsonl", records)
    job.classes = teacher.description.classes
    job.facts["train_accuracy"] = accuracy(teacher, images_NHWC, labels_N, device())
    if "validation" in job.upstream:
        job.facts["validation_accuracy"] = accuracy(teacher, *labelled("validation"), device())


if __name__ == "__main__":
    main("train_teacher", TrainTeacher, {"images": "one", "validation": "optional"}, make, __doc__)
