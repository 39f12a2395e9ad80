"""How an image folder is laid out: which splits, which classes, which files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from proxykd.errors import UserError
from proxykd.images.imported import UNLABELLED

IMAGE_SUFFIXES = {
    ".avif", ".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif",
    ".tiff", ".webp",
}  # fmt: skip
# What lies beside images everywhere and is no loss to anyone.
SILENT_SUFFIXES = {".csv", ".html", ".json", ".md", ".txt", ".xml", ".yaml", ".yml"}
SILENT_NAMES = {"desktop.ini", "license", "readme", "thumbs.db", "__macosx"}
SPLIT_NAMES = {"train", "validation", "val", "test"}


@dataclass(frozen=True)
class Listing:
    """The images of one split: sorted by class, then by file."""

    classes: list[str]
    files: list[Path]
    class_of: list[str]
    ignored: list[Path]
    labelled: bool = True


def split_folders(root: Path, named: set[str]) -> tuple[dict[str, Path], list[Path]]:
    """The folder of class folders of each split, and what lies beside them unused.

    `root` has splits if a folder with a split's name, or one in `named`, holds folders; else its own folders
    are the classes and all of it is train, as it is where it holds only images. Raises UserError where none
    of this is the case.
    """
    if not root.is_dir():
        raise UserError(f"There is no folder {root}. Set path to a folder that has one folder a class.")
    folders = _folders(root)
    splits = {folder.name: folder for folder in folders if _folders(folder)}
    if splits.keys() & (SPLIT_NAMES | named):
        return splits, _loose(root) + [folder for folder in folders if folder.name not in splits]
    if not folders and not any(file.suffix.lower() in IMAGE_SUFFIXES for file in _loose(root)):
        raise UserError(
            f"{root} has no class folders. Put the images of each class into a folder of its own; unlabelled "
            "ones may lie in it as they are."
        )
    if flat := sorted(SPLIT_NAMES & {folder.name for folder in folders}):
        raise UserError(
            f"{root / flat[0]} has a split's name but no class folders in it. Put its images into one folder "
            "a class (unlabelled ones all into one), or rename it if it is a class."
        )
    return {"train": root}, []


def list_images(root: Path, nested: bool) -> Listing:
    """The images in the class folders of `root`, sorted; with `nested` also those further down.

    Without splits, folders inside class folders would leave open whether the upper ones are splits under
    unusual names, so they are refused. Raises UserError for that and for a class without images. Images in a
    folder without folders are unlabelled.
    """
    if not _folders(root):
        return _unlabelled(_loose(root))
    listing = Listing([], [], [], _loose(root))
    for folder in _folders(root):
        if not nested and _folders(folder):
            raise UserError(
                f"{folder} holds folders, not only images. If {folder.name} is a split, say so with splits: "
                f"{{train: {folder.name}}}; if it is a class, move the images up into it."
            )
        files = list(_files(folder, (os.path.realpath(folder),)))
        images = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES]
        others = [file for file in files if file.suffix.lower() not in IMAGE_SUFFIXES]
        if not images:
            raise _empty(folder, others)
        listing.classes.append(folder.name)
        listing.files.extend(images)
        listing.class_of.extend([folder.name] * len(images))
        listing.ignored.extend(others)
    return listing


def _unlabelled(loose: list[Path]) -> Listing:
    files = [file for file in loose if file.suffix.lower() in IMAGE_SUFFIXES]
    others = [file for file in loose if file.suffix.lower() not in IMAGE_SUFFIXES]
    return Listing([UNLABELLED], files, [UNLABELLED] * len(files), others, labelled=False)


def printable(name: str) -> str:
    """The name as valid Unicode: a file name may hold bytes that are none."""
    return name.encode("utf-8", "backslashreplace").decode()


def _empty(folder: Path, others: list[Path]) -> UserError:
    found = f" (files of other types: {len(others)}, such as {others[0].name})" if others else ""
    return UserError(
        f"Class folder {folder} holds no images{found}. Add images ({', '.join(sorted(IMAGE_SUFFIXES))}) or "
        "remove the folder."
    )


def _entries(folder: Path | str) -> list[os.DirEntry[str]]:
    """What is in a folder and not hidden, sorted by name, whatever order the disk gives.

    Entries know what is a folder without asking the disk again: a million files on a network take minutes.
    """
    with os.scandir(folder) as entries:
        shown = [entry for entry in entries if not entry.name.startswith(".")]
    return sorted((e for e in shown if e.name.lower() not in SILENT_NAMES), key=lambda entry: entry.name)


def _folders(folder: Path) -> list[Path]:
    return [Path(entry.path) for entry in _entries(folder) if entry.is_dir()]


def _loose(folder: Path) -> list[Path]:
    files = [Path(entry.path) for entry in _entries(folder) if not entry.is_dir()]
    return [file for file in files if not _silent(file)]


def _silent(file: Path) -> bool:
    return file.suffix.lower() in SILENT_SUFFIXES


def _files(folder: Path | str, above: tuple[str, ...]) -> Iterator[Path]:
    """All files in and below a folder; a link back to a folder above is not followed."""
    for entry in _entries(folder):
        file = Path(entry.path)
        if entry.is_dir():
            real = os.path.realpath(entry.path)
            if real not in above:
                yield from _files(entry.path, (*above, real))
        elif not _silent(file):
            yield file
