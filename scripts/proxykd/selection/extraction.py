"""Images of some rows of pools, taken out of their shards without being decoded."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from proxykd import scratch
from proxykd.errors import UserError
from proxykd.shards import read_shard
from proxykd.store import read_index


class Extracted:
    """Encoded images, in a file that vanishes with this object; any of them is read when it is asked for.

    Each shard is read once, one at a time, so that a pool may be of any size.
    """

    def __init__(
        self,
        pools: list[Path],
        pool_M: np.ndarray,
        row_M: np.ndarray,
        advance: Callable[[int], None] | None = None,
    ) -> None:
        """Take out the image of row `row_M` of pool number `pool_M`, for each of M images.

        Raises UserError where a shard is damaged, or where there is no room for the file.
        """
        self._offset_M, self._size_M = np.zeros(len(row_M), np.int64), np.zeros(len(row_M), np.int32)
        self._end = 0
        self._folder = scratch.folder()
        with self._room():
            # Closed with this object.
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115
        for number, pool in enumerate(pools):
            places = np.flatnonzero(pool_M == number)
            self._take(pool, places[np.argsort(row_M[places], kind="stable")], row_M, advance)

    @contextmanager
    def _room(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(
                f"{self._folder} has no room for the selected images: {error.strerror}. Name a folder on a "
                "fast disk in PROXYKD_SCRATCH."
            ) from error

    def _take(
        self, pool: Path, places: np.ndarray, row_M: np.ndarray, advance: Callable[[int], None] | None
    ) -> None:
        """places: of one pool's images, their rows ascending."""
        rows, start = row_M[places], 0
        for shard in read_index(pool).shards:
            end = start + shard.samples
            here = slice(*np.searchsorted(rows, [start, end]).tolist())
            if here.start < here.stop:
                members = read_shard(pool / shard.name, shard.model_dump())
                for place, row in zip(places[here].tolist(), rows[here].tolist(), strict=True):
                    self._append(place, members[row - start])
                if advance is not None:
                    advance(here.stop - here.start)
            start = end

    def _append(self, place: int, content: bytes) -> None:
        self._offset_M[place], self._size_M[place] = self._end, len(content)
        left = memoryview(content)
        with self._room():
            while left:
                # Unbuffered files may take less than they are given.
                left = left[self._file.write(left) :]
        self._end += len(content)

    def content(self, place: int) -> bytes:
        """One image, encoded as it was stored."""
        return os.pread(self._file.fileno(), int(self._size_M[place]), int(self._offset_M[place]))
