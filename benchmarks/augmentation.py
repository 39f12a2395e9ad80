"""What a batch of views costs here, with torchvision image by image, and with kornia.

    OMP_NUM_THREADS=2 python benchmarks/augmentation.py [--repeats 30] [--device cpu]

The paper's set for shaders, 256 images of 32 pixels: RandAugment with 4 operations of magnitude 14, elastic
with probability 0.5, invert 0.1, flip 0.5, crop with 4 pixels of padding. All three start from the same uint8
images, each in the memory layout that suits it, and end with floats from 0 to 1. They take turns in one
process with the same number of threads, and each has done its work three times before it is timed.

- proxykd: `extreme`. Every image its own operations.
- torchvision: its v2 transforms in one Compose, called for each image, since one call is one draw. On
  tensors, with RandAugment's own choice of the nearest pixel, which is faster than interpolation. Every image
  its own operations.
- kornia: whole batches, and every image its own operations as kornia does that: each of RandAugment's
  thirteen that change anything, on its own random share of the batch, 1 - (13/14)^4, so that an image gets
  about as many as with the others; with torchvision's ranges, and no fill but black. Without gradients.
- kornia_batch: the same with kornia's RandAugment, which draws four operations for the batch and not for each
  image, so it does less than the others: no image gets any of the other ten. Its magnitude 14 is 14/30 of its
  own ranges (translations of 10 % and solarize_add among them).

Prints a table and, last, one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scripts")]

import kornia.augmentation as kornia  # noqa: E402
import torch  # noqa: E402
from kornia.augmentation.auto import RandAugment  # noqa: E402
from torchvision.transforms import v2  # noqa: E402

from pictures import pictures  # noqa: E402
from proxykd.augmentation.batch import augment, generator  # noqa: E402
from proxykd.augmentation.settings import Augmentation  # noqa: E402
from proxykd.networks.classifier import to_float  # noqa: E402

BATCH, SIZE, PADDING = 256, 32, 4
WARMING = 3
RIVALS = ("torchvision", "kornia", "kornia_batch")
MEAN = (0.4914, 0.4822, 0.4465)
ALPHA, SIGMA = 50.0, 5.0
Contender = Callable[[int], torch.Tensor]


def contenders(device: str) -> dict[str, Contender]:
    """What makes a batch of views from a step's number."""
    images_NHWC = torch.from_numpy(pictures(BATCH, SIZE)).to(device)
    images_NCHW = images_NHWC.permute(0, 3, 1, 2).contiguous()
    extreme, fill_C = Augmentation.model_validate("extreme"), torch.tensor(MEAN, device=device)
    each = _torchvision()
    one_draw, own_draws = (
        _kornia(RandAugment(4, 14, transformation_matrix_mode="skip")),
        _kornia(*_operations()),
    )

    def ours(step: int) -> torch.Tensor:
        return augment(to_float(images_NHWC), extreme, fill_C, generator(0, step))

    def image_by_image(step: int) -> torch.Tensor:
        torch.manual_seed(step)
        return torch.stack([each(image) for image in images_NCHW]).float().div_(255)

    def batch_by_batch(views: Callable[[torch.Tensor], torch.Tensor], step: int) -> torch.Tensor:
        torch.manual_seed(step)
        with torch.no_grad():
            return views(images_NCHW.float().div_(255))

    return {
        "proxykd": ours,
        "torchvision": image_by_image,
        "kornia": partial(batch_by_batch, own_draws),
        "kornia_batch": partial(batch_by_batch, one_draw),
    }


def _torchvision() -> Callable[[torch.Tensor], torch.Tensor]:
    fill = [round(255 * value) for value in MEAN]
    return v2.Compose(
        [
            v2.RandAugment(4, 14, fill=fill),
            v2.RandomApply([v2.ElasticTransform(ALPHA, SIGMA, fill=fill)], 0.5),
            v2.RandomInvert(0.1),
            v2.RandomHorizontalFlip(0.5),
            v2.RandomCrop(SIZE, PADDING, fill=fill),
        ]
    )


