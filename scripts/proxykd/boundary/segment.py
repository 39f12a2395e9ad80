"""Two images close to the boundary on a line that crosses it, by forward passes alone."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import nn

from proxykd.boundary.grey import GOLDEN, between
from proxykd.boundary.opinions import Opinions, of_logits
from proxykd.boundary.queue import waiting
from proxykd.boundary.sides import CLEAR, height

LOOKS = 10
"""Most forward passes for a line."""


@dataclass
class Ends:
    """What is known of two images of each of N samples, a row for each of the two."""

    height_2N: torch.Tensor
    seen: Opinions
    """The teacher's, 2 x N. It is sure (1) of what it has not seen, so that this is no member of a pair."""

    @classmethod
    def unseen(cls, count: int, device: torch.device) -> Ends:
        """Nothing is known yet."""
        zero_2N = torch.zeros(2, count, device=device)
        return cls(zero_2N, Opinions(zero_2N.long(), torch.ones_like(zero_2N), zero_2N.clone()))

    def note(
        self, side: int, rows: torch.Tensor, height_N: torch.Tensor, seen: Opinions, which_N: torch.Tensor
    ) -> None:
        """What was seen of one of the two, for those of the rows that are meant."""
        for kept_2N, new_N in zip(
            (self.height_2N, *self.seen.columns()), (height_N, *seen.columns()), strict=True
        ):
            kept_2N[side, rows] = torch.where(which_N, new_N, kept_2N[side, rows])


@dataclass
class Segments:
    """N lines, whose first ends lie before the boundary of the target and whose last ones beyond it."""

    first_NCHW: torch.Tensor
    last_NCHW: torch.Tensor
    ends: Ends
    target_N: torch.Tensor


