"""Images that lie nearest to classes of which there are too few, by the teacher's logits."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from proxykd.selection.opinions import blocks


def nearest(scores: list[Path], left_out_N: np.ndarray, most: dict[int, int]) -> dict[int, np.ndarray]:
    """For each class in `most`, at most so many images of other classes, the nearest first.

    Near is an image whose logit of the class is little below its largest one; of equally near images the
    first in the pools. left_out_N: rows that are not looked at. Returns rows, counted pool after pool.
    """
    found = {label: (np.empty(0, np.float32), np.empty(0, np.int64)) for label in most}
    for first, batch in blocks(scores, ["logits"]):
        logits_NK = batch["logits"]
        rows = np.arange(first, first + len(logits_NK))
        there = ~left_out_N[rows]
        largest_N = logits_NK.max(1)
        for label, number in most.items():
            gap_N = largest_N - logits_NK[:, label]
            here = there & (gap_N > 0)
            if len(found[label][0]) == number:
                # Of all that is sorted, hardly any is nearer than what was found in earlier blocks.
                here &= gap_N < found[label][0][-1]
            gap = np.concatenate([found[label][0], gap_N[here]])
            row = np.concatenate([found[label][1], rows[here]])
            kept = np.lexsort((row, gap))[:number]
            found[label] = gap[kept], row[kept]
    return {label: row for label, (_, row) in found.items()}
