"""Select proxies, equally many of each class that the teacher sees in them, and store them."""

from proxykd.selection import SelectFromPools, Selection, select, shares, uniformity
from proxykd.shards import ShardWriter, read_table
from proxykd.stage import Job, main


def make(job: Job[SelectFromPools]) -> None:
    import numpy as np

    settings = job.settings
    classes = job.index("scores").classes
    predicted = [
        read_table(folder, ["predicted"])["predicted"].to_numpy() for folder in job.upstream["scores"]
    ]
    chosen = _select(predicted, len(classes), settings)
    shortfall: dict[str, int] = {}
    with ShardWriter(job.folder) as writer:
        for selection, places in chosen:
            images = [job.images(job.upstream["pool"][place]) for place in places]
            tables = [read_table(job.upstream["pool"][place]).to_pylist() for place in places]
            starts = np.cumsum([0, *[len(one) for one in images]])
            for row in selection.rows:
                at = int(np.searchsorted(starts, row, "right")) - 1
                within = int(row - starts[at])
                known = tables[at][within]
                writer.add(
                    images[at][within],
                    {
                        "pool": places[at],
                        "pool_key": known["key"],
                        "program": str(known.get("program", known.get("class", ""))),
                        "predicted": int(predicted[places[at]][within]),
                    },
                )
            for label, missing in selection.shortfall.items():
                shortfall[classes[label]] = shortfall.get(classes[label], 0) + missing
    job.shards, job.classes = writer.shards, classes
    labels_N = np.array([row["predicted"] for row in writer.rows])
    histogram_K = np.bincount(labels_N, minlength=len(classes))
    job.facts |= uniformity(histogram_K) | {"shortfall": shortfall, "selected": len(labels_N)}
    _judge(job, shortfall)


def _select(predicted: list, classes: int, settings: SelectFromPools) -> list[tuple[Selection, list[int]]]:
    """Selections with the pools whose rows they count: one over all pools, or one a pool with its share."""
    import numpy as np

    if settings.shares[0] is None:
        everything = np.concatenate(predicted)
        chosen = select(everything, classes, settings.count, settings.balance, settings.seed)
        return [(chosen, list(range(len(predicted))))]
    counts = shares(settings.shares, settings.count, [len(one) for one in predicted])
    return [
        (select(one, classes, counts[place], settings.balance, settings.seed), [place])
        for place, one in enumerate(predicted)
    ]


def _judge(job: Job[SelectFromPools], shortfall: dict[str, int]) -> None:
    from proxykd.errors import UserError
    from proxykd.presentation.progress import log

    if not shortfall:
        return
    told = ", ".join(f"{name} ({missing} missing)" for name, missing in shortfall.items())
    if job.settings.unfilled == "fail":
        raise UserError(
            f"select_proxies cannot fill every class: {told}. Raise the pools' count, add another kind of "
            "proxies, lower select_proxies.count, or set select_proxies.unfilled: report."
        )
    log.warning("classes that could not be filled: %s", told)


if __name__ == "__main__":
    main("select_proxies", SelectFromPools, {"pool": "many", "scores": "many"}, make, __doc__)
