"""How a result comes into the store and leaves it: under a lock, whole or not at all.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from proxykd import shards, store
from proxykd.errors import UserError
from proxykd.store import INDEX, PARTIAL, Index, checkpoint_of, is_complete, stamp_of

PATIENCE_SECONDS = 3.0
GROUP = stat.S_IRWXG
NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP}
log = logging.getLogger("proxykd")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of one key. The system releases it when its holder dies, however that happens.

    What is made meanwhile belongs to the store's group as the store does (see `_as_the_store`). Where the
    file system has no locks, the work goes on without: two may then make the same, and one of them is kept.
    """
    with _as_the_store(folder):
        # As the mask has it, like all other files: in a shared store colleagues must be able to take it too.
        lock = FileLock(folder.with_name(folder.name + ".lock"), mode=0o666 & ~_umask())
        try:
            _acquire(lock, folder)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            log.warning("%s: its file system has no locks (%s); going on without", folder, error.strerror)
        try:
            yield
        finally:
            lock.release()


def _acquire(lock: FileLock, folder: Path) -> None:
    try:
        lock.acquire(timeout=PATIENCE_SECONDS)
    except Timeout:
        log.info("waiting for another process that is at work on %s", folder)
        lock.acquire()


@contextmanager
def _as_the_store(folder: Path) -> Iterator[None]:
    """Let the store's group have, of all that is made meanwhile, what it has of the store's own folder.

    Whatever the umask is, as git does it with `core.sharedRepository`: a store of mode 2775 is one that the
    whole group writes to, one of 2755 or 2750 is one that it reads.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    root = folder.parent.parent
    mask = _umask()
    if root.resolve() == store.root().resolve():
        granted = root.stat().st_mode & GROUP
        os.umask(mask & ~granted)
        # Snakemake, which has the user's own mask, may have made this one.
        state = folder.parent.stat()
        if state.st_uid == os.geteuid() and granted & ~state.st_mode:
            folder.parent.chmod(stat.S_IMODE(state.st_mode) | granted)
    try:
        yield
    finally:
        os.umask(mask)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def stamp(folder: Path) -> None:
    """Touch the stamp that stands for a result."""
    path = stamp_of(folder)
    try:
        path.touch()
    except PermissionError:
        # Somebody else's, who lets others read only: it is enough that it is there.
        if not path.exists():
            raise


def drop_orphan(folder: Path) -> None:
    """Remove a stamp that is there without its result, as when a folder of the store was removed by hand.

    Raises UserError then: Snakemake, which goes by stamps, did not plan to make the result again.
    """
    if stamp_of(folder).exists() and not folder.exists():
        with locked(folder):
            if not folder.exists():
                stamp_of(folder).unlink(missing_ok=True)
                raise UserError(
                    f"{folder} was removed, and only its stamp was left, which is removed now too. Start the "
                    "same command again: it is made anew."
                )


@contextmanager
def private_folder(folder: Path) -> Iterator[Path]:
    """A folder beside the final one to make a result in; gone afterwards unless it was published.

    What a dead process of this machine left behind is removed first; of other machines' processes nothing
    is known here, and `store.py collect` removes what they left.
    """
    _remove_leftovers(folder)
    private = _private(folder, "made")
    try:
        # A signal may arrive as soon as it is there.
        private.mkdir()
        yield private
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _private(folder: Path, what: str) -> Path:
    return folder.with_name(f"{folder.name}.{socket.gethostname()}.{what}.{os.getpid()}{PARTIAL}")


def _remove_leftovers(folder: Path) -> None:
    for left in folder.parent.glob(f"{folder.name}.{socket.gethostname()}.*{PARTIAL}"):
        if not _is_running(int(left.name.split(".")[-2])):
            shutil.rmtree(left, ignore_errors=True)


def _is_running(process: int) -> bool:
    """Whether another process of this number runs; in a container that starts anew, numbers come again.

    One that has ended and that nobody has waited for, since its parent was killed too, runs no more.
    """
    if process == os.getpid():
        return False
    try:
        return psutil.Process(process).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def check_place(folder: Path) -> None:
    """Raise UserError where a folder holds something that is no result, and so must not be replaced."""
    ours = shards.KEY.fullmatch(folder.name) or (folder / INDEX).exists()
    if not ours and (folder.is_file() or (folder.is_dir() and any(folder.iterdir()))):
        raise UserError(
            f"{folder} holds something else than a result of ProxyKD. Give a new folder as --out."
        )


def publish(private: Path, folder: Path, index: Index) -> None:
    """Write the index last of all, and move the finished result to its place as one.

    Where somebody else published the same key meanwhile (on a file system whose locks do not work),
    theirs is kept. What is damaged there is replaced.
    """
    (private / INDEX).write_bytes(index.model_dump_json(indent=1).encode())
    try:
        os.replace(private, folder)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}:
            raise
        if is_complete(folder):
            return
        check_place(folder)
        aside = _private(folder, "damaged")
        os.replace(folder, aside)
        os.replace(private, folder)
        _remove(aside)


def discard(folder: Path) -> None:
    """Remove a result, its stamp and its checkpoint, once nobody is at work on it. The lock's file stays.

    The stamp goes first, so that Snakemake never trusts a stamp without its result.
    """
    with locked(folder):
        stamp_of(folder).unlink(missing_ok=True)
        _remove_leftovers(folder)
        for place in (folder, checkpoint_of(folder)):
            _remove(place)


def _remove(place: Path) -> None:
    """Remove a folder, its index first, so that no half of it is ever taken for a whole."""
    if place.is_dir():
        (place / INDEX).unlink(missing_ok=True)
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
