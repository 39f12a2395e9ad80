"""The configuration of a run: its sections, each defined beside the code that reads it, put together.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import copy
import difflib
import re
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from proxykd.boundary.settings import AttackBoundary
from proxykd.distillation.settings import DistillStudent
from proxykd.errors import UserError
from proxykd.evaluation.settings import EvaluateStudent
from proxykd.images.settings import ImageSet
from proxykd.networks.settings import ImportTeacher
from proxykd.proxies.settings import RenderedPool
from proxykd.section import Section
from proxykd.selection import ScoreProxies, SelectProxies
from proxykd.training.settings import TrainTeacher

SEEDED = ("render_proxies", "select_proxies", "attack_boundary", "train_teacher", "distill_student")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")


class Pool(Section):
    """One source of proxies: rendered, or a split of an imported set of images."""

    render_proxies: RenderedPool | None = None
    """Images to render."""
    import_images: str | None = None
    """Name of a set under `import_images`, whose labels are not looked at."""
    split: str = Field("train", pattern="^(train|validation)$")
    """Which part of the imported set; the test split is for evaluation alone."""
    share: float | None = Field(None, gt=0, le=1)
    """Share of the selected images that this pool gives; all pools have one, or none has."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.render_proxies is None) == (self.import_images is None):
            raise ValueError("a pool has either render_proxies or import_images")
        return self


class Experiment(Section):
    """One way from a teacher to a student."""

    import_images: dict[str, ImageSet] = {}
    """Sets of real images by name."""
    train_teacher: TrainTeacher | None = None
    """A teacher that is trained here, ..."""
    import_teacher: ImportTeacher | None = None
    """... or somebody's checkpoint."""
    proxies: list[Pool] = Field(min_length=1)
    """Where the student's images come from."""
    score_proxies: ScoreProxies = ScoreProxies()
    """How the teacher looks at them."""
    select_proxies: SelectProxies = SelectProxies()
    """Which of them are used."""
    attack_boundary: AttackBoundary | None = None
    """Carry them across the teacher's decision boundary; null: not."""
    distill_student: DistillStudent
    """How the student learns."""
    evaluate_student: EvaluateStudent = EvaluateStudent()
    """What is measured."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.train_teacher is None) == (self.import_teacher is None):
            raise ValueError("give either train_teacher or import_teacher")
        named = [pool.import_images for pool in self.proxies]
        named += [self.train_teacher.images if self.train_teacher else None, self.evaluate_student.images]
        for name in named:
            if name is not None and name not in self.import_images:
                known = ", ".join(self.import_images) or "none"
                raise ValueError(f"no set of images is named {name!r} under import_images; there are: {known}")
        given = [pool.share for pool in self.proxies if pool.share is not None]
        if given and (len(given) != len(self.proxies) or abs(sum(given) - 1) > 1e-6):
            raise ValueError("proxies: either every pool has a share and they sum to 1, or none has one")
        return self


class Configuration(BaseModel):
    """A whole run: experiments that share what they agree on, and seeds."""

    title: str
    note: str
    seeds: dict[str, list[int]]
    experiments: dict[str, Experiment]
    results: Path


def load(given: dict[str, Any], place: str = "the configuration") -> Configuration:
    """Check a configuration as read from YAML, and merge each experiment's overrides into the base.

    Raises UserError that names the key, what is wrong with it, and what it might have meant.
    """
    given = copy.deepcopy(given)
    title = given.pop("title", "ProxyKD")
    note = given.pop("note", "")
    results = given.pop("results", "results")
    seeds = _seeds(given.pop("seeds", [0]), place)
    overrides = given.pop("experiments", None) or {"base": {}}
    if not isinstance(overrides, dict):
        raise UserError(f"{place}: experiments is a mapping from a name to what differs from the base.")
    experiments = {}
    for name, override in overrides.items():
        if not NAME.fullmatch(str(name)):
            raise UserError(f"{place}: experiments.{name}: a name has letters, digits and + . _ - only.")
        merged = merge(given, override or {})
        prefix = f"experiments.{name}: " if override else ""
        experiments[str(name)] = _experiment(merged, given, f"{place}: {prefix}")
    return Configuration(
        title=str(title), note=str(note), seeds=seeds, experiments=experiments, results=Path(str(results))
    )


def read(path: Path) -> Configuration:
    """Read a configuration file, without Snakemake."""
    try:
        given = yaml.safe_load(path.read_text())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(given, dict):
        raise UserError(f"{path} holds no settings.")
    return load(given, str(path))


def merge(base: Any, override: Any) -> Any:
    """The base with an override laid over it: mappings are merged key by key, all else is replaced."""
    if not (isinstance(base, dict) and isinstance(override, dict)):
        return copy.deepcopy(override)
    merged = copy.deepcopy(base)
    for key, value in override.items():
        merged[key] = merge(base[key], value) if key in base else copy.deepcopy(value)
    return merged


def _seeds(given: Any, place: str) -> dict[str, list[int]]:
    """Seeds by stage; a bare list is the students'."""
    by_stage = given if isinstance(given, dict) else {"distill_student": given}
    for stage, several in by_stage.items():
        if stage not in SEEDED:
            raise UserError(f"{place}: seeds.{stage}: only {', '.join(SEEDED)} have seeds.")
        whole = isinstance(several, list) and several and all(type(seed) is int and seed >= 0 for seed in several)
        if not whole or len(set(several)) != len(several):
            raise UserError(f"{place}: seeds.{stage} must be a list of different whole numbers from 0.")
    if len({len(several) for several in by_stage.values()}) > 1:
        raise UserError(f"{place}: seeds: the stages' lists are paired, so they need the same length.")
    return by_stage


