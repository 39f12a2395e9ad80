"""Tar files of many small members, in the form that Python's tarfile gives them, at a tenth of its time.

Plumbing: not in a stage's code digest. Whoever changes what is written raises `shards.FORMAT`.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

BLOCK = tarfile.BLOCKSIZE
NAME, SIZE, CHECKSUM = slice(0, 100), slice(124, 135), slice(148, 156)
"""Where a header has them; the size's and the checksum's digits are octal."""


class TarWriter:
    """Writes a tar file front to back; `close` says what a dataset's index wants to know of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.samples = self.bytes = 0
        self._digest = hashlib.sha256()
        self._file = path.open("wb", buffering=0)

    def append(self, names: Sequence[str], contents: Sequence[bytes | memoryview]) -> None:
        """Write members, each of which holds one image."""
        sizes_N = np.array([len(content) for content in contents], np.int64)
        ends_N = np.cumsum(BLOCK + -(-sizes_N // BLOCK) * BLOCK)
        starts_N = np.concatenate([[0], ends_N[:-1]])
        buffer = bytearray(int(ends_N[-1]))
        headers = headers_of(names, sizes_N).tobytes()
        for i, (start, content) in enumerate(zip(starts_N.tolist(), contents, strict=True)):
            buffer[start : start + BLOCK] = headers[i * BLOCK : (i + 1) * BLOCK]
            buffer[start + BLOCK : start + BLOCK + len(content)] = content
        self._write(buffer)
        self.samples += len(names)

    def close(self) -> dict[str, Any]:
        """End the file as tarfile does; its name, samples, bytes and SHA-256."""
        end = self.bytes + 2 * BLOCK
        self._write(bytes(-(-end // tarfile.RECORDSIZE) * tarfile.RECORDSIZE - self.bytes))
        self._file.close()
        facts = {"bytes": self.bytes, "sha256": self._digest.hexdigest()}
        return {"name": self.path.name, "samples": self.samples, **facts}

    def abandon(self) -> None:
        """Close a file that will be thrown away."""
        self._file.close()

    def _write(self, content: bytes | bytearray) -> None:
        self._digest.update(content)
        left = memoryview(content)
        while left:
            # Unbuffered files may take less than they are given.
            left = left[self._file.write(left) :]
        self.bytes += len(content)


def headers_of(names: Sequence[str], sizes_N: np.ndarray) -> np.ndarray:
    """The header of each member (uint8, N x 512): `mtime=0` as an int, since tarfile adds a kilobyte for a
    float, and read by everybody.

    names: ASCII, at most 100 characters. sizes_N: bytes, below 8 GiB.
    """
    headers_NB = np.tile(_template(), (len(names), 1))
    headers_NB[:, NAME] = np.array(names, "S100").view(np.uint8).reshape(len(names), 100)
    headers_NB[:, SIZE] = _octal(sizes_N, 11)
    headers_NB[:, CHECKSUM] = ord(" ")
    sums_N = headers_NB.sum(axis=1, dtype=np.int64)
    headers_NB[:, CHECKSUM][:, :6] = _octal(sums_N, 6)
    headers_NB[:, CHECKSUM][:, 6] = 0
    return headers_NB


def _template() -> np.ndarray:
    member = tarfile.TarInfo()
    member.mtime, member.mode = 0, 0o444
    return np.frombuffer(member.tobuf(tarfile.USTAR_FORMAT), np.uint8)


def _octal(values_N: np.ndarray, digits: int) -> np.ndarray:
    shifts = 3 * np.arange(digits - 1, -1, -1)
    return ((values_N[:, None] >> shifts) & 7).astype(np.uint8) + ord("0")
