"""What every stage's program does around its own work: arguments, key, lock, index, publication.

    python scripts/<stage>.py --settings <JSON or file> --<upstream> <folder> ... --out <folder>

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from proxykd import shards, store
from proxykd.errors import UserError, run
from proxykd.outside import Digests
from proxykd.presentation.progress import Progress, log, start_log
from proxykd.section import Section
from proxykd.source import Source, stage_source

S = TypeVar("S", bound=Section)
VERSIONS = ("numpy", "pillow", "pyarrow", "torch", "torchvision", "moderngl", "proxykd")


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

    def progress(self, label: str, total: int, unit: str = "img") -> Progress:
        """A progress bar, or log lines."""
        return Progress(label, total, unit)

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

    `section` is the settings' type, or a type for each value that their `kind` may have. `roles` maps each upstream role to `one`, `optional`, `many` (one or more) or `any` (none or more).
    """
    run(lambda: _main(stage, section, roles, make, about or ""))


def _main(
    stage: str,
    section: type[S] | dict[str, type[S]],
    roles: dict[str, str],
    make: Callable[[Job[S]], None],
    about: str,
) -> None:
    arguments = _parse(stage, section, roles, about)
    start_log(arguments.log)
    settings = read_settings(stage, section, arguments.settings)
    upstream = {
        role: [store.folder_of(path) for path in getattr(arguments, role) or []]
        for role in roles
        if getattr(arguments, role)
    }
    out = store.folder_of(arguments.out)
    with store.locked(out):
        if store.is_complete(out):
            log.info("%s/%s is there already", stage, out.name)
        else:
            _make(stage, settings, upstream, out, arguments.key, make)
        stamp = store.stamp_of(out)
        stamp.touch()


def _parse(
    stage: str, section: type[S] | dict[str, type[S]], roles: dict[str, str], about: str
) -> argparse.Namespace:
    several = section if isinstance(section, dict) else {"": section}
    fields = "\n".join(
        f"  {name}: {_help(info)}" for one in several.values() for name, info in one.model_fields.items()
    )
    parser = argparse.ArgumentParser(
        prog=f"{stage}.py",
        description=about,
        epilog=f"settings:\n{fields}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--settings", required=True, help="the settings as JSON, or a file that holds them")
    for role, count in roles.items():
        parser.add_argument(
            f"--{role}",
            type=Path,
            nargs="+",
            required=count in {"one", "many"},
            help=f"finished result(s) to read ({count})",
        )
    parser.add_argument("--out", type=Path, required=True, help="the folder to make, or its stamp (.done)")
    parser.add_argument("--key", help="the key that the plan computed; refused when it no longer holds")
    parser.add_argument("--log", type=Path, help="write log lines to this file instead of stderr")
    return parser.parse_args()


def _help(info: Any) -> str:
    default = "" if info.is_required() else f" (default: {info.default})"
    return " ".join((info.description or "").split()) + default


def read_settings(stage: str, section: type[S] | dict[str, type[S]], text: str) -> S:
    """The settings given as JSON text or as a file's name."""
    if not text.lstrip().startswith("{"):
        try:
            text = Path(text).read_text()
        except OSError as error:
            raise UserError(f"--settings {text}: {error.strerror}. Give JSON or a file that holds it.") from error
    try:
        if isinstance(section, dict):
            kind = json.loads(text).get("kind")
            if kind not in section:
                raise UserError(f"--settings, {stage}.kind: {kind!r} is none of {', '.join(section)}.")
            section = section[kind]
        return section.model_validate_json(text)
    except json.JSONDecodeError as error:
        raise UserError(f"--settings is not valid JSON: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(f"--settings, {stage}.{place}: {first['msg']}.") from error


def _make(
    stage: str,
    settings: S,
    upstream: dict[str, list[Path]],
    out: Path,
    key: str | None,
    make: Callable[[Job[S]], None],
) -> None:
    indices = {role: [store.read_index(folder) for folder in folders] for role, folders in upstream.items()}
    digests = Digests()
    data = {path: digests.digest(path) for path in settings.data()}
    source = stage_source(stage, settings.modules())
    keys = {role: [index.key for index in several] for role, several in indices.items()}
    actual = store.stage_key(stage, settings.identity(), source.digest, data, keys)
    if key is not None and key != actual:
        raise UserError(
            f"{stage} was planned as {key}, but its settings, code or data have changed since and now give "
            f"{actual}. Nothing was written. Start the same command again: it plans anew."
        )
    began = time.monotonic()
    checkpoint = out.with_name(out.name + ".checkpoint")
    with store.private_folder(out) as private:
        job = Job(settings, upstream, private, checkpoint)
        make(job)
        index = _index(stage, actual, job, indices, data, source, time.monotonic() - began)
        store.publish(private, out, index)
    shutil.rmtree(checkpoint, ignore_errors=True)


def _index(
    stage: str,
    key: str,
    job: Job[Any],
    indices: dict[str, list[store.Index]],
    data: dict[str, str],
    source: Source,
    seconds: float,
) -> store.Index:
    listed = [store.Entry(**shard) for shard in job.shards]
    return store.Index(
        stage=stage,
        key=key,
        settings=job.settings.canonical(),
        upstream={
            role: [store.Upstream(stage=index.stage, key=index.key, digest=index.digest) for index in several]
            for role, several in indices.items()
        },
        data=data,
        source={"digest": source.digest, "parts": source.parts},
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
    """The device that PROXYKD_DEVICE asks for, or the first GPU where torch is loaded and has one."""
    import sys

    torch = sys.modules.get("torch")
    if torch is not None and device().startswith("cuda"):
        return str(torch.cuda.get_device_name())
    return f"{platform.machine()} CPU, {os.cpu_count()} cores"


def device() -> str:
    """`cuda` or `cpu`: PROXYKD_DEVICE where it is set, else what the machine has. Imports torch."""
    import torch

    wanted = os.environ.get("PROXYKD_DEVICE")
    return wanted or ("cuda" if torch.cuda.is_available() else "cpu")
