"""What an experiment is, in one line, and what a reader must know of it."""

from __future__ import annotations

from typing import Any

from proxykd.augmentation.settings import PRESETS, Augmentation
from proxykd.configuration import Experiment, Pool
from proxykd.distillation.settings import Loss
from proxykd.presentation.collect import Result, ShownExperiment
from proxykd.presentation.numerals import count, percent
from proxykd.selection.settings import SelectProxies

KINDS = {"shaders": "shader images", "leaves": "dead leaves", "noise": "images of Gaussian noise"}
METHODS = {
    "deepfool_linf": "DeepFool (L-infinity)",
    "bold_driver": "Bold driver",
    "shuffled": "A control (the changes of DeepFool at other pixels)",
}
RULES = {
    "random": "",
    "confidence": "; within a class equally many of each range of the teacher's confidence",
    "entropy": "; within a class equally many of each range of the entropy of the teacher's probabilities",
    "pairs": "; within a class equally many of each class that the teacher finds likeliest next",
    "diverse": "; within a class those farthest from each other in the teacher's features",
}
LOSS_NAMES = {
    "kl": "KL divergence",
    "argmax_of_mixed": "cross-entropy with the argmax of the mixed view",
    "mixture_of_argmaxes": "cross-entropies with the argmaxes of both unmixed views",
    "dist": "DIST",
    "dkd": "DKD",
    "mse": "squared difference of the logits",
}


def marks(experiment: ShownExperiment) -> list[str]:
    """What sets an experiment apart from a distillation without data."""
    settings = experiment.settings
    found = []
    rendered = [pool.render_proxies for pool in settings.proxies if pool.render_proxies is not None]
    if any(getattr(pool, "statistics_from", None) for pool in rendered):
        found.append("data statistics")
    real = [pool for pool in settings.proxies if pool.import_images is not None]
    if any(_is_original(pool, settings) for pool in real):
        found.append("real images")
    elif real:
        found.append("other real images")
    if settings.distill_student.network.pretrained:
        found.append("pretrained")
    return found


def _is_original(pool: Pool, settings: Experiment) -> bool:
    """Whether a pool is of the set that the teacher learned from, or that students are measured on."""
    teacher = settings.train_teacher
    originals = {teacher.images if teacher else None, settings.evaluate_student.images} - {None}
    assert pool.import_images is not None
    mine = settings.import_images[pool.import_images]
    return any(
        (mine.source, mine.path)
        == (settings.import_images[str(name)].source, settings.import_images[str(name)].path)
        for name in originals
    )


def proxies(experiment: ShownExperiment) -> str:
    """Pools, counts and selection in words."""
    run, settings = experiment.runs[0], experiment.settings
    drawn = pools(settings, run.pools)
    facts = run.selection.facts
    filled = facts.get("filled", {})
    if facts["selected"] == sum(pool.index.samples for pool in run.pools) and not filled:
        return f"{drawn}; all of them selected"
    how = selection(settings.select_proxies, bool(facts["shortfall"]))
    if filled:
        how += f", and images that an attack carried into classes which had too few: {counts_of(filled)}"
    return f"{drawn}; {count(facts['selected'])} of them selected, {how}"


def selection(how: SelectProxies, short: bool) -> str:
    """The rule of a selection, and whether some classes have too few images for it."""
    if how.balance == "none":
        return "at random"
    text = "equally many of each class that the teacher sees"
    if how.balance == "long_tail":
        first = "with most images in the pools" if how.order == "pool" else "drawn by the seed"
        text = (
            f"long-tailed over the classes, {how.imbalance:g} times as many of the first "
            f"({first}) as of the last"
        )
    return text + (", as far as there are enough" if short else "") + RULES[how.within]


def counts_of(numbers: dict[str, int], unit: str = "") -> str:
    """Names with their numbers, the largest first; of more than ten, how many are left out."""
    worst = sorted(numbers.items(), key=lambda item: (-item[1], item[0]))
    told = ", ".join(f"{name} ({count(n)}{unit})" for name, n in worst[:10])
    return told + (f" and {len(worst) - 10} more classes" if len(worst) > 10 else "")


def pools(settings: Experiment, results: list[Result]) -> str:
    """The pools in words."""
    return " and ".join(_pool(pool, result) for pool, result in zip(settings.proxies, results, strict=True))


