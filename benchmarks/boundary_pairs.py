"""What contenders of the boundary benchmark share: from a crossing to a pair, onto the grid, and judged."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from proxykd.boundary.grey import to_grey_levels
from proxykd.boundary.sides import CLEAR
from proxykd.networks.classifier import Classifier

GREY = 1 / 255
OUTWARD = (0.5, 1.0, 2.0, 4.0, 8.0)
"""How far a member that rounding took across is sent back to its side, in grey levels."""
HALVINGS = 10
BEYOND = 1.02
"""DeepFool's own overshoot of the whole way."""


@dataclass
class Attempt:
    """One attack of N views; rows that were not found hold no meaning."""

    pre_NCHW: torch.Tensor
    post_NCHW: torch.Tensor
    found_N: torch.Tensor
    target_N: torch.Tensor
    """The class that counts as the far side: the one that was asked for, or, where a method takes none, the
    one that it came to."""
    whole: bool = False
    """Whether the pairs are of whole grey levels, and the original teacher has looked at them already: then
    there is nothing to round and mend."""


@torch.no_grad()
def with_near_side(
    teacher: Classifier,
    x_NCHW: torch.Tensor,
    class_N: torch.Tensor,
    post_NCHW: torch.Tensor,
    target_N: torch.Tensor | None,
    threshold: float,
) -> Attempt:
    """Pairs for a method that gives the far side alone, by halving the segment from the view, forwards only.

    Until its ends are at most a grey level apart in every pixel and the largest softmax output of both is
    below the threshold. The far end moves too, which is to the method's gain. Without targets the class that
    an image came to is its target, unless it is the view's own. What ended on the boundary itself, where a
    batch of another size tips it over, is tried a fiftieth further.
    """
    near_NCHW, far_NCHW = x_NCHW.clone(), post_NCHW.clone()
    sure_N, reached_N = teacher(far_NCHW).softmax(1).max(1)
    short_N = reached_N == class_N if target_N is None else reached_N != target_N
    rows = short_N.nonzero()[:, 0]
    if len(rows):
        far_NCHW[rows] = x_NCHW[rows].lerp(post_NCHW[rows], BEYOND).clamp(0, 1)
        sure_N[rows], reached_N[rows] = teacher(far_NCHW[rows]).softmax(1).max(1)
    wanted_N = reached_N if target_N is None else target_N
    found_N = (reached_N == wanted_N) & (reached_N != class_N)
    # The view counts as too sure without a look, which would cost as much as the halving that it asks for.
    sure_N2 = torch.stack([torch.ones_like(sure_N), sure_N], 1)
    for _ in range(HALVINGS):
        wide_N = (far_NCHW - near_NCHW).abs().flatten(1).amax(1) > GREY
        rows = (found_N & (wide_N | (sure_N2 >= threshold).any(1))).nonzero()[:, 0]
        if len(rows) == 0:
            break
        middle_NCHW = (near_NCHW[rows] + far_NCHW[rows]) / 2
        sure, reached = teacher(middle_NCHW).softmax(1).max(1)
        crossed = reached == wanted_N[rows]
        far_NCHW[rows[crossed]], sure_N2[rows[crossed], 1] = middle_NCHW[crossed], sure[crossed]
        near_NCHW[rows[~crossed]], sure_N2[rows[~crossed], 0] = middle_NCHW[~crossed], sure[~crossed]
    return Attempt(near_NCHW, far_NCHW, found_N, wanted_N)


@dataclass
class _Member:
    """One side of M pairs on the grid, and where on the lines through both members it lies."""

    place_M: torch.Tensor
    image_MCHW: torch.Tensor
    sure_M: torch.Tensor
    beyond_M: torch.Tensor
    clear_M: torch.Tensor
    """Whether the first two logits are so far apart that a batch of another size sees the same class."""


@dataclass
class _Lines:
    """The lines through M pairs: 0 is the near member and 1 the far one, as floats."""

    teacher: Classifier
    near_MCHW: torch.Tensor
    far_MCHW: torch.Tensor
    target_M: torch.Tensor

    def look(self, place_M: torch.Tensor, rows: torch.Tensor | None = None) -> _Member:
        """What the teacher says of the images of whole grey levels nearest to these places.

        Pixels change their level at different places, so there are many such images even on a line whose ends
        are less than a level apart.
        """
        rows = torch.arange(len(self.target_M), device=place_M.device) if rows is None else rows
        exact = torch.lerp(self.near_MCHW[rows], self.far_MCHW[rows], place_M.view(-1, 1, 1, 1))
        image_MCHW = to_grey_levels(exact)
        logits_MK = self.teacher(image_MCHW)
        sure_M, class_M = logits_MK.softmax(1).max(1)
        return _Member(place_M, image_MCHW, sure_M, class_M == self.target_M[rows], _clear(logits_MK))


