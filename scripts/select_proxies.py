"""Select proxies, so many of each class that the teacher sees in them, and store them.

With --teacher, images of classes that the pools lack are made of others (select_proxies.fill); without it
no class is filled.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from proxykd.errors import UserError
from proxykd.selection.settings import FILLING, SelectFromPools
from proxykd.selection.uniformity import uniformity
from proxykd.stage import Job, device, main
from proxykd.store import read_index

if TYPE_CHECKING:
    import numpy as np

    from proxykd.selection.from_pools import Chosen, Filled


def make(job: Job[SelectFromPools]) -> None:
    import numpy as np

    from proxykd.selection import opinions
    from proxykd.selection.choice import repeated
    from proxykd.selection.from_pools import choose_from

    pools, scores, settings = job.upstream["pool"], job.upstream["scores"], job.settings
    job.classes = read_index(scores[0]).classes
    _check_pairs(job)
    predicted_N = opinions.predicted(scores)
    left_out_N = np.zeros(len(predicted_N), bool)
    if settings.distinct:
        left_out_N = repeated(opinions.digests(scores))
    sizes = [read_index(pool).samples for pool in pools]
    choose = opinions.chooser(scores, settings)
    chosen = list(choose_from(predicted_N, left_out_N, sizes, len(job.classes), choose, settings))
    filled = _fill(job, chosen, left_out_N)
    _store(job, chosen, filled, predicted_N, sizes)
    job.facts |= {"repeated": int(left_out_N.sum())} if settings.distinct else {}
    _tell(job, chosen, filled)
    _judge(job)


def _check_pairs(job: Job[SelectFromPools]) -> None:
    """Each pool needs its own scores, in the same order; the teacher must be theirs."""
    scored = [read_index(folder).upstream for folder in job.upstream["scores"]]
    if [one["pool"][0].key for one in scored] != [read_index(pool).key for pool in job.upstream["pool"]]:
        raise UserError("select_proxies: --pool and --scores do not belong together, or not in this order.")
    known = {one["teacher"][0].key for one in scored}
    if len(known) > 1:
        raise UserError("select_proxies: --scores are of different teachers. Score all pools with one.")
    if known | {read_index(folder).key for folder in job.upstream.get("teacher", [])} != known:
        raise UserError("select_proxies: --scores are of another teacher than --teacher. Give that one.")


def _fill(job: Job[SelectFromPools], chosen: list[Chosen], left_out_N: np.ndarray) -> list[Filled]:
    """Images of classes that there are too few of, made by attacking others of the same pools."""
    wanted = [one.to_fill(job.settings.fill if "teacher" in job.upstream else "none") for one in chosen]
    if not any(wanted):
        return []
    # By name: without filling, it is no code of this stage.
    filling = import_module(FILLING)
    found: list[Filled] = []
    with job.progress("filling", sum(sum(one.values()) for one in wanted)) as progress:
        for one, missing in zip(chosen, wanted, strict=True):
            others_N = left_out_N.copy()
            others_N[: one.span.start] = others_N[one.span.stop :] = True
            if missing:
                found += filling.fill(
                    job.one("teacher"),
                    device(),
                    job.upstream["pool"],
                    job.upstream["scores"],
                    others_N,
                    missing,
                    job.settings,
                    progress.advance,
                )
    return found


def _store(
    job: Job[SelectFromPools],
    chosen: list[Chosen],
    filled: list[Filled],
    predicted_N: np.ndarray,
    sizes: list[int],
) -> None:
    """Write the images and what is known of them, in a random order."""
    import numpy as np

    from proxykd.encoding import encode
    from proxykd.selection.extraction import Extracted
    from proxykd.selection.storing import origins, write

    starts = np.cumsum([0, *sizes])
    rows = np.concatenate([one.rows for one in chosen])
    if len(chosen) > 1:
        rows = np.random.default_rng((job.settings.seed, 1)).permutation(rows)
    source_M = np.concatenate([rows, *(one.rows for one in filled)])
    class_M = np.concatenate([predicted_N[rows], *(np.full(len(one.rows), one.label) for one in filled)])
    distance_M = np.concatenate([np.zeros(len(rows)), *(one.distance_N for one in filled)])
    made = [encode(image_HWC) for one in filled for image_HWC in one.images_NHWC]
    order = np.arange(len(source_M))
    if filled:
        order = np.random.default_rng((job.settings.seed, 3)).permutation(order)
    pool_M = np.searchsorted(starts, source_M, "right") - 1
    row_M = source_M - starts[pool_M]
    with job.progress("select_proxies", len(rows)) as progress:
        pools = job.upstream["pool"]
        there = Extracted(pools, pool_M[: len(rows)], row_M[: len(rows)], progress.advance)
    pool_M, row_M = pool_M[order], row_M[order]
    columns = {
        "pool": pool_M,
        **origins(job.upstream["pool"], pool_M, row_M),
        "predicted": class_M[order].astype(np.int64),
        "filled": order >= len(rows),
        "distance": distance_M[order].astype(np.float32),
    }

    def content(place: int) -> bytes:
        image = int(order[place])
        return there.content(image) if image < len(rows) else made[image - len(rows)]

    job.shards = write(job.folder, len(order), content, columns)
    job.facts |= uniformity(np.bincount(class_M, minlength=len(job.classes)))
    job.facts["selected"] = len(order)


def _tell(job: Job[SelectFromPools], chosen: list[Chosen], filled: list[Filled]) -> None:
    """What the index says of the profile, of images that were made, and of what is missing still."""
    import numpy as np

    def named(count_K: np.ndarray) -> dict[str, int]:
        return {name: int(n) for name, n in zip(job.classes, count_K, strict=True) if n}

    made_K, tried_K = np.zeros((2, len(job.classes)), int)
    for one in filled:
        made_K[one.label] += len(one.rows)
        tried_K[one.label] += one.tried
    distances = np.concatenate([np.empty(0), *(one.distance_N for one in filled)])
    facts: dict[str, Any] = {
        "wanted": sum(one.wanted_K for one in chosen).tolist(),
        "filled": named(made_K),
        "attacked": named(tried_K),
        "distance": float(np.median(distances)) if len(distances) else None,
        "shortfall": named(sum(one.missing_K for one in chosen) - made_K),
    }
    job.facts |= facts


def _judge(job: Job[SelectFromPools]) -> None:
    from proxykd.presentation.progress import log

    wanted, selected, shortfall = job.settings.count, job.facts["selected"], job.facts["shortfall"]
    if shortfall:
        told = "cannot fill every class: " + ", ".join(
            f"{name} ({missing} missing)" for name, missing in shortfall.items()
        )
    elif wanted is not None and selected < wanted:
        told = f"found {selected} of {wanted} images"
    else:
        return
    if job.settings.unfilled == "fail":
        raise UserError(
            f"select_proxies {told}. Raise the pools' count, add another kind of proxies, lower "
            "select_proxies.count, set select_proxies.fill: short, or unfilled: report."
        )
    log.warning("select_proxies %s", told)


if __name__ == "__main__":
    roles = {"pool": "many", "scores": "many", "teacher": "optional"}
    main("select_proxies", SelectFromPools, roles, make, __doc__)
