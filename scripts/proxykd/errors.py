"""The one exception that a user may see, and the one place that turns it into a sentence."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable

DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class UserError(Exception):
    """A mistake or a limit outside the program: what is wrong, where, and what to do, in sentences.

    Anything else that escapes is a defect and keeps its traceback.
    """


def sentence(error: BaseException) -> str | None:
    """The sentence for an error that the user can do something about, else None."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        place = f" {error.filename}" if error.filename else ""
        return (
            f"The disk is full, or a quota is used up, while writing{place}: {error.strerror}. Nothing was "
            "published. Free some space (scripts/store.py list shows what is large) and start again."
        )
    if isinstance(error, PermissionError):
        return f"No permission for {error.filename}. Ask its owner, or name another store in PROXYKD_STORE."
    return None


def run(program: Callable[[], int | None]) -> None:
    """Run a command-line program; end it with a sentence and status 1 on a user's mistake.

    Status 130 stands for an interrupt from the keyboard, as shells have it.
    """
    try:
        status = program() or 0
    except KeyboardInterrupt:
        print("Interrupted. Nothing unfinished was published; start again to continue.", file=sys.stderr)
        status = 130
    except BrokenPipeError:
        # The reader (head, less) went away: no mistake of anyone's, and stdout cannot be flushed any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except (UserError, OSError) as error:
        told = sentence(error)
        if told is None:
            raise
        print(f"error: {told}", file=sys.stderr)
        status = 1
    raise SystemExit(status)
