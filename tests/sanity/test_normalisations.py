"""Which normalisations are tried beside the stated one."""

from __future__ import annotations

from proxykd.sanity.normalisations import BY_CHANNELS, STATED, to_try


def test_the_stated_one_comes_first_and_bears_its_usual_name() -> None:
    for channels, usual in BY_CHANNELS.items():
        for name, (mean, deviation) in usual.items():
            ways = to_try(mean, deviation)
            assert ways[0].name == name
            assert len(ways) == len(usual) * (2 if channels == 3 else 1)
            assert len({(way.name, way.flipped) for way in ways}) == len(ways)


def test_what_is_rounded_elsewhere_is_the_same_and_what_is_close_is_not() -> None:
    rounded = to_try([0.49, 0.46, 0.41], [0.23, 0.22, 0.225])
    assert rounded[0].name == "ImageNet's"
    assert rounded[0].mean == (0.49, 0.46, 0.41)
    own = to_try([0.4734, 0.4554, 0.4063], [0.26, 0.25, 0.27])
    assert own[0].name == STATED
    assert len(own) == 2 * (1 + len(BY_CHANNELS[3]))
    assert to_try([0.0], [1 / 256])[0].name == "0 to 255"
    assert to_try([0.0], [1 / 240])[0].name == STATED


def test_only_colours_are_flipped_and_all_of_them_are() -> None:
    assert not any(way.flipped for way in to_try([0.5], [0.5]))
    ways = to_try([0.5] * 3, [0.5] * 3)
    assert {way.name for way in ways if way.flipped} == {way.name for way in ways if not way.flipped}
