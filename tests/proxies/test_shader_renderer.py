"""Shader images as a user gets them: a real EGL context, the default corpus, small counts."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawn import drawn
from proxykd.proxies.shaders import renderer
from proxykd.proxies.shaders.grammar import FAMILIES, HELDOUT, Program, corpus, write_program
from proxykd.proxies.shaders.settings import ShaderPool
from proxykd.proxies.shaders.studio import open_studio

TESTS = Path(__file__).parents[1]
SCRIPTS = TESTS.parent / "scripts"
ONE_OF_EACH = len(FAMILIES)
FRESH = """
import hashlib
from drawn import drawn
from proxykd.proxies.shaders.settings import ShaderPool
images, _ = drawn(ShaderPool(count=20, programs=4, seed=3))
print(hashlib.sha256(images.tobytes()).hexdigest())
"""


def rendered(count: int, size: int = 16, channels: int = 3, **settings: object) -> tuple[np.ndarray, dict]:
    return drawn(ShaderPool(count=count, **settings), size, channels)


def in_fresh_process(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": f"{SCRIPTS}{os.pathsep}{TESTS}", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_same_seed_gives_the_same_bytes_in_a_fresh_process() -> None:
    images, _ = rendered(20, programs=4, seed=3)
    there = in_fresh_process(FRESH, PYTHONHASHSEED="77")
    assert there.stdout.strip() == hashlib.sha256(images.tobytes()).hexdigest(), there.stderr


def test_another_seed_gives_other_images_of_the_same_programs() -> None:
    (first, one), (second, two) = rendered(8, programs=4), rendered(8, programs=4, seed=1)
    assert one["program"] == two["program"]
    assert (first != second).any(axis=(1, 2, 3)).all()


def test_a_smaller_pool_is_the_beginning_of_a_larger_one() -> None:
    small, _ = rendered(9, programs=4)
    large, _ = rendered(16, programs=4)
    assert np.array_equal(small, large[:9])


def test_fewer_images_than_programs_are_one_each() -> None:
    images, columns = rendered(3, programs=300)
    assert len(set(columns["program"])) == 3
    assert images.std(axis=(1, 2, 3)).min() > 0


def test_every_sample_has_its_columns() -> None:
    equal = dict.fromkeys(FAMILIES, 1.0)
    images, columns = rendered(2 * ONE_OF_EACH, programs=ONE_OF_EACH, families=equal)
    assert set(columns["family"]) == set(FAMILIES)
    assert all(len(column) == len(images) for column in columns.values())
    assert columns["program"][0] == f"{columns['family'][0]}-{columns['program_seed'][0]:06d}"
    assert len(set(columns["parameter_seed"])) == len(images)
    assert all(8 <= len(values) <= 16 for values in columns["parameters"])


def test_an_image_comes_back_from_what_its_row_says() -> None:
    images, columns = rendered(2 * ONE_OF_EACH, programs=ONE_OF_EACH, seed=5)
    for i in (0, 7, ONE_OF_EACH + 3):
        again = renderer.render_one(
            columns["family"][i], columns["program_seed"][i], columns["parameter_seed"][i], size=16
        )
        assert np.array_equal(again, images[i])


def test_one_channel_is_pillows_luma_of_the_colours() -> None:
    colour, _ = rendered(ONE_OF_EACH, programs=ONE_OF_EACH)
    grey, _ = rendered(ONE_OF_EACH, programs=ONE_OF_EACH, channels=1)
    for rgb, luma in zip(colour, grey, strict=True):
        assert np.array_equal(np.asarray(Image.fromarray(rgb).convert("L")), luma[..., 0])


def test_an_image_does_not_depend_on_its_place_in_the_atlas() -> None:
    program = write_program("figures", 1)
    with open_studio(20, 2) as studio:
        values = [program.parameters(seed) for seed in range(300)]
        many = studio.draw(program, values)
        alone = [studio.draw(program, [values[i]])[0] for i in (17, 255, 256, 299)]
    assert np.array_equal(many[[17, 255, 256, 299]], np.stack(alone))


def test_supersampling_is_the_mean_over_a_pixel() -> None:
    fine, _ = rendered(8, size=32, programs=8, supersampling=1)
    coarse, _ = rendered(8, size=16, programs=8, supersampling=2)
    means = fine.reshape(8, 16, 2, 16, 2, 3).mean(axis=(2, 4))
    assert np.abs(means - coarse).max() <= 1


@pytest.mark.parametrize("family", FAMILIES)
def test_parameters_change_the_images_of_a_program(family: str) -> None:
    with open_studio(16, 2) as studio:
        for _, seed in corpus({family: 1.0}, 2, heldout=False):
            program = write_program(family, seed)
            images = studio.draw(program, [program.parameters(s) for s in range(12)]).astype(float)
            assert np.abs(np.diff(images, axis=0)).mean() > 12, program.name
            assert np.median(images.mean(axis=-1).std(axis=(1, 2))) > 3, program.name


@pytest.mark.full
@pytest.mark.parametrize("heldout", [False, True])
def test_all_programs_of_a_default_corpus_draw_something(heldout: bool) -> None:
    with open_studio(16, 1) as studio:
        for family, seed in corpus(ShaderPool().families, 300, heldout):
            program = write_program(family, seed)
            images = studio.draw(program, [program.parameters(s) for s in range(8)])
            assert np.median(images.mean(axis=-1).std(axis=(1, 2))) > 2, program.name


def test_heldout_images_come_from_heldout_programs() -> None:
    _, columns = rendered(4, programs=4, corpus="heldout")
    assert min(columns["program_seed"]) >= HELDOUT


def test_a_program_that_does_not_compile_is_named() -> None:
    broken = Program("strokes", 7, "#version 330\nvoid main() { nonsense(); }", ((0.0, 1.0),))
    with (
        open_studio(16, 1) as studio,
        pytest.raises(RuntimeError, match=r"strokes-000007.*nonsense|(?s:strokes-000007.*nonsense)"),
    ):
        studio.draw(broken, [broken.parameters(0)])


def test_without_egl_the_sentence_names_the_packages() -> None:
    code = (
        "from proxykd.errors import UserError\n"
        "from proxykd.proxies.shaders.context import open_context\n"
        "try:\n    open_context()\nexcept UserError as error:\n    print(error)\n"
    )
    there = in_fresh_process(code, GLCONTEXT_LINUX_LIBEGL="libnosuchegl.so.9")
    assert "libegl1" in there.stdout, there.stderr
    assert "libgl1-mesa-dri" in there.stdout
    assert "envs/proxykd.yaml" in there.stdout
