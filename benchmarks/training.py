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
from proxykd.training.checkpoint import Checkpoint  # noqa: E402

BATCH = 128
SIZE = 32
CLASSES = [str(i) for i in range(10)]
Timed = tuple[float, float]


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


def share_outside_networks(pair: Pair, steps: int) -> tuple[float, float]:
    """Overhead of the real loop, 0 to 1, and its images a second."""
    where = device()
    how = settings(pair.student, 2 * steps + 2, BATCH, pair.precision)
    teacher = pair.frozen_teacher(where)
    marks: list[float] = []
    bare: list[float] = []
    x_NCHW = torch.rand(BATCH, 3, SIZE, SIZE, device=where).contiguous(memory_format=torch.channels_last)

    def watched(network, loss_at, *rest):  # type: ignore[no-untyped-def]
        target_N = torch.zeros(BATCH, dtype=torch.long, device=where)

        def passes() -> None:
            with torch.autocast(where, torch.bfloat16, enabled=pair.precision == "bf16"):
                with torch.no_grad():
                    teacher(x_NCHW)
                logits_NK = network(x_NCHW)
            torch.nn.functional.cross_entropy(logits_NK.float(), target_N).backward()
            network.zero_grad(set_to_none=True)

        def loss_and_bare(step: int, first: int | None) -> torch.Tensor:
            if step % 2 == 0:
                bare.append(timed(passes))
            synchronise()
            marks.append(time.perf_counter())
            return loss_at(step, first)

        return loop.fit(network, loss_and_bare, *rest)

    original, distillation.fit = distillation.fit, watched
    try:
        run_student(teacher, how, where)
    finally:
        distillation.fit = original
    # The first steps make the optimiser's state and warm caches up. From an even step's mark to the odd one's
    # behind it there is one step and nothing else.
    step = float(np.median(np.diff(marks)[2::2]))
    passes_alone = float(np.median(bare[1:]))
    return (step - passes_alone) / step, BATCH / step


def run_student(teacher: Classifier, how: DistillStudent, where: str) -> float:
    """Train a student and return the seconds that it took."""
    with tempfile.TemporaryDirectory() as folder, Progress("student", 0) as progress:
        images_NHWC = pictures(4096, SIZE)
        return timed(
            lambda: distillation.distil(
                teacher, images_NHWC, None, how, where, progress, Checkpoint(Path(folder))
            )
        )


def rate_between(pair: Pair, first: int, last: int, batch: int, compile: str) -> float:
    """Images a second from one step to another, without the start."""
    where = device()
    teacher = pair.frozen_teacher(where)
    short, long = (
        run_student(teacher, settings(pair.student, steps, batch, pair.precision, compile), where)
        for steps in (first, last)
    )
    return (last - first) * batch / (long - short)


def loop_against_plain(steps: int) -> tuple[float, float]:
    """Images a second of this loop and of the plain one, ResNet-20 to a ResNet-20."""
    pair = Pair("cifar_resnet_20", "cifar_resnet_20", "bf16")
    ours = rate_between(pair, 2, steps + 2, BATCH, "no")
    plain = plain_loop.images_per_second(
        build(described(pair.teacher)).eval().requires_grad_(False),
        build(described(pair.student)),
        pictures(4096, SIZE),
        BATCH,
        steps,
        device(),
    )
    return ours, plain


def main() -> None:
    """Measure, and print a table and a line of JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer repeats: under five minutes on two cores")
    quick = parser.parse_args().quick
    found: dict[str, object] = {"device": device_name(), "threads": torch.get_num_threads()}
    found |= {"torch": torch.__version__, "python": ".".join(map(str, sys.version_info[:3]))}
    overheads, rates = {}, {}
    for student, steps in (("cifar_resnet_20", 12 if quick else 40), ("resnet_18", 5 if quick else 12)):
        for precision in ("fp32", "bf16"):
            pair = Pair("cifar_resnet_20", student, precision)
            overheads[f"{student} {precision}"], rates[f"{student} {precision}"] = share_outside_networks(
                pair, steps
            )
            show(
                f"overhead, cifar_resnet_20 -> {student}, {precision}",
                f"{100 * overheads[f'{student} {precision}']:.1f} %",
            )
    ours, plain = loop_against_plain(10 if quick else 40)
    show("this loop, images a second", f"{ours:.0f}")
    show("plain loop, images a second", f"{plain:.0f}")
    views = augmentation_benchmark.measure(5 if quick else 20, device())
    ratios = {f"augmentation_{name}": views[name] for name in ("vs_torchvision", "vs_kornia")}
    show("extreme, 256 images of 32 pixels", f"{views['milliseconds']['proxykd']:.1f} ms")
    for name, ratio in ratios.items():
        show(name.replace("_", " "), f"{ratio:.1f}")
    found |= {"overhead": max(overheads.values()), "overheads": overheads, "rates": rates}
    found |= {"loop_vs_plain": ours / plain, "images_per_second": ours, "plain_images_per_second": plain}
    found |= ratios | {"augmentation_ms": views["milliseconds"]}
    if device() == "cuda":
        found |= gpu_rates()
    print(json.dumps(found))


def gpu_rates() -> dict[str, float]:
    """Images a second of the paper's networks, compiled, bf16, batch 512."""
    from proxykd.training.settings import TrainTeacher
    from proxykd.training.teacher import train_teacher

    distilled = rate_between(Pair("resnet_50", "resnet_18", "bf16"), 30, 230, 512, "default")
    labels_N = np.arange(4096) % 10

    def seconds(steps: int) -> float:
        recipe = {"steps": steps, "batch": 512, "precision": "bf16", "compile": "default"}
        how = TrainTeacher.model_validate(
            {"images": "x", "network": {"architecture": "resnet_50"}, "recipe": recipe}
        )
        with tempfile.TemporaryDirectory() as folder, Progress("teacher", 0) as progress:
            arguments = (
                pictures(4096, SIZE),
                labels_N,
                CLASSES,
                how,
                device(),
                progress,
                Checkpoint(Path(folder)),
            )
            return timed(lambda: train_teacher(*arguments))

    short, long = seconds(30), seconds(230)
    trained = 200 * 512 / (long - short)
    show("ResNet-50 teacher, images a second", f"{trained:.0f}")
    show("ResNet-50 -> ResNet-18, images a second", f"{distilled:.0f}")
    return {"teacher_images_per_second": trained, "distillation_images_per_second": distilled}


def show(what: str, value: str) -> None:
    """A line of the table."""
    print(f"{what:<52}{value:>12}", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("PROXYKD_CHECKPOINT_SECONDS", "1e9")
    main()
