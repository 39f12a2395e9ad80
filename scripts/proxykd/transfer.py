"""One result on its way out of the store or into it: files first, compared by digest, the index last.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from proxykd import publication, store, teacher_classes
from proxykd.card import card
from proxykd.errors import UserError
from proxykd.pushed import CARD, Pushed, read_pushed
from proxykd.remote import Remote
from proxykd.scratch import folder as scratch
from proxykd.shards import ALTERED, file_facts
from proxykd.store import INDEX, Entry, Index
from proxykd.teacher_classes import Classes

T = TypeVar("T")
R = TypeVar("R")
EXECUTED = (".py", ".pt2")
"""Ends of the names of files that come with a teacher and are run wherever it is loaded."""
PUSH_AGAIN = "Nothing was published. Remove that result there, and push it again from where it was made."


@dataclass(frozen=True)
class Moved:
    """What was moved; where it was there already, `already` says so, and nothing was."""

    files: int = 0
    bytes: int = 0
    seconds: float = 0.0
    already: str = ""


def push(
    folder: Path, remote: Remote, classes: Classes | None, check: bool = True, insist: bool = False
) -> Moved:
    """Copy a result to another place, with the teacher's classes in its shards and a card beside them.

    With `check`, what lies there is read back and compared, and what is there already is not sent again.
    Another teacher's classes that lie there stay, unless `insist`.
    Raises UserError for a damaged result, and where another one lies under its key.
    """
    began = time.monotonic()
    index = store.verify(folder)
    name = f"{folder.parent.name}/{folder.name}"
    if f"{index.stage}/{index.key}" != name:
        raise UserError(f"{folder} says that it is {index.stage}/{index.key}: it was moved or renamed.")
    there = read_pushed(remote, index.stage, index.key)
    if there is not None:
        if there.digest != index.digest:
            raise UserError(
                f"{remote.shown}/{name} holds another result of that key, made elsewhere, with other bytes. "
                "Remove it there, or discard yours and pull that one."
            )
        if _suits(there, classes, insist) and _is_whole(remote, there):
            return Moved(already=f"is at {remote.shown} already{_whose(there, classes)}")
        # What is to be completed must not look complete meanwhile.
        remote.remove(f"{name}/{INDEX}")
    with tempfile.TemporaryDirectory(prefix="proxykd-push-", dir=scratch()) as room:
        sender = _Sender(folder, index, remote, classes, Path(room), check)
        entries = _each(remote, sender.send, [*index.shards, *index.files])
        pushed = Pushed(
            **index.model_dump(), pushed=entries, classes_from=classes.origin if classes else None
        )
        text = Path(room) / CARD
        suffix = teacher_classes.image_suffix(folder / index.shards[0].name) if index.shards else ""
        text.write_text(card(pushed, classes, suffix), encoding="utf-8")
        pushed.pushed.append(sender.copy(text, Entry(name=CARD, **file_facts(text))))
    _write_index(remote, f"{name}/{INDEX}", pushed, check)
    return _moved(pushed.pushed, began)


@dataclass(frozen=True)
class _Sender:
    """Sends the files of one result."""

    folder: Path
    index: Index
    remote: Remote
    classes: Classes | None
    room: Path
    check: bool

    def send(self, entry: Entry) -> Entry:
        """Send a file, a shard with its classes; returns what then lies there."""
        if self.classes is None or entry not in self.index.shards:
            return self.copy(self.folder / entry.name, entry)
        before = self.index.shards[: self.index.shards.index(entry)]
        rows = self.classes.of_rows(sum(shard.samples for shard in before), entry.samples)
        outgoing, again = self.room / entry.name, self.room / f"{entry.name}.again"
        teacher_classes.add(self.folder / entry.name, outgoing, rows)
        teacher_classes.take_out(outgoing, again)
        if file_facts(again)["sha256"] != entry.sha256:
            raise UserError(
                f"{self.folder / entry.name} was not written as ProxyKD writes shards now, and could not be "
                "pulled as it is. Discard that result and make it again."
            )
        again.unlink()
        sent = self.copy(outgoing, Entry(name=entry.name, samples=entry.samples, **file_facts(outgoing)))
        outgoing.unlink()
        return sent

    def copy(self, source: Path, entry: Entry) -> Entry:
        """Send a file as it is."""
        name = f"{self.index.stage}/{self.index.key}/{entry.name}"
        if self.check and self.remote.holds(name, entry):
            return entry
        self.remote.put(source, name)
        if self.check and not self.remote.holds(name, entry):
            raise UserError(
                f"{self.remote.shown}/{name} is not what was sent: it was read back with another SHA-256. "
                "No index was written, so nobody takes it for a result. Start again."
            )
        return entry


def _write_index(remote: Remote, name: str, pushed: Pushed, check: bool) -> None:
    content = pushed.model_dump_json(indent=1).encode()
    remote.write(name, content)
    if check and remote.read(name) != content:
        remote.remove(name)
        raise UserError(f"{remote.shown}/{name} is not what was sent, and was removed again. Start again.")


def _suits(there: Pushed, classes: Classes | None, insist: bool) -> bool:
    """Whether the classes that lie there may stay."""
    if classes is None or there.classes_from == classes.origin:
        return True
    return there.classes_from is not None and not insist


def _whose(there: Pushed, classes: Classes | None) -> str:
    """What to add where another teacher's classes lie there."""
    lie = there.classes_from
    if classes is None or lie is None or lie == classes.origin:
        return ""
    return f", with the classes of {lie.stage}/{lie.key}: --scores replaces them"


