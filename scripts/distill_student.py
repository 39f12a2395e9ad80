"""Distil a student from the teacher's outputs on proxies, and on attacked ones where there are any.

Reads no label: what the teacher says of the very view that the student sees is the target (with the loss
mixture_of_argmaxes, of the two views that it is mixed from).
"""

from proxykd.distillation.settings import DistillStudent
from proxykd.stage import Job, device, main


def make(job: Job[DistillStudent]) -> None:
    from proxykd.distillation.student import Attacked, distil
    from proxykd.networks.files import load, save
    from proxykd.training.checkpoint import Checkpoint
    from proxykd.training.data import Images
    from proxykd.training.loop import write_records

    teacher = load(job.one("teacher"), device())
    selected_NHWC = job.images(job.one("selection"))
    teacher.description.check_fits(selected_NHWC, "The selected images")
    settings, attacked = job.settings, None
    if "boundary" in job.upstream:
        made = job.index("boundary").facts
        stored = job.images(job.one("boundary"))
        attacked = Attacked(Images(stored.reshape(-1, made["members"], *stored.shape[1:]), device()))
        if settings.refresh is not None:
            settings = settings.model_copy(update={"refresh": settings.refresh.within(made["epsilon"])})
    recipe = settings.recipe
    with job.progress("distill_student", recipe.steps * recipe.batch) as progress:
        student, records, straddling = distil(
            teacher, selected_NHWC, attacked, settings, device(), progress, Checkpoint(job.checkpoint)
        )
    save(student, job.folder)
    write_records(job.folder / "metrics.jsonl", records)
    job.classes = student.description.classes
    job.facts |= {"loss": records[-1]["loss"], "straddling": straddling}
    if settings.refresh is not None:
        job.facts["refreshed"] = [_refresh(record) for record in records if "refresh_pairs" in record]


def _refresh(record: dict[str, float]) -> dict[str, float]:
    """What a record says of the pairs that were made anew after its step."""
    return {name: value for name, value in record.items() if name == "step" or name.startswith("refresh_")}


if __name__ == "__main__":
    main(
        "distill_student",
        DistillStudent,
        {"teacher": "one", "selection": "one", "boundary": "optional"},
        make,
        __doc__,
    )
