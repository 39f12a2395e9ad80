"""Pools of proxies and teachers, made and judged by the pipeline's own stage programs in a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from proxykd.assessment.sample import Groups, groups
from proxykd.configuration import read
from proxykd.errors import UserError
from proxykd.networks.files import describe
from proxykd.plan import Plan, behind
from proxykd.selection.uniformity import uniformity
from proxykd.shards import read_table
from proxykd.store import read_index

ROOT = Path(__file__).resolve().parent.parent
PUBLISHED = {20: "teachers/resnet20-12fca82f.th", 56: "teachers/resnet56-4bfd9763.th"}
"""Depth -> checkpoint of akamaster/pytorch_resnet_cifar10, below the folder of real data."""
CIFAR10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
RESAMPLES = 400


def made(stage: str, settings: dict[str, Any], out: Path, **upstream: Path) -> Path:
    """The folder of a stage's result, made by its program unless it is there. UserError where that fails.

    What the program tells of its progress goes to stderr as always.
    """
    command = [sys.executable, str(ROOT / "scripts" / f"{stage}.py"), "--settings", json.dumps(settings)]
    for role, folder in upstream.items():
        command += [f"--{role}", str(folder)]
    if subprocess.run([*command, "--out", str(out)], check=False).returncode != 0:
        raise UserError(f"{stage} did not finish; its reason stands above. Mend that, and start again.")
    return out


def real_data() -> Path | None:
    """The folder of real image sets and teachers, where PROXYKD_DATA names one."""
    given = os.environ.get("PROXYKD_DATA")
    return None if not given else Path(given)


def usual_teacher(folder: Path) -> Path:
    """A teacher that this machine has: the ResNet-20 of the real data, else the demonstration's of digits.

    The latter is trained in seconds.
    """
    return published_teacher(folder, 20) or digits_teacher(folder)


def usual_teachers(folder: Path) -> list[Path]:
    """Both ResNets of the real data, as far as they are at hand, else the demonstration's teacher."""
    found = [place for depth in PUBLISHED if (place := published_teacher(folder, depth))]
    return found or [digits_teacher(folder)]


def published_teacher(folder: Path, depth: int) -> Path | None:
    """A ResNet of the real data; None where it is not at hand."""
    data = real_data()
    if data is None or not (data / PUBLISHED[depth]).exists():
        return None
    settings = {
        "architecture": f"cifar_resnet_{depth}",
        "checkpoint": str(data / PUBLISHED[depth]),
        "size": 32,
        "classes": CIFAR10,
        "mean": [0.485, 0.456, 0.406],
        "deviation": [0.229, 0.224, 0.225],
    }
    return made("import_teacher", settings, folder / f"resnet{depth}")


def digits_teacher(folder: Path) -> Path:
    """The teacher of the default configuration, with all that it is made from."""
    teacher = Plan(read(ROOT / "config.yaml")).experiments[0].runs[0].teacher
    places: dict[str, Path] = {}
    for stage in behind([teacher]):
        upstream = {role: places[several[0].key] for role, several in stage.upstream.items()}
        place = folder / ("digits" if stage is teacher else f"digits-{stage.key}")
        places[stage.key] = made(stage.name, stage.settings.canonical(), place, **upstream)
    return places[teacher.key]


def shaders(teacher: Path, folder: Path, count: int, programs: int | None, seed: int = 0) -> Path:
    """Unselected frames of the default corpus, as the teacher takes them; all its programs where none are
    given."""
    more = {} if programs is None else {"programs": programs}
    return rendered("shaders", teacher, folder, count, seed=seed, **more)


def rendered(kind: str, teacher: Path, folder: Path, count: int, **more: Any) -> Path:
    """A pool of rendered proxies of the teacher's size and channels."""
    form = describe(teacher)
    settings = {"kind": kind, "count": count, "size": form.size, "channels": form.channels} | more
    words = [kind, str(count), str(form.size), str(form.channels), *(f"{value}" for value in more.values())]
    return made("render_proxies", settings, folder / "-".join(words))


def pictures(name: str, teacher: Path, folder: Path, count: int) -> Path:
    """A part of a real set's train split, of the teacher's size and channels. Needs the real data."""
    form, data = describe(teacher), real_data()
    assert data is not None
    place = {"source": "parquet", "path": str(data / name), "split": "train", "limit": count}
    settings = place | {"size": form.size, "channels": form.channels}
    return made("import_images", settings, folder / f"{name}-{form.size}-{form.channels}-{count}")


@dataclass(frozen=True)
class Judged:
    """What the pipeline says of a pool, by one teacher."""

    assessment: dict[str, Any]
    """As `assess_proxies` writes it."""
    first_N: np.ndarray
    """The teacher's class of each image."""
    known: Groups
    """What each image is of: a program, or a class of a real set."""

    @property
    def programs(self) -> int | None:
        """Number of programs; None for images that are of none."""
        return self.known.count if self.known.kind == "program" else None


def scored(teacher: Path, pool: Path, folder: Path) -> Path:
    """The teacher's opinion of each image of a pool."""
    return made(
        "score_proxies", {}, folder / f"{teacher.name}-{pool.name}-scores", teacher=teacher, pool=pool
    )


def classes_seen(scores: Path) -> np.ndarray:
    """The teacher's class of each image, N."""
    return read_table(scores, ["predicted"])["predicted"].to_numpy()


def judged(teacher: Path, pool: Path, folder: Path) -> Judged:
    """Score a pool with the teacher, and assess it, both with the default settings."""
    scores = scored(teacher, pool, folder)
    roles = {"teacher": teacher, "pool": pool, "scores": scores}
    found = made("assess_proxies", {}, folder / f"{teacher.name}-{pool.name}-assessment", **roles)
    assessment = json.loads((found / "assessment.json").read_text())
    return Judged(assessment, classes_seen(scores), groups([pool]))


def intervals(found: Judged) -> dict[str, tuple[float, float]]:
    """95 % intervals of scaled entropy and smallest share: 1.96 bootstrap deviations either way.

    Programs are drawn anew: images of one resemble each other, so it is programs that another corpus would
    have others of. Where there are no several programs, images are drawn anew.
    """
    classes, rng = found.assessment["classes"], np.random.default_rng(0)
    unit_N = found.known.group_N if (found.programs or 1) > 1 else np.arange(len(found.first_N))
    place_N = unit_N * classes + found.first_N
    counts_PK = np.bincount(place_N, minlength=(unit_N.max() + 1) * classes).reshape(-1, classes)
    drawn = [counts_PK[rng.integers(0, len(counts_PK), len(counts_PK))].sum(0) for _ in range(RESAMPLES)]
    several = [uniformity(histogram_K) for histogram_K in drawn]
    ends = {}
    for name, largest in (("relative_entropy", 1.0), ("smallest_share", 1 / classes)):
        value = found.assessment["uniformity"][name]
        reach = 1.96 * float(np.std(np.array([one[name] for one in several], float)))
        ends[name] = (max(0.0, value - reach), min(largest, value + reach))
    return ends


def teacher_name(teacher: Path) -> str:
    """The network and the form of its images, for people."""
    form = describe(teacher)
    return f"{form.architecture}, {form.size} x {form.size} x {form.channels}, {len(form.classes)} classes"


def origin(pool: Path) -> str:
    """What a pool is, for people."""
    index = read_index(pool)
    return str(index.settings.get("kind") or Path(str(index.settings.get("path") or pool)).name)
