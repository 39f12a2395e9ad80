"""The cost of a run before it starts, as a table for a terminal or a log."""

from __future__ import annotations

from proxykd.forecast import Cost, Forecast
from proxykd.presentation import numerals

ROW = "{:<17} {:>6} {:>13} {:>9} {:>9}"


def lines(forecast: Forecast) -> list[str]:
    """The table, and what the estimate goes by. Empty where there is nothing to make."""
    if not forecast.costs:
        return []
    rows = [ROW.format("cost, estimated", "jobs", "images", "disk", "time")]
    rows += [_row(cost) for cost in forecast.costs]
    whole = Cost(
        "in all",
        jobs=sum(cost.jobs for cost in forecast.costs),
        bytes=sum(cost.bytes for cost in forecast.costs),
        seconds=sum(cost.seconds for cost in forecast.costs),
        unknown=sum(cost.unknown for cost in forecast.costs),
    )
    return [*rows, _row(whole), *_basis(forecast, whole)]


def _row(cost: Cost) -> str:
    images = numerals.count(cost.images) if cost.images else "–"
    disk, time = numerals.size(cost.bytes) if cost.bytes else "?", numerals.duration(cost.seconds)
    if cost.unknown == cost.jobs:
        time = "?"
    elif cost.unknown:
        disk, time = f"> {disk}", f"> {time}"
    return ROW.format(cost.stage, cost.jobs, images, disk, time)


def _basis(forecast: Forecast, whole: Cost) -> list[str]:
    """Where the times come from, and what is not in them."""
    if whole.unknown == whole.jobs:
        return ["The store holds no earlier result like these, so their time is not known."]
    told = [
        f"Times are those of earlier results in the store ({'; '.join(forecast.devices)}), one job after "
        f"another; side by side at least {numerals.duration(forecast.longest)}."
    ]
    without = [f"{cost.stage} ({cost.unknown})" for cost in forecast.costs if cost.unknown]
    if without:
        told.append(f"Not in them, since nothing like it was made before: {', '.join(without)}.")
    return told
