"""Earlier results that a planned stage's cost can be estimated from.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from proxykd import store

NEEDED = {"stage", "settings", "upstream", "samples", "shards", "files", "seconds", "device"}
"""Of an index; one that lacks any of it is nothing to go by."""
READ_AT_MOST = 300
"""Earlier results of one stage, the latest ones, that an estimate looks at."""


@dataclass
class Node:
    """A stage, planned or made earlier, with what it is made from."""

    name: str
    settings: dict[str, Any]
    upstream: dict[str, list[Node]] = field(default_factory=dict)
    index: dict[str, Any] | None = None
    """Of a finished result, as JSON has it."""
    made: float = 0.0
    """When, in seconds since 1970."""

    def _sum(self, role: str) -> float | None:
        counts = [one.samples for one in self.upstream.get(role, [])]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    @cached_property
    def samples(self) -> float | None:
        """Images that it writes; None: not known before it is made."""
        if self.index is not None:
            return self.index["samples"]
        if self.name == "render_proxies":
            return self.settings["count"]
        if self.name == "import_images":
            return self.settings["limit"]
        if self.name == "select_proxies":
            pool = self._sum("pool")
            return None if pool is None else min(self.settings["count"] or math.inf, pool)
        return None if self.name == "attack_boundary" else 0

    @cached_property
    def work(self) -> float | None:
        """What its time grows with: images that it draws, reads, or sees in training; None: not known."""
        if "recipe" in self.settings:
            return self.settings["recipe"]["steps"] * self.settings["recipe"]["batch"]
        if self.name == "render_proxies":
            return self.settings["count"] * self.settings.get("supersampling", 1) ** 2
        if self.name in {"score_proxies", "assess_proxies", "select_proxies"}:
            return self._sum("pool")
        if self.name == "attack_boundary":
            return self.settings.get("sources") or self._sum("selection")
        if self.name == "evaluate_student":
            heldout, real = self._sum("heldout"), self._sum("images")
            seen = None if heldout is None or real is None else heldout + real
            return None if seen is None else seen * (1 + len(self.upstream.get("student", [])))
        return 1 if self.name in {"import_teacher", "check_teacher"} else self.samples

    @cached_property
    def pixels(self) -> float:
        """Of one image."""
        if "size" in self.settings:
            return self.settings["size"] ** 2
        return max((one.pixels for several in self.upstream.values() for one in several), default=1)

    @cached_property
    def kind(self) -> dict[str, str]:
        """What an earlier result must have in common for its time to say anything: networks, kind, source."""
        found: dict[str, str] = {}
        for name in ("kind", "source"):
            if name in self.settings:
                found[name] = str(self.settings[name])
        network = self.settings.get("network", {}).get("architecture") or self.settings.get("architecture")
        if network:
            found["network"] = network
        for role in ("teacher", "student"):
            several = {one.kind.get("network", "") for one in self.upstream.get(role, [])}
            if several:
                found[role] = ", ".join(sorted(several))
        return found

    @cached_property
    def bytes(self) -> int:
        """Of a finished result, as its index has it."""
        assert self.index is not None
        return sum(entry["bytes"] for entry in [*self.index["shards"], *self.index["files"]])


class Past:
    """The earlier results of a store, read when they are asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._nodes: dict[Path, Node | None] = {}
        self._of_stage: dict[str, list[Node]] = {}

    def most_like(self, node: Node) -> Node | None:
        """The earlier result to go by: on the device used last, then nearest in work, then the latest."""
        alike = [one for one in self._stage(node.name) if one.work and self._fits(one, node)]
        if not alike:
            return None
        device = max(alike, key=lambda one: one.made).index["device"]  # type: ignore[index]

        def distance(one: Node) -> tuple[bool, float, float]:
            assert one.index is not None
            assert one.work
            apart = abs(math.log((node.work or one.work) / one.work)) if node.work != 0 else 0.0
            return one.index["device"] != device, apart, -one.made

        return min(alike, key=distance)

    @staticmethod
    def _fits(one: Node, node: Node) -> bool:
        return all(one.kind.get(name, value) == value for name, value in node.kind.items())

    def _stage(self, name: str) -> list[Node]:
        if name not in self._of_stage:
            # The index's time of change alone is asked for here: opening thousands of files takes seconds.
            found: list[tuple[float, Path]] = []
            folder = self.root / name
            for entry in os.scandir(folder) if folder.is_dir() else ():
                index = Path(entry.path) / store.INDEX
                if entry.is_dir() and index.is_file():
                    found.append((index.stat().st_mtime, index.parent))
            latest = [place for _, place in sorted(found, reverse=True)[:READ_AT_MOST]]
            nodes = [self._node(place) for place in latest]
            self._of_stage[name] = [node for node in nodes if node is not None]
        return self._of_stage[name]

    def _node(self, folder: Path) -> Node | None:
        if folder not in self._nodes:
            self._nodes[folder] = None
            index, made = read_raw(folder)
            if index is not None:
                upstream = {}
                for role, several in index["upstream"].items():
                    places = [self.root / one["stage"] / one["key"] for one in several]
                    upstream[role] = [node for place in places if (node := self._node(place)) is not None]
                self._nodes[folder] = Node(index["stage"], index["settings"], upstream, index, made)
        return self._nodes[folder]


def read_raw(folder: Path) -> tuple[dict[str, Any] | None, float]:
    """The index as it stands, and when it was made; None where there is none or it cannot be read.

    Without the checks of `store.read_index`: an estimate trusts nothing to it, and must not take long.
    """
    try:
        path = folder / store.INDEX
        index = json.loads(path.read_bytes())
        return (index, path.stat().st_mtime) if index.keys() >= NEEDED else (None, 0.0)
    except (OSError, ValueError, AttributeError):
        return None, 0.0
