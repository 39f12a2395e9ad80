"""Whole views: presets at all sizes, each sample for itself, the same from the same seed on every device."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from sample_images import FILL_C, SIZE, images, levels, smooth_images, view

from proxykd.augmentation.batch import augment, generator, mix
from proxykd.augmentation.settings import PRESETS, Augmentation

CHANGING = [name for name in PRESETS if name != "none"]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("fill", ["mean", "edge", "black"])
@pytest.mark.parametrize("preset", PRESETS)
def test_values_stay_between_0_and_1(preset: str, fill: str, channels: int) -> None:
    how = Augmentation.model_validate({"preset": preset, "fill": fill})
    for seed in range(5):
        x_NCHW = augment(images(16, channels), how, FILL_C[:channels], generator(seed))
        assert x_NCHW.shape == (16, channels, SIZE, SIZE)
        assert 0 <= float(x_NCHW.min()) <= float(x_NCHW.max()) <= 1
        assert x_NCHW.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("size", [8, 28, 32, 64, 224])
@pytest.mark.parametrize("preset", CHANGING)
def test_a_preset_at_every_size_a_classifier_takes(preset: str, size: int) -> None:
    x_NCHW = smooth_images(8, size)
    views = augment(x_NCHW, Augmentation.model_validate(preset), FILL_C, generator(0))
    assert views.shape == x_NCHW.shape
    assert bool(views.isfinite().all())
    apart = (views - x_NCHW).abs().mean((1, 2, 3))
    assert int((apart > 1e-3).sum()) >= 5


def test_a_view_at_twice_the_size_is_that_view_twice_as_large() -> None:
    """Geometry of the presets is in shares of the side."""
    for preset in ("strong", "extreme", "grey"):
        how = Augmentation.model_validate(
            {"preset": preset, "contrast": 0, "brightness": 0, "saturation": 0, "fill": "edge", "shift": 0}
        )
        how = how.model_copy(update={"omit": [*how.omit, "Equalize", "AutoContrast", "Sharpness"]})
        small = augment(smooth_images(32, 32), how, FILL_C, generator(0))
        large = augment(smooth_images(32, 64), how, FILL_C, generator(0))
        shrunk = torch.nn.functional.avg_pool2d(large, 2)
        # Whole-pixel translations differ by up to a pixel of the smaller size.
        assert float((small - shrunk).abs().mean((1, 2, 3)).median()) < 0.01


def test_none_returns_the_images() -> None:
    x_NCHW = images()
    assert torch.equal(augment(x_NCHW, Augmentation.model_validate("none"), FILL_C, generator(0)), x_NCHW)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_images_stay_as_they_are_in_either_memory_layout(preset: str) -> None:
    how = Augmentation.model_validate(preset)
    planes = images(16).contiguous()
    views = [augment(x_NCHW, how, FILL_C, generator(0)) for x_NCHW in (planes, images(16))]
    assert torch.equal(planes, images(16))
    assert torch.equal(*views)


@pytest.mark.parametrize("preset", CHANGING)
def test_two_equal_images_of_a_batch_get_different_views(preset: str) -> None:
    how = Augmentation.model_validate(preset)
    views = augment(images(1).expand(8, -1, -1, -1), how, FILL_C, generator(3))
    distinct = {one.numpy().tobytes() for one in views}
    assert len(distinct) >= 7


@pytest.mark.parametrize("preset", CHANGING)
def test_a_view_does_not_depend_on_the_other_images(preset: str) -> None:
    how = Augmentation.model_validate(preset)
    alone = augment(images(16), how, FILL_C, generator(0))
    others = images(16).flip(1)
    others[3] = images(16)[3]
    assert torch.equal(augment(others, how, FILL_C, generator(0))[3], alone[3])


def test_the_same_seed_gives_the_same_view() -> None:
    how = Augmentation.model_validate("extreme")
    first, again, other = (augment(images(), how, FILL_C, generator(7, step)) for step in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_oblong_images_keep_their_shape() -> None:
    x_NCHW = images()[:, :, :16]
    for preset in PRESETS:
        assert (
            augment(x_NCHW, Augmentation.model_validate(preset), FILL_C, generator(0)).shape == x_NCHW.shape
        )


def test_cutout_replaces_a_square_by_the_fill() -> None:
    x_NCHW = images(200)
    changed = view(x_NCHW, cutout=0.5)
    sides = []
    for before, after in zip(x_NCHW, changed, strict=True):
        cut = (after == FILL_C[:, None, None]).all(0)
        assert torch.equal(after[:, ~cut], before[:, ~cut])
        rows, columns = cut.any(1), cut.any(0)
        assert torch.equal(cut, rows[:, None] & columns[None])
        height, width = int(rows.sum()), int(columns.sum())
        inside = not (rows[0] or rows[-1] or columns[0] or columns[-1])
        if inside and height:
            assert abs(height - width) <= 1
        sides.append(max(height, width))
    assert max(sides) in {11, 12, 13}
    assert min(sides) <= 2


def test_a_preset_with_a_change() -> None:
    changed = Augmentation.model_validate({"preset": "strong", "flip": 0})
    assert changed.flip == 0
    assert changed.model_copy(update={"flip": 0.5}) == Augmentation.model_validate("strong")
    with pytest.raises(
        ValidationError, match="'heavy' is no preset; there are none, standard, strong, extreme, grey"
    ):
        Augmentation.model_validate("heavy")


def test_the_papers_set_for_shaders() -> None:
    extreme = Augmentation.model_validate("extreme")
    assert (extreme.operations, extreme.magnitude, extreme.fill) == (4, 14, "mean")
    assert (extreme.elastic_probability, extreme.invert, extreme.flip) == (0.5, 0.1, 0.5)
    assert extreme.shift * 32 == 4


def test_grey_neither_mirrors_nor_inverts() -> None:
    grey = Augmentation.model_validate("grey")
    assert (grey.flip, grey.invert, grey.saturation, grey.operations) == (0, 0, 0, 0)
    assert grey.fill == "edge"


def test_omitted_operations_in_any_order_are_the_same_settings() -> None:
    one = Augmentation(operations=2, omit=["Solarize", "Color"])
    assert one.canonical() == Augmentation(operations=2, omit=["Color", "Solarize", "Color"]).canonical()
    with pytest.raises(ValidationError, match="omit leaves no operation to draw"):
        Augmentation(operations=1, omit=[*Augmentation.model_fields["omit"].default, *_all()])


def _all() -> list[str]:
    from proxykd.augmentation.settings import OPERATIONS

    return list(OPERATIONS)


@pytest.mark.gpu
@pytest.mark.parametrize("preset", PRESETS)
def test_a_gpu_gives_the_same_views(preset: str) -> None:
    how = Augmentation.model_validate(preset)
    x_NCHW = images(64)
    here = augment(x_NCHW, how, FILL_C, generator(0))
    there = augment(x_NCHW.cuda(), how, FILL_C.cuda(), generator(0))
    assert there.is_contiguous(memory_format=torch.channels_last)
    apart = (there.cpu() - here).abs()
    # A last bit on the way to a tone curve can be another level, and that another side of a threshold.
    assert float((apart > 1e-3).float().mean()) < 1e-3
    mixed = [mix(x, 1.0, generator(1), 0.5) for x in (x_NCHW, x_NCHW.cuda())]
    for ours, theirs in zip(*mixed, strict=True):
        assert torch.allclose(ours, theirs.cpu(), atol=1e-6)


@pytest.mark.gpu
def test_a_gpu_is_not_waited_for() -> None:
    x_NCHW, fill_C = images(64).cuda(), FILL_C.cuda()
    how = Augmentation.model_validate({"preset": "extreme", "cutout": 0.2, "brightness": 0.4})
    torch.cuda.set_sync_debug_mode("error")
    try:
        augment(x_NCHW, how, fill_C, generator(0))
        mix(x_NCHW, 1.0, generator(0), 0.5)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert levels(1).dtype == torch.uint8