def _is_whole(remote: Remote, there: Pushed) -> bool:
    """Whether all that an index elsewhere lists is there, going by the sizes."""
    folder = f"{there.stage}/{there.key}"
    return not any(
        _each(remote, lambda entry: remote.objection(f"{folder}/{entry.name}", entry), there.lying.values())
    )


def pull(remote: Remote, stage: str, key: str, trust: bool = False) -> Moved:
    """Bring a result into the store, with the bytes that it had in the one that it was made in.

    trust: also one that later stages execute code of, an imported teacher's. Raises UserError for such a one
    without trust, and for one that is not there, not finished or not what its index says; nothing is
    published then.
    """
    began = time.monotonic()
    there = read_pushed(remote, stage, key)
    if there is None:
        raise UserError(
            f"{remote.shown}/{stage}/{key} is no finished result: it has no {INDEX}. Without a name, `pull` "
            "lists what is there."
        )
    index = there.original
    code = [entry.name for entry in index.files if entry.name.endswith(EXECUTED)]
    if code and not trust:
        raise UserError(
            f"{remote.shown}/{stage}/{key} holds {code[0]}, which stages that use this teacher execute: it "
            "can do anything that you can. Give --trust if you trust whoever made it."
        )
    folder = store.root() / stage / key
    with publication.locked(folder):
        if store.is_complete(folder):
            publication.stamp(folder)
            same = store.read_index(folder).digest == index.digest
            return Moved(
                already="is in the store already" + ("" if same else ", with other bytes, and stays")
            )
        with publication.private_folder(folder) as private:
            fetch = _Fetcher(remote, f"{stage}/{key}", there.lying, private).fetch
            _each(remote, fetch, [*index.shards, *index.files])
            publication.publish(private, folder, index)
        shutil.rmtree(store.checkpoint_of(folder), ignore_errors=True)
        publication.stamp(folder)
    return _moved(there.lying.values(), began)


@dataclass(frozen=True)
class _Fetcher:
    """Fetches the files of one result into a private folder."""

    remote: Remote
    name: str
    lying: dict[str, Entry]
    private: Path

    def fetch(self, entry: Entry) -> None:
        """Fetch a file, check it, and take the classes out where it is a shard that has them."""
        name = f"{self.name}/{entry.name}"
        lies = self.lying.get(entry.name)
        problem = "its index does not say how it lies there"
        if lies is not None:
            problem = self.remote.objection(name, lies) or self._take(name, lies, entry)
        if problem:
            raise UserError(f"{self.remote.shown}/{name} is damaged: {problem}. {PUSH_AGAIN}")

    def _take(self, name: str, lies: Entry, entry: Entry) -> str:
        """Why the file cannot be taken; empty where it is in its place now."""
        target = self.private / entry.name
        target.parent.mkdir(parents=True, exist_ok=True)
        fetched = target.with_name(f"{target.name}.fetched")
        self.remote.get(name, fetched)
        if file_facts(fetched)["sha256"] != lies.sha256:
            return ALTERED
        if lies.sha256 == entry.sha256:
            fetched.rename(target)
            return ""
        teacher_classes.take_out(fetched, target)
        fetched.unlink()
        if file_facts(target)["sha256"] != entry.sha256:
            return f"without its {teacher_classes.SUFFIX} members it is not the shard that it was made from"
        return ""


def _each(remote: Remote, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """The results of some work on each file, several at once where the place allows it."""
    with ThreadPoolExecutor(remote.at_once) as threads:
        return list(threads.map(work, items))


def _moved(entries: Iterable[Entry], began: float) -> Moved:
    sizes = [entry.bytes for entry in entries]
    return Moved(len(sizes), sum(sizes), time.monotonic() - began)
