"""What the training loop costs beside the networks themselves, and beside how others write it.

    python benchmarks/training.py [--quick]

Prints a table and, last, one line of JSON. Everything is measured in one run, in turns, on one machine:

- overhead: share of a step that is not spent in the forward and backward passes. Every second step of the
  real loop (`fit`: order, augmentation, mixup, loss, optimiser, records) is timed; in the steps between, the
  bare passes of the same networks on one fixed batch are run and timed.
- loop_vs_plain: images a second of this loop over those of the loop that is usual in this field: a DataLoader
  with worker processes, torchvision's transforms image by image, mixup, fp32, eager, as torchdistill and
  mdistiller do it. The same networks, images, set of augmentations, batch and number of steps.
- augmentation_vs_torchvision, augmentation_vs_kornia: times ours takes less, see augmentation.py.

On a GPU also: images a second of a ResNet-50 teacher's training and of ResNet-50 -> ResNet-18, at 32 pixels.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scripts")]

import torch  # noqa: E402

import augmentation as augmentation_benchmark  # noqa: E402
import plain_loop  # noqa: E402
from pictures import pictures  # noqa: E402
from proxykd.distillation import student as distillation  # noqa: E402
from proxykd.distillation.settings import DistillStudent  # noqa: E402
from proxykd.networks.build import build  # noqa: E402
from proxykd.networks.classifier import Classifier, Description  # noqa: E402
from proxykd.presentation.progress import Progress  # noqa: E402
from proxykd.stage import device, device_name  # noqa: E402
from proxykd.training import loop  # noqa: E402
from proxykd.training import teacher as teaching  # noqa: E402
from proxykd.training.checkpoint import Checkpoint  # noqa: E402
from proxykd.training.settings import TrainTeacher  # noqa: E402

BATCH = 128
SIZE = 32
CLASSES = [str(i) for i in range(10)]


def described(architecture: str) -> Description:
    """A network for 32-pixel images in colour."""
    return Description(architecture, SIZE, 3, CLASSES, [0.49, 0.48, 0.45], [0.25, 0.24, 0.26])


def settings(student: str, steps: int, batch: int, precision: str, compile: str = "no") -> DistillStudent:
    """A student's settings as a configuration for shaders has them."""
    recipe = {"steps": steps, "batch": batch, "precision": precision, "compile": compile}
    return DistillStudent.model_validate(
        {"network": {"architecture": student}, "recipe": recipe, "temperature": 20, "augmentation": "extreme"}
    )


@dataclass
class Pair:
    """A teacher and how a student of it is trained."""

    teacher: str
    student: str
    precision: str

    def frozen_teacher(self, where: str) -> Classifier:
        """The teacher, with fresh weights: speed does not depend on them."""
        network = build(described(self.teacher)).eval().requires_grad_(False)
        return network.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]


def synchronise() -> None:
    """Wait for the device."""
    if device() == "cuda":
        torch.cuda.synchronize()


def timed(work: Callable[[], object]) -> float:
    """Seconds of some work, to its end on the device."""
    synchronise()
    began = time.perf_counter()
    work()
    synchronise()
    return time.perf_counter() - began


class Watch:
    """Stands between the real loop and its loss: bare passes in every second step, and the time of each."""

    def __init__(self, pair: Pair, teacher: Classifier, with_bare: bool) -> None:
        self.pair, self.teacher, self.with_bare = pair, teacher, with_bare
        self.marks: list[float] = []
        self.bare: list[float] = []
        x_NCHW = torch.rand(BATCH, 3, SIZE, SIZE, device=device())
        self.x_NCHW = x_NCHW.contiguous(memory_format=torch.channels_last)

    def fit(self, network, loss_at, *rest):  # type: ignore[no-untyped-def]
        """`loop.fit`, watched."""

        def watched(step: int, first: int | None) -> torch.Tensor:
            if self.with_bare and step % 2 == 0:
                self.bare.append(timed(lambda: self._passes(network)))
            synchronise()
            self.marks.append(time.perf_counter())
            return loss_at(step, first)

        return loop.fit(network, watched, *rest)

    def _passes(self, network: Classifier) -> None:
        """Forward and backward of the same networks, and nothing else."""
        with torch.autocast(device(), torch.bfloat16, enabled=self.pair.precision == "bf16"):
            with torch.no_grad():
                self.teacher(self.x_NCHW)
            logits_NK = network(self.x_NCHW)
        logits_NK.float().square().mean().backward()
        network.zero_grad(set_to_none=True)


def watched_student(
    pair: Pair, steps: int, batch: int, compile: str = "no", with_bare: bool = False
) -> Watch:
    """Train a student for some steps."""
    where = device()
    watch = Watch(pair, pair.frozen_teacher(where), with_bare)
    original, distillation.fit = distillation.fit, watch.fit
    try:
        with tempfile.TemporaryDirectory() as folder, Progress("student", 0) as progress:
            how = settings(pair.student, steps, batch, pair.precision, compile)
            checkpoint = Checkpoint(Path(folder))
            distillation.distil(watch.teacher, pictures(4096, SIZE), None, how, where, progress, checkpoint)
    finally:
        distillation.fit = original
    return watch


