"""Two images close to the boundary on a line that crosses it, by forward passes alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from proxykd.boundary.grey import between
from proxykd.boundary.queue import waiting
from proxykd.boundary.sides import height

LOOKS = 10
"""Most forward passes for a line."""


@dataclass
class Segments:
    """N lines, whose first ends lie before the boundary of the target and whose last ones beyond it."""

    first_NCHW: torch.Tensor
    last_NCHW: torch.Tensor
    first_height_N: torch.Tensor
    last_height_N: torch.Tensor
    target_N: torch.Tensor


class Brackets:
    """Where on each line the two members can still be, as shares of the way from first to last.

    Row 0 is the member before the boundary, whose height is to lie between least and most; row 1 the one
    beyond it, whose height is to lie between -most and -least.
    """

    def __init__(self, segments: Segments, window: tuple[float, float]) -> None:
        least, most = window
        first_N, last_N = segments.first_height_N, segments.last_height_N
        self.smallest_21 = torch.tensor([[least], [-most]], device=first_N.device)
        self.largest_21 = torch.tensor([[most], [-least]], device=first_N.device)
        self.low_2N, self.high_2N = (
            torch.zeros_like(first_N).repeat(2, 1),
            torch.ones_like(first_N).repeat(2, 1),
        )
        self.low_height_2N, self.high_height_2N = first_N.repeat(2, 1), last_N.repeat(2, 1)
        self.found_2N = torch.full_like(self.low_2N, torch.nan)
        self.note(torch.arange(len(first_N), device=first_N.device), torch.zeros_like(first_N), first_N)
        self.note(torch.arange(len(first_N), device=first_N.device), torch.ones_like(first_N), last_N)

    def missing(self) -> torch.Tensor:
        """2 x N: members that are still to be found."""
        return self.found_2N.isnan()

    def guess(self, rows: torch.Tensor, looks_N: torch.Tensor) -> torch.Tensor:
        """Where to look on each line next, for one of the members that are missing, in turns.

        By the secant through the ends of the bracket; every fourth time in its middle, where the height is
        so far from a straight line that the secant keeps falling short.
        """
        missing_2N = self.missing()[:, rows]
        side_N = torch.where(missing_2N.all(0), looks_N % 2, missing_2N[1].long())
        low_N, high_N = self.low_2N[side_N, rows], self.high_2N[side_N, rows]
        above_N, below_N = self.low_height_2N[side_N, rows], self.high_height_2N[side_N, rows]
        wanted_N = ((self.smallest_21 + self.largest_21) / 2)[side_N, 0]
        share_N = ((above_N - wanted_N) / (above_N - below_N)).nan_to_num(0.5)
        share_N = torch.where(looks_N % 4 == 3, 0.5, share_N.clamp(0.02, 0.98))
        return low_N + share_N * (high_N - low_N)

    def note(self, rows: torch.Tensor, place_N: torch.Tensor, height_N: torch.Tensor) -> None:
        """What was seen at a place of each line tells of both members."""
        right_2N = (height_N >= self.smallest_21) & (height_N <= self.largest_21)
        found_2N = self.found_2N[:, rows]
        self.found_2N[:, rows] = torch.where(right_2N & found_2N.isnan(), place_N, found_2N)
        inside_2N = (place_N > self.low_2N[:, rows]) & (place_N < self.high_2N[:, rows])
        for bracket, heights, tighter_2N in (
            (self.low_2N, self.low_height_2N, (height_N > self.largest_21) & inside_2N),
            (self.high_2N, self.high_height_2N, (height_N < self.smallest_21) & inside_2N),
        ):
            bracket[:, rows] = torch.where(tighter_2N, place_N, bracket[:, rows])
            heights[:, rows] = torch.where(tighter_2N, height_N, heights[:, rows])

    def settled(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Places of both members: as found, else the nearest that is known to lie on the right side."""
        pre_N, post_N = self.found_2N
        return (
            torch.where(pre_N.isnan(), self.low_2N[0], pre_N),
            torch.where(post_N.isnan(), self.high_2N[1], post_N),
        )


@torch.no_grad()
def search(
    network: nn.Module, segments: Segments, wanted_N: torch.Tensor, window: tuple[float, float]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The members before and beyond the boundary of each line that is wanted, on whole grey levels.

    window: least and largest height, either sign, of a member. A line holds many images of whole grey levels
    even where its ends are less than one apart, since its pixels change one after another.
    """
    brackets = Brackets(segments, window)
    looks_N = torch.zeros_like(segments.target_N)
    while True:
        rows = waiting(wanted_N & brackets.missing().any(0) & (looks_N < LOOKS))
        if len(rows) == 0:
            break
        place_N = brackets.guess(rows, looks_N[rows])
        seen_NCHW = between(segments.first_NCHW[rows], segments.last_NCHW[rows], place_N)
        brackets.note(rows, place_N, height(network(seen_NCHW), segments.target_N[rows]))
        looks_N[rows] += 1
    pre_N, post_N = brackets.settled()
    return (
        between(segments.first_NCHW, segments.last_NCHW, pre_N),
        between(segments.first_NCHW, segments.last_NCHW, post_N),
    )
