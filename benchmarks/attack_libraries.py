"""Attacks of other libraries, brought to the task of carrying a view into a given class.

Each takes a teacher, N views x_NCHW, their classes class_N and targets target_N, and gives the far side that
it came to. They look for the least change, and are told of no bound on it.

What is done to bring them to the task:
- DeepFool of foolbox and torchattacks knows no target. It is run as it is, and whatever class it comes to
  counts as its target, which is an easier task: the nearest of the classes. And it is run on the teacher as
  two classes, the target and the best of the others, where it has a target, and one gradient a step.
- FAB-T of AutoAttack takes the k-th likely class of every image as its target, and any other class for
  success. On two classes it has each view's own target.
- DDN and FMN take a target for each view.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch

from proxykd.networks.classifier import Classifier

ToFarSide = Callable[[Classifier, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Rival:
    """An attack of a package's."""

    package: str
    run: ToFarSide
    targeted: bool = True
    """Whether it is asked for the targets; otherwise what it comes to counts."""
    patient: bool = False
    """Many steps, whatever becomes of the views, so left out where there is little time."""
    single: bool = False
    """It goes image by image."""


class TwoClasses(torch.nn.Module):
    """A classifier as each image's target sees it: logits of the best other class and of the target."""

    def __init__(self, teacher: Classifier, target_N: torch.Tensor) -> None:
        super().__init__()
        self.teacher, self.target_N1 = teacher, target_N[:, None]
        # Libraries put a network back into the mode in which they were given it.
        self.train(teacher.training)

    def forward(self, x_NCHW: torch.Tensor) -> torch.Tensor:
        logits_NK = self.teacher(x_NCHW)
        others_N = logits_NK.scatter(1, self.target_N1, -torch.inf).amax(1)
        return torch.stack([others_N, logits_NK.gather(1, self.target_N1)[:, 0]], 1)


def foolbox_deepfool(
    teacher: Classifier, x_NCHW: torch.Tensor, class_N: torch.Tensor, target_N: torch.Tensor
) -> torch.Tensor:
    """foolbox's LinfDeepFool with its defaults, on two classes."""
    import foolbox

    others = foolbox.criteria.Misclassification(torch.zeros_like(target_N))
    return _foolbox(TwoClasses(teacher, target_N), foolbox.attacks.LinfDeepFoolAttack(), x_NCHW, others)


def foolbox_nearest(
    teacher: Classifier, x_NCHW: torch.Tensor, class_N: torch.Tensor, target_N: torch.Tensor
) -> torch.Tensor:
    """foolbox's LinfDeepFool with its defaults, to whatever class."""
    import foolbox

    own = foolbox.criteria.Misclassification(class_N)
    return _foolbox(teacher, foolbox.attacks.LinfDeepFoolAttack(), x_NCHW, own)


def foolbox_targeted(attack: str, steps: int) -> ToFarSide:
    """An attack of foolbox's that takes targets, by the name of its class."""

    def run(
        teacher: Classifier, x_NCHW: torch.Tensor, class_N: torch.Tensor, target_N: torch.Tensor
    ) -> torch.Tensor:
        import foolbox

        wanted = foolbox.criteria.TargetedMisclassification(target_N)
        return _foolbox(teacher, getattr(foolbox.attacks, attack)(steps=steps), x_NCHW, wanted)

    return run


def torchattacks_deepfool(
    teacher: Classifier, x_NCHW: torch.Tensor, class_N: torch.Tensor, target_N: torch.Tensor
) -> torch.Tensor:
    """torchattacks's DeepFool (L2) on two classes; image by image, which is how it works inside, too."""
    import torchattacks

    others = torch.zeros(1, dtype=torch.long, device=x_NCHW.device)
    several = [
        torchattacks.DeepFool(TwoClasses(teacher, target_N[i : i + 1]))(x_NCHW[i : i + 1], others)
        for i in range(len(x_NCHW))
    ]
    return torch.cat(several)


def torchattacks_nearest(
    teacher: Classifier, x_NCHW: torch.Tensor, class_N: torch.Tensor, target_N: torch.Tensor
) -> torch.Tensor:
    """torchattacks's DeepFool (L2) with its defaults, to whatever class."""
    import torchattacks

    found_NCHW: torch.Tensor = torchattacks.DeepFool(teacher)(x_NCHW, class_N)
    return found_NCHW


def fab_t(steps: int) -> ToFarSide:
    """FAB-T (L-infinity) of AutoAttack, one start, on two classes."""

    def run(
        teacher: Classifier, x_NCHW: torch.Tensor, class_N: torch.Tensor, target_N: torch.Tensor
    ) -> torch.Tensor:
        from pyautoattack.fab_pt import FABAttack_PT

        # It discards what is further than eps: nothing.
        attack = FABAttack_PT(
            TwoClasses(teacher, target_N),
            norm="Linf",
            n_iter=steps,
            eps=1.0,
            targeted=True,
            n_target_classes=1,
            device=x_NCHW.device,
        )
        found_NCHW: torch.Tensor = attack.perturb(x_NCHW, torch.zeros_like(target_N))
        return found_NCHW

    return run


def _foolbox(network: torch.nn.Module, attack: Any, x_NCHW: torch.Tensor, criterion: Any) -> torch.Tensor:
    """What an attack of foolbox's makes of the views, without its own look at the result."""
    import foolbox

    found_NCHW: torch.Tensor = attack.run(
        foolbox.PyTorchModel(network, bounds=(0, 1), device=x_NCHW.device), x_NCHW, criterion
    )
    return found_NCHW


# DDN, FMN and FAB with their default number of steps, and with fewer.
RIVALS = {
    "foolbox_deepfool": Rival("foolbox", foolbox_deepfool),
    "foolbox_deepfool_nearest": Rival("foolbox", foolbox_nearest, targeted=False),
    "foolbox_fmn": Rival("foolbox", foolbox_targeted("LInfFMNAttack", 100), patient=True),
    "foolbox_fmn_20": Rival("foolbox", foolbox_targeted("LInfFMNAttack", 20)),
    "foolbox_ddn": Rival("foolbox", foolbox_targeted("DDNAttack", 100), patient=True),
    "foolbox_ddn_20": Rival("foolbox", foolbox_targeted("DDNAttack", 20)),
    "torchattacks_deepfool": Rival("torchattacks", torchattacks_deepfool, single=True),
    "torchattacks_deepfool_nearest": Rival("torchattacks", torchattacks_nearest, targeted=False, single=True),
    "autoattack_fab_t": Rival("pyautoattack", fab_t(100), patient=True),
    "autoattack_fab_t_10": Rival("pyautoattack", fab_t(10)),
}


def missing() -> list[str]:
    """Packages that are not installed."""
    return sorted({rival.package for rival in RIVALS.values() if find_spec(rival.package) is None})
