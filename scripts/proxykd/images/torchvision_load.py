"""How a set that torchvision knows by name is opened, downloaded where that is allowed, or missed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from proxykd.errors import UserError
from proxykd.images.settings import ImportImages

DEFAULT_ROOT = "data"


def root_of(settings: ImportImages) -> Path:
    """The folder in which the set's own folder lies."""
    return Path(settings.path or DEFAULT_ROOT)


def load(
    settings: ImportImages, title: str, folder: str, make: Callable[..., Any], check: Callable[[Any], None]
) -> Any:
    """torchvision's data set, downloaded if that is allowed and necessary.

    `make(root)`, or `make(root, download=True)`, gives it; `check` raises an error, saying what is wrong,
    where it is not the whole official set. `folder` is its own below the root, `title` what a sentence calls
    it. Raises UserError where the set is missing, cannot be downloaded, or is damaged.
    """
    root = root_of(settings)

    def attempt(**given: Any) -> Any:
        loaded = make(root, **given)
        check(loaded)
        return loaded

    try:
        return attempt()
    except PermissionError:
        raise
    except (
        Exception
    ) as error:  # torchvision and pickle raise anything on files that are not what they should be
        if settings.download:
            return _download(attempt, root, settings.source, title)
        if (root / folder).is_dir():
            raise not_official(root / folder, title, str(error)) from error
    raise UserError(
        f"{title} is not at {root / folder}. Set download: true to fetch it, or set path to the folder in "
        f"which {folder} lies."
    )


def _download(attempt: Callable[..., Any], root: Path, source: str, title: str) -> Any:
    from filelock import FileLock

    root.mkdir(parents=True, exist_ok=True)
    try:
        # The stages of a set's splits start at the same time and would write into the same files, or read
        # them half unpacked.
        with FileLock(root / f".{source}.lock"):
            return attempt(download=True)
    except PermissionError:
        raise
    except Exception as error:  # whatever the network, the archive and torchvision can raise
        raise UserError(
            f"{title} could not be downloaded to {root} ({error}). Check the connection and delete what is "
            "there of the set, or bring its files there by hand."
        ) from error


def not_official(folder: Path, title: str, reason: str) -> UserError:
    """What to say of a set that is there, but is not what its name says."""
    return UserError(
        f"The files at {folder} are damaged, incomplete, or not those of {title} ({reason}). Delete that "
        "folder and set download: true; to use images of your own, choose source folder or parquet."
    )