@torch.no_grad()
def onto_grid(teacher: Classifier, attempt: Attempt, threshold: float) -> Attempt:
    """The found pairs as eight bits hold them, mended where rounding has spoilt them; forwards only.

    Both members are rounded and looked at. One that is not clearly on its side goes on along the line through
    both, away from the other member, by steps that double. Where both are on their sides and one is too sure,
    the line between them is halved. `found_N` of the result says which pairs are clearly on their sides and
    below the threshold; other rows, and those that were not found, are rounded and no more. Pairs of whole
    grey levels, which the teacher has seen, come back as they are.
    """
    if attempt.whole:
        return attempt
    pre_NCHW, post_NCHW = to_grey_levels(attempt.pre_NCHW), to_grey_levels(attempt.post_NCHW)
    rows, good_N = attempt.found_N.nonzero()[:, 0], attempt.found_N.clone()
    if len(rows):
        lines = _Lines(teacher, attempt.pre_NCHW[rows], attempt.post_NCHW[rows], attempt.target_N[rows])
        zeros_M = torch.zeros(len(rows), device=pre_NCHW.device)
        near, far = lines.look(zeros_M), lines.look(zeros_M + 1)
        _send(lines, near, beyond=False)
        _send(lines, far, beyond=True)
        _close_in(lines, near, far, threshold)
        pre_NCHW[rows], post_NCHW[rows] = near.image_MCHW, far.image_MCHW
        sides_M = ~near.beyond_M & far.beyond_M & near.clear_M & far.clear_M
        good_N[rows] = sides_M & (torch.maximum(near.sure_M, far.sure_M) < threshold)
    return Attempt(pre_NCHW, post_NCHW, good_N, attempt.target_N)


def _send(lines: _Lines, member: _Member, beyond: bool) -> None:
    """Send those that are not on their side away from the other member, until they are."""
    levels_M = (lines.far_MCHW - lines.near_MCHW).abs().flatten(1).amax(1) / GREY
    way = 1.0 if beyond else -1.0
    for levels in OUTWARD:
        rows = ((member.beyond_M != beyond) | ~member.clear_M).nonzero()[:, 0]
        if len(rows) == 0:
            return
        end = 1.0 if beyond else 0.0
        _put(member, rows, lines.look(end + way * levels / levels_M[rows].clamp(min=1e-6), rows))


def _close_in(lines: _Lines, near: _Member, far: _Member, threshold: float) -> None:
    """Bring members of which one is too sure closer to each other."""
    for _ in range(HALVINGS):
        unsure_M = torch.maximum(near.sure_M, far.sure_M) < threshold
        rows = (~near.beyond_M & far.beyond_M & ~unsure_M).nonzero()[:, 0]
        if len(rows) == 0:
            return
        middle = lines.look((near.place_M[rows] + far.place_M[rows]) / 2, rows)
        _put(near, rows, middle, ~middle.beyond_M)
        _put(far, rows, middle, middle.beyond_M)


def _put(member: _Member, rows: torch.Tensor, found: _Member, which: torch.Tensor | None = None) -> None:
    """Take what was found for these rows, or for those of them that are meant."""
    which = torch.ones_like(found.beyond_M) if which is None else which
    for name in ("place_M", "image_MCHW", "sure_M", "beyond_M", "clear_M"):
        getattr(member, name)[rows[which]] = getattr(found, name)[which]


def _clear(logits_NK: torch.Tensor) -> torch.Tensor:
    first_N2 = logits_NK.topk(2, 1).values
    return first_N2[:, 0] - first_N2[:, 1] >= CLEAR


@dataclass
class Judged:
    """What the teacher itself says of pairs, N of each; distances in grey levels, margins in logits."""

    straddles_N: torch.Tensor
    """Near member outside the far side's class, far member inside, both below the threshold."""
    clear_N: torch.Tensor
    """And both so far from other classes that a batch of another size sees the same."""
    linf_N: torch.Tensor
    """Largest change of a pixel from the view to the far member."""
    l2_N: torch.Tensor
    gap_linf_N: torch.Tensor
    """From one member to the other."""
    gap_l2_N: torch.Tensor
    margin_N: torch.Tensor
    """The far side's class less the best other, of the far member."""
    margin_near_N: torch.Tensor
    """The best other less the far side's class, of the near member."""


@torch.no_grad()
def judged(teacher: Classifier, x_NCHW: torch.Tensor, attempt: Attempt, threshold: float) -> Judged:
    """Judge the pairs of one batch; those that were not found do not straddle."""
    column_N1 = attempt.target_N[:, None]
    margins, seen, clear = [], [], []
    for member_NCHW in (attempt.pre_NCHW, attempt.post_NCHW):
        logits_NK = teacher(member_NCHW)
        others_NK = logits_NK.scatter(1, column_N1, -torch.inf)
        margins.append(logits_NK.gather(1, column_N1)[:, 0] - others_NK.amax(1))
        seen.append(logits_NK.softmax(1).max(1))
        clear.append(_clear(logits_NK))
    near, far = seen
    straddles_N = attempt.found_N & (near.indices != attempt.target_N) & (far.indices == attempt.target_N)
    straddles_N &= torch.maximum(near.values, far.values) < threshold
    moved = (attempt.post_NCHW - x_NCHW).flatten(1) / GREY
    gap = (attempt.post_NCHW - attempt.pre_NCHW).flatten(1) / GREY
    return Judged(
        straddles_N,
        straddles_N & clear[0] & clear[1],
        moved.abs().amax(1),
        moved.norm(dim=1),
        gap.abs().amax(1),
        gap.norm(dim=1),
        margins[1],
        -margins[0],
    )