def share_outside_networks(pair: Pair, steps: int) -> tuple[float, float]:
    """Overhead of the real loop, 0 to 1, and its images a second."""
    watch = watched_student(pair, 2 * steps + 3, BATCH, with_bare=True)
    # The first steps make the optimiser's state and warm caches up. From an even step's mark to the odd one's
    # behind it there is one step and nothing else.
    step = float(np.median(np.diff(watch.marks)[2::2]))
    return (step - float(np.median(watch.bare[1:]))) / step, BATCH / step


def images_per_second(marks: list[float], warm: int, batch: int) -> float:
    """Rate from one step's mark to the last one's."""
    return (len(marks) - 1 - warm) * batch / (marks[-1] - marks[warm])


def loop_against_plain(steps: int) -> tuple[float, float]:
    """Images a second of this loop and of the plain one, ResNet-20 to a ResNet-20."""
    pair = Pair("cifar_resnet_20", "cifar_resnet_20", "bf16")
    ours = images_per_second(watched_student(pair, steps + 3, BATCH).marks, 2, BATCH)
    plain = plain_loop.images_per_second(
        build(described(pair.teacher)).eval().requires_grad_(False),
        build(described(pair.student)),
        pictures(4096, SIZE),
        BATCH,
        steps,
        device(),
    )
    return ours, plain


def gpu_rates() -> dict[str, float]:
    """Images a second of the paper's networks, compiled, bf16, batch 512."""
    watch = watched_student(Pair("resnet_50", "resnet_18", "bf16"), 230, 512, "default")
    distilled = images_per_second(watch.marks, 30, 512)
    trained = images_per_second(watched_teacher(230, 512), 30, 512)
    show("ResNet-50 teacher, images a second", f"{trained:.0f}")
    show("ResNet-50 -> ResNet-18, images a second", f"{distilled:.0f}")
    return {"teacher_images_per_second": trained, "distillation_images_per_second": distilled}


def watched_teacher(steps: int, batch: int) -> list[float]:
    """The time of each step of a ResNet-50's training."""
    pair = Pair("resnet_50", "resnet_50", "bf16")
    watch = Watch(pair, pair.frozen_teacher(device()), False)
    recipe = {"steps": steps, "batch": batch, "precision": "bf16", "compile": "default"}
    how = TrainTeacher.model_validate(
        {"images": "x", "network": {"architecture": "resnet_50"}, "recipe": recipe}
    )
    original, teaching.fit = teaching.fit, watch.fit
    try:
        with tempfile.TemporaryDirectory() as folder, Progress("teacher", 0) as progress:
            labels_N, checkpoint = np.arange(4096) % 10, Checkpoint(Path(folder))
            images_NHWC = pictures(4096, SIZE)
            teaching.train_teacher(images_NHWC, labels_N, CLASSES, how, device(), progress, checkpoint)
    finally:
        teaching.fit = original
    return watch.marks


def overheads(quick: bool) -> dict[str, Any]:
    """Overhead and rate of a small and of a large student, in both precisions."""
    shares, rates = {}, {}
    for student, steps in (("cifar_resnet_20", 12 if quick else 40), ("resnet_18", 5 if quick else 12)):
        for precision in ("fp32", "bf16"):
            name = f"{student} {precision}"
            shares[name], rates[name] = share_outside_networks(
                Pair("cifar_resnet_20", student, precision), steps
            )
            show(f"overhead, cifar_resnet_20 -> {name}", f"{100 * shares[name]:.1f} %")
    return {"overhead": max(shares.values()), "overheads": shares, "rates": rates}


def main() -> None:
    """Measure, and print a table and a line of JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer repeats: under five minutes on two cores")
    quick = parser.parse_args().quick
    found: dict[str, Any] = {"device": device_name(), "threads": torch.get_num_threads()}
    found |= {"torch": torch.__version__, "python": ".".join(map(str, sys.version_info[:3]))}
    found |= overheads(quick)
    ours, plain = loop_against_plain(10 if quick else 40)
    found |= {"loop_vs_plain": ours / plain, "images_per_second": ours, "plain_images_per_second": plain}
    show("this loop, images a second", f"{ours:.0f}")
    show("plain loop, images a second", f"{plain:.0f}")
    views = augmentation_benchmark.measure(5 if quick else 20, device())
    show("extreme, 256 images of 32 pixels", f"{views['augmentation_ms']:.1f} ms")
    for name in ("augmentation_vs_torchvision", "augmentation_vs_kornia", "augmentation_vs_kornia_batch"):
        show(name.replace("_", " "), f"{views[name]:.1f}")
    found |= views
    if device() == "cuda":
        found |= gpu_rates()
    print(json.dumps(found))


def show(what: str, value: str) -> None:
    """A line of the table."""
    print(f"{what:<52}{value:>12}", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("PROXYKD_CHECKPOINT_SECONDS", "1e9")
    main()