class Brackets:
    """Where on each line the two members can still be, as shares of the way from first to last.

    Row 0 is the member before the boundary, whose height is to lie between least and most; row 1 the one
    beyond it, whose height is to lie between -most and -least.
    """

    def __init__(self, segments: Segments, window: tuple[float, float]) -> None:
        least, most = window
        ends_2N = segments.ends.height_2N
        self.smallest_21 = torch.tensor([[least], [-most]], device=ends_2N.device)
        self.largest_21 = torch.tensor([[most], [-least]], device=ends_2N.device)
        self.low_2N, self.high_2N = torch.zeros_like(ends_2N), torch.ones_like(ends_2N)
        self.low_height_2N, self.high_height_2N = ends_2N[:1].repeat(2, 1), ends_2N[1:].repeat(2, 1)
        self.place_2N = torch.stack([self.low_2N[0], self.high_2N[1]])
        """Where the members are as far as is known: at the ends."""
        self.members = deepcopy(segments.ends)
        """What is known of them there."""
        near_2N = (ends_2N >= self.smallest_21) & (ends_2N <= self.largest_21)
        self.found_2N = near_2N & (segments.ends.seen.margin_N >= CLEAR)
        self.promising_2N = near_2N & (segments.ends.seen.confidence_N == 1)
        """Ends that are near enough by what is said of them, and were not looked at."""

    def turn(self, rows: torch.Tensor, looks_N: torch.Tensor) -> torch.Tensor:
        """Which member of each line is looked for: one that is missing, in turns."""
        missing_2N = ~self.found_2N[:, rows]
        return torch.where(missing_2N.all(0), looks_N % 2, missing_2N[1].long())

    def guess(self, rows: torch.Tensor, side_N: torch.Tensor, looks_N: torch.Tensor) -> torch.Tensor:
        """Where to look on each line for a member.

        At the end if that will do; else by the secant through the ends of the bracket; every fourth time in
        its middle, where the height is so far from a straight line that the secant keeps falling short.
        """
        low_N, high_N = self.low_2N[side_N, rows], self.high_2N[side_N, rows]
        above_N, below_N = self.low_height_2N[side_N, rows], self.high_height_2N[side_N, rows]
        # In the middle of what is allowed, then elsewhere: not where a third class was as likely.
        part_N = (0.5 + looks_N * GOLDEN) % 1
        smallest_N, largest_N = self.smallest_21[side_N, 0], self.largest_21[side_N, 0]
        wanted_N = smallest_N + part_N * (largest_N - smallest_N)
        share_N = ((above_N - wanted_N) / (above_N - below_N)).nan_to_num(0.5)
        share_N = torch.where(looks_N % 4 == 3, 0.5, share_N.clamp(0.02, 0.98))
        place_N = low_N + share_N * (high_N - low_N)
        at_end_N = self.promising_2N[side_N, rows]
        self.promising_2N[side_N, rows] = False
        return torch.where(at_end_N, side_N.to(place_N.dtype), place_N)

    def note(self, rows: torch.Tensor, place_N: torch.Tensor, height_N: torch.Tensor, seen: Opinions) -> None:
        """What was seen at a place of each line tells of both members."""
        right_2N = (height_N >= self.smallest_21) & (height_N <= self.largest_21) & (seen.margin_N >= CLEAR)
        right_2N &= ~self.found_2N[:, rows]
        inside_2N = (place_N >= self.low_2N[:, rows]) & (place_N <= self.high_2N[:, rows])
        above_2N, below_2N = height_N > self.largest_21, height_N < self.smallest_21
        for bracket, heights, tighter_2N in (
            (self.low_2N, self.low_height_2N, above_2N & inside_2N),
            (self.high_2N, self.high_height_2N, below_2N & inside_2N),
        ):
            bracket[:, rows] = torch.where(tighter_2N, place_N, bracket[:, rows])
            heights[:, rows] = torch.where(tighter_2N, height_N, heights[:, rows])
        # Short of what is looked for, the nearest place that is known to lie on the right side.
        nearer_2N = inside_2N & torch.stack([above_2N[0], below_2N[1]]) & ~self.found_2N[:, rows]
        for side, taken_N in enumerate(right_2N | nearer_2N):
            self.place_2N[side, rows] = torch.where(taken_N, place_N, self.place_2N[side, rows])
            self.members.note(side, rows, height_N, seen, taken_N)
        self.found_2N[:, rows] |= right_2N


@torch.no_grad()
def search(
    teacher: nn.Module, segments: Segments, wanted_N: torch.Tensor, window: tuple[float, float]
) -> tuple[torch.Tensor, torch.Tensor, dict[str, Opinions]]:
    """The members before and beyond the boundary of each line that is wanted, on whole grey levels.

    window: least and largest height, either sign, of a member. A line holds many images of whole grey levels
    even where its ends are less than one apart, since its pixels change one after another. The teacher's
    opinions of `pre` and `post` come with them; it is sure (1) of one that it has never seen on its side.
    """
    brackets = Brackets(segments, window)
    looks_N = torch.zeros_like(segments.target_N)

    def look(rows: torch.Tensor, place_N: torch.Tensor) -> None:
        seen_NCHW = between(segments.first_NCHW[rows], segments.last_NCHW[rows], place_N)
        logits_NK = teacher(seen_NCHW).float()
        brackets.note(rows, place_N, height(logits_NK, segments.target_N[rows]), of_logits(logits_NK))
        looks_N[rows] += 1

    while True:
        rows = waiting(wanted_N & ~brackets.found_2N.all(0) & (looks_N < LOOKS))
        if len(rows) == 0:
            break
        side_N = brackets.turn(rows, looks_N[rows])
        look(rows, brackets.guess(rows, side_N, looks_N[rows]))
    pre_N, post_N = brackets.place_2N
    return (
        between(segments.first_NCHW, segments.last_NCHW, pre_N),
        between(segments.first_NCHW, segments.last_NCHW, post_N),
        {role: brackets.members.seen.of(side) for side, role in enumerate(("pre", "post"))},
    )