def _pool(pool: Pool, result: Result) -> str:
    share = "" if pool.share is None else f" ({percent(pool.share, 0)} of the selection)"
    samples = count(result.index.samples)
    if pool.import_images is not None:
        return f"{samples} real images ({pool.import_images}, {pool.split}){share}"
    rendered = pool.render_proxies
    assert rendered is not None
    text = f"{samples} {KINDS[rendered.kind]}"
    if rendered.kind == "shaders":
        text += f" of {count(result.facts['programs'])} programs"
    source = getattr(rendered, "statistics_from", None)
    if source:
        text += f" with the mean and deviation of {source}"
    return text + share


def attack(experiment: ShownExperiment) -> str | None:
    """The attack in words."""
    settings, result = experiment.settings.attack_boundary, experiment.runs[0].boundary
    if settings is None or result is None:
        return None
    targets = settings.targets.replace("_", " ") if isinstance(settings.targets, str) else "a list of pairs"
    measured = " (measured)" if settings.epsilon == "auto" else ""
    return (
        f"{METHODS[settings.method]} within {result.facts['epsilon']:g} grey levels{measured}, at most "
        f"{settings.iterations} steps, both sides below {percent(settings.threshold, 0)} confidence, targets "
        f"{targets}, passes in {result.facts['precision']}"
    )


def training(experiment: ShownExperiment) -> str:
    """How the students learn, in words; as the plan resolved it."""
    settings = experiment.runs[0].student.index.settings
    recipe = settings["recipe"]
    parts = [
        settings["network"]["architecture"],
        f"{count(recipe['steps'])} steps of {recipe['batch']} images",
        loss(settings),
        f"augmentation {augmentation(settings['augmentation'])}",
        f"mixup {settings['mixup']:g}" if settings["mixup"] else "no mixup",
    ]
    if settings["mixup"] and settings["cutmix"]:
        parts.append(f"{percent(settings['cutmix'], 0)} of it CutMix")
    if recipe["optimiser"] != "sgd":
        parts.append(f"optimiser {recipe['optimiser'].capitalize()}")
    if settings["boundary"]:
        parts.append(f"{percent(settings['boundary']['share'], 0)} of each batch attacked images")
    return ", ".join(parts)


def loss(settings: dict[str, Any]) -> str:
    """The loss by its usual name, and the temperature where it has one."""
    how = Loss.model_validate(settings["loss"])
    name = ("standardised " if how.standardise else "") + LOSS_NAMES[how.kind]
    return f"{name} at temperature {settings['temperature']:g}" if how.softens else name


def augmentation(fields: dict[str, Any]) -> str:
    """A preset's name, or the fields that differ from none."""
    for name, preset in PRESETS.items():
        if Augmentation.model_validate(preset).canonical() == fields:
            return f"“{name}”"
    plain = Augmentation().canonical()
    changed = [f"{name} {value}" for name, value in fields.items() if value != plain[name]]
    return "(" + ", ".join(changed) + ")"


def architecture(trained: Result) -> str:
    """Of a teacher or student."""
    settings = trained.index.settings
    return settings.get("architecture") or settings["network"]["architecture"]


def teacher(result: Result) -> str:
    """How a teacher came to be, in words."""
    settings = result.index.settings
    if result.name == "import_teacher":
        *_, digest = result.index.data.values()
        made = settings.get("factory")
        named = f"{made['function']} of a Python file" if made else settings["architecture"]
        return (
            f"{named}, imported from a checkpoint (SHA-256 {digest[:12]}…), "
            f"{settings['size']} × {settings['size']} pixels, {settings['channels']} channel(s)"
        )
    recipe = settings["recipe"]
    start = "pretrained " if settings["network"]["pretrained"] else ""
    images = result.stage.upstream["images"][0].settings.canonical()
    side = images["size"]
    return (
        f"{start}{settings['network']['architecture']}, trained here on the train split of "
        f"{images['source']}, {side} × {side} pixels, for {count(recipe['steps'])} steps of "
        f"{recipe['batch']} images, augmentation {augmentation(settings['augmentation'])}, "
        f"seed {recipe['seed']}"
    )
