"""Which parquet files hold which split of a set, and whether all of them are there."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from proxykd.errors import UserError

# Sets uploaded before 2023 have a hash after the count.
SHARD = re.compile(r"(?P<split>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})(-[0-9a-f]+)?\.parquet")


def find_shards(root: Path) -> dict[str, list[Path]]:
    """The files of each split, in order: those in `root`/data, else those in `root`.

    Raises UserError where there are none, some are missing, or two versions of a set are mixed.
    """
    if not root.is_dir():
        raise UserError(f"There is no folder {root}. Set path to the folder of the parquet files.")
    for folder in (root / "data", root):
        found: dict[str, list[tuple[int, int, Path]]] = defaultdict(list)
        for path in sorted(folder.glob("*.parquet")):
            if match := SHARD.fullmatch(path.name):
                found[match["split"]].append((int(match["count"]), int(match["number"]), path))
        if found:
            return {split: _complete(split, folder, files) for split, files in found.items()}
    raise UserError(
        f"{root} holds no parquet files named <split>-NNNNN-of-NNNNN.parquet, neither in data/ nor itself. "
        "Set path to the folder of one set (of one configuration, where the set has several)."
    )


def _complete(split: str, folder: Path, files: list[tuple[int, int, Path]]) -> list[Path]:
    counts = {count for count, _, _ in files}
    if len(counts) > 1 or len({number for _, number, _ in files}) < len(files):
        raise UserError(
            f"The {split} files in {folder} are of different versions of the set: "
            f"{', '.join(path.name for _, _, path in files)}. Remove those of one version."
        )
    count = counts.pop()
    missing = sorted(set(range(count)) - {number for _, number, _ in files})
    if missing:
        raise UserError(
            f"{len(missing)} of the {count} {split} files are missing in {folder}, the first is "
            f"{split}-{missing[0]:05d}-of-{count:05d}.parquet. Download the rest of the set."
        )
    return [path for _, _, path in sorted(files)]
