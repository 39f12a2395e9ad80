"""Why a stage is to run: how it differs from the nearest result that is in the store already.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from proxykd.definitions import definitions
from proxykd.inventory import Holding, Name
from proxykd.plan import Stage
from proxykd.source import stage_source
from proxykd.store import Index


@dataclass(frozen=True)
class Difference:
    """What tells a planned stage from an earlier result, a line for each thing; all empty: the formats."""

    settings: list[str]
    code: list[str]
    data: list[str]
    upstream: list[str]

    @property
    def weight(self) -> tuple[int, int]:
        """How many of the four differ, and in how many lines."""
        parts = (self.settings, self.code, self.data, self.upstream)
        return sum(map(bool, parts)), sum(map(len, parts))


def nearest(stage: Stage, holdings: list[Holding]) -> tuple[Holding, Difference] | None:
    """The finished result of the same stage that differs least, the latest of equals; None: there is none."""
    earlier = [
        (holding, difference(stage, holding.index))
        for holding in holdings
        if holding.index is not None and holding.name[0] == stage.name
    ]
    return min(earlier, key=lambda one: (one[1].weight, -one[0].used), default=None)


def difference(stage: Stage, index: Index) -> Difference:
    """How a planned stage differs from an earlier result, the earlier value first."""
    counts = stage.settings.identity().keys()
    before = {name: value for name, value in index.settings.items() if name in counts}
    after = {name: value for name, value in stage.settings.canonical().items() if name in counts}
    # A field that came or went since was no setting of one of the two.
    before |= {
        name: value for name, value in index.settings.items() if name not in stage.settings.canonical()
    }
    keys = {role: [one.key for one in several] for role, several in stage.upstream.items()}
    made_from = {role: [one.key for one in several] for role, several in index.upstream.items()}
    return Difference(
        [f"{name}: {old} -> {new}" for name, old, new in changes(flat(before), flat(after))],
        code(index.source, stage_source(stage.name, stage.settings.modules()).parts),
        _data(list(index.data.items()), list(stage.data.items())),
        [f"{role}: {old} -> {new}" for role, old, new in changes(made_from, keys)],
    )


def flat(value: Any, prefix: str = "") -> dict[str, str]:
    """Nested settings as one level, `recipe.steps` -> its value as JSON."""
    if not isinstance(value, dict) or not value:
        return {prefix: json.dumps(value)}
    found: dict[str, str] = {}
    for name, inner in value.items():
        found |= flat(inner, f"{prefix}.{name}" if prefix else name)
    return found


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Name, earlier and present value of all that differs."""

    def shown(values: dict[str, Any], name: str) -> str:
        value = values.get(name, "(none)")
        return ", ".join(value) if isinstance(value, list) else str(value)

    names = sorted(before.keys() | after.keys())
    return [
        (name, shown(before, name), shown(after, name))
        for name in names
        if before.get(name) != after.get(name)
    ]


def code(before: dict[str, Any], parts: dict[str, str]) -> list[str]:
    """Modules and files that changed, came or went; what changed in a module, function by function.

    `before` is an index's `source`, `parts` those of the present code.
    """
    then, now = before["parts"], definitions(parts)
    lines = []
    for name in sorted(then.keys() | parts.keys()):
        if name not in then:
            lines.append(f"{name} is new")
        elif name not in parts:
            lines.append(f"{name} no longer counts")
        elif then[name] != parts[name]:
            # Results of before these were recorded have none, and data files never have.
            within = _within(before.get("definitions", {}).get(name), now.get(name))
            lines.append(f"{name}: {', '.join(within)}" if within else f"{name} changed")
    return lines


def _within(before: dict[str, str] | None, after: dict[str, str] | None) -> list[str]:
    """What a module defines that changed, came or went. Empty where that is not known."""
    if before is None or after is None:
        return []
    names = [
        name for name in [*after, *(before.keys() - after.keys())] if before.get(name) != after.get(name)
    ]
    return [
        f"{name} is {'new' if name not in before else 'gone'}"
        if name not in before or name not in after
        else f"{name} changed"
        for name in names
    ]


def causes(stage: Stage, index: Index, results: dict[Name, Index], seen: set[str] | None = None) -> list[str]:
    """Why what a stage is made from has another key now: what differs there, or further up.

    `results` are the indices of the store by stage and key.
    """
    seen = set() if seen is None else seen
    lines: list[str] = []
    for role, several in stage.upstream.items():
        for one, old in zip(several, index.upstream.get(role, []), strict=False):
            if one.key in {old.key, *seen}:
                continue
            seen.add(one.key)
            earlier = results.get((old.stage, old.key))
            if one.name != old.stage:
                lines.append(f"{role}: {old.stage} before, {one.name} now")
            elif earlier is None:
                lines.append(f"{one.name}: the earlier {old.key} is not in the store any more")
            else:
                found = difference(one, earlier)
                lines += [f"{one.name}: {line}" for line in (*found.settings, *found.code, *found.data)]
                lines += causes(one, earlier, results, seen)
    return lines


def _data(before: list[tuple[str, str]], after: list[tuple[str, str]]) -> list[str]:
    if [digest for _, digest in before] == [digest for _, digest in after]:
        return []
    old, new = (", ".join(path for path, _ in several) or "(none)" for several in (before, after))
    return [f"{old} -> {new}: the content differs"]
