"""The one exception that a user may see, and the one place that turns it into a sentence."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# Libraries that write through C++ or Rust raise errors of their own, with the system's text in them.
DISK_FULL_TEXTS = (
    *(os.strerror(number) for number in sorted(DISK_FULL)),
    "PytorchStreamWriter failed writing file",
    "unexpected pos",
)
WHAT_IS_LARGE = "python scripts/store.py list shows what is large"
TERMINATED = (
    "Stopped by SIGTERM, as a scheduler stops a job at its time limit. Nothing unfinished was published. "
    "Start the same command again: a training goes on at its last checkpoint, a rendering with what is "
    "missing, and other stages begin anew."
)
AGAIN_SECONDS = 0.5
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


class UserError(Exception):
    """A mistake or a limit outside the program: what is wrong, where, and what to do, in sentences.

    Anything else that escapes is a defect and keeps its traceback.
    """


def sentence(error: BaseException) -> str | None:
    """The sentence for an error that the user can do something about, else None."""
    if isinstance(error, UserError):
        return str(error)
    full = full_disk(error)
    if full is not None:
        return f"{full} Nothing was published. Free some space ({WHAT_IS_LARGE}) and start again."
    number = error.errno if isinstance(error, OSError) else None
    if number in FORBIDDEN:
        filename = getattr(error, "filename", None)
        place = f" for {filename}" if filename else ""
        reason = os.strerror(number)
        return f"No permission{place}: {reason}. Ask its owner, or name another store in PROXYKD_STORE."
    return None


def full_disk(error: BaseException) -> str | None:
    """What to say of an error that comes of a full disk or a used-up quota; None for any other."""
    number = error.errno if isinstance(error, OSError) else None
    if number not in DISK_FULL and not any(text in str(error) for text in DISK_FULL_TEXTS):
        return None
    filename = getattr(error, "filename", None)
    place = f" {filename}" if filename else ""
    reason = os.strerror(number) if number else str(error).splitlines()[0]
    return f"The disk is full, or a quota is used up, while writing{place}: {reason}."


def run(program: Callable[[], int | None]) -> NoReturn:
    """Run a command-line program; end it with a sentence and status 1 on a user's mistake.

    The sentence goes to stderr, and to the log file where there is one. Status 130 stands for an interrupt
    from the keyboard and 143 for SIGTERM (a cluster's time limit, say), as shells have it; what was made so
    far is cleaned up first.
    """
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Else it is ignored on purpose: a shell's job in the background.
        signal.signal(signal.SIGINT, _interrupt)
    try:
        status = program() or 0
    except _Terminated:
        signal.setitimer(signal.ITIMER_REAL, 0)
        # Else one that comes while Python shuts down ends it with another status.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _tell(TERMINATED)
        status = 128 + signal.SIGTERM
    except KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, 0)
        _tell("Interrupted. Nothing unfinished was published; start again to continue.")
        status = 130
    except BrokenPipeError:
        # The reader (head, less) went away: no mistake of anyone's, and stdout cannot be flushed any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except Exception as error:
        told = sentence(error)
        if told is None:
            raise
        _tell(f"error: {told}")
        status = 1
    raise SystemExit(status)


def _tell(line: str) -> None:
    print(line, file=sys.stderr)
    for handler in logging.getLogger("proxykd").handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handle(logging.LogRecord("proxykd", logging.ERROR, "", 0, line, (), None))


class _Terminated(SystemExit):
    """Raised where SIGTERM meets the program, so that it cleans up before it says so."""


def _terminate(number: int, frame: FrameType | None) -> None:
    # Several may come: Slurm's daemon and its srun each send one. None may break off the cleaning up.
    if _is_cleaning_up():
        return
    _again(_terminate)
    raise _Terminated(128 + signal.SIGTERM)


def _interrupt(number: int, frame: FrameType | None) -> None:
    if not _is_cleaning_up():
        _again(_interrupt)
        raise KeyboardInterrupt


def _again(handler: Callable[[int, FrameType | None], None]) -> None:
    """Call a handler again soon: modules in Cython drop what is raised while they are imported."""
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS)


def _is_cleaning_up() -> bool:
    error = sys.exc_info()[1]
    while error is not None and not isinstance(error, _Terminated | KeyboardInterrupt):
        error = error.__context__
    return error is not None
