"""From the settings of an imported teacher to a network, and into the store."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from proxykd.errors import UserError
from proxykd.networks.behaviour import CLOSE, difference, trial_images
from proxykd.networks.build import build
from proxykd.networks.checkpoint import load_into, read_weights
from proxykd.networks.classifier import Classifier, Description
from proxykd.networks.files import load, save, save_description
from proxykd.networks.settings import FOREIGN
from proxykd.networks.teacher_settings import ImportTeacher
from proxykd.networks.timm_defaults import timm_defaults
from proxykd.presentation.progress import log

IMAGENET = {"mean": [0.485, 0.456, 0.406], "deviation": [0.229, 0.224, 0.225]}


def describe(settings: ImportTeacher) -> tuple[Description, list[str]]:
    """What the teacher is, of resolved settings, and the names of what of it had to be assumed."""
    _tell_found(settings)
    assumed = [name for name in IMAGENET if getattr(settings, name) is None]
    values = {name: getattr(settings, name) or _assumed(settings, name) for name in IMAGENET}
    assert settings.size is not None
    assert settings.channels is not None
    return Description(
        settings.architecture,
        settings.size,
        settings.channels,
        settings.class_names(),
        values["mean"],
        values["deviation"],
        "imported",
        settings.outputs,
        settings.called() if settings.factory else "",
        settings.order,
    ), assumed


def _tell_found(settings: ImportTeacher) -> None:
    """Say what the checkpoint says, and where a given value is another one."""
    for name, fact in settings.found().items():
        given = getattr(settings, name)
        if given == fact.value:
            shown = given if not isinstance(given, list) or len(given) <= 3 else f"{len(given)} names"
            log.info("import_teacher.%s: %s, found %s", name, shown, fact.source)
        elif given is not None and not fact.by_shape:
            log.warning(
                "import_teacher.%s: %s is given and counts, though %s was found %s",
                *(name, given, fact.value, fact.source),
            )


def _assumed(settings: ImportTeacher, name: str) -> list[float]:
    """timm's own or ImageNet's, with a warning; for one channel the mean of its three values."""
    usual = timm_defaults(settings.architecture).get(name)
    value = usual or IMAGENET[name]
    if settings.channels == 1 and len(value) == 3:
        value = [sum(value) / 3]
    log.warning(
        "import_teacher.%s is neither given nor found: %s is assumed, which is %s. A wrong one costs "
        "accuracy.",
        *(name, value, f"timm's for {settings.architecture}" if usual else "ImageNet's"),
    )
    return value


def open_teacher(settings: ImportTeacher, described: Description) -> Classifier:
    """The teacher with its weights, frozen, in eval mode. UserError where it does not open."""
    path = Path(settings.checkpoint).expanduser()
    if settings.architecture in FOREIGN:
        teacher = Classifier(_kind(settings).opened(settings, described), described)
    else:
        teacher = build(described)
    if settings.architecture != "export":
        load_into(teacher.body, read_weights(path, settings.trust), settings.called(), path)
    return teacher.eval().requires_grad_(False)


def _kind(settings: ImportTeacher) -> Any:
    # By name: what serves other networks is no code of a stage that has this one.
    return import_module(FOREIGN[settings.architecture])


def store_teacher(teacher: Classifier, settings: ImportTeacher, folder: Path) -> None:
    """Write the teacher, with the code that it consists of."""
    if settings.architecture in FOREIGN:
        _kind(settings).keep(settings, folder)
    if settings.architecture == "export":
        save_description(teacher.description, folder)
    else:
        save(teacher, folder)


@torch.no_grad()
def check_stored(folder: Path, teacher: Classifier, what: str) -> None:
    """Raise UserError where the stored teacher answers otherwise than the one that was checked."""
    x_NCHW = trial_images(teacher)
    if difference(teacher(x_NCHW), load(folder)(x_NCHW)) > CLOSE:
        raise UserError(
            f"{what} answers otherwise once it is stored: it draws weights at random, or reads some from "
            "elsewhere, that are not in its state_dict. Register them as buffers."
        )
