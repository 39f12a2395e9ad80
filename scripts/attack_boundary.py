"""Carry views of the selected images across the teacher's decision boundary, and store the pairs.

Up to four images a success: the last before the boundary, the first beyond it, and one further step into
its class from each. Their classes are the teacher's for the stored 8-bit images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from proxykd.boundary.settings import AttackBoundary
from proxykd.errors import UserError
from proxykd.shards import ShardWriter, read_table
from proxykd.stage import Job, device, main
from proxykd.store import read_index

if TYPE_CHECKING:
    import numpy as np


def make(job: Job[AttackBoundary]) -> None:
    import numpy as np
    import torch

    from proxykd.boundary.collect import Attack
    from proxykd.networks.files import load

    teacher = load(job.one("teacher"), device())
    selection = job.one("selection")
    selected_NHWC = job.images(selection)
    teacher.description.check_fits(selected_NHWC, "The selected images")
    if read_index(selection).classes != teacher.description.classes:
        raise UserError("attack_boundary: --selection was made by a teacher of other classes than --teacher.")
    images_NHWC = torch.from_numpy(selected_NHWC).to(device())
    predicted_N = read_table(selection, ["predicted"])["predicted"].to_numpy()
    classes = teacher.description.classes
    attack = Attack(teacher, images_NHWC, predicted_N, job.settings)
    totals: dict[str, int] = {}
    pairs_KK = np.zeros((len(classes), len(classes)), int)
    with (
        job.progress("attack_boundary", job.settings.sources or len(images_NHWC)) as progress,
        ShardWriter(job.folder) as writer,
    ):
        successes = 0
        for batch in attack.blocks():
            for image_HWC, row in zip(batch.images_NHWC, batch.rows, strict=True):
                writer.add(image_HWC, row | {"success": row["success"] + successes})
            successes += batch.counts["kept"]
            totals = {name: totals.get(name, 0) + count for name, count in batch.counts.items()}
            _count_pairs(batch.rows, pairs_KK)
            progress.advance(batch.counts["views"], pairs=str(totals["kept"]))
    if totals["kept"] == 0:
        _judge(job.settings, totals)
    job.shards, job.classes = writer.shards, classes
    job.facts |= attack.facts | {
        "counts": totals,
        "pairs": pairs_KK.tolist(),
        "members": 4 if job.settings.deeper else 2,
    }


def _judge(settings: AttackBoundary, totals: dict[str, int]) -> None:
    """What to do about an attack of which no pair came: UserError, or a word in the log."""
    from proxykd.presentation.progress import log

    told = (
        f"attack_boundary made no pair from {totals['views']} views: {totals['already']} were in "
        f"{settings.spared}, {totals['failed']} did not cross, {totals['rounded']} crossed, but are "
        "above the threshold or on a wrong side as they are stored."
    )
    if settings.unmade == "fail":
        raise UserError(
            f"{told} Raise attack_boundary.epsilon, iterations or threshold, or set targets: uniform."
        )
    log.warning(told)


def _count_pairs(rows: list[dict[str, Any]], pairs_KK: np.ndarray) -> None:
    """Count the pairs from each class (row) to each (column), as the stored images have them."""
    before = None
    for row in rows:
        if row["role"] == "pre":
            before = row["predicted"]
        elif row["role"] == "post":
            pairs_KK[before, row["predicted"]] += 1


if __name__ == "__main__":
    main("attack_boundary", AttackBoundary, {"teacher": "one", "selection": "one"}, make, __doc__)
