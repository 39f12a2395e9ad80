"""Arrow columns from memory as it is. `pyarrow.array` loads pandas first, where it is installed: a fifth of a
second of each process.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa


def column(values: np.ndarray | Sequence[Any]) -> pa.Array:
    """What `pyarrow.array` makes of it: a list of texts, bytes or whole numbers, or an array of numbers.

    An N x K array becomes N lists.
    """
    if isinstance(values, np.ndarray):
        return _lists(values) if values.ndim == 2 else _numbers(values)
    if all(isinstance(value, str) for value in values):
        return _joined(pa.string(), [value.encode() for value in values])
    if all(isinstance(value, bytes) for value in values):
        return _joined(pa.binary(), values)
    return _numbers(np.array(values, np.int64))


def numbers_of(array: pa.Array) -> np.ndarray:
    """An array's numbers, none of which is missing, where they lie."""
    return np.from_dlpack(array)


def _numbers(values_N: np.ndarray) -> pa.Array:
    whole = pa.py_buffer(np.ascontiguousarray(values_N))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values_N.dtype), len(values_N), [None, whole])


def _lists(values_NK: np.ndarray) -> pa.Array:
    rows, each = values_NK.shape
    ends_N = np.arange(rows + 1, dtype=np.int32) * np.int32(each)
    return pa.ListArray.from_arrays(_numbers(ends_N), _numbers(values_NK.ravel()))


def _joined(kind: pa.DataType, values: Sequence[bytes]) -> pa.Array:
    ends_N = np.zeros(len(values) + 1, np.int32)
    np.cumsum([len(value) for value in values], out=ends_N[1:])
    buffers = [None, pa.py_buffer(ends_N), pa.py_buffer(b"".join(values))]
    return pa.Array.from_buffers(kind, len(values), buffers)
