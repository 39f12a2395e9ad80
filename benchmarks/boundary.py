"""Pairs across a teacher's decision boundary: what a pair costs here, in the paper's way, and with libraries.

    OMP_NUM_THREADS=2 python benchmarks/boundary.py [--quick] [--teacher FOLDER ...] [--curves]

Views are drawn as the attack draws them, mixed and shifted, from shader frames, equally many of each class as
far as there are. All contenders get the same views with the same targets, uniform over the other classes, in
batches of one size at most, and take turns batch by batch in one process. Slow ones get the first views
alone, and --quick leaves out those that take a hundred steps whatever becomes of the views.

- paper: the paper's rule as its authors' program runs it (`authors_attack.py`).
- the methods of `proxykd.boundary`, with the stage's default settings but for epsilon, on the network and in
  the precision that the stage prepares for them, with as many batches at once. Where that is not fp32, the
  best one is there in fp32 too.
- foolbox, torchattacks and AutoAttack, brought to the task as `attack_libraries.py` says. Those that need not
  be there are left out by name: pip install --no-deps --require-hashes -r envs/rivals.txt

A pair is accepted where its near member is not in the far side's class, its far member is, the largest
softmax output of both is below the threshold, and no pixel of the far member is further than epsilon from the
view. `success_unbounded` leaves epsilon out, which libraries do not know. All is judged by the teacher in
fp32: on the images as floats (names with `_float`), and on what eight bits hold (the others), after a repair
onto the grid that is the same for all and whose cost counts (`boundary_pairs.py`). Rounding may add half a
grey level there, and the first two logits must differ by a hundredth, as the stage has it. Passes are counted
at the teacher and its copies: an image forward is one, back two.

- accepted_per_second, per_cpu_second, per_pass: the cost of what failed is in them. The processor's seconds
  are what to read where other programs keep the cores busy.
- linf, l2: from the view to the far member; gap: between the members; grey levels, medians of the accepted.
- margin, margin_near: of the far and the near member, in logits.
- undone_by_rounding: share of the pairs on floats that plain rounding undoes.

Prints tables and, last, one line of JSON. Its `pairs_..._vs_...` say how many times as many pairs
`deepfool_linf` makes of the first teacher; of a library's contenders with the same targets the best counts.
--curves shows the methods here against epsilon instead.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scripts")]

import torch  # noqa: E402

from attack_libraries import RIVALS, Rival, missing  # noqa: E402
from boundary_tables import number, show, show_table  # noqa: E402
from contenders import BEST, Batch, Contender, Tally, here, libraries, measure, ours, paper  # noqa: E402
from judged import made, scored, shaders, teacher_name, usual_teachers  # noqa: E402
from proxykd.boundary.settings import AttackBoundary  # noqa: E402
from proxykd.boundary.targets import Targets  # noqa: E402
from proxykd.boundary.views import draw_views  # noqa: E402
from proxykd.errors import UserError, run  # noqa: E402
from proxykd.networks.classifier import Classifier  # noqa: E402
from proxykd.networks.files import load  # noqa: E402
from proxykd.shards import read_images, read_table  # noqa: E402
from proxykd.stage import device, device_name  # noqa: E402
from proxykd.store import folder_of, read_index  # noqa: E402
from proxykd.training.order import Order  # noqa: E402

EPSILON = 16.0
"""Of 255; nearly all views of the usual teachers cross within it."""
EPSILONS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
RATES = ("per_second", "per_cpu_second", "per_pass")
LIBRARIES = {"foolbox": "foolbox", "torchattacks": "torchattacks", "pyautoattack": "autoattack"}
"""Package -> what the JSON calls it."""


@dataclass(frozen=True)
class Amount:
    """Views for each, and frames to select them from."""

    batch: int
    views: int
    """For the paper's rule and the methods here."""
    slow: int
    """For libraries that work on batches; half of it for those that take a hundred steps."""
    single: int
    """For those that go image by image."""
    frames: int
    programs: int

    def of(self, name: str) -> int:
        if name not in RIVALS:
            return self.views
        if RIVALS[name].single:
            return self.single
        return self.slow // 2 if RIVALS[name].patient else self.slow

    def with_views(self, views: int) -> Amount:
        """The same with other numbers of views, none above this."""
        fewer = {name: min(views, getattr(self, name)) for name in ("batch", "slow", "single")}
        return replace(self, views=views, **fewer)


