"""The plan: from a configuration to the stages that it needs, each with its settings and its key.

Plumbing: not in a stage's code digest. Imports nothing heavy: it runs whenever the Snakefile is parsed,
also on each node of a cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from proxykd import store
from proxykd.configuration import Configuration, Experiment, Pool
from proxykd.derivation import input_of, scoring, seeded, sized, student_settings, with_teacher
from proxykd.errors import UserError
from proxykd.evaluation.settings import HeldoutPairs
from proxykd.images.settings import ImportImages
from proxykd.outside import Digests
from proxykd.section import Section, canonical_json
from proxykd.selection.settings import ScoreProxies, SelectFromPools
from proxykd.source import stage_source

STAGES = (
    "import_images",
    "train_teacher",
    "import_teacher",
    "render_proxies",
    "check_teacher",
    "score_proxies",
    "assess_proxies",
    "select_proxies",
    "attack_boundary",
    "distill_student",
    "evaluate_student",
)
"""In the order of the pipeline."""


@dataclass
class Stage:
    """One result that the plan needs."""

    name: str
    settings: Section
    upstream: dict[str, list[Stage]]
    key: str
    data: dict[str, str] = field(default_factory=dict)
    after: list[Stage] = field(default_factory=list)
    """What must be there before it begins, though nothing of it counts for its result."""

    @cached_property
    def order(self) -> tuple[int, int]:
        """Its place in the pipeline, and behind all that must be finished before: images that a teacher's
        classes choose come after the teacher."""
        latest = max((one.order for one in self.before), default=(-1, 0))
        return max((STAGES.index(self.name), 0), (latest[0], latest[1] + 1))

    @cached_property
    def settings_json(self) -> str:
        """What the program is given."""
        return canonical_json(self.settings.canonical())

    @property
    def before(self) -> list[Stage]:
        """All that must be finished before it can begin."""
        return [*(one for several in self.upstream.values() for one in several), *self.after]

    @property
    def folder(self) -> Path:
        """Where the result is, or will be."""
        return store.root() / self.name / self.key

    @property
    def stamp(self) -> str:
        """The file that Snakemake watches."""
        return str(store.stamp_of(self.folder))


@dataclass
class Run:
    """One pass through the pipeline: an experiment with one seed of each list."""

    teacher: Stage
    check: Stage | None
    """Of a teacher that was imported."""
    pools: list[Stage]
    scores: list[Stage]
    selection: Stage
    boundary: Stage | None
    student: Stage
    seed: int


@dataclass
class PlannedExperiment:
    """An experiment's stages."""

    name: str
    settings: Experiment
    runs: list[Run]
    evaluation: Stage
    assessment: Stage
    """Of the first run's proxies."""

    @property
    def ends(self) -> list[Stage]:
        """What nothing else is made from, and the report shows."""
        checks = [run.check for run in self.runs if run.check is not None]
        return _distinct(iter([self.evaluation, self.assessment, *checks]))

    @property
    def stages(self) -> list[Stage]:
        """All that it needs, each once, in the order of the pipeline."""
        return behind(self.ends)


def behind(ends: list[Stage]) -> list[Stage]:
    """Some stages and all that is before them, each once, in the order of the pipeline."""
    seen: dict[str, Stage] = {}
    waiting = list(ends)
    while waiting:
        stage = waiting.pop()
        if seen.setdefault(stage.key, stage) is stage:
            waiting += stage.before
    return sorted(seen.values(), key=lambda stage: stage.order)


