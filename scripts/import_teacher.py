"""Make somebody's network the teacher: weights for a known architecture or for one of your own Python file,
or a program of torch.export.

None of its images are needed. Every tensor must find its place, and the network must behave as a classifier
that can be distilled: all of that is checked before anything is written.
"""

from proxykd.networks.teacher_settings import ImportTeacher
from proxykd.stage import Job, main


def make(job: Job[ImportTeacher]) -> None:
    from proxykd.networks.behaviour import check_behaviour
    from proxykd.networks.importing import check_stored, describe, open_teacher, store_teacher

    described, assumed = describe(job.settings)
    teacher = open_teacher(job.settings, described)
    check_behaviour(teacher, job.settings.called())
    store_teacher(teacher, job.settings, job.folder)
    check_stored(job.folder, teacher, job.settings.called())
    job.classes = described.classes
    job.facts["assumed"] = assumed


if __name__ == "__main__":
    main("import_teacher", ImportTeacher, {}, make, __doc__)
