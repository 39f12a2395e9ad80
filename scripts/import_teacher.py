"""Make somebody's checkpoint the teacher: safetensors, or a pickle that holds nothing but weights.

None of its images are needed. Every tensor must find its place in the stated architecture.
"""

from proxykd.networks.settings import ImportTeacher
from proxykd.stage import Job, main


def make(job: Job[ImportTeacher]) -> None:
    from pathlib import Path

    import torch

    from proxykd.errors import UserError
    from proxykd.networks.build import build
    from proxykd.networks.checkpoint import load_into, read_weights
    from proxykd.networks.classifier import Description
    from proxykd.networks.files import save

    settings = job.settings
    path = Path(settings.checkpoint).expanduser()
    weights = read_weights(path, settings.trust)
    described = Description(
        settings.architecture,
        settings.size,
        settings.channels,
        settings.class_names(),
        settings.mean,
        settings.deviation,
        "imported",
    )
    teacher = build(described)
    load_into(teacher.body, weights, settings.architecture, path)
    teacher.eval()
    x_NCHW = torch.rand(4, settings.channels, settings.size, settings.size)
    with torch.inference_mode():
        logits_NK = teacher(x_NCHW)
    if not logits_NK.isfinite().all():
        raise UserError(
            f"{path} gives outputs that are not finite: its weights are damaged, or too large. Fetch "
            "it again, or correct import_teacher.mean and deviation."
        )
    save(teacher, job.folder)
    job.classes = described.classes


if __name__ == "__main__":
    main("import_teacher", ImportTeacher, {}, make, __doc__)
