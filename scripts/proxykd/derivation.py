"""Settings that follow from others: the teacher's input size, the plan's seeds, the paper's choices.

Plumbing: not in a stage's code digest; the resolved settings are in the key.
"""

from __future__ import annotations

from typing import Any

from proxykd.augmentation.settings import Augmentation
from proxykd.configuration import Experiment
from proxykd.distillation.settings import DistillStudent
from proxykd.errors import UserError
from proxykd.selection.settings import ScoreProxies


def with_teacher(settings: Experiment) -> Experiment:
    """With what an imported teacher's file says of it filled in, where it was left out."""
    if settings.import_teacher is None:
        return settings
    return settings.model_copy(update={"import_teacher": settings.import_teacher.resolved()})


def input_of(settings: Experiment) -> tuple[int, int]:
    """Size in pixels and channels of the teacher's input, of an experiment `with_teacher`."""
    if settings.import_teacher is not None:
        size, channels = settings.import_teacher.size, settings.import_teacher.channels
        assert size is not None
        assert channels is not None
        return size, channels
    assert settings.train_teacher is not None
    images = settings.import_images[settings.train_teacher.images]
    return images.size, images.channels


def sized(pool: Any, size: int, channels: int) -> Any:
    """A rendered pool at the teacher's input size, which its settings may also state themselves."""
    for name, needed in (("size", size), ("channels", channels)):
        if getattr(pool, name) not in {None, needed}:
            raise UserError(
                f"render_proxies.{name} is {getattr(pool, name)}, but the teacher takes {needed}. Leave it "
                "out: it is filled in."
            )
    return pool.model_copy(update={"size": size, "channels": channels})


def scoring(settings: Experiment) -> ScoreProxies:
    """How pools are scored: with the teacher's features where the selection looks at them."""
    needed = settings.select_proxies.within == "diverse"
    return settings.score_proxies.model_copy(update={"features": settings.score_proxies.features or needed})


def seeded(section: Any, seed: int | None) -> Any:
    """A section with a seed of the plan in place of its own, where there is one."""
    return section if seed is None else section.model_copy(update={"seed": seed})


def student_settings(settings: Experiment, seeds: dict[str, int]) -> DistillStudent:
    """A student's settings with the paper's choices filled in where none was made.

    Temperature 20 and the extreme augmentation for rendered proxies, 2 and the standard one for real ones
    (Frank & Davis, CVPR 2025). Both are held equal in a comparison by stating them.
    """
    student = settings.distill_student
    rendered = any(pool.render_proxies is not None for pool in settings.proxies)
    shaders = any(pool.render_proxies and pool.render_proxies.kind == "shaders" for pool in settings.proxies)
    filled: dict[str, Any] = {}
    if student.temperature is None:
        filled["temperature"] = 20.0 if rendered else 2.0
    if student.augmentation is None:
        filled["augmentation"] = Augmentation.model_validate("extreme" if shaders else "standard")
    if settings.attack_boundary is None:
        # A policy that is not used must not tell two students apart.
        filled["boundary"] = None
    elif student.refresh is not None and student.refresh.attack is None:
        filled["refresh"] = student.refresh.model_copy(update={"attack": settings.attack_boundary})
    if "distill_student" in seeds:
        filled["recipe"] = seeded(student.recipe, seeds["distill_student"])
    return student.model_copy(update=filled)
