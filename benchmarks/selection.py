"""What it takes to choose images of each class by a teacher's features, and by its other opinions.

    python benchmarks/selection.py [--quick] [--images N] [--dimensions D] [--classes K]

Chooses 50,000 of 500,000 images (a tenth with --quick) of ten classes, each class for itself as
select_proxies does, and prints processor time and time by the clock of each rule and, last, one line of
JSON. Features are drawn at random about 2,000 centres and cut at 0, as those of a network whose last layer
follows a ReLU; no image is needed. Beside `diverse` stands greedy k-centre by its definition, one image after
another: as many seconds as its first 100 steps let expect, since all of them would take long.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scripts")]

import numpy as np  # noqa: E402

from proxykd.selection import farthest, runner_up, strata  # noqa: E402
from proxykd.selection.choice import Chooser, select  # noqa: E402
from proxykd.selection.profile import quotas  # noqa: E402
from proxykd.selection.settings import SelectProxies  # noqa: E402
from proxykd.stage import device_name  # noqa: E402

CENTRES, STEPS = 2_000, 100


def features(images: int, dimensions: int, rng: np.random.Generator) -> np.ndarray:
    """Features of half precision, in blocks, N x D."""
    centres_CD = rng.normal(size=(CENTRES, dimensions)).astype(np.float32)
    found_ND = np.empty((images, dimensions), np.float16)
    for first in range(0, images, 50_000):
        block = found_ND[first : first + 50_000]
        near_ND = centres_CD[rng.integers(CENTRES, size=len(block))]
        block[:] = np.maximum(near_ND + rng.normal(0, 0.5, block.shape), 0)
    return found_ND


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Processor time, over all cores, and time by the clock, in seconds."""
    before, began = os.times(), time.monotonic()
    work()
    after = os.times()
    return after.user - before.user + after.system - before.system, time.monotonic() - began


def plain_steps(features_nD: np.ndarray, steps: int) -> None:
    """The first steps of greedy k-centre by its definition."""
    x_nD = features_nD.astype(np.float32)
    x_nD /= np.maximum(np.linalg.norm(x_nD, axis=1, keepdims=True), 1e-12)
    nearest_n, new = np.full(len(x_nD), np.inf, np.float32), 0
    for _ in range(steps):
        np.minimum(nearest_n, 1 - x_nD @ x_nD[new], out=nearest_n)
        new = int(nearest_n.argmax())


def chooser(rule: Any, seen_N: np.ndarray, settings: SelectProxies) -> Chooser:
    """What `select` asks about the images of a class."""
    return lambda rows, count: rows[rule.choose(seen_N[rows], count, settings)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the images")
    parser.add_argument("--images", type=int, help="(default: 500,000)")
    parser.add_argument("--dimensions", type=int, default=64)
    parser.add_argument("--classes", type=int, default=10)
    arguments = parser.parse_args()
    images, classes = arguments.images or (50_000 if arguments.quick else 500_000), arguments.classes
    rng = np.random.default_rng(0)
    predicted_N = rng.integers(classes, size=images)
    confidence_N = rng.beta(4, 1, images).astype(np.float32)
    second_N = (predicted_N + rng.integers(1, max(2, classes), images)) % classes
    features_ND = features(images, arguments.dimensions, rng)
    wanted_K = quotas(images // 10, classes)
    rules = {"confidence": (strata, confidence_N), "pairs": (runner_up, second_N),
             "diverse": (farthest, features_ND)}  # fmt: skip
    told: dict[str, object] = {"images": images, "selected": images // 10, "classes": classes,
                               "dimensions": arguments.dimensions}  # fmt: skip
    print("| rule | processor time, s | clock, s |\n|---|---|---|")

    def show(name: str, spent: tuple[float, float]) -> None:
        print(f"| {name} | {spent[0]:.1f} | {spent[1]:.1f} |")
        told[f"{name.partition(',')[0]}_cpu_seconds"], told[f"{name.partition(',')[0]}_seconds"] = spent

    show("random", timed(lambda: select(predicted_N, wanted_K, None, 0, lambda rows, count: rows[:count])))
    for name, (rule, seen_N) in rules.items():
        choose = chooser(rule, seen_N, SelectProxies.model_validate({"within": name}))
        show(name, timed(partial(select, predicted_N, wanted_K, None, 0, choose)))
    one_nD = features_ND[predicted_N == 0]
    cpu, clock = timed(lambda: plain_steps(one_nD, STEPS))
    times = images / 10 / STEPS
    show("plain, expected", (cpu * times, clock * times))
    print(f"\n{device_name()}")
    print(json.dumps(told | {"device": device_name()}))


if __name__ == "__main__":
    main()