QUICK = Amount(batch=256, views=256, slow=32, single=8, frames=2_000, programs=200)
FULL = Amount(batch=256, views=512, slow=64, single=32, frames=8_000, programs=800)


def drawn(folder: Path, teacher: Classifier, scratch: Path, amount: Amount) -> Batch:
    """The views of all contenders, with their classes and targets."""
    pool = shaders(folder, scratch, amount.frames, amount.programs)
    place = scratch / f"{folder.name}-{pool.name}-{amount.views}"
    roles = {"pool": pool, "scores": scored(folder, pool, scratch)}
    selection = made("select_proxies", {"count": amount.views}, place, **roles)
    images = read_images(selection, [shard.model_dump() for shard in read_index(selection).shards])
    images_NHWC = torch.from_numpy(images).to(device())
    label_N = read_table(selection, ["predicted"])["predicted"].to_numpy()
    how = AttackBoundary()
    targets = Targets(how, teacher.description.classes)
    order = Order(len(images), amount.batch, how.seed)
    several = []
    for step in range(-(-amount.views // amount.batch)):
        views = draw_views(images_NHWC, order, step, how, teacher.mean_C11.flatten())
        with torch.no_grad():
            class_N = teacher(views.x_NCHW).argmax(1)
        current_N = class_N.cpu().numpy()
        target_N = targets.choose(teacher, views.x_NCHW, current_N, label_N[views.source_N], step)
        several.append((views.x_NCHW, class_N, torch.from_numpy(target_N).to(class_N.device)))
    return Batch(*(torch.cat(part) for part in zip(*several, strict=True))).first(amount.views)


def tallies(
    teacher: Classifier, views: Batch, contenders: dict[str, Contender], how: AttackBoundary, amount: Amount
) -> dict[str, dict[str, Any]]:
    """Each contender's figures; they take turns."""
    found = {name: Tally(how.reach) for name in contenders}
    left = {
        name: views.first(amount.of(name)).split(amount.batch * contender.together)
        for name, contender in contenders.items()
    }
    while any(left.values()):
        for name, contender in contenders.items():
            if left[name]:
                measure(teacher, contender, left[name].pop(0), how, found[name])
                took = found[name].attack.cpu_seconds
                print(f"{name}: {found[name].views} views, {took:.1f} s", file=sys.stderr, flush=True)
    return {name: tally.figures() for name, tally in found.items()}


def ratios(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, float | None]]:
    """How many times as many pairs the best method makes as each other contender."""
    return {
        name: {rate: _ratio(found[BEST][f"accepted_{rate}"], figures[f"accepted_{rate}"]) for rate in RATES}
        for name, figures in found.items()
        if name != BEST
    }


def _ratio(ours: float, theirs: float) -> float | None:
    """None where the other has none."""
    return ours / theirs if theirs else None


def summary(found: dict[str, dict[str, Any]], compared: dict[str, dict[str, float | None]]) -> dict[str, Any]:
    """What the JSON says first: the best method against the paper's way, Bold Driver, and each library."""
    groups = {"paper": ["paper"], "bold_driver": ["bold_driver"]}
    for package, called in LIBRARIES.items():
        groups[called] = [name for name in compared if name in RIVALS and _same_task(RIVALS[name], package)]
    told: dict[str, Any] = {}
    for called, names in groups.items():
        for rate in RATES:
            times = [one for name in names if (one := compared[name][rate]) is not None]
            told[f"pairs_{rate}_vs_{called}"] = min(times, default=None)
    return told | {"success": found[BEST]["success"], "success_paper": found["paper"]["success"]}


def _same_task(rival: Rival, package: str) -> bool:
    return rival.package == package and rival.targeted


def show_curves(teacher: Classifier, views: Batch, how: AttackBoundary, amount: Amount) -> dict[str, Any]:
    """The methods here against epsilon, as a table and for the JSON."""
    curves: dict[str, Any] = {}
    for epsilon in EPSILONS:
        within = how.model_copy(update={"epsilon": epsilon})
        methods = {name: ours(name, within) for name in ("bold_driver", BEST)}
        for name, figures in tallies(teacher, views, methods, within, amount).items():
            curves.setdefault(name, {})[f"{epsilon:g}"] = figures
    wanted = ("success", "margin", "margin_near", "linf", "l2", "gap_linf", "passes_per_view")
    rows = [
        (name, epsilon, *(number(figures[one]) for one in wanted))
        for name, points in curves.items()
        for epsilon, figures in points.items()
    ]
    show_table("Against epsilon, after rounding", ("", "epsilon, of 255", *wanted), rows)
    return curves


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer views: under five minutes")
    parser.add_argument("--teacher", type=Path, nargs="+", metavar="FOLDER", help="finished teachers")
    parser.add_argument("--curves", action="store_true", help="the methods here against epsilon")
    parser.add_argument("--views", type=int, help="views, for slow contenders at most")
    parser.add_argument("--epsilon", type=float, default=EPSILON, help=f"of 255 (default: {EPSILON:g})")
    parser.add_argument(
        "--kept", type=Path, metavar="FOLDER", help="keep what is made, and find it there again"
    )
    arguments = parser.parse_args()
    if not 0 < arguments.epsilon <= 255 or (arguments.views or 1) < 1:
        raise UserError("--epsilon is a number of grey levels above 0 and up to 255; --views at least 1.")
    how = AttackBoundary(epsilon=arguments.epsilon)
    with TemporaryDirectory() as passing:
        scratch = arguments.kept or Path(passing)
        folders = [folder_of(one) for one in arguments.teacher or []] or usual_teachers(scratch)
        show_all(folders, scratch, how, arguments)


def show_all(folders: list[Path], scratch: Path, how: AttackBoundary, arguments: argparse.Namespace) -> None:
    """Every teacher's tables, and the line of JSON."""
    amount = QUICK if arguments.quick else FULL
    if arguments.views is not None:
        amount = amount.with_views(arguments.views)
    absent, threads = missing(), torch.get_num_threads()
    print(f"{device_name()}, {threads} threads, batches of {amount.batch}, epsilon {how.reach:g}")
    if absent:
        print(f"not installed, so left out: {', '.join(absent)}")
    told: dict[str, Any] = {"device": device_name(), "threads": threads, "missing": absent, "teachers": {}}
    for folder in folders:
        teacher, name = load(folder, device()), teacher_name(folder)
        views = drawn(folder, teacher, scratch, amount)
        print(f"\n## {name}")
        if arguments.curves:
            told["teachers"][name] = {"curves": show_curves(teacher, views, how, amount)}
            continue
        everyone = {"paper": paper(how)} | here(how) | libraries(how, patient=not arguments.quick)
        found = tallies(teacher, views, everyone, how, amount)
        show(found, "_float", "On floats")
        show(found, "", "As eight bits hold them")
        compared = ratios(found)
        told["teachers"][name] = {"methods": found, "ratios": compared}
        if len(told["teachers"]) == 1:
            told = summary(found, compared) | told
    settings = {"epsilon": how.reach, "threshold": how.threshold, "batch": amount.batch}
    print(json.dumps(told | settings | {"best": BEST}))


if __name__ == "__main__":
    run(main)
