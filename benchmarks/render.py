"""Rendering into shards against rendering as most scripts for shader images do it.

    python benchmarks/render.py [--quick]

Prints a table and, last, one line of JSON. Two programs are run in turns on one machine and timed from their
start to their end, with their imports and the compilation of all shaders:

- ours: `scripts/render_proxies.py`, with its worker processes, into shards and their table.
- plain: `plain_renderer.py`: one process, one draw, one read and one file an image. Programs and parameters
  are the same, and so are the images, which is checked.

Mesa's cache of compiled shaders is off for both, but in the row `warm`, which is a second run with the cache
on. With several rounds the medians count. `cpu` is a program's processor time, which tells what it costs
where other programs keep the cores busy. `raster` and `compute` are images a second of the back ends alone,
in one process, without compilation, encoding and files. Where there is a graphics card, the stage is measured
with each of them, too. Images are drawn with 2 x 2 samples a pixel.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "scripts"))

from proxykd.environment import cores  # noqa: E402
from proxykd.proxies.shaders.context import device_of, on_processor, open_context  # noqa: E402
from proxykd.proxies.shaders.trial import rates  # noqa: E402

OURS, PLAIN = HERE.parent / "scripts" / "render_proxies.py", HERE / "plain_renderer.py"


@dataclass(frozen=True)
class Case:
    """A pool that both render."""

    size: int
    programs: int
    images: int
    """Of each program."""

    @property
    def count(self) -> int:
        return self.programs * self.images

    def settings(self, backend: str) -> dict[str, Any]:
        pool = {"kind": "shaders", "size": self.size, "channels": 3, "backend": backend}
        return pool | {"programs": self.programs, "count": self.count}


# As many images a program as a million have with 2,000 programs; fewer where they are large.
QUICK = [Case(32, 100, 500), Case(64, 30, 500), Case(224, 10, 80)]
FULL = [Case(32, 200, 500), Case(64, 68, 500), Case(224, 34, 80)]


@dataclass(frozen=True)
class Cost:
    """What a program took: seconds from start to end, and the processor's."""

    seconds: float
    cpu: float


def cost(program: Path, settings: dict[str, Any], out: Path, cache: Path | None) -> Cost:
    """Run a program; `cache` is a folder for Mesa's compiled shaders, None for no cache."""
    environment = dict(os.environ)
    for name in ("GALLIVM_PERF", "LP_NUM_THREADS", "OMP_NUM_THREADS", "MESA_SHADER_CACHE_DISABLE"):
        environment.pop(name, None)
    environment |= {"MESA_SHADER_CACHE_DIR": str(cache)} if cache else {"MESA_SHADER_CACHE_DISABLE": "true"}
    command = [sys.executable, str(program), "--settings", json.dumps(settings), "--out", str(out)]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{program.name} ended with {done.returncode}:\n{done.stderr}")
    return Cost(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def compared(case: Case, backends: list[str], rounds: int, warm: bool = False) -> dict[str, Cost]:
    """What the plain way and ours took, by back end: the medians of some rounds."""
    ways = {"plain": (PLAIN, "raster")} | {name: (OURS, name) for name in backends}
    taken: dict[str, list[Cost]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as scratch:
        for k in range(rounds):
            for name, (program, backend) in ways.items():
                out, cache = Path(scratch) / f"{name}-{k}", Path(scratch) / f"cache-{name}" if warm else None
                if warm:
                    cost(program, case.settings(backend), Path(scratch) / f"before-{name}-{k}", cache)
                taken[name].append(cost(program, case.settings(backend), out, cache))
        check_alike(case, Path(scratch) / "plain-0", Path(scratch) / f"{backends[0]}-0")
    return {
        name: Cost(median(one.seconds for one in several), median(one.cpu for one in several))
        for name, several in taken.items()
    }


def check_alike(case: Case, plain: Path, ours: Path) -> None:
    """That the last images of both are the same, to a grey level."""
    shard = sorted(ours.glob("train-*.tar"))[-1]
    with tarfile.open(shard) as tar:
        member = tar.getmembers()[-1]
        found = tar.extractfile(member)
        assert found is not None
        image_HWC = np.asarray(Image.open(io.BytesIO(found.read()))).astype(int)
    same_HWC = np.asarray(Image.open(plain / f"{case.count - 1:07d}.png")).astype(int)
    if np.abs(image_HWC - same_HWC).max() > 1:
        raise SystemExit("the two ways have drawn different images")


def report(what: str, case: Case, found: dict[str, Cost]) -> dict[str, float]:
    """A line of the table for each way, and what the line of JSON has of it; `what` is part of its names."""
    ratio = found["plain"].seconds / found["auto"].seconds
    figures = {f"ratio_{what}": ratio}
    for name, one in found.items():
        rate = case.count / one.seconds
        title = f"{what}, {case.programs} programs x {case.images}, {'ours' if name == 'auto' else name}"
        print(f"{title:<44}{rate:12.1f}{1000 * one.cpu / case.count:12.3f}", flush=True)
        stem = "" if name == "auto" else f"{name}_"
        figures |= {
            f"{stem}images_per_second_{what}": rate,
            f"{stem}cpu_ms_{what}": 1000 * one.cpu / case.count,
        }
    print(f"{what + ', ours over plain':<44}{ratio:12.2f}")
    return figures


def device_rates(sizes: list[int]) -> tuple[str, dict[int, dict[str, float]], bool]:
    """The device's name, images a second of each back end by size, and whether the CPU draws."""
    context = open_context()
    try:
        measured = {size: rates(context, size, 2) for size in sizes}
        return device_of(context), measured, on_processor(context)
    finally:
        context.release()


def main() -> None:
    """Measure, and print a table and a line of JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="one round of fewer programs: under five minutes"
    )
    quick = parser.parse_args().quick
    cases = QUICK if quick else FULL
    device, alone, no_card = device_rates([case.size for case in cases])
    print(f"{device}, {cores()} cores\n{'':<44}{'images/s':>12}{'cpu ms/image':>12}")
    found: dict[str, Any] = {"device": device, "cores": cores()}
    for size, of in alone.items():
        for name, rate in of.items():
            print(f"{f'{size}, {name} alone, one process':<44}{rate:12.1f}")
            found[f"{name}_{size}"] = rate
    for case in cases:
        backends = ["auto"] if no_card else ["auto", "raster", "compute"]
        found |= report(f"{case.size}", case, compared(case, backends, 1 if quick else 3))
    warm = Case(32, cases[0].programs // 5, 500)
    found |= report("32_warm", warm, compared(warm, ["auto"], 1, warm=True))
    print(json.dumps({name: round(one, 3) if isinstance(one, float) else one for name, one in found.items()}))


if __name__ == "__main__":
    main()
