"""What is in a store: results, what needs them, what was left behind.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from proxykd import configuration, publication, store
from proxykd.errors import UserError
from proxykd.plan import STAGES, Plan, Stage
from proxykd.shards import KEY

Name = tuple[str, str]
"""Stage and key."""


@dataclass(frozen=True)
class Holding:
    """One result in the store, finished or damaged."""

    folder: Path
    index: store.Index | None
    problem: str
    """Why there is no index; empty where there is one."""
    size: int
    """Bytes on disk."""
    used: float
    """When it was made or last asked for, in seconds since 1970."""

    @property
    def name(self) -> Name:
        return self.folder.parent.name, self.folder.name

    def __str__(self) -> str:
        return "/".join(self.name)


def holdings(root: Path) -> list[Holding]:
    """All results of a store, in the order of the pipeline, the oldest of a stage first."""
    found = []
    for stage in STAGES:
        folders = [path for path in _entries(root / stage) if path.is_dir() and KEY.fullmatch(path.name)]
        found += sorted(map(_holding, folders), key=lambda holding: (holding.used, holding.folder))
    return found


def _holding(folder: Path) -> Holding:
    index: store.Index | None = None
    problem = ""
    try:
        found = store.read_index(folder)
        if (found.stage, found.key) == (folder.parent.name, folder.name):
            index = found
        else:
            problem = f"{folder} says that it is {found.stage}/{found.key}: it was moved or renamed."
    except UserError as error:
        problem = str(error)
    size, changed = _measure(folder)
    stamp = store.stamp_of(folder)
    return Holding(folder, index, problem, size, max(changed, stamp.stat().st_mtime if stamp.exists() else 0))


def _measure(place: Path) -> tuple[int, float]:
    """Bytes of a file, or of all files of a folder, and the time of the last change."""
    files = [path.stat() for path in [place, *place.rglob("*")] if path.exists()]
    return sum(state.st_size for state in files), max(state.st_mtime for state in files)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def leftovers(root: Path) -> list[Holding]:
    """What killed processes left: unfinished folders, checkpoints and stamps without a result."""
    found = []
    for stage in STAGES:
        for path in _entries(root / stage):
            key, _, rest = path.name.partition(".")
            if not KEY.fullmatch(key) or not rest:
                continue
            orphan = f".{rest}" in {store.STAMP, store.CHECKPOINT} and not (path.parent / key).is_dir()
            if orphan or path.suffix == store.PARTIAL:
                found.append(Holding(path, None, "left behind by a process that was killed", *_measure(path)))
    return found


def plans(files: list[Path]) -> dict[Path, Plan]:
    """The plan of each configuration file."""
    return {file: Plan(configuration.read(file)) for file in files}


def needed(several: dict[Path, Plan]) -> dict[Name, list[str]]:
    """Stage and key -> names of the experiments that need it."""
    found: dict[Name, list[str]] = {}
    for plan in several.values():
        for experiment in plan.experiments:
            for stage in experiment.stages:
                names = found.setdefault((stage.name, stage.key), [])
                if experiment.name not in names:
                    names.append(experiment.name)
    return found


def find(root: Path, name: str) -> Path:
    """The folder of `<stage>/<key>`; the first digits of a key are enough where they say which."""
    stage, _, digits = name.strip("/").rpartition("/")
    if stage not in STAGES:
        raise UserError(f"{name} names no result: give <stage>/<key>, with one of {', '.join(STAGES)}.")
    keys = {path.name.partition(".")[0] for path in _entries(root / stage) if path.suffix != ".lock"}
    matching = sorted(key for key in keys if KEY.fullmatch(key) and key.startswith(digits))
    if len(matching) != 1:
        many = (
            f"{len(matching)} results of that name: {', '.join(matching)}" if matching else "no such result"
        )
        raise UserError(f"{name}: there is {many}. `python scripts/store.py list` shows what there is.")
    return root / stage / matching[0]


def planned(plan: Plan, name: str) -> list[Stage]:
    """The stages that `<experiment>/<stage>` means: several where there are several seeds or pools,
    and where held-out proxies go through the same stage for the evaluation.

    An experiment alone means all its stages, in the order of the pipeline.
    """
    chosen = {one.name: one for one in plan.experiments}
    if name in chosen:
        return chosen[name].stages
    experiment, _, stage = name.rpartition("/")
    if experiment not in chosen:
        raise UserError(
            f"There is no experiment {experiment!r} in the configuration, but {', '.join(chosen)}."
        )
    found = [one for one in chosen[experiment].stages if one.name == stage]
    if not found:
        there = dict.fromkeys(one.name for one in chosen[experiment].stages)
        raise UserError(f"Experiment {experiment} has no stage {stage!r}, but {', '.join(there)}.")
    return found


def remove(holding: Holding) -> None:
    """Remove a result or what was left behind, once nobody is at work on its key."""
    folder = holding.folder.with_name(holding.folder.name.partition(".")[0])
    if holding.folder == folder:
        publication.discard(folder)
        return
    with publication.locked(folder):
        if holding.folder.is_dir():
            shutil.rmtree(holding.folder, ignore_errors=True)
        elif not folder.is_dir():
            holding.folder.unlink(missing_ok=True)
