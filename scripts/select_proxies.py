"""Select proxies, equally many of each class that the teacher sees in them, and store them."""

from __future__ import annotations

from pathlib import Path

from proxykd.errors import UserError
from proxykd.selection import divide, select, uniformity
from proxykd.selection_settings import SelectFromPools
from proxykd.shards import ShardWriter, read_table
from proxykd.stage import Job, main
from proxykd.store import read_index


def make(job: Job[SelectFromPools]) -> None:
    import numpy as np

    pools = job.upstream["pool"]
    classes = job.index("scores").classes
    _check_pairs(pools, job.upstream["scores"])
    predicted = [
        read_table(folder, ["predicted"])["predicted"].to_numpy() for folder in job.upstream["scores"]
    ]
    places, shortfall_K = _choose(predicted, len(classes), job.settings)
    images = [job.images(pool) for pool in pools]
    known = [_known(pool) for pool in pools]
    with ShardWriter(job.folder) as writer:
        for pool, row in places:
            facts = {name: values[row] for name, values in known[pool].items()}
            writer.add(images[pool][row], {"pool": pool, **facts, "predicted": int(predicted[pool][row])})
    job.shards, job.classes = writer.shards, classes
    chosen_N = np.array([predicted[pool][row] for pool, row in places], int)
    shortfall = {name: int(missing) for name, missing in zip(classes, shortfall_K, strict=True) if missing}
    job.facts |= uniformity(np.bincount(chosen_N, minlength=len(classes)))
    job.facts |= {"shortfall": shortfall, "selected": len(chosen_N)}
    _judge(job, shortfall)


def _check_pairs(pools: list[Path], scores: list[Path]) -> None:
    """Each pool needs its own scores, in the same order."""
    scored = [read_index(folder).upstream["pool"][0].key for folder in scores]
    if scored != [read_index(folder).key for folder in pools]:
        raise UserError("select_proxies: --pool and --scores do not belong together, or not in this order.")


def _choose(predicted: list, classes: int, settings: SelectFromPools) -> tuple[list[tuple[int, int]], list]:
    """Pool and row of each selected image in random order, and how many are missing by class.

    The pools are one, or each gives its share, balanced for itself.
    """
    import numpy as np

    sizes = [len(one) for one in predicted]
    pool_N, row_N = np.repeat(np.arange(len(sizes)), sizes), np.concatenate([np.arange(n) for n in sizes])
    shares = [share for share in settings.shares if share is not None]
    groups, counts = [np.arange(len(pool_N))], [settings.count]
    if shares:
        groups = [np.flatnonzero(pool_N == pool) for pool in range(len(sizes))]
        counts = list(divide(settings.count, shares, sizes))
    predicted_N = np.concatenate(predicted)
    chosen, missing_K = [], np.zeros(classes, int)
    for rows, count in zip(groups, counts, strict=True):
        selection = select(predicted_N[rows], classes, count, settings.balance, settings.seed)
        chosen.append(rows[selection.rows])
        for label, missing in selection.shortfall.items():
            missing_K[label] += missing
    mixed = np.concatenate(chosen)
    if shares:
        mixed = np.random.default_rng((settings.seed, 1)).permutation(mixed)
    return list(zip(pool_N[mixed].tolist(), row_N[mixed].tolist(), strict=True)), missing_K.tolist()


def _known(pool: Path) -> dict[str, list[str]]:
    """What the selection keeps of a pool's rows: their keys, and the program or class that they came from."""
    table = read_table(pool)
    origin = next((name for name in ("program", "class") if name in table.column_names), "key")
    return {
        "pool_key": table["key"].to_pylist(),
        "program": [str(value) for value in table[origin].to_pylist()],
    }


def _judge(job: Job[SelectFromPools], shortfall: dict[str, int]) -> None:
    from proxykd.presentation.progress import log

    wanted, selected = job.settings.count, job.facts["selected"]
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
            "select_proxies.count, or set select_proxies.unfilled: report."
        )
    log.warning("select_proxies %s", told)


if __name__ == "__main__":
    main("select_proxies", SelectFromPools, {"pool": "many", "scores": "many"}, make, __doc__)
