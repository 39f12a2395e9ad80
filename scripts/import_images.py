"""Bring real images from outside into shards: one split of one set.

Reads scikit-learn's digits, an image folder, parquet files as the Hugging Face hub has them, or one of
torchvision's sets; brings all images to one size and number of channels.
"""

from importlib import import_module

from proxykd.images.settings import ImportImages
from proxykd.presentation.progress import log
from proxykd.shards import ShardWriter
from proxykd.stage import Job, main


def make(job: Job[ImportImages]) -> None:
    (module,) = job.settings.modules()
    with job.progress("import_images", job.settings.limit or 0) as progress:
        imported = import_module(module).read(job.settings, progress.advance)
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


if __name__ == "__main__":
    main("import_images", ImportImages, {}, make, __doc__)
