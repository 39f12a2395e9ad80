"""Room for a dataset's images: in memory, or in a file that is mapped into it.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import math
import os
import tempfile

import numpy as np
import psutil

from proxykd.environment import cores, number
from proxykd.errors import UserError
from proxykd.presentation.progress import log

SHARE = 0.5
"""Of the memory that is free, at most, is given to one dataset's images."""


def room_for(shape: tuple[int, ...]) -> np.ndarray:
    """An uninitialised uint8 array.

    One that would take more than half of the free memory, or more than PROXYKD_IMAGE_MEMORY_GIB, lies in a
    nameless file in PROXYKD_SCRATCH (else TMPDIR, else /var/tmp), and vanishes with the process.
    Raises UserError where that has no room either.
    """
    wanted = math.prod(shape)
    if wanted <= _limit():
        return np.empty(shape, np.uint8)
    # Not /tmp, which is memory itself on many machines.
    folder = os.environ.get("PROXYKD_SCRATCH") or os.environ.get("TMPDIR") or "/var/tmp"
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            # Reserved at once: a mapped file that meets a full disk later ends the process without a word.
            os.posix_fallocate(file.fileno(), 0, wanted)
            images = np.memmap(file, np.uint8, "r+", shape=shape)
    except OSError as error:
        raise UserError(
            f"The images take {wanted / 2**30:.1f} GiB, for which the memory is too small, and {folder} has "
            f"no room for them: {error.strerror}. Name a folder on a fast disk in PROXYKD_SCRATCH."
        ) from error
    log.info("the images take %.1f GiB and are mapped from a file in %s", wanted / 2**30, folder)
    return images


def _limit() -> float:
    """Bytes that images may take in memory."""
    told = number("PROXYKD_IMAGE_MEMORY_GIB", math.inf)
    if told < math.inf:
        return told * 2**30
    # A Slurm job is killed at its own limit, however much the node has. 0 stands for all of it.
    granted = number("SLURM_MEM_PER_NODE", 0) or number("SLURM_MEM_PER_CPU", 0) * cores()
    return SHARE * min(psutil.virtual_memory().available, granted * 2**20 or math.inf)
