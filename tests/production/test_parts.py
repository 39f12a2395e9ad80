"""How a pool is divided among bundles and programs."""

from __future__ import annotations

import numpy as np
import pytest

from proxykd.production.parts import BUNDLE_BYTES, BUNDLES, Part, divide, stand_in


@pytest.mark.parametrize(
    ("count", "programs", "image_bytes"),
    [(1, 1, 3072), (400, 20, 192), (12_000, 300, 3072), (100_000, 7, 3072), (50_000, 1, 3072), (9, 4, 2**25)],
)
def test_every_sample_is_drawn_once_by_its_own_program(count: int, programs: int, image_bytes: int) -> None:
    bundles = divide(count, programs, image_bytes)
    assert [bundle.number for bundle in bundles] == list(range(len(bundles)))
    samples = np.concatenate([bundle.samples for bundle in bundles])
    assert np.array_equal(np.sort(samples), np.arange(count))
    for part in [part for bundle in bundles for part in bundle.parts]:
        assert {i % programs for i in part.samples} == {part.program}
    held = [len(bundle.samples) * image_bytes for bundle in bundles]
    assert all(size <= BUNDLE_BYTES or size == image_bytes for size in held)


def test_a_program_is_compiled_once_unless_it_would_fill_a_bundle() -> None:
    parts = [part for bundle in divide(12_000, 10, 3072) for part in bundle.parts]
    assert [part.program for part in parts] == list(range(10))
    parts = [part for bundle in divide(12_000, 10, 30_720) for part in bundle.parts]
    assert len(parts) == 30


def test_what_one_program_draws_is_divided_among_all_cores() -> None:
    assert len(divide(12_800, 1, 3072)) >= BUNDLES


def test_the_next_program_that_has_not_failed_stands_in() -> None:
    assert [stand_in(program, {1, 2, 4}, 5) for program in range(5)] == [0, 3, 3, 3, 0]
    bundle = divide(10, 5, 1)[4].drawn_without({4}, 5)
    assert bundle.parts == (Part(0, range(4, 10, 5)),)
