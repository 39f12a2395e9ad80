"""Mistakes in a configuration, in sentences: where, what is wrong, and what was likely meant.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

SHOWN = 5
KINDS = ("leaves", "noise", "shaders")
"""Variants of a pool of rendered proxies, which pydantic puts into a mistake's place."""


def describe(
    error: ValidationError,
    model: type[BaseModel],
    top: Sequence[str],
    override: dict[str, Any],
    place: str,
    name: str,
) -> str:
    """A sentence for each mistake, the first five of them.

    `model` is what was checked, `top` the keys that stand beside it at the top of a file. `place` names the
    file, and `name` the `override` in it, for what that says and not the base.
    """
    problems: dict[tuple[str, ...], str] = {}
    for detail in error.errors():
        at = _location(detail["loc"])
        prefix = f"{place}: {name}." if _stands_in(override, at) else f"{place}: "
        # Of a union's several complaints about one value the first is enough.
        problems.setdefault(tuple(at), _problem(detail, at, prefix, model, top))
    return "\n".join([*problems.values()][:SHOWN])


def _location(given: tuple[int | str, ...]) -> list[str]:
    """Where a mistake stands in the file: pydantic adds the variant of a union, which no file has."""
    parts: list[str] = []
    for at, part in enumerate(given):
        before = given[at - 1] if at else None
        is_variant = before in {"render_proxies", "heldout"} and part in KINDS
        is_type = before == "classes" and part in {"int", "list[str]"}
        if not (is_variant or is_type):
            parts.append(str(part))
    return parts


def _stands_in(override: Any, location: list[str]) -> bool:
    """Whether an experiment's override is what says something of a place, not the base."""
    for part in location:
        if not isinstance(override, dict):
            return True
        if part not in override:
            return False
        override = override[part]
    return bool(location)


def _problem(
    detail: Any, location: list[str], prefix: str, model: type[BaseModel], top: Sequence[str]
) -> str:
    where = prefix + ".".join(location)
    if detail["type"] == "extra_forbidden":
        kind = "setting" if location[:-1] else "setting of an experiment"
        return f"{where} is no {kind}. {_suggestion(location, model, top)}"
    if detail["type"] == "missing":
        return f"{where} is missing; it has no default."
    if detail["type"].startswith("union_tag"):
        return _which_kind(detail, where)
    message = detail["msg"].removeprefix("Value error, ").rstrip(".")
    value = detail["input"]
    shown = "" if isinstance(value, dict | list) else f" (it is {textwrap.shorten(repr(value), 60)})"
    return f"{where + ': ' if location else where}{message[0].lower() + message[1:]}{shown}."


def _which_kind(detail: Any, where: str) -> str:
    """For a pool without a `kind`, or with one that there is not."""
    kinds = ", ".join(KINDS)
    given = detail["input"].get("kind") if isinstance(detail["input"], dict) else None
    if given is None:
        return f"{where}.kind is missing. It is one of {kinds}."
    near = difflib.get_close_matches(str(given), KINDS, 1)
    meant = f"Did you mean {near[0]}?" if near else f"It is one of {kinds}."
    return f"{where}.kind: {given!r} is no kind of proxies. {meant}"


def _suggestion(location: list[str], model: type[BaseModel], top: Sequence[str]) -> str:
    known = fields_at(model, location[:-1])
    if len(location) == 1:
        if location[0] in top:
            return "It stands at the top of the file, for all experiments together."
        known |= set(top)
    near = difflib.get_close_matches(location[-1], sorted(known), 1)
    return f"Did you mean {near[0]}?" if near else f"There are: {', '.join(sorted(known))}."


def fields_at(model: type[BaseModel], location: list[str]) -> set[str]:
    """Names of the fields at a place of a model, in any variant of its unions, from its JSON schema."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})

    def resolve(node: Any, path: list[str]) -> set[str]:
        if not isinstance(node, dict):
            return set()
        if "$ref" in node:
            return resolve(definitions[node["$ref"].rpartition("/")[2]], path)
        found: set[str] = set()
        for variant in [*node.get("anyOf", []), *node.get("oneOf", [])]:
            found |= resolve(variant, path)
        properties = node.get("properties", {})
        if not path:
            return found | set(properties)
        inner = [properties[path[0]]] if path[0] in properties else []
        for within in [*inner, node.get("items"), node.get("additionalProperties")]:
            found |= resolve(within, path[1:])
        return found

    return resolve(schema, location)
