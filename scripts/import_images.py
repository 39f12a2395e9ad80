"""Bring real images from outside into shards: one split of one set.

Reads image folders, parquet files as the Hugging Face hub has them, WebDataset shards, crops of one large
image, or a set with a name; brings all images to one size and number of channels. With classes: id or ood,
only those classes that overlap with the teacher's, or do not.
"""

from importlib import import_module

from proxykd.errors import UserError
from proxykd.images.settings import ImportImages
from proxykd.presentation.progress import log
from proxykd.shards import ShardWriter
from proxykd.stage import Job, main


def make(job: Job[ImportImages]) -> None:
    reader, *dividing = map(import_module, job.settings.modules())
    division = dividing[0].Division(job.settings, _teacher_classes(job)) if dividing else None
    with job.progress("import_images", job.settings.limit or 0) as progress:
        imported = reader.read(job.settings, progress.advance, None if division is None else division.keep)
    if division is not None:
        imported = division.narrowed(imported)
        job.facts["division"] = division.facts()
        for warning in division.warnings():
            log.warning("%s", warning)
    if imported.ignored:
        shown = ", ".join(imported.ignored[:5]) + (", ..." if len(imported.ignored) > 5 else "")
        log.warning(
            "%d files are no images of a class and were passed over: %s", len(imported.ignored), shown
        )
    with ShardWriter(job.folder) as writer:
        for image_HWC, label, origin in zip(
            imported.images_NHWC, imported.labels, imported.origins, strict=True
        ):
            writer.add(image_HWC, {"label": label, "class": imported.classes[label], "origin": origin})
    job.shards, job.classes = writer.shards, imported.classes


def _teacher_classes(job: Job[ImportImages]) -> list[str]:
    if "teacher" not in job.upstream:
        raise UserError(
            f"import_images.classes is {job.settings.classes}: which classes these are depends on a teacher. "
            "Give --teacher, or set classes: all."
        )
    return job.index("teacher").classes


if __name__ == "__main__":
    main("import_images", ImportImages, {"teacher": "optional"}, make, __doc__)
