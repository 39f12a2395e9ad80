"""Whether check_teacher notices a wrong normalisation and names the right one, teacher by teacher.

    PROXYKD_DATA=<folder> OMP_NUM_THREADS=2 python benchmarks/normalisation.py [--quick] [--kept <folder>]

Teachers whose normalisation is known: two ResNets for CIFAR-10 that somebody published, and small ones that
are trained here (`small_teachers.py`; a minute each on two cores, kept in a folder). Each is stated with its
own normalisation, with each of the usual others, and with its channels flipped; and judged by 128 shader
images alone, with 128 pictures of its own kind, and with 128 pictures of another kind. No label is used for
that. The accuracy on 500 labelled images says what a statement costs.

The constants of `sanity/verdict.py` were chosen on the development teachers, and not changed after a look at
the others, which are marked with an asterisk.

Prints two tables and, last, one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).resolve().parent
SCRIPTS = HERE.parent / "scripts"
sys.path[:0] = [str(HERE), str(SCRIPTS)]

import numpy as np  # noqa: E402

from proxykd.networks.classifier import Classifier  # noqa: E402
from proxykd.networks.outputs import logits_of  # noqa: E402
from proxykd.sanity.normalisations import Normalisation, to_try  # noqa: E402
from proxykd.sanity.trials import tried  # noqa: E402
from proxykd.sanity.verdict import Trials, Verdict, judge  # noqa: E402
from proxykd.shards import read_images  # noqa: E402
from proxykd.store import read_index  # noqa: E402
from small_teachers import PUBLISHED, SMALL, Wanted, images_of, published, trained  # noqa: E402

SAMPLE, LABELLED = 128, 500
COSTLY = 0.05
"""Loss of accuracy from which a wrong statement is one that must be noticed."""
KINDS = ("proxies", "own pictures", "other pictures")


@dataclass(frozen=True)
class Case:
    """One teacher, stated in one way, judged by one kind of images."""

    teacher: str
    development: bool
    right: Normalisation
    stated: Normalisation
    accuracy: float
    loss: float
    """Of accuracy, against the right statement."""
    kind: str
    verdict: Verdict

    @property
    def is_right(self) -> bool:
        return self.stated == self.right

    @property
    def names_the_right_one(self) -> bool:
        """Whether it is named, alone or among those that cannot be told from it."""
        likely = self.verdict.likely
        return likely is not None and (
            likely.name == self.right.name or self.right.name in self.verdict.plausible
        )


def cases(wanted: Wanted, teacher: Classifier, root: Path, proxies_NHWC: np.ndarray) -> Iterator[Case]:
    """Every statement on a teacher, judged by each kind of images."""
    seen = _pictures(wanted, root) | {"proxies": proxies_NHWC[:SAMPLE]}
    ways = to_try(wanted.mean, wanted.deviation)
    trials = {kind: tried(teacher, images, ways, "cpu") for kind, images in seen.items()}
    right = replace(ways[0], flipped=wanted.flipped)
    images_NHWC, labels_N = images_of(root, wanted.data, wanted.held, wanted.size, wanted.channels, LABELLED)
    accuracies = {
        how: _accuracy(teacher, how, images_NHWC, labels_N)
        for how in ways
        if not how.flipped or how.name == right.name
    }
    for stated, accuracy in accuracies.items():
        for kind, known in trials.items():
            turned = _as_stated(known, stated)
            verdict = (
                judge(turned) if kind == "proxies" else judge(_as_stated(trials["proxies"], stated), turned)
            )
            loss = accuracies[right] - accuracy
            yield Case(wanted.name, wanted.development, right, stated, accuracy, loss, kind, verdict)


def _pictures(wanted: Wanted, root: Path) -> dict[str, np.ndarray]:
    other = "mnist" if wanted.channels == 1 else "flowers5_64"
    sets = {"own pictures": (wanted.data, wanted.held), "other pictures": (other, "test")}
    return {
        kind: images_of(root, name, split, wanted.size, wanted.channels, SAMPLE)[0]
        for kind, (name, split) in sets.items()
    }


def _as_stated(trials: Trials, stated: Normalisation) -> Trials:
    """The same trials, as the check of a teacher that is stated so would have made them: its own first."""
    turned = {replace(how, flipped=how.flipped != stated.flipped): trial for how, trial in trials.items()}
    first = replace(stated, flipped=False)
    return {first: turned[first]} | turned


def _accuracy(
    teacher: Classifier, how: Normalisation, images_NHWC: np.ndarray, labels_N: np.ndarray
) -> float:
    stated = replace(teacher.description, mean=list(how.mean), deviation=list(how.deviation))
    images = np.ascontiguousarray(images_NHWC[..., ::-1]) if how.flipped else images_NHWC
    logits_NK = logits_of(Classifier(teacher.body, stated), images, "cpu")
    return float((logits_NK.argmax(1) == labels_N).mean())


def rendered(folder: Path, size: int, channels: int) -> np.ndarray:
    """The shader images that check_teacher looks at by default."""
    settings = {"kind": "shaders", "count": 1024, "programs": 128, "size": size, "channels": channels}
    out = folder / f"{size}-{channels}"
    command = [sys.executable, str(SCRIPTS / "render_proxies.py"), "--settings", json.dumps(settings)]
    subprocess.run([*command, "--out", str(out)], check=True, capture_output=True)
    images_NHWC = read_images(out, [entry.model_dump() for entry in read_index(out).shards])
    return images_NHWC[np.random.default_rng(0).permutation(len(images_NHWC))]


def show(found: list[Case]) -> None:
    """A row for each teacher and statement."""
    print("| teacher | right | stated | accuracy, % | " + " | ".join(KINDS) + " |")
    print("|---|---|---|---|---|---|---|")
    rows: dict[tuple[str, Normalisation], dict[str, Case]] = {}
    for case in found:
        rows.setdefault((case.teacher, case.stated), {})[case.kind] = case
    for by_kind in rows.values():
        case = by_kind["proxies"]
        name = f"{case.teacher}{'' if case.development else ' *'}"
        told = [_told(by_kind[kind].verdict) for kind in KINDS]
        stated = f"**{case.stated.label}**" if case.is_right else case.stated.label
        print(f"| {name} | {case.right.label} | {stated} | {100 * case.accuracy:.1f} | {' | '.join(told)} |")


def _told(verdict: Verdict) -> str:
    if verdict.likely is None:
        return verdict.verdict
    names = verdict.plausible if not verdict.likely.flipped else (verdict.likely.label,)
    return f"{verdict.verdict}: {' or '.join(names)}"


def rates(found: list[Case], networks: str) -> list[dict[str, Any]]:
    """Alarms at right statements; what became of wrong ones that cost accuracy, and of flipped channels."""
    made = []
    for kind in KINDS:
        mine = [case for case in found if case.kind == kind]
        right = [case for case in mine if case.is_right]
        flipped = [case for case in mine if not case.is_right and case.stated.flipped != case.right.flipped]
        flipped = [case for case in flipped if case.stated.name == case.right.name]
        costly = [case for case in mine if case.loss >= COSTLY and case.stated.name != case.right.name]
        noticed = [case for case in costly if case.verdict.verdict in {"wrong", "doubtful"}]
        made.append(
            {
                "teachers": networks,
                "kind": kind,
                "right": len(right),
                "false_alarms": sum(case.verdict.verdict in {"wrong", "doubtful"} for case in right),
                "costly": len(costly),
                "called_wrong": sum(case.verdict.verdict == "wrong" for case in costly),
                "noticed": len(noticed),
                "right_one_named": sum(case.names_the_right_one for case in noticed),
                "flipped": len(flipped),
                "flip_noticed": sum(
                    case.verdict.likely is not None and case.verdict.likely.flipped for case in flipped
                ),
            }
        )
    return made


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one published teacher and one quick training")
    parser.add_argument("--kept", type=Path, default=Path(".cache/teachers"), help="where weights are kept")
    arguments = parser.parse_args()
    if "PROXYKD_DATA" not in os.environ:
        parser.error("PROXYKD_DATA names no folder with real image sets and teachers")
    root = Path(os.environ["PROXYKD_DATA"])
    arguments.kept.mkdir(parents=True, exist_ok=True)
    several = [*SMALL, *PUBLISHED]
    if arguments.quick:
        several = [replace(SMALL[2], steps=60), PUBLISHED[0]]
    found: list[Case] = []
    proxies: dict[tuple[int, int], np.ndarray] = {}
    with TemporaryDirectory() as folder:
        for wanted in several:
            teacher = published(wanted, root) if wanted.file else trained(wanted, root, arguments.kept)
            form = wanted.size, wanted.channels
            if form not in proxies:
                proxies[form] = rendered(Path(folder), *form)
            found += cases(wanted, teacher, root, proxies[form])
            print(f"{wanted.name}: done", file=sys.stderr)
    show(found)
    plain = {wanted.name for wanted in several if wanted.architecture == "plain"}
    groups = {
        "development": [case for case in found if case.development and case.teacher not in plain],
        "confirmation": [case for case in found if not case.development and case.teacher not in plain],
        "without batch norm": [case for case in found if case.teacher in plain],
    }
    summary = [row for name, several in groups.items() if several for row in rates(several, name)]
    print("\n| " + " | ".join(name.replace("_", " ") for name in summary[0]) + " |")
    print("|" + "---|" * len(summary[0]))
    for row in summary:
        print("| " + " | ".join(str(value) for value in row.values()) + " |")
    print(json.dumps({"rates": summary}))


if __name__ == "__main__":
    main()
