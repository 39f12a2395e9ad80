"""The teacher's opinion of each image of a pool: logits, class, confidence and entropy, as parquet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from proxykd.selection.settings import ScoreProxies
from proxykd.selection.uniformity import uniformity
from proxykd.shards import ROW_GROUP, TABLE, write_groups
from proxykd.stage import Job, device, main

if TYPE_CHECKING:
    import numpy as np

    from proxykd.networks.classifier import Classifier

BLOCK, BLOCK_BYTES = 8_192, 2**28
"""Images in memory at once, and what they take up as they are stored, at most."""


def make(job: Job[ScoreProxies]) -> None:
    import numpy as np
    import pyarrow as pa

    from proxykd.networks.files import load

    teacher = load(job.one("teacher"), device())
    job.classes = teacher.description.classes
    histogram_K = np.zeros(len(job.classes), int)

    def tables() -> Iterator[pa.Table]:
        """A table of each group of rows that lie together in the file."""
        rows = None
        for columns in scored(job, teacher):
            histogram_K[:] += np.bincount(columns["predicted"], minlength=len(job.classes))
            block = pa.table({name: _column(values) for name, values in columns.items()})
            rows = block if rows is None else pa.concat_tables([rows, block])
            while rows.num_rows >= ROW_GROUP:
                yield rows.slice(0, ROW_GROUP).combine_chunks()
                rows = rows.slice(ROW_GROUP)
        if rows is not None and rows.num_rows:
            yield rows.combine_chunks()

    write_groups(job.folder / TABLE, tables())
    job.facts |= uniformity(histogram_K)


def scored(job: Job[ScoreProxies], teacher: Classifier) -> Iterator[dict[str, Any]]:
    """The columns of one block of the pool's images after another."""
    from proxykd.shards import key_of

    described, first = teacher.description, 0
    rows = min(BLOCK, max(1, BLOCK_BYTES // (described.size**2 * described.channels)))
    with job.progress("score_proxies", job.index("pool").samples) as progress:
        for images_NHWC in job.blocks(job.one("pool"), rows):
            described.check_fits(images_NHWC, "The pool's images")
            columns = _opinions(teacher, images_NHWC, job.settings)
            keys = [key_of(row) for row in range(first, first + len(images_NHWC))]
            yield {"key": keys, **columns, "digest": digests(images_NHWC)}
            first += len(images_NHWC)
            progress.advance(len(images_NHWC))


def _opinions(teacher: Classifier, images_NHWC: np.ndarray, settings: ScoreProxies) -> dict[str, Any]:
    from importlib import import_module

    import numpy as np

    from proxykd.networks.outputs import log_softmax, logits_of
    from proxykd.selection.settings import FEATURES

    more = {}
    if settings.features:
        # By name, as the settings choose it: without features, it is no code of this stage.
        both = import_module(FEATURES).opinions_of(teacher, images_NHWC, device(), settings.precision)
        logits_NK, more["features"] = both[0], np.clip(both[1], -65504, 65504).astype(np.float16)
    else:
        logits_NK = logits_of(teacher, images_NHWC, device(), settings.precision)
    log_NK = log_softmax(logits_NK)
    probability_NK = np.exp(log_NK)
    return {
        "predicted": logits_NK.argmax(1),
        "confidence": probability_NK.max(1).astype(np.float32),
        "entropy": -(probability_NK * log_NK).sum(1).astype(np.float32),
        "logits": logits_NK,
        **more,
    }


def digests(images_NHWC: np.ndarray) -> np.ndarray:
    """64 bits of each image's BLAKE2b, equal for images that are equal in every pixel.

    Two different ones among ten million share theirs with a probability of 3 in a million.
    """
    import hashlib

    import numpy as np

    found = b"".join(
        hashlib.blake2b(image_HWC.tobytes(), digest_size=8).digest() for image_HWC in images_NHWC
    )
    return np.frombuffer(found, "<u8").astype(np.uint64)


def _column(values: Any) -> Any:
    import pyarrow as pa

    if getattr(values, "ndim", 1) == 2:
        return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
    return pa.array(values)


if __name__ == "__main__":
    main("score_proxies", ScoreProxies, {"teacher": "one", "pool": "one"}, make, __doc__)
