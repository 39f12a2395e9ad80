"""Samples in one WebDataset shard: where their images lie in it, and their labels.

A shard that was cut short between two members reads without an error, in tarfile and webdataset alike; what
gives it away is that the end of the archive, blocks of zeros, is missing.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from proxykd.errors import UserError
from proxykd.images.folder_layout import IMAGE_SUFFIXES

LABEL_KEYS = ("label", "cls", "class", "class_id", "target")
"""Keys of a .json member that hold a label, the first that is there."""
LABELS = (".cls", ".json")
BLOCK = 512


@dataclass
class Sample:
    """One sample of a shard."""

    shard: Path
    key: str
    """The member's name up to the first dot, as WebDataset has it."""
    offset: int = -1
    """Of the encoded image in the shard, in bytes."""
    size: int = 0
    label: int | str | None = None


def list_samples(shard: Path, expected: int | None) -> list[Sample]:
    """The samples of a shard that have an image, in their order.

    `expected` is how many there should be, if that is known. Raises UserError where the shard is damaged, cut
    short, or one of its samples has several images.
    """
    samples: dict[str, Sample] = {}
    with shard.open("rb") as file:
        for member in _members(shard, file):
            folder, slash, name = member.name.rpartition("/")
            stem, _, suffix = name.partition(".")
            sample = samples.setdefault(folder + slash + stem, Sample(shard, folder + slash + stem))
            if f".{suffix.lower()}" in IMAGE_SUFFIXES:
                if sample.offset >= 0:
                    raise UserError(
                        f"Sample {sample.key} of {shard} has several images. A sample is all members whose "
                        "names agree up to the first dot; give each image a key of its own."
                    )
                sample.offset, sample.size = member.offset_data, member.size
            elif f".{suffix.lower()}" in LABELS:
                file.seek(member.offset_data)
                label = _label(file.read(member.size), suffix.lower(), f"{member.name} of {shard}")
                if sample.label is None or suffix.lower() == "cls":
                    sample.label = label
    found = [sample for sample in samples.values() if sample.offset >= 0]
    if expected is not None and len(found) != expected:
        raise UserError(
            f"{shard} has {len(found)} images, and its index says {expected}. Download it again, or remove "
            "the index where it is of another version."
        )
    return found


def read_images(samples: list[Sample]) -> Iterator[tuple[bytes, str]]:
    """The encoded images of samples, each with what a sentence calls it; a shard is open while it is read."""
    file: IO[bytes] | None = None
    shard: Path | None = None
    try:
        for sample in samples:
            if file is None or sample.shard != shard:
                if file is not None:
                    file.close()
                file, shard = sample.shard.open("rb"), sample.shard
            file.seek(sample.offset)
            yield file.read(sample.size), f"{sample.key} of {sample.shard.name}"
    finally:
        if file is not None:
            file.close()


def _members(shard: Path, file: IO[bytes]) -> Iterator[tarfile.TarInfo]:
    """The files in a shard; UserError where its end shows that it is not whole."""
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            while (member := tar.next()) is not None:
                # Else tarfile keeps a million of them.
                tar.members.clear()  # type: ignore[attr-defined]
                if member.isreg():
                    yield member
            end = tar.offset
    except tarfile.TarError as error:
        raise _cut(shard, str(error)) from None
    file.seek(end)
    rest = file.read(2 * BLOCK)
    if len(rest) < BLOCK:
        raise _cut(shard, "the end of the archive is missing")
    while rest:
        if rest.strip(b"\0"):
            raise UserError(
                f"{shard} goes on behind its end: several archives were joined, or it is damaged. Unpack and "
                "pack it again, or keep the archives apart."
            )
        rest = file.read(2**20)


def _cut(shard: Path, reason: str) -> UserError:
    return UserError(f"{shard} is no whole tar file ({reason}). Download it again (with git: git lfs pull).")


def _label(content: bytes, suffix: str, place: str) -> int | str | None:
    """The label in a .cls or .json member; None where a .json holds none."""
    try:
        text = content.decode()
        found: Any = text.strip() if suffix == "cls" else json.loads(text)
    except ValueError as error:
        raise UserError(f"{place} cannot be read ({error}). Repair or remove it.") from None
    if isinstance(found, dict):
        found = next((found[key] for key in LABEL_KEYS if found.get(key) is not None), None)
    elif suffix == "json":
        found = found if isinstance(found, int) else None
    if isinstance(found, str) and found.lstrip("-").isdecimal():
        return int(found)
    return found if isinstance(found, int | str) and not isinstance(found, bool) else None
