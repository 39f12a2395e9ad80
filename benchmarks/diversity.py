"""Diversity of shaders, dead leaves, noise and real images, side by side, in pixels and to a teacher.

    PROXYKD_DATA=<folder> python benchmarks/diversity.py [--quick] [--teacher FOLDER]

20,000 unselected images of each (4,000 with --quick, the shaders of 400 programs), made as the pipeline
makes them; CIFAR-10 and Imagenette only where PROXYKD_DATA has them, and as many as there are. The teacher is
chosen as by coverage.py. Prints tables and, last, one line of JSON. In five samples of 2,000 images (three of
1,000):

- Vendi score, in pixels from mid-grey and in the teacher's features: of the sample; between programs, one
  image of each; within them, the mean of sets of ten images of one program (of real images: of one class; of
  leaves and noise, which are one program: of any).
- effective rank of the features about their mean (Roy and Vetterli 2007).
- spectral slope: alpha of the power spectrum 1 / f^alpha of each image's luma.
± is twice the standard deviation over the samples; the slope stands with the range of 95 % of the images.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scripts")]

from judged import (  # noqa: E402
    classes_seen,
    pictures,
    real_data,
    rendered,
    scored,
    shaders,
    teacher_name,
    usual_teacher,
)
from proxykd.assessment import diversity, sample  # noqa: E402
from proxykd.errors import run  # noqa: E402
from proxykd.networks.classifier import Classifier  # noqa: E402
from proxykd.networks.features import features_of  # noqa: E402
from proxykd.networks.files import load  # noqa: E402
from proxykd.selection.uniformity import uniformity  # noqa: E402
from proxykd.stage import device, device_name  # noqa: E402
from proxykd.store import folder_of  # noqa: E402
from structure import effective_rank, spectral_slopes  # noqa: E402

EACH = 10
"""Images of a set of one program."""
REAL = ("cifar10", "imagenette64")


def pools(teacher: Path, folder: Path, count: int, programs: int | None) -> dict[str, Path]:
    """The pools that are compared, by name."""
    found = {"shaders": shaders(teacher, folder, count, programs)}
    found |= {kind: rendered(kind, teacher, folder, count) for kind in ("leaves", "noise")}
    data = real_data()
    there = [name for name in REAL if data is not None and (data / name).is_dir()]
    return found | {name: pictures(name, teacher, folder, count) for name in there}


def measured(teacher: Classifier, pool: Path, size: int, draws: int) -> dict[str, Any]:
    """Each figure's values, one for each of some samples; and the slopes of all their images."""
    known = sample.groups([pool])
    values: dict[str, list[float | None]] = {}
    slopes: list[np.ndarray] = []
    for seed in range(draws):
        drawn = sample.draw(known, size, EACH, seed)
        images_NHWC = sample.images([pool], drawn.rows)
        features_ND, _ = features_of(teacher, images_NHWC, device())
        scores = diversity.measure(drawn, diversity.pixels(images_NHWC), features_ND)
        told = {f"{what}_{name}": value for what, one in scores.items() for name, value in one.items()}
        # Ten images of ten classes say nothing of a set.
        if known.count <= EACH:
            told |= {"pixels_between": None, "features_between": None}
        told["effective_rank"] = effective_rank(features_ND[drawn.sample])
        for name, value in told.items():
            values.setdefault(name, []).append(value)
        slopes.append(spectral_slopes(images_NHWC[drawn.sample]))
    return values | {"slopes": np.concatenate(slopes), "groups": f"{known.count} {known.kind}"}


def summary(values: dict[str, Any]) -> dict[str, Any]:
    """Means, with twice the deviation over the samples as `_spread`; slopes with the range of 95 %."""
    slopes = values["slopes"]
    low, middle, high = np.nanquantile(slopes, (0.025, 0.5, 0.975))
    told: dict[str, Any] = {
        "slope": float(np.nanmean(slopes)),
        "slope_range": [float(low), float(high)],
        "slope_median": float(middle),
        "plain": float(np.isnan(slopes).mean()),
        "groups": values["groups"],
    }
    for name, several in values.items():
        if isinstance(several, list):
            missing = None in several
            told[name] = None if missing else float(np.mean(several))
            told[f"{name}_spread"] = None if missing else float(2 * np.std(several, ddof=1))
    return told


def show(rows: dict[str, dict[str, Any]]) -> None:
    """Three tables: Vendi scores, structure, and coverage for comparison."""
    for what in ("features", "pixels"):
        print(f"\n| Vendi score, {what} | of a sample | between programs | within |")
        print("|---|---|---|---|")
        for name, row in rows.items():
            cells = [spread(row, f"{what}_{which}") for which in ("vendi", "between", "within")]
            print(f"| {name} | {' | '.join(cells)} |")
    print(
        "\n| | effective rank | spectral slope | 95 % of images | plain, % | scaled entropy | smallest, % |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, row in rows.items():
        low, high = row["slope_range"]
        cells = [spread(row, "effective_rank"), f"{row['slope']:.2f}", f"{low:.2f} to {high:.2f}"]
        cells += [f"{100 * row['plain']:.1f}", f"{row['relative_entropy']:.3f}"]
        print(f"| {name} | {' | '.join(cells)} | {100 * row['smallest_share']:.1f} |")


def spread(row: dict[str, Any], name: str) -> str:
    """A mean ± twice its deviation, to three digits; a dash for None."""
    value = row[name]
    return "–" if value is None else f"{value:.3g} ± {row[f'{name}_spread']:.2g}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer images, and three samples of 1,000")
    parser.add_argument("--teacher", type=Path, metavar="FOLDER", help="a finished teacher")
    parser.add_argument("--count", type=int, help="images of each kind")
    parser.add_argument("--programs", type=int, help="of the shaders")
    parser.add_argument(
        "--kept", type=Path, metavar="FOLDER", help="keep what is made, and find it there again"
    )
    arguments = parser.parse_args()
    count, size, draws = (4000, 1000, 3) if arguments.quick else (20_000, 2000, 5)
    count = arguments.count or count
    programs = arguments.programs or (count // EACH if arguments.quick else None)
    rows: dict[str, dict[str, Any]] = {}
    with TemporaryDirectory() as passing:
        folder = arguments.kept or Path(passing)
        teacher = folder_of(arguments.teacher) if arguments.teacher else usual_teacher(folder)
        network = load(teacher, device())
        for name, pool in pools(teacher, folder, count, programs).items():
            seen_N = classes_seen(scored(teacher, pool, folder))
            histogram_K = np.bincount(seen_N, minlength=len(network.description.classes))
            rows[name] = summary(measured(network, pool, size, draws)) | uniformity(histogram_K)
        named = teacher_name(teacher)
    print(f"{named}: {draws} samples of {size} images")
    show(rows)
    print(json.dumps({"pools": rows, "teacher": named, "device": device_name()}))


if __name__ == "__main__":
    run(main)
