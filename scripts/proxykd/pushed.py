"""A result as it lies elsewhere, and what its index says.

    <place>/<stage>/<key>/train-000000.tar ...   with the teacher's class of each image as a `.cls` member
    <place>/<stage>/<key>/README.md              a card; the other files are as in the store
    <place>/<stage>/<key>/index.json             written last: there if and only if the rest is

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from pydantic import ValidationError

from proxykd.errors import UserError
from proxykd.remote import Remote
from proxykd.shards import KEY
from proxykd.store import INDEX, Entry, Index, Upstream

CARD = "README.md"


class Pushed(Index):
    """The index of a result as it lies elsewhere."""

    pushed: list[Entry] = []
    """Every file there but this one. Empty: all are as the index has them."""
    classes_from: Upstream | None = None
    """The result whose column `predicted` became the `.cls` members."""

    @property
    def lying(self) -> dict[str, Entry]:
        """Name -> the file as it lies there, but for the card, which anybody may edit."""
        listed = self.pushed or [*self.shards, *self.files]
        return {entry.name: entry for entry in listed if entry.name != CARD}

    @property
    def original(self) -> Index:
        """The index as it was in the store."""
        return Index(**self.model_dump(exclude={"pushed", "classes_from"}))


def read_pushed(remote: Remote, stage: str, key: str) -> Pushed | None:
    """The index of a result elsewhere; None where there is none.

    Raises UserError where it is no index of that stage and key, or names files outside its folder: what
    lies in a bucket is somebody else's word.
    """
    name = f"{stage}/{key}/{INDEX}"
    content = remote.read(name)
    if content is None:
        return None
    place = f"{remote.shown}/{name}"
    try:
        found = Pushed.model_validate_json(content)
    except ValidationError as error:
        raise UserError(
            f"{place} is not a valid index. Remove it there, and push that result again."
        ) from error
    if (found.stage, found.key) != (stage, key):
        raise UserError(f"{place} says that it is {found.stage}/{found.key}: it was moved or renamed there.")
    for entries in ([*found.shards, *found.files], found.pushed):
        _check_names([entry.name for entry in entries], place)
    return found


def _check_names(names: list[str], place: str) -> None:
    """Raise UserError where a name could lead out of the result's folder, or two files are one."""
    known = set(names)
    for name in names:
        path = PurePosixPath(name)
        strange = path.is_absolute() or ".." in path.parts or str(path) != name or "\\" in name
        if strange or not name.isprintable() or name in {".", INDEX}:
            raise UserError(f"{place} lists {name!r}, which is no file of that result. Nothing was fetched.")
        if known & {str(parent) for parent in path.parents}:
            raise UserError(f"{place} lists a file in {name!r}, and a file of its folder's name.")
    if len(known) < len(names):
        raise UserError(f"{place} lists a file twice. Nothing was fetched.")


def keys(remote: Remote, stage: str) -> list[str]:
    """The keys of a stage for which there is a folder, finished or not."""
    return [name for name in remote.names(stage) if KEY.fullmatch(name)]
