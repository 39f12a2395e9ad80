"""Searching a line that crosses a boundary for two images close to it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from proxykd.boundary.grey import between, off_grid, to_grey_levels
from proxykd.boundary.opinions import of_logits
from proxykd.boundary.segment import LOOKS, Ends, Segments, search
from proxykd.boundary.sides import height

PIXELS = 100


class Curve(nn.Module):
    """Two classes; the height above the second's boundary is a curve of an image's mean in grey levels."""

    def __init__(self, exponent: float) -> None:
        super().__init__()
        self.exponent = exponent
        self.looks = 0

    def forward(self, x_NCHW: torch.Tensor) -> torch.Tensor:
        self.looks += len(x_NCHW)
        share_N = (x_NCHW.mean((1, 2, 3)) * 255 - 100) / 20
        height_N = 8 * (0.3 - share_N.clamp(0, 1) ** self.exponent)
        return torch.stack([height_N, torch.zeros_like(height_N)], 1)


def segments(curve: Curve, first: float, last: float) -> Segments:
    """A line between two grey images, off the grid as the attack's are."""
    ends = [off_grid(torch.full((1, 1, 10, 10), level / 255)) for level in (first, last)]
    target_N = torch.tensor([1])
    heights = [height(curve(to_grey_levels(x)), target_N) for x in ends]
    curve.looks = 0
    known = Ends.unseen(1, torch.device("cpu"))
    known.height_2N = torch.stack(heights)
    return Segments(ends[0], ends[1], known, target_N)


@pytest.mark.parametrize("exponent", [1.0, 0.3, 4.0])
def test_both_members_are_found_whatever_the_curve(exponent: float) -> None:
    curve = Curve(exponent)
    line = segments(curve, 100, 120)
    pre, post, seen = search(curve, line, torch.tensor([True]), (0.2, 1.0))
    looks = curve.looks
    assert 0.2 <= float(height(curve(pre), line.target_N)) <= 1.0
    assert -1.0 <= float(height(curve(post), line.target_N)) <= -0.2
    assert looks <= LOOKS
    # What is said of them is what the network says of them.
    for role, member in (("pre", pre), ("post", post)):
        said = of_logits(curve(member))
        assert seen[role].class_N.tolist() == said.class_N.tolist()
        assert seen[role].confidence_N.tolist() == pytest.approx(said.confidence_N.tolist())
        assert seen[role].margin_N.tolist() == pytest.approx(said.margin_N.tolist())


def test_ends_that_will_do_are_looked_at_once_each() -> None:
    curve = Curve(1.0)
    line = segments(curve, 105, 107)
    pre, post, _ = search(curve, line, torch.tensor([True]), (0.1, 1.0))
    assert curve.looks == 2
    assert torch.equal(pre, to_grey_levels(line.first_NCHW))
    assert torch.equal(post, to_grey_levels(line.last_NCHW))


def test_ends_that_were_seen_are_not_looked_at_again() -> None:
    curve = Curve(1.0)
    line = segments(curve, 105, 107)
    for side, end in enumerate((line.first_NCHW, line.last_NCHW)):
        logits_NK = curve(to_grey_levels(end))
        one = torch.tensor([0])
        line.ends.note(side, one, height(logits_NK, line.target_N), of_logits(logits_NK), one == 0)
    curve.looks = 0
    _, post, seen = search(curve, line, torch.tensor([True]), (0.1, 1.0))
    assert curve.looks == 0
    assert seen["post"].margin_N.tolist() == pytest.approx(of_logits(curve(post)).margin_N.tolist())


def test_a_member_between_two_other_classes_is_not_taken() -> None:
    """Two classes share the first half of the line and are equal at its middle."""

    class Third(Curve):
        def forward(self, x_NCHW: torch.Tensor) -> torch.Tensor:
            logits_NK = super().forward(x_NCHW)
            tie_N = torch.where((logits_NK[:, 0] - 0.6).abs() < 0.05, logits_NK[:, 0], -5.0)
            return torch.cat([logits_NK, tie_N[:, None]], 1)

    curve = Third(1.0)
    line = segments(curve, 100, 120)
    pre, _, seen = search(curve, line, torch.tensor([True]), (0.2, 1.0))
    assert 0.2 <= float(height(curve(pre), line.target_N)) <= 1.0
    assert float(seen["pre"].margin_N) > 0.1


def test_an_end_that_was_said_to_do_and_does_not_is_left() -> None:
    """Heights of the ends come from an attack of less precision than the teacher's."""
    curve = Curve(1.0)
    line = segments(curve, 100, 120)
    line.ends.height_2N = torch.tensor([[0.5], [-0.5]])
    pre, post, _ = search(curve, line, torch.tensor([True]), (0.2, 1.0))
    assert 0.2 <= float(height(curve(pre), line.target_N)) <= 1.0
    assert -1.0 <= float(height(curve(post), line.target_N)) <= -0.2


def test_a_line_that_does_not_cross_gives_no_pair() -> None:
    curve = Curve(1.0)
    line = segments(curve, 100, 104)
    line.ends.height_2N[1] = -0.5
    *_, seen = search(curve, line, torch.tensor([True]), (0.2, 1.0))
    assert curve.looks == LOOKS
    assert float(seen["post"].confidence_N) == 1.0


def test_lines_that_are_not_wanted_are_not_looked_at() -> None:
    curve = Curve(1.0)
    search(curve, segments(curve, 100, 120), torch.tensor([False]), (0.2, 1.0))
    assert curve.looks == 0


def test_a_line_shorter_than_a_grey_level_holds_many_images_of_whole_levels() -> None:
    first, last = (off_grid(torch.full((1, 1, 10, 10), level / 255)) for level in (100, 101))
    seen = {tuple(between(first, last, torch.tensor([share / 50])).flatten().tolist()) for share in range(51)}
    assert len(seen) > 40
    for pixels in seen:
        assert torch.allclose(torch.tensor(pixels) * 255, (torch.tensor(pixels) * 255).round(), atol=1e-3)


def test_off_the_grid_images_still_round_to_themselves() -> None:
    levels = torch.randint(0, 256, (4, 3, 8, 8), generator=torch.Generator().manual_seed(0)) / 255
    moved = off_grid(levels)
    assert torch.equal(to_grey_levels(moved), to_grey_levels(levels))
    assert float((moved - levels).abs().max()) * 255 > 0.4
    # What is between the levels already, as a mixture is, stays where it is.
    mixed = levels * 0.37 + levels.flip(0) * 0.63
    between_levels = ((mixed * 255) - (mixed * 255).round()).abs() > 0.01
    assert torch.equal(off_grid(mixed)[between_levels], mixed[between_levels])
