"""The process that draws bundles and encodes them: whatever a program does, it does it here.

    python -m proxykd.production.worker <descriptor of its end of a pipe>

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import ctypes
import signal
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from proxykd.encoding import encode
from proxykd.errors import UserError, sentence
from proxykd.production.parts import Bundle
from proxykd.production.spool import rows_of, write

PR_SET_PDEATHSIG = 1
OPENED, BEGUN, DONE, FAILED, BROKEN = "opened", "begun", "done", "failed", "broken"
"""What a worker tells: it can draw, and with which back end; it has begun a part (its number in the bundle);
the bundle's file is written; the part's program has failed, and why; nothing can be drawn or written."""


def main(descriptor: int) -> None:
    """Draw what the parent asks for, until it asks for no more or is gone."""
    _die_with_the_parent()
    pipe = Connection(descriptor)
    # The parent is gone: there is nobody to tell.
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            _serve(pipe)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:
            traceback.print_exc()
            pipe.send((BROKEN, error if sentence(error) else RuntimeError(traceback.format_exc())))


def _die_with_the_parent() -> None:
    """Also when it is killed. Signals from the terminal and the scheduler are the parent's to take."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        with suppress(OSError):
            # Where memory runs out, this process goes before the one that can replace it.
            Path("/proc/self/oom_score_adj").write_text("500")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _serve(pipe: Connection) -> None:
    name, pool = pipe.recv()
    module = import_module(name)
    if getattr(pool, "backend", None) == "auto":
        pool = module.settle(pool)
    with module.open_painter(pool) as painter:
        pipe.send((OPENED, getattr(painter, "backend", getattr(pool, "backend", None))))
        while True:
            bundle, path = pipe.recv()
            if _draw(pipe, painter, bundle, path):
                pipe.send((DONE, None))


def _draw(pipe: Connection, painter: Any, bundle: Bundle, path: Path) -> bool:
    """Draw and store a bundle; False where a program has failed, which is told."""
    drawn = []
    for number, part in enumerate(bundle.parts):
        pipe.send((BEGUN, number))
        try:
            images_NHWC, columns = painter.draw(part.program, part.samples)
        except UserError:
            raise
        except Exception as error:
            traceback.print_exc()
            pipe.send((FAILED, f"{type(error).__name__}: {error}".strip()))
            return False
        drawn.append(rows_of(part.samples, [encode(image_HWC) for image_HWC in images_NHWC], columns))
    write(path, drawn)
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]))