def _experiment(merged: dict[str, Any], base: dict[str, Any], place: str) -> Experiment:
    try:
        return Experiment.model_validate(merged)
    except ValidationError as error:
        raise UserError("\n".join(_problem(detail, place) for detail in error.errors()[:5])) from error


def _problem(detail: Any, place: str) -> str:
    location = [str(part) for part in detail["loc"]]
    # A union's tag stands in pydantic's location, not in the file.
    shown = [part for part in location if part not in {"shaders", "leaves", "noise"} or part == location[-1]]
    where = ".".join(shown)
    if detail["type"] == "extra_forbidden":
        return f"{place}{where} is no setting. {_suggestion(location)}"
    if detail["type"] == "missing":
        return f"{place}{where} is missing; it has no default."
    message = detail["msg"].removeprefix("Value error, ")
    value = f" (it is {detail['input']!r})" if not isinstance(detail["input"], dict | list) else ""
    return f"{place}{where + ': ' if where else ''}{message[0].lower() + message[1:]}{value}."


def _suggestion(location: list[str]) -> str:
    known = _fields(Experiment, location[:-1])
    if len(location) == 1:
        known = [*known, "title", "note", "seeds", "experiments", "results"]
    near = difflib.get_close_matches(location[-1], known, 1)
    return f"Did you mean {near[0]}?" if near else f"There are: {', '.join(sorted(known))}."


def _fields(model: Any, location: list[str]) -> list[str]:
    """Names of the fields at a place of the configuration, found in its JSON schema."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})

    def resolve(node: dict[str, Any], path: list[str]) -> set[str]:
        if "$ref" in node:
            return resolve(definitions[node["$ref"].rpartition("/")[2]], path)
        found: set[str] = set()
        for variant in [*node.get("anyOf", []), *node.get("oneOf", [])]:
            tag = path[0] if path else None
            # A union's tag stands in pydantic's location: skip it.
            found |= resolve(variant, path[1:] if tag in node.get("discriminator", {}).get("mapping", {}) else path)
        if not path:
            return found | set(node.get("properties", {}))
        properties = node.get("properties", {})
        if path[0] in properties:
            found |= resolve(properties[path[0]], path[1:])
        for inner in (node.get("items"), node.get("additionalProperties")):
            if isinstance(inner, dict):
                found |= resolve(inner, path[1:])
        return found

    return sorted(resolve(schema, location))


def schema() -> dict[str, Any]:
    """The JSON schema of a configuration file, for editors."""
    base = Experiment.model_json_schema()
    properties = base["properties"]
    top = {
        "title": {"type": "string", "description": "Headline of the report."},
        "note": {"type": "string", "description": "What a reader of the report must know first."},
        "results": {"type": "string", "default": "results", "description": "Folder of the report and links."},
        "seeds": {
            "description": "The students' seeds, or lists of equal length by stage.",
            "anyOf": [
                {"type": "array", "items": {"type": "integer", "minimum": 0}},
                {"type": "object", "propertyNames": {"enum": list(SEEDED)}},
            ],
        },
        "experiments": {
            "type": "object",
            "description": "Each name with what differs from the base.",
            "additionalProperties": {"anyOf": [{"type": "object"}, {"type": "null"}]},
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A ProxyKD configuration",
        "type": "object",
        "additionalProperties": False,
        "properties": top | properties,
        "$defs": base["$defs"],
    }
