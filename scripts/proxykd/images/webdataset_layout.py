"""Which WebDataset shards hold which split of a set, and how many samples each should have."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from proxykd.errors import UserError
from proxykd.images.folder_layout import SPLIT_NAMES

# `<prefix>-000123.tar`, `<prefix>-00123-of-00200.tar`, `000123.tar`.
SHARD = re.compile(r"(?P<prefix>.*?)[-_.]?(?P<number>\d+)(-of-(?P<count>\d+))?\.tar")
INDICES = ("index.json", "_info.json", "info.json", "sizes.json", "shards.json")
"""Ours; timm's; open_clip's; webdataset's own list of shards."""
CLASS_FILES = ("classes.txt", "classnames.txt", "class_names.txt", "classes.json")


def find_shards(root: Path, named: set[str]) -> dict[str, list[Path]]:
    """The shards of each split, in the order of their names.

    They lie in `root`, in its `data`, or in folders with a split's name. The split is the last word before
    the number, as in `imagenet-validation-00.tar`; where no shard has a split's name or one of `named`, all
    are train. Raises UserError where there are none, and where names say that some are missing.
    """
    if not root.is_dir():
        raise UserError(f"There is no folder {root}. Set path to the folder of the shards.")
    folders = [root, root / "data", *(root / name for name in sorted(SPLIT_NAMES | named))]
    files = {folder: sorted(folder.glob("[!.]*.tar")) for folder in folders if folder.is_dir()}
    if not any(files.values()):
        raise UserError(
            f"{root} holds no shards (*.tar). Set path to the folder of the shards; ones that are compressed "
            "as a whole (.tar.gz) must be unpacked to .tar."
        )
    splits: dict[str, list[Path]] = defaultdict(list)
    for folder, several in files.items():
        for file in several:
            of_folder = folder.name if folder.parent == root and folder.name != "data" else ""
            splits[of_folder or _split(file, named)].append(file)
    for files_of_split in splits.values():
        _complete(files_of_split)
    if splits.keys() & (SPLIT_NAMES | named):
        return dict(splits)
    return {"train": [file for several in files.values() for file in several]}


def _split(file: Path, named: set[str]) -> str:
    match = SHARD.fullmatch(file.name)
    prefix = match["prefix"] if match else file.stem
    last = re.split(r"[-_.]", prefix)[-1].lower()
    return last if last in SPLIT_NAMES | named and prefix not in named else prefix


def _complete(files: list[Path]) -> None:
    counts: dict[str, set[int]] = defaultdict(set)
    for file in files:
        match = SHARD.fullmatch(file.name)
        if match and match["count"]:
            counts[match["count"]].add(int(match["number"]))
    for count, numbers in counts.items():
        # Some writers count from 0, some from 1.
        if len(numbers) < int(count):
            raise UserError(
                f"{int(count) - len(numbers)} of the {int(count)} shards named like {files[0].name} are "
                f"missing in {files[0].parent}. Download the rest of the set."
            )


def expected_samples(root: Path, shards: dict[str, list[Path]]) -> dict[Path, int]:
    """How many samples each shard has by the index that lies beside it, as far as there is one.

    Raises UserError where an index of the whole set names a shard of a split in use that is not there.
    """
    counts: dict[Path, int] = {}
    for folder in {file.parent for files in shards.values() for file in files}:
        listed = {name: count for index in INDICES for name, count in _listed(folder / index).items()}
        there = {file for files in shards.values() for file in files if file.parent == folder}
        # Of a split that nobody uses nothing need be there.
        used = {_split(file, set()) for file in there}
        wanted = {folder / name for name in listed if _split(Path(name), set()) in used}
        if missing := sorted(wanted - there):
            raise UserError(
                f"{len(missing)} of the {len(wanted)} shards that the index in {folder} lists are missing, "
                f"the first is {missing[0].name}. Download the rest of the set, or remove the index."
            )
        counts |= {folder / name: count for name, count in listed.items()}
    for file in (file for files in shards.values() for file in files):
        stats = read_json(file.with_name(f"{file.stem}_stats.json"))
        if isinstance(stats, dict) and isinstance(stats.get("successes"), int):
            counts[file] = stats["successes"]
    return counts


def _listed(index: Path) -> dict[str, int]:
    """Shard -> samples, of an index in any of the forms in use; nothing of a file that is something else."""
    found = read_json(index)
    if not isinstance(found, dict):
        return {}
    pairs: list[tuple[Any, Any]] = []
    if isinstance(found.get("shards"), list):
        pairs = [(one.get("name"), one.get("samples")) for one in found["shards"] if isinstance(one, dict)]
    elif isinstance(found.get("shardlist"), list):
        pairs = [(one.get("url"), one.get("nsamples")) for one in found["shardlist"] if isinstance(one, dict)]
    elif isinstance(found.get("splits"), dict):
        for split in found["splits"].values():
            if isinstance(split, dict):
                pairs += zip(split.get("filenames") or [], split.get("shard_lengths") or [], strict=False)
    else:
        pairs = list(found.items())
    return {Path(name).name: n for name, n in pairs if str(name).endswith(".tar") and isinstance(n, int)}


def class_names(root: Path) -> list[str] | None:
    """The names in a file beside the shards (one a line, or a JSON list), or those of a store's index."""
    for name in CLASS_FILES:
        for file in (root / name, root / "data" / name):
            if file.is_file():
                text = file.read_text()
                names = json.loads(text) if file.suffix == ".json" else text.splitlines()
                return [str(one).strip() for one in names if str(one).strip()]
    index = read_json(root / "index.json")
    names = index.get("classes") if isinstance(index, dict) else None
    return [str(one) for one in names] if isinstance(names, list) and names else None


def read_json(file: Path) -> Any:
    """What a JSON file holds, or None where there is none or it is not JSON."""
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
