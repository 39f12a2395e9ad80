"""Images of a pool, drawn in this process."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np


def drawn(pool: Any, size: int = 16, channels: int = 3) -> tuple[np.ndarray, dict[str, list[Any]]]:
    """All images of a pool (uint8, N x size x size x C), and a column's entries by its name."""
    pool = pool.model_copy(update={"size": size, "channels": channels})
    (module,) = map(import_module, pool.modules())
    images_NHWC = np.zeros((pool.count, size, size, channels), np.uint8)
    columns: dict[str, list[Any]] = {}
    programs = len(module.programs(pool))
    with module.open_painter(pool) as painter:
        for program in range(programs):
            images_NHWC[program::programs], known = painter.draw(
                program, range(program, pool.count, programs)
            )
            for name, values in known.items():
                columns.setdefault(name, [None] * pool.count)[program::programs] = list(values)
    return images_NHWC, columns
