"""The teacher's opinion of each image of a pool: logits, class, confidence and entropy, as parquet."""

from proxykd.selection import uniformity
from proxykd.selection_settings import ScoreProxies
from proxykd.shards import TABLE, write_table
from proxykd.stage import Job, device, main

BLOCK = 65_536
"""Rows whose probabilities are in memory at once, in double precision."""


def make(job: Job[ScoreProxies]) -> None:
    import numpy as np
    import pyarrow as pa

    from proxykd.networks.files import load
    from proxykd.networks.outputs import log_softmax, logits_of

    teacher = load(job.one("teacher"), device())
    classes = teacher.description.classes
    images_NHWC = job.images(job.one("pool"))
    teacher.description.check_fits(images_NHWC, "The pool's images")
    with job.progress("score_proxies", len(images_NHWC)) as progress:
        logits_NK = logits_of(teacher, images_NHWC, device(), job.settings.precision, progress.advance)
    predicted_N = logits_NK.argmax(1)
    confidence_N, entropy_N = np.empty((2, len(logits_NK)), np.float32)
    for first in range(0, len(logits_NK), BLOCK):
        block = slice(first, first + BLOCK)
        log_NK = log_softmax(logits_NK[block])
        probability_NK = np.exp(log_NK)
        confidence_N[block] = probability_NK.max(1)
        entropy_N[block] = -(probability_NK * log_NK).sum(1)
    columns = {
        "key": [f"{row:08d}" for row in range(len(images_NHWC))],
        "predicted": predicted_N,
        "confidence": confidence_N,
        "entropy": entropy_N,
        "logits": pa.FixedSizeListArray.from_arrays(pa.array(logits_NK.ravel()), logits_NK.shape[1]),
    }
    write_table(job.folder / TABLE, columns)
    job.classes = classes
    job.facts |= uniformity(np.bincount(predicted_N, minlength=len(classes)))


if __name__ == "__main__":
    main("score_proxies", ScoreProxies, {"teacher": "one", "pool": "one"}, make, __doc__)
