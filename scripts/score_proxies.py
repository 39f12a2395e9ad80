"""The teacher's opinion of each image of a pool: logits, class, confidence and entropy, as parquet."""

from proxykd.selection import ScoreProxies, uniformity
from proxykd.shards import TABLE, write_table
from proxykd.stage import Job, device, main


def make(job: Job[ScoreProxies]) -> None:
    import numpy as np
    import pyarrow as pa

    from proxykd.networks.files import load
    from proxykd.networks.outputs import logits_of, softmax

    teacher = load(job.one("teacher"), device())
    images_NHWC = job.images(job.one("pool"))
    _check_fits(images_NHWC, teacher.description)
    with job.progress("score_proxies", len(images_NHWC)) as progress:
        logits_NK = logits_of(teacher, images_NHWC, device(), job.settings.precision, progress.advance)
    probability_NK = softmax(logits_NK)
    logs_NK = np.log(np.maximum(probability_NK, np.finfo(np.float64).tiny))
    classes = teacher.description.classes
    predicted_N = logits_NK.argmax(1)
    columns = {
        "key": [f"{row:08d}" for row in range(len(images_NHWC))],
        "predicted": predicted_N,
        "confidence": probability_NK.max(1).astype(np.float32),
        "entropy": (-(probability_NK * logs_NK).sum(1)).astype(np.float32),
        "logits": pa.FixedSizeListArray.from_arrays(pa.array(logits_NK.ravel()), logits_NK.shape[1]),
    }
    write_table(job.folder / TABLE, columns)
    job.classes = classes
    job.facts |= uniformity(np.bincount(predicted_N, minlength=len(classes)))


def _check_fits(images_NHWC, description) -> None:  # noqa: ANN001
    from proxykd.errors import UserError

    wanted = (description.size, description.size, description.channels)
    if images_NHWC.shape[1:] != wanted:
        raise UserError(
            f"The pool's images are {'x'.join(map(str, images_NHWC.shape[1:]))} and the teacher takes "
            f"{'x'.join(map(str, wanted))} (height, width, channels). Correct size and channels of the set."
        )


if __name__ == "__main__":
    main("score_proxies", ScoreProxies, {"teacher": "one", "pool": "one"}, make, __doc__)
