"""How evenly unselected frames of the default corpus cover a teacher's classes, and how diverse they are.

    python benchmarks/coverage.py [--quick] [--teacher FOLDER] [--pool FOLDER]

Renders 50,000 frames (20,000 with --quick) as the pipeline does, has them scored and assessed by the stages'
own programs, and prints a table and, last, one line of JSON. No frame is left out. --pool takes a finished
pool instead. The teacher is a result of import_teacher or train_teacher; without one it is the published
ResNet-20 for CIFAR-10 below PROXYKD_DATA, and where that is not at hand the default configuration's teacher
of digits, which is trained first, in seconds.

- relative_entropy: of the class histogram, over its largest possible value: 0 to 1 (the paper's own figure).
- smallest_class: share of the images in the rarest class, 0 to 1/K.
- vendi: in the teacher's features, of 2,000 images at random; vendi_pixels: in pixels, from mid-grey. Between
  programs: of one image each; within: the mean over sets of ten images of one program.
- pairs: share of the pairs of classes with ten images or more on either side of the boundary between them.
Intervals are 95 %, by programs drawn anew (bootstrap): what another corpus of as many programs may give.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scripts")]

from judged import Judged, intervals, judged, origin, shaders, teacher_name, usual_teacher  # noqa: E402
from proxykd.errors import run  # noqa: E402
from proxykd.stage import device_name  # noqa: E402
from proxykd.store import folder_of, read_index  # noqa: E402

FRAMES, QUICK = 50_000, 20_000


def show_classes(classes: list[str], histogram: list[int]) -> None:
    """Each class's share of the images, the rarest first."""
    total = sum(histogram)
    print("| class | images | share, % |")
    print("|---|---|---|")
    for count, name in sorted(zip(histogram, classes, strict=True)):
        print(f"| {name} | {count} | {100 * count / total:.2f} |")


def figures(found: Judged) -> dict[str, Any]:
    """What the JSON says of a pool."""
    assessed = found.assessment
    uniform, diverse = assessed["uniformity"], assessed["diversity"]
    told: dict[str, Any] = {
        "relative_entropy": uniform["relative_entropy"],
        "smallest_class": uniform["smallest_share"],
        "smallest_class_is": uniform["smallest_class"],
        "empty_classes": uniform["empty_classes"],
        "pairs_both_ways": assessed["class_pairs"]["all"]["covered_both_ways"],
        "vendi": diverse["features"]["vendi"],
        "vendi_pixels": diverse["pixels"]["vendi"],
    }
    for which in ("between", "within"):
        told[f"vendi_{which}"] = diverse["features"][which]
        told[f"vendi_pixels_{which}"] = diverse["pixels"][which]
    told |= {f"{name}_interval": ends for name, ends in intervals(found).items()}
    return told | {"images": assessed["images"], "programs": found.programs}


def show_figures(told: dict[str, Any]) -> None:
    """The figures beside their intervals."""
    low, high = told["relative_entropy_interval"]
    least, most = told["smallest_share_interval"]
    smallest = f"{100 * told['smallest_class']:.2f} ({told['smallest_class_is']})"
    rows = [
        ("scaled class entropy", f"{told['relative_entropy']:.3f}", f"{low:.3f} to {high:.3f}"),
        ("smallest class, %", smallest, f"{100 * least:.2f} to {100 * most:.2f}"),
        ("empty classes", told["empty_classes"], ""),
        ("pairs covered both ways, %", f"{100 * told['pairs_both_ways']:.0f}", ""),
    ]
    for what, name in (("features", "vendi"), ("pixels", "vendi_pixels")):
        rows.append((f"Vendi score, {what}", number(told[name]), ""))
        rows += [
            (f"Vendi score, {what}, {which} programs", number(told[f"{name}_{which}"]), "")
            for which in ("between", "within")
        ]
    print("\n| figure | value | 95 % interval |")
    print("|---|---|---|")
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")


def number(value: float | None) -> str:
    """Three digits; a dash for None."""
    return "–" if value is None else f"{value:.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} frames")
    parser.add_argument("--teacher", type=Path, metavar="FOLDER", help="a finished teacher")
    parser.add_argument("--pool", type=Path, metavar="FOLDER", help="a finished pool, in place of rendering")
    parser.add_argument("--count", type=int, help=f"frames (default: {FRAMES})")
    parser.add_argument("--programs", type=int, help="programs (default: the default corpus's)")
    parser.add_argument("--seed", type=int, default=0, help="of the programs' parameters")
    parser.add_argument(
        "--kept", type=Path, metavar="FOLDER", help="keep what is made, and find it there again"
    )
    arguments = parser.parse_args()
    with TemporaryDirectory() as passing:
        folder = arguments.kept or Path(passing)
        teacher = folder_of(arguments.teacher) if arguments.teacher else usual_teacher(folder)
        if arguments.pool is not None:
            pool = folder_of(arguments.pool)
        else:
            count = arguments.count or (QUICK if arguments.quick else FRAMES)
            pool = shaders(teacher, folder, count, arguments.programs, arguments.seed)
        show(teacher, pool, judged(teacher, pool, folder))


def show(teacher: Path, pool: Path, found: Judged) -> None:
    """The tables, and the line of JSON."""
    told = figures(found)
    programs = f" of {told['programs']} programs" if told["programs"] else ""
    print(f"{told['images']} images{programs} ({origin(pool)}), by {teacher_name(teacher)}\n")
    show_classes(read_index(teacher).classes, found.assessment["uniformity"]["histogram"])
    show_figures(told)
    names = {"teacher": teacher_name(teacher), "pool": origin(pool), "device": device_name()}
    print(json.dumps(told | names))


if __name__ == "__main__":
    run(main)