class Plan:
    """All stages of a configuration, each once, found by name and key."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.stages: dict[str, dict[str, Stage]] = {name: {} for name in STAGES}
        self._digests = Digests()
        self._codes: dict[tuple[str, tuple[str, ...]], str] = {}
        self._settings = {
            name: with_teacher(settings) for name, settings in configuration.experiments.items()
        }
        self.experiments = [self._experiment(name, settings) for name, settings in self._settings.items()]
        self._digests.save()

    def stage(self, name: str, key: str) -> Stage:
        """The stage of a key. UserError for one that is not planned."""
        try:
            return self.stages[name][key]
        except KeyError:
            raise UserError(
                f"{name}/{key} is not in the plan: the configuration or the code changed after the run "
                "began. Start the same command again; it plans anew and reuses what is finished."
            ) from None

    def all_stages(self) -> Iterator[Stage]:
        """Every stage, in the order of the pipeline."""
        stages = [stage for several in self.stages.values() for stage in several.values()]
        yield from sorted(stages, key=lambda stage: stage.order)

    def _add(self, name: str, settings: Section, **roles: list[Stage] | Stage | None) -> Stage:
        upstream = {
            role: several if isinstance(several, list) else [several]
            for role, several in roles.items()
            if several is not None and several != []
        }
        modules = settings.modules()
        named = (name, tuple(modules))
        if named not in self._codes:
            self._codes[named] = stage_source(name, modules).digest
        data = {path: self._digests.digest(path) for path in settings.data()}
        keys = {role: [stage.key for stage in several] for role, several in upstream.items()}
        key = store.stage_key(name, settings.identity(), self._codes[named], data, keys)
        # The first of two equal stages stays: they differ in paths at most.
        return self.stages[name].setdefault(key, Stage(name, settings, upstream, key, data))

    def _experiment(self, name: str, settings: Experiment) -> PlannedExperiment:
        several = self.configuration.seeds
        count = len(next(iter(several.values()), [0]))
        each = [
            self._run(settings, {stage: seeds[i] for stage, seeds in several.items()}) for i in range(count)
        ]
        # Seeds of a stage that this experiment does not have give the same student again, not another one.
        runs = list({run.student.key: run for run in reversed(each)}.values())[::-1]
        evaluation = settings.evaluate_student
        images = None
        if evaluation.images is not None:
            _check_undivided(settings, "evaluate_student", evaluation.images)
            images = self._fitting_images(settings, evaluation.images, evaluation.split)
        heldout = self._add("render_proxies", sized(evaluation.heldout, *input_of(settings)))
        pairs = (
            [] if evaluation.pairs is None else [self._pairs(evaluation.pairs, heldout, run) for run in runs]
        )
        planned = self._add(
            "evaluate_student",
            evaluation,
            teacher=_distinct(run.teacher for run in runs),
            student=[run.student for run in runs],
            scores=_distinct(stage for run in runs for stage in run.scores),
            selection=_distinct(run.selection for run in runs),
            heldout=heldout,
            pairs=_distinct(iter(pairs)),
            images=images,
        )
        first = runs[0]
        assessment = self._add(
            "assess_proxies",
            settings.assess_proxies,
            teacher=first.teacher,
            pool=first.pools,
            scores=first.scores,
        )
        return PlannedExperiment(name, settings, runs, planned, assessment)

    def _run(self, settings: Experiment, seeds: dict[str, int]) -> Run:
        teacher = self._teacher(settings, seeds)
        pools = [self._pool(settings, pool, seeds, teacher) for pool in settings.proxies]
        check = self._check(settings, teacher)
        how = scoring(settings)
        scores = [self._scores(how, teacher, pool, check) for pool in pools]
        wanted = seeded(settings.select_proxies, seeds.get("select_proxies"))
        selection = self._add(
            "select_proxies",
            SelectFromPools(**wanted.model_dump(), shares=[pool.share for pool in settings.proxies]),
            pool=pools,
            scores=scores,
            teacher=teacher if wanted.fills else None,
        )
        boundary = None
        if settings.attack_boundary is not None:
            attack = seeded(settings.attack_boundary, seeds.get("attack_boundary"))
            boundary = self._add("attack_boundary", attack, teacher=teacher, selection=selection)
        student = self._add(
            "distill_student",
            student_settings(settings, seeds),
            teacher=teacher,
            selection=selection,
            boundary=boundary,
        )
        seed = seeds.get("distill_student", settings.distill_student.recipe.seed)
        return Run(teacher, check, pools, scores, selection, boundary, student, seed)

    def _scores(self, how: ScoreProxies, teacher: Stage, pool: Stage, check: Stage | None) -> Stage:
        stage = self._add("score_proxies", how, teacher=teacher, pool=pool)
        # Nothing is spent on a teacher before somebody could have read what it makes of images.
        stage.after = [] if check is None else [check]
        return stage

    def _pairs(self, attack: HeldoutPairs, heldout: Stage, run: Run) -> Stage:
        """Held-out proxies carried across a teacher's boundary; all experiments of the teacher share them."""
        scores = self._scores(ScoreProxies(), run.teacher, heldout, run.check)
        wanted = SelectFromPools(count=attack.sources, fill="none")
        selection = self._add("select_proxies", wanted, pool=[heldout], scores=[scores])
        return self._add("attack_boundary", attack, teacher=run.teacher, selection=selection)

    def _check(self, settings: Experiment, teacher: Stage) -> Stage | None:
        """What an imported teacher makes of a few proxies, and of the user's pictures among all its pools."""
        how = settings.check_teacher
        if settings.import_teacher is None:
            return None
        proxies = self._add("render_proxies", sized(how.proxies, *input_of(settings)))
        others = [
            one
            for one in self._settings.values()
            if (one.import_teacher, one.check_teacher) == (settings.import_teacher, how)
        ]
        pictures = _distinct(
            self._pool(one, pool, {}, teacher)
            for one in others
            for pool in one.proxies
            if pool.import_images is not None
        )
        return self._add("check_teacher", how, teacher=teacher, proxies=proxies, pictures=pictures)

    def _teacher(self, settings: Experiment, seeds: dict[str, int]) -> Stage:
        if settings.import_teacher is not None:
            return self._add("import_teacher", settings.import_teacher)
        teacher = settings.train_teacher
        assert teacher is not None
        _check_undivided(settings, "train_teacher", teacher.images)
        if "train_teacher" in seeds:
            recipe = seeded(teacher.recipe, seeds["train_teacher"])
            teacher = teacher.model_copy(update={"recipe": recipe})
        has_validation = settings.import_images[teacher.images].validation_share > 0
        return self._add(
            "train_teacher",
            teacher,
            images=self._images(settings, teacher.images, "train"),
            validation=self._images(settings, teacher.images, "validation") if has_validation else None,
        )

    def _images(self, settings: Experiment, name: str, split: str, teacher: Stage | None = None) -> Stage:
        wanted = settings.import_images[name].model_dump() | {"split": split}
        return self._add("import_images", ImportImages.model_validate(wanted), teacher=teacher)

    def _fitting_images(
        self, settings: Experiment, name: str, split: str, teacher: Stage | None = None
    ) -> Stage:
        """Images that the teacher takes as they are. UserError where they have another size or channels."""
        images, (size, channels) = settings.import_images[name], input_of(settings)
        if (images.size, images.channels) != (size, channels):
            raise UserError(
                f"import_images.{name} has size {images.size} and channels {images.channels}, but the "
                f"teacher takes size {size} and channels {channels}. Give the set those."
            )
        return self._images(settings, name, split, None if images.classes == "all" else teacher)

    def _pool(self, settings: Experiment, pool: Pool, seeds: dict[str, int], teacher: Stage) -> Stage:
        if pool.import_images is not None:
            return self._fitting_images(settings, pool.import_images, pool.split, teacher)
        rendered = sized(pool.render_proxies, *input_of(settings))
        return self._add("render_proxies", seeded(rendered, seeds.get("render_proxies")))


def _check_undivided(settings: Experiment, user: str, name: str) -> None:
    """Raise UserError where a set whose labels count has not all its classes."""
    classes = settings.import_images[name].classes
    if classes != "all":
        raise UserError(
            f"import_images.{name} has classes: {classes}, which a teacher's classes decide, and "
            f"{user}.images needs all classes. Give the set again under another name, without classes."
        )


def _distinct(stages: Iterator[Stage]) -> list[Stage]:
    return list({stage.key: stage for stage in stages}.values())
