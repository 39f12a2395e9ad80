"""Room for a dataset's images: in memory, or in a file that is mapped into it.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path

import numpy as np
import psutil

from proxykd.environment import cores, number
from proxykd.errors import UserError
from proxykd.presentation.progress import log

SHARE = 0.5
"""Of the memory that is free, at most, is given to one dataset's images."""
IN_MEMORY = {"tmpfs", "ramfs"}
"""File systems whose files take up memory."""
CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")


def room_for(shape: tuple[int, ...]) -> np.ndarray:
    """An uninitialised uint8 array.

    One that would take more than half of the free memory, or more than PROXYKD_IMAGE_MEMORY_GIB, lies in a
    nameless file in PROXYKD_SCRATCH (else TMPDIR, else /var/tmp), and vanishes with the process.
    Raises UserError where that has no room either.
    """
    wanted = math.prod(shape)
    if wanted <= _limit():
        return np.empty(shape, np.uint8)
    place = folder()
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            # Reserved at once: a mapped file that meets a full disk later ends the process without a word.
            os.posix_fallocate(file.fileno(), 0, wanted)
            images = np.memmap(file, np.uint8, "r+", shape=shape)
    except OSError as error:
        raise UserError(
            f"The images take {wanted / 2**30:.1f} GiB, for which the memory is too small, and {place} has "
            f"no room for them: {error.strerror}. Name a folder on a fast disk in PROXYKD_SCRATCH."
        ) from error
    log.info("the images take %.1f GiB and are mapped from a file in %s", wanted / 2**30, place)
    return images


def folder() -> str:
    """Where large files lie for as long as a process runs.

    PROXYKD_SCRATCH, in which variables of the environment are replaced on the machine that needs it: a
    cluster's folder for one job may be called `/scratch/$SLURM_JOB_ID`. Else TMPDIR, which Snakemake sets to
    a job's `tmpdir`, unless that is memory itself, as /tmp is on many machines; else /var/tmp.
    Raises UserError where PROXYKD_SCRATCH names a variable that is not set.
    """
    told = os.environ.get("PROXYKD_SCRATCH", "")
    if told:
        place = os.path.expanduser(os.path.expandvars(told))
        if "$" in place:
            raise UserError(
                f"PROXYKD_SCRATCH is {told!r} in the environment, and the variable in it is not set here. A "
                "cluster may set it inside of a job alone; elsewhere name another folder, or none."
            )
        return place
    temporary = os.environ.get("TMPDIR", "")
    return temporary if temporary and not _in_memory(temporary) else "/var/tmp"


def _in_memory(place: str) -> bool:
    there = Path(place).resolve()
    mounted = {
        Path(one.mountpoint): one.fstype
        for one in psutil.disk_partitions(all=True)
        if there.is_relative_to(one.mountpoint)
    }
    return mounted.get(max(mounted, key=lambda one: len(one.parts), default=there)) in IN_MEMORY


def _limit() -> float:
    """Bytes that images may take in memory."""
    told = number("PROXYKD_IMAGE_MEMORY_GIB", math.inf)
    if told < math.inf:
        return told * 2**30
    free = psutil.virtual_memory().available
    return SHARE * max(0.0, min(free, _granted() - psutil.Process().memory_info().rss))


def _granted() -> float:
    """Bytes that this process may take before it is killed, however much the machine has."""
    # 0 stands for all of it.
    told = number("SLURM_MEM_PER_NODE", 0) or number("SLURM_MEM_PER_CPU", 0) * cores()
    return min(told * 2**20 or math.inf, _cgroup_limit())


def _cgroup_limit() -> float:
    """Bytes that the kernel lets this process's group of processes have: a job's, or a container's.

    Slurm tells a job in its environment as well, but Snakemake does not pass that on to its steps.
    """
    try:
        lines = OWN_CGROUPS.read_text().splitlines()
    except OSError:
        return math.inf
    limits = [math.inf]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        top = CGROUPS / controllers
        name = "memory.limit_in_bytes" if controllers else "memory.max"
        # Any group that this one is in may have the tighter limit.
        for group in [top / path.lstrip("/"), *(top / path.lstrip("/")).parents]:
            if group.is_relative_to(top) and (group / name).is_file():
                said = (group / name).read_text().strip()
                limits.append(float(said) if said.isdigit() else math.inf)
    return min(limits)
