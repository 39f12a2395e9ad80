"""Adoption: a developer declares that a change of code did not change a result's content.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from proxykd import publication, store
from proxykd.definitions import definitions
from proxykd.errors import UserError
from proxykd.explanation import Difference, difference
from proxykd.plan import Stage
from proxykd.source import stage_source


def adopt(old: Path, candidates: list[Stage]) -> Stage:
    """Copy a result to the key that the plan has now, and record in its facts that this was declared.

    `candidates` are the planned stages that it may stand for; the one that differs in its code alone is
    taken. Raises UserError where there is none, or where it is there already.
    """
    index = store.verify(old)
    stage = _chosen(index, old, candidates)
    source = stage_source(stage.name, stage.settings.modules())
    declared = {
        "from": index.key,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "code": difference(stage, index).code,
        "declared": "a developer declared that the change of code did not change the content",
    }
    adopted = index.model_copy(
        update={
            "key": stage.key,
            "settings": stage.settings.canonical(),
            "upstream": _upstream(stage),
            "data": stage.data,
            "source": {
                "digest": source.digest,
                "parts": source.parts,
                "definitions": definitions(source.parts),
            },
            "facts": index.facts | {"adopted": declared},
        }
    )
    with publication.locked(stage.folder), publication.private_folder(stage.folder) as private:
        for entry in [*index.shards, *index.files]:
            _link(old / entry.name, private / entry.name)
        publication.publish(private, stage.folder, adopted)
        publication.stamp(stage.folder)
    return stage


def _chosen(index: store.Index, old: Path, candidates: list[Stage]) -> Stage:
    waiting = [stage for stage in candidates if not store.is_complete(stage.folder)]
    if not waiting:
        there = ", ".join(f"{stage.name}/{stage.key}" for stage in candidates)
        raise UserError(f"{there} is in the store already: there is nothing to adopt.")
    if waiting[0].name != index.stage:
        raise UserError(f"{old} is a result of {index.stage}, and cannot stand for one of {waiting[0].name}.")
    reasons = []
    for stage in waiting:
        told = _objection(stage, index, difference(stage, index))
        if not told:
            return stage
        reasons.append(f"{stage.name}/{stage.key}: {told}")
    raise UserError(
        f"{old} cannot be adopted, since more than its code differs. {' '.join(reasons)} Only a change of "
        "code can be declared to have changed nothing."
    )


def _objection(stage: Stage, index: store.Index, found: Difference) -> str:
    """Why a result cannot stand for a stage; empty where it can."""
    if found.settings or found.data:
        return f"{'; '.join([*found.settings, *found.data])}."
    if not found.upstream:
        return ""
    digests = {role: [one.digest for one in several] for role, several in index.upstream.items()}
    for role, several in stage.upstream.items():
        for one in several:
            if not store.is_complete(one.folder):
                return f"its {role} {one.name}/{one.key} is not in the store; adopt or make that first."
        if [store.read_index(one.folder).digest for one in several] != digests.get(role):
            return f"its {role} has another content."
    return "" if digests.keys() == stage.upstream.keys() else "it is made from other roles."


def _upstream(stage: Stage) -> dict[str, list[store.Upstream]]:
    """Upstream keys and digests, as an index has them."""
    found: dict[str, list[store.Upstream]] = {}
    for role, several in stage.upstream.items():
        indices = [store.read_index(one.folder) for one in several]
        found[role] = [store.Upstream(stage=one.stage, key=one.key, digest=one.digest) for one in indices]
    return found


def _link(source: Path, target: Path) -> None:
    """A hard link where the file system has them, since results are never changed in place; else a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
