"""Settings of pairs that are made anew while a student learns."""

from __future__ import annotations

from pydantic import Field

from proxykd.boundary.settings import AttackBoundary
from proxykd.section import Section

REFRESH = "proxykd.distillation.refresh"


class Refresh(Section):
    """New pairs against the student of the moment, in place of stored ones.

    At each moment fresh augmented and mixed views of the selected images are drawn, as the attack draws its
    own. Those on which student and teacher disagree most are attacked, and each pair that comes of it takes
    the place of one of the present ones, the oldest first: there are as many pairs as before. Disagreement is
    the KL divergence of the student's softmax from the teacher's at temperature 1, in nats.
    """

    every: float = Field(0.2, gt=0, lt=1)
    """Share of the training's steps from one moment to the next: 0.2 makes four, after 20, 40, 60 and 80 %
    of the steps."""
    views: int = Field(2000, ge=1)
    """Views that are looked at each time."""
    attacked: float = Field(0.5, gt=0, le=1)
    """Share of them that is attacked, but no more than there are pairs. 1: all of them, whatever the student
    says, which is the control."""
    attack: AttackBoundary | None = None
    """How: with the fields of attack_boundary, of which `sources` and `unmade` do not count; epsilon: auto is
    that of the stored pairs. None: as those were made."""

    def within(self, epsilon: float) -> Refresh:
        """With the reach of the stored pairs, where its own is left to be measured."""
        if self.attack is None or self.attack.epsilon != "auto":
            return self
        return self.model_copy(update={"attack": self.attack.model_copy(update={"epsilon": epsilon})})

    def modules(self) -> list[str]:
        return [REFRESH, *(self.attack.modules() if self.attack is not None else [])]
