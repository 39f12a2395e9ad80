"""RandAugment: each operation against torchvision's, image by image, and several in the order drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sample_images import FILL_C, SIZE, images, levels, view, without
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from proxykd.augmentation import randaugment
from proxykd.augmentation.batch import augment, generator
from proxykd.augmentation.geometry import MOVING
from proxykd.augmentation.settings import OPERATIONS, Augmentation
from proxykd.augmentation.tables import CURVES

COUNT = 12
BILINEAR = functional.InterpolationMode.BILINEAR


def names_of(how: Augmentation) -> list[list[tuple[str, float]]]:
    """The operations that each image gets from seed 0, with their signed values as torchvision has them."""
    drawn = randaugment.draw(COUNT, how, generator(0))
    space = v2.RandAugment._AUGMENTATION_SPACE
    table: list[list[tuple[str, float]]] = []
    for operations, negatives in zip(drawn.operation_NS, drawn.is_negative_NS, strict=True):
        row = []
        for operation, negative in zip(operations, negatives, strict=True):
            values, signed = space[OPERATIONS[operation]]
            of_bins = values(31, SIZE, SIZE)
            value = 0.0 if of_bins is None else float(of_bins[how.magnitude])
            row.append((OPERATIONS[operation], -value if signed and negative else value))
        table.append(row)
    return table


def theirs(
    image_CHW: torch.Tensor, row: list[tuple[str, float]], fill: list[float] | None = None
) -> torch.Tensor:
    """What torchvision's RandAugment makes of one image by these operations."""
    transform = v2.RandAugment(interpolation=BILINEAR, fill=fill)
    for name, value in row:
        image_CHW = transform._apply_image_or_video_transform(
            image_CHW, name, value, interpolation=BILINEAR, fill=transform._fill
        )
    return image_CHW