def _operations() -> list[torch.nn.Module]:
    """RandAugment's operations at magnitude 14, each on its own share of the images."""
    own: dict[str, Any] = {"p": 1 - (13 / 14) ** 4}
    shear, shift = 8.0, 14 / 30 * 150 / 331
    low, high = 1 - 0.9 * 14 / 30, 1 + 0.9 * 14 / 30
    return [
        kornia.RandomAffine(0.0, shear=(-shear, shear, 0.0, 0.0), **own),
        kornia.RandomAffine(0.0, shear=(0.0, 0.0, -shear, shear), **own),
        kornia.RandomAffine(0.0, translate=(shift, 0.0), **own),
        kornia.RandomAffine(0.0, translate=(0.0, shift), **own),
        kornia.RandomRotation(14.0, **own),
        kornia.RandomBrightness((low, high), **own),
        kornia.RandomSaturation((low, high), **own),
        kornia.RandomContrast((low, high), **own),
        kornia.RandomSharpness(0.42, **own),
        kornia.RandomPosterize((6, 6), **own),
        kornia.RandomSolarize((0.53, 0.53), (0.0, 0.0), **own),
        kornia.RandomAutoContrast(**own),
        kornia.RandomEqualize(**own),
    ]


def _kornia(*operations: torch.nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
    taps = int(8 * SIGMA + 1)
    alpha = ALPHA / SIZE
    return torch.nn.Sequential(
        *operations,
        kornia.RandomElasticTransform((taps, taps), (SIGMA, SIGMA), (alpha, alpha), p=0.5),
        kornia.RandomInvert(p=0.1),
        kornia.RandomHorizontalFlip(p=0.5),
        kornia.RandomCrop((SIZE, SIZE), padding=PADDING),
    )


def measure(repeats: int, device: str = "cpu") -> dict[str, Any]:
    """Milliseconds a batch of each, medians over `repeats` turns, and how many times ours the others' are.

    Keys, all beginning with `augmentation_`: threads, ms, quartiles {contender: [25 %, 75 %] in ms}, and for
    each rival ms_<rival> and vs_<rival>.
    """
    warnings.filterwarnings("ignore", module="kornia")
    called = contenders(device)
    seconds: dict[str, list[float]] = {name: [] for name in called}
    for step in range(WARMING + repeats):
        for name, contender in called.items():
            took = _seconds(contender, step, device)
            if step >= WARMING:
                seconds[name].append(took)
    median = {name: 1000 * statistics.median(several) for name, several in seconds.items()}
    return {
        "augmentation_threads": torch.get_num_threads(),
        "augmentation_ms": median["proxykd"],
        "augmentation_quartiles": {name: _quartiles(several) for name, several in seconds.items()},
        **{f"augmentation_ms_{rival}": median[rival] for rival in RIVALS},
        **{f"augmentation_vs_{rival}": median[rival] / median["proxykd"] for rival in RIVALS},
    }


def _seconds(contender: Contender, step: int, device: str) -> float:
    begin = time.perf_counter()
    contender(step)
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def _quartiles(seconds: list[float]) -> list[float]:
    if len(seconds) < 2:
        return [1000 * value for value in (seconds[0], seconds[0])]
    low, _, high = statistics.quantiles(seconds, n=4)
    return [1000 * low, 1000 * high]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=30, help="turns of each (default: 30)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    arguments = parser.parse_args()
    result = measure(arguments.repeats, arguments.device)
    threads = result["augmentation_threads"]
    print(f"{BATCH} images of {SIZE} pixels, {arguments.device}, {threads} threads")
    print(f"{'':12} {'ms a batch':>10} {'quartiles':>17} {'times ours':>10}")
    for name, (low, high) in result["augmentation_quartiles"].items():
        suffix = "" if name == "proxykd" else f"_{name}"
        times = result[f"augmentation_vs{suffix}"] if suffix else 1.0
        print(f"{name:12} {result[f'augmentation_ms{suffix}']:10.2f} {low:8.2f} {high:8.2f} {times:10.1f}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
