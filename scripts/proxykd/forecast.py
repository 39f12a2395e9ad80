"""What a run will cost: jobs, images, disk and device time, estimated from earlier results in the store.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from proxykd import store
from proxykd.plan import Stage
from proxykd.precedents import Node, Past, read_raw

CHANNELS = 3
TAR_OVERHEAD = 1024
"""Bytes that a shard needs for a sample beside its image."""


@dataclass
class Cost:
    """What some jobs of one stage will cost."""

    stage: str
    jobs: int = 0
    images: float = 0.0
    """Images that they write, look at, or train on (each as often as it is seen)."""
    bytes: float = 0.0
    seconds: float = 0.0
    """Of device time, of those jobs for which there is an earlier result to go by."""
    unknown: int = 0
    """Jobs for which there is none."""


@dataclass
class Forecast:
    """The cost of a run, stage by stage in the order of the pipeline."""

    costs: list[Cost]
    longest: float
    """Seconds of the longest chain of stages: no number of devices makes the run shorter."""
    devices: list[str]
    """What the results that the times were taken from were made with."""


def forecast(stages: Iterable[Stage]) -> Forecast:
    """The cost of making these stages. Takes a stage that is not known from the earlier result most like it.

    Time grows with the images and their pixels; disk with what is written. An earlier result counts only
    where its networks, and its kind of proxies or source of images, are the same.
    """
    past, planned = Past(store.root()), _Planned()
    ends: dict[str, float] = {}
    costs: dict[str, Cost] = {}
    devices: dict[str, None] = {}
    for stage in sorted(stages, key=lambda one: one.order):
        node = planned.node(stage)
        like = past.most_like(node)
        cost = costs.setdefault(stage.name, Cost(stage.name))
        seconds = _add(cost, node, like)
        if like is not None and like.index is not None:
            devices[like.index["device"]] = None
        before = [ends.get(one.key, 0.0) for several in stage.upstream.values() for one in several]
        ends[stage.key] = max(before, default=0.0) + seconds
    return Forecast(list(costs.values()), max(ends.values(), default=0.0), list(devices))


def _add(cost: Cost, node: Node, like: Node | None) -> float:
    """Add a stage to its cost; returns its seconds."""
    cost.jobs += 1
    if like is None or like.index is None or not like.work:
        cost.unknown += 1
        cost.images += node.samples or node.work or 0
        cost.bytes += (node.samples or 0) * (node.pixels * CHANNELS + TAR_OVERHEAD)
        return 0.0
    larger = node.work / like.work if node.work is not None else 1.0
    pixels = node.pixels / like.pixels
    seconds = like.index["seconds"] * larger * pixels
    samples = node.samples if node.samples is not None else (like.samples or 0) * larger
    cost.images += samples or node.work or like.work
    cost.seconds += seconds
    if like.samples:
        cost.bytes += like.bytes * samples / like.samples * pixels
    else:
        # Scores grow with what is scored; models and measurements do not.
        cost.bytes += like.bytes * (larger if node.name == "score_proxies" else 1)
    return seconds


class _Planned:
    """Nodes of planned stages, each once."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}

    def node(self, stage: Stage) -> Node:
        if stage.key not in self.nodes:
            upstream = {role: [self.node(one) for one in several] for role, several in stage.upstream.items()}
            index, made = read_raw(stage.folder)
            settings = stage.settings.canonical()
            self.nodes[stage.key] = Node(stage.name, settings, upstream, index, made)
        return self.nodes[stage.key]
