"""The configuration of a run: its sections, each defined beside the code that reads it, put together.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from proxykd.assessment.settings import AssessProxies
from proxykd.augmentation.settings import PRESETS
from proxykd.boundary.settings import AttackBoundary
from proxykd.distillation.settings import DistillStudent
from proxykd.errors import UserError
from proxykd.evaluation.settings import EvaluateStudent
from proxykd.images.settings import ImageSet
from proxykd.mistakes import describe
from proxykd.networks.teacher_settings import ImportTeacher
from proxykd.outside import fill_paths
from proxykd.proxies.settings import RenderedPool
from proxykd.sanity.settings import CheckTeacher
from proxykd.section import Section
from proxykd.selection.settings import ScoreProxies, SelectProxies
from proxykd.training.settings import TrainTeacher

SEEDED = ("render_proxies", "select_proxies", "attack_boundary", "train_teacher", "distill_student")
TOP = ("experiments", "note", "results", "seeds", "title")
"""What a configuration file says of all experiments together."""
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
    check_teacher: CheckTeacher = CheckTeacher()
    """Whether an imported teacher behaves, before anything is spent on it."""
    proxies: list[Pool] = Field(min_length=1)
    """Where the student's images come from."""
    score_proxies: ScoreProxies = ScoreProxies()
    """How the teacher looks at them."""
    assess_proxies: AssessProxies = AssessProxies()
    """How good they are for this teacher, before any student is trained."""
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
                raise ValueError(
                    f"no set of images is named {name!r} under import_images; there are: {known}"
                )
        if self.distill_student.refresh is not None and self.attack_boundary is None:
            raise ValueError(
                "distill_student.refresh replaces pairs of attack_boundary, and there are none: give "
                "attack_boundary, or set refresh: null"
            )
        crops = {name for name, images in self.import_images.items() if images.crops is not None}
        if labelled := crops.intersection(named[len(self.proxies) :]):
            raise ValueError(f"{labelled.pop()!r} is crops of one image, without labels: for proxies alone")
        if any(pool.import_images in crops and pool.split != "train" for pool in self.proxies):
            raise ValueError("crops of one image have no validation split: use split: train")
        given = [pool.share for pool in self.proxies if pool.share is not None]
        if given and (len(given) != len(self.proxies) or abs(sum(given) - 1) > 1e-6):
            raise ValueError("proxies: either every pool has a share and they sum to 1, or none has one")
        return self


class Configuration(BaseModel):
    """A whole run: experiments that share what they agree on, and seeds."""

    title: str
    note: str
    seeds: dict[str, list[int]]
    """Seeds by stage, lists of equal length; empty: the settings' own seeds, once."""
    experiments: dict[str, Experiment]
    results: Path


def load(given: dict[str, Any], place: str = "the configuration") -> Configuration:
    """Check a configuration as read from YAML, and merge each experiment's overrides into the base.

    Raises UserError that names the key, what is wrong with it, and what it might have meant.
    """
    base = fill_paths(plain(given), place)
    title = base.pop("title", None) or "ProxyKD"
    note = base.pop("note", None) or ""
    results = base.pop("results", None) or "results"
    seeds = _seeds(base.pop("seeds", None), place)
    overrides = base.pop("experiments", None) or {"base": None}
    if not isinstance(overrides, dict):
        raise UserError(f"{place}: experiments is a mapping from a name to what differs from the base.")
    experiments = {}
    for name, override in overrides.items():
        if not NAME.fullmatch(name):
            raise UserError(
                f"{place}: experiments.{name}: a name starts with a letter or digit, and has letters, digits "
                "and + . _ - only."
            )
        if not isinstance(override, dict | None):
            raise UserError(
                f"{place}: experiments.{name} is {override!r}, and should be a mapping of what differs."
            )
        experiments[name] = _experiment(base, override or {}, place, f"experiments.{name}")
    return Configuration(
        title=str(title), note=str(note), seeds=seeds, experiments=experiments, results=Path(str(results))
    )


def plain(given: dict[str, Any]) -> dict[str, Any]:
    """A configuration as JSON would have it: all keys are text, dates too; whoever reads it gets the same."""
    return json.loads(json.dumps(given, default=str))


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
    if given is None:
        return {}
    by_stage = given if isinstance(given, dict) else {"distill_student": given}
    for stage, several in by_stage.items():
        where = f"seeds.{stage}" if by_stage is given else "seeds"
        if stage not in SEEDED:
            raise UserError(f"{place}: {where}: only {', '.join(SEEDED)} have seeds.")
        numbers = several if isinstance(several, list) else []
        whole = all(type(seed) is int and 0 <= seed < 2**31 for seed in numbers)
        if not numbers or not whole or len(set(numbers)) != len(numbers):
            raise UserError(f"{place}: {where} must be a list of different whole numbers from 0.")
    if len({len(several) for several in by_stage.values()}) > 1:
        raise UserError(f"{place}: seeds: the stages' lists are paired, so they need the same length.")
    return by_stage


def _experiment(base: dict[str, Any], override: dict[str, Any], place: str, name: str) -> Experiment:
    try:
        return Experiment.model_validate(merge(base, override))
    except ValidationError as error:
        raise UserError(describe(error, Experiment, TOP, override, place, name)) from error


def schema() -> dict[str, Any]:
    """The JSON schema of a configuration file, for editors."""
    base = Experiment.model_json_schema()
    # A preset's name, or fields with a preset below them, are turned into fields before they are checked.
    fields = base["$defs"]["Augmentation"]
    preset = {"enum": list(PRESETS), "description": "Fields that are not given are the preset's."}
    fields["properties"]["preset"] = preset
    base["$defs"]["Augmentation"] = {"anyOf": [preset, fields]}
    # So is a training's length.
    recipe = base["$defs"]["Recipe"]
    recipe["properties"]["images"] = {
        "type": "integer",
        "minimum": 1,
        "description": "Images seen in the whole training, in place of steps.",
    }
    del recipe["required"]
    recipe["oneOf"] = [{"required": ["steps"]}, {"required": ["images"]}]
    seeds = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1, "uniqueItems": True}
    top = {
        "title": {"type": "string", "description": "Headline of the report."},
        "note": {"type": "string", "description": "What a reader of the report must know first."},
        "results": {"type": "string", "default": "results", "description": "Folder of the report and links."},
        "seeds": {
            "description": "The students' seeds, or lists of equal length by stage.",
            "anyOf": [
                seeds,
                {"type": "object", "properties": dict.fromkeys(SEEDED, seeds), "additionalProperties": False},
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
        "properties": top | base["properties"],
        "$defs": base["$defs"],
    }