def test_the_operations_are_torchvisions() -> None:
    assert list(v2.RandAugment._AUGMENTATION_SPACE) == list(OPERATIONS)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("name", "tolerance"),
    # torchvision cuts off below whole levels, and rounds the grey or blurred image in between.
    [("Identity", 0), ("Brightness", 1), ("Color", 2), ("Contrast", 2), ("Sharpness", 1.5)],
)
def test_colours_agree_within_rounding(name: str, tolerance: float, channels: int) -> None:
    for magnitude in (0, 5, 14, 30):
        how = Augmentation(operations=1, magnitude=magnitude, omit=without(name))
        changed = augment(images(COUNT, channels), how, FILL_C[:channels], generator(0))
        for before, after, row in zip(levels(COUNT, channels), changed, names_of(how), strict=True):
            assert row[0][0] == name
            apart = (after * 255 - theirs(before, row).float()).abs().max()
            assert float(apart) <= tolerance + 1e-3


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", CURVES)
def test_tone_curves_agree_exactly(name: str, channels: int) -> None:
    for magnitude in range(31) if name in ("Posterize", "Solarize") else [14]:
        how = Augmentation(operations=1, magnitude=magnitude, omit=without(name))
        changed = augment(images(COUNT, channels), how, FILL_C[:channels], generator(0))
        for before, after, row in zip(levels(COUNT, channels), changed, names_of(how), strict=True):
            found, expected = (after * 255).round().to(torch.uint8), theirs(before, row)
            if name == "Solarize" and magnitude not in (0, 14):
                # Some of torchvision's thresholds are a last bit above a whole level, which then stays.
                is_at_threshold = before == round(255 * row[0][1])
                found, expected = found[~is_at_threshold], expected[~is_at_threshold]
            assert torch.equal(found, expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_tone_curves_one_after_another_agree_exactly(channels: int) -> None:
    how = Augmentation(operations=6, omit=without("Identity", "Brightness", *CURVES), magnitude=0)
    assert _agree_exactly(how, channels)
    how = Augmentation(operations=6, omit=without("Identity", *CURVES))
    assert _agree_exactly(how, channels)


def _agree_exactly(how: Augmentation, channels: int) -> bool:
    changed = augment(images(COUNT, channels), how, FILL_C[:channels], generator(0))
    return all(
        torch.equal((after * 255).round().to(torch.uint8), theirs(before, row))
        for before, after, row in zip(levels(COUNT, channels), changed, names_of(how), strict=True)
    )


@pytest.mark.parametrize("name", ["AutoContrast", "Equalize"])
def test_an_image_of_one_colour_stays_as_it_is(name: str) -> None:
    plain = torch.full((2, 3, 8, 8), 100 / 255)
    assert torch.equal(view(plain, operations=1, omit=without(name)), plain)


def test_linear_colours_one_after_another_agree() -> None:
    """About a middle grey, where nothing is clamped on the way."""
    how = Augmentation(operations=5, magnitude=8, omit=without("Brightness", "Color", "Contrast"))
    middle = 0.35 + 0.1 * images(COUNT)
    changed = augment(middle, how, FILL_C, generator(0))
    for before, after, row in zip(middle, changed, names_of(how), strict=True):
        assert torch.allclose(after, theirs(before, row), atol=1e-4)


@pytest.mark.parametrize("name", MOVING)
def test_geometry_agrees(name: str) -> None:
    for magnitude in (3, 14, 30):
        how = Augmentation(operations=1, magnitude=magnitude, omit=without(name))
        changed = view(images(COUNT), operations=1, magnitude=magnitude, omit=without(name))
        fill_C11 = FILL_C[:, None, None]
        signs = set()
        for before, after, row in zip(images(COUNT), changed, names_of(how), strict=True):
            signs.add(row[0][1] > 0)
            # Of the image less the fill, with nothing outside: pixels half outside are half the fill.
            assert torch.allclose(after, theirs(before - fill_C11, row) + fill_C11, atol=1e-4)
        assert signs == {True, False}


@pytest.mark.parametrize("name", MOVING)
def test_geometry_agrees_on_levels_with_a_fill(name: str) -> None:
    how = Augmentation(operations=1, omit=without(name))
    fill_C = (FILL_C * 255).round()
    changed = augment(images(COUNT), how, fill_C / 255, generator(0))
    for before, after, row in zip(levels(COUNT), changed, names_of(how), strict=True):
        # At a pixel half outside torchvision weighs the image twice, and differs from what it means.
        cover_HW = theirs(torch.ones(1, SIZE, SIZE), row)[0]
        is_whole_HW = (cover_HW > 0.9999) | (cover_HW < 0.0001)
        apart = (after * 255 - theirs(before, row, fill_C.tolist()).float()).abs()
        assert float(apart[:, is_whole_HW].max()) <= 0.6
        assert bool(is_whole_HW.float().mean() > 0.8)


def test_geometry_one_after_another_agrees() -> None:
    """Of ramps, which interpolation leaves as they are, however often it is done."""
    how = Augmentation(operations=4, magnitude=8, omit=without("Identity", *MOVING))
    place = torch.linspace(0.1, 0.9, SIZE)
    ramps = torch.stack([place.expand(SIZE, -1), place.expand(SIZE, -1).T, torch.ones(SIZE, SIZE)])
    changed = view(ramps.expand(COUNT, -1, -1, -1), operations=4, magnitude=8, omit=how.omit, fill="black")
    compared = 0
    for after, row in zip(changed, names_of(how), strict=True):
        expected = theirs(ramps, row)
        # What left the frame on the way is lost to torchvision and not to us.
        is_inside_HW = (expected[2] > 0.9999) & (after[2] > 0.9999)
        assert torch.allclose(after[:, is_inside_HW], expected[:, is_inside_HW], atol=2e-4)
        compared += int(is_inside_HW.sum())
    assert compared > 0.4 * COUNT * SIZE * SIZE


def test_sharpness_twice() -> None:
    how = Augmentation(operations=2, omit=without("Sharpness"))
    for before, after, row in zip(
        images(COUNT), augment(images(COUNT), how, FILL_C, generator(0)), names_of(how), strict=True
    ):
        assert torch.allclose(after, theirs(before, row), atol=1e-5)


def test_all_operations_come_equally_often_and_omitted_ones_never() -> None:
    drawn = randaugment.draw(4000, Augmentation(operations=4), generator(0))
    counts = np.bincount(drawn.operation_NS.ravel(), minlength=len(OPERATIONS))
    assert counts == pytest.approx(16000 / 14, rel=0.15)
    assert drawn.is_negative_NS.mean() == pytest.approx(0.5, abs=0.02)
    fewer = randaugment.draw(4000, Augmentation(operations=4, omit=["Solarize", "Equalize"]), generator(0))
    assert not fewer.any("Solarize", "Equalize")
    assert len(set(fewer.operation_NS.ravel().tolist())) == 12
