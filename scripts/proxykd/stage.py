"""What every stage's program does around its own work: arguments, key, lock, index, publication.

    python scripts/<stage>.py --settings <JSON or file> --<upstream> <folder> ... --out <folder>

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from proxykd import publication, shards, source, store
from proxykd.arguments import parse, read_settings
from proxykd.definitions import definitions
from proxykd.errors import UserError, run
from proxykd.outside import Digests
from proxykd.presentation.progress import Progress, log, start_log
from proxykd.section import Section
from proxykd.source import Source, stage_source

S = TypeVar("S", bound=Section)
VERSIONS = (
    "numpy",
    "pillow",
    "pyarrow",
    "torch",
    "torchvision",
    "timm",
    "opencv-python-headless",
    "moderngl",
    "proxykd",
)


@dataclass
class Job(Generic[S]):
    """One run of a stage's program: its settings, what it is made from, and where it writes."""

    settings: S
    upstream: dict[str, list[Path]]
    """Role -> folders of finished results."""
    folder: Path
    """Private; what is written here is published."""
    checkpoint: Path
    """A folder that outlives a kill, for what is needed to go on; removed after publication."""
    key: str = ""
    """Stands for all that determines the result."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What the index shall say of the result."""
    classes: list[str] = field(default_factory=list)
    shards: list[dict[str, Any]] = field(default_factory=list)

    def one(self, role: str) -> Path:
        """The only folder of a role."""
        return self.upstream[role][0]

    def index(self, role: str) -> store.Index:
        """The index of a role's only folder."""
        return store.read_index(self.one(role))

    def images(self, folder: Path) -> Any:
        """All images of a dataset, N x H x W x C uint8."""
        return shards.read_images(folder, [entry.model_dump() for entry in store.read_index(folder).shards])

    def blocks(self, folder: Path, rows: int) -> Iterator[Any]:
        """All images of a dataset in its order, at most `rows` at a time."""
        entries = [entry.model_dump() for entry in store.read_index(folder).shards]
        return shards.stream_images(folder, entries, rows)

    def progress(self, label: str, total: int, unit: str = "img") -> Progress:
        """A progress bar, or log lines."""
        return Progress(label, total, unit, self.checkpoint.name.removesuffix(".checkpoint"))

    def write_json(self, name: str, content: Any) -> None:
        """A JSON file of the result."""
        (self.folder / name).write_text(json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n")


def main(
    stage: str,
    section: type[S] | dict[str, type[S]],
    roles: dict[str, str],
    make: Callable[[Job[S]], None],
    about: str | None,
) -> None:
    """Run one stage's program.

    `section` is the settings' type, or a type for each value that their `kind` may have. `roles` maps each
    upstream role to `one`, `optional` (none or one), `many` (one or more) or
    `any` (none or more).
    """
    run(lambda: _main(stage, section, roles, make, about or ""))


def _main(
    stage: str,
    section: type[S] | dict[str, type[S]],
    roles: dict[str, str],
    make: Callable[[Job[S]], None],
    about: str,
) -> None:
    arguments = parse(stage, section, roles, about)
    start_log(arguments.log)
    settings = read_settings(stage, section, arguments.settings)
    upstream = {
        role: [store.folder_of(path) for path in getattr(arguments, role)]
        for role in roles
        if getattr(arguments, role)
    }
    out = store.folder_of(arguments.out)
    with publication.locked(out):
        if store.is_complete(out):
            _check_same(stage, settings, upstream, out, arguments.key)
            log.info("%s is there already", out)
        else:
            _make(stage, settings, upstream, out, arguments.key, make)
        shutil.rmtree(store.checkpoint_of(out), ignore_errors=True)
        publication.stamp(out)


@dataclass
class _Basis:
    """All that determines a result."""

    key: str
    indices: dict[str, list[store.Index]]
    data: dict[str, str]
    source: Source
    definitions: dict[str, dict[str, str]]


def _basis(stage: str, settings: Section, upstream: dict[str, list[Path]]) -> _Basis:
    for folder in [folder for folders in upstream.values() for folder in folders]:
        publication.drop_orphan(folder)
    # Shards are checked while they are read; whatever else lies upstream is checked here.
    indices = {role: [store.check_files(folder) for folder in folders] for role, folders in upstream.items()}
    digests = Digests()
    data = {path: digests.digest(path) for path in settings.data()}
    code = stage_source(stage, settings.modules())
    keys = {role: [index.key for index in several] for role, several in indices.items()}
    key = store.stage_key(stage, settings.identity(), code.digest, data, keys)
    # Read now, as the digest is: the files may be edited while the stage is at work.
    return _Basis(key, indices, data, code, definitions(code.parts))


def _check_same(
    stage: str, settings: Section, upstream: dict[str, list[Path]], out: Path, key: str | None
) -> None:
    """Raise UserError where the finished result in `out` is not the one that is asked for."""
    found = store.read_index(out)
    wanted = key or _basis(stage, settings, upstream).key
    if (found.stage, found.key) != (stage, wanted):
        raise UserError(
            f"{out} holds {found.stage}/{found.key} already, and {stage}/{wanted} is asked for. Give another "
            "folder as --out, or remove that one."
        )


def _make(
    stage: str,
    settings: S,
    upstream: dict[str, list[Path]],
    out: Path,
    key: str | None,
    make: Callable[[Job[S]], None],
) -> None:
    basis = _basis(stage, settings, upstream)
    if key is not None and key != basis.key:
        raise UserError(
            f"{stage} was planned as {key}, but its settings, code or data have changed since and now give "
            f"{basis.key}. Nothing was written. Start the same command again: it plans anew."
        )
    publication.check_place(out)
    _refuse_changed(stage, source.load(basis.source))
    began = time.monotonic()
    with publication.private_folder(out) as private:
        job = Job(settings, upstream, private, store.checkpoint_of(out), basis.key)
        make(job)
        # Modules are in memory as they were; GLSL and other data files may be read late.
        _refuse_changed(stage, [name for name in source.changed(basis.source) if source.is_data(name)])
        index = _index(stage, job, basis, time.monotonic() - began)
        publication.publish(private, out, index)


def _refuse_changed(stage: str, names: list[str]) -> None:
    """Raise UserError where code is not what the key stands for any more."""
    if names:
        raise UserError(
            f"{stage}: {', '.join(names)} changed while it was being loaded. Nothing was published. Start "
            "the same command again: it plans anew."
        )


def _index(stage: str, job: Job[Any], basis: _Basis, seconds: float) -> store.Index:
    listed = [store.Entry(**shard) for shard in job.shards]
    return store.Index(
        stage=stage,
        key=basis.key,
        settings=job.settings.canonical(),
        upstream={
            role: [store.Upstream(stage=index.stage, key=index.key, digest=index.digest) for index in several]
            for role, several in basis.indices.items()
        },
        data=basis.data,
        source={
            "digest": basis.source.digest,
            "parts": basis.source.parts,
            "definitions": basis.definitions,
        },
        versions=_versions(),
        device=device_name(),
        seconds=round(seconds, 3),
        samples=sum(entry.samples for entry in listed),
        shards=listed,
        files=store.listed_files(job.folder, skip={entry.name for entry in listed}),
        classes=job.classes,
        facts=job.facts,
    )


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in VERSIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def device_name() -> str:
    """The GPU's name where torch is loaded and computes on one, else the processor's."""
    torch = sys.modules.get("torch")
    if torch is not None and device().startswith("cuda"):
        return str(torch.cuda.get_device_name())
    return f"{platform.machine()} CPU, {os.cpu_count()} cores"


def device() -> str:
    """`cuda` or `cpu`: PROXYKD_DEVICE where it is set, else what the machine has. Imports torch.

    On a GPU fp32 is fp32 from then on, also in convolutions, which PyTorch rounds to TF32: its logits differ
    by more than what pairs across a boundary are told apart by. Convolutions give the same bits each time.
    """
    import torch

    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    wanted = os.environ.get("PROXYKD_DEVICE")
    return wanted or ("cuda" if torch.cuda.is_available() else "cpu")
