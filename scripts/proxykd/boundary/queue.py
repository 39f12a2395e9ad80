"""Which samples come next, so that batches stay full."""

from __future__ import annotations

import torch

BATCH = 256
"""Samples in a pass, at most."""


def waiting(mask_N: torch.Tensor, most: int = BATCH) -> torch.Tensor:
    """Rows of the first samples of a mask: none if there are none.

    On a GPU there are always `most`, the last ones repeated, so that all batches have one shape (a captured
    graph or a compiled kernel then serves them all); what is done to a row twice is done with equal results.
    """
    rows = mask_N.nonzero()[:most, 0]
    if mask_N.is_cuda and 0 < len(rows) < most <= len(mask_N):
        return torch.cat([rows, rows[-1:].expand(most - len(rows))])
    return rows
