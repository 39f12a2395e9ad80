"""What draws, on a real device: both back ends, batches of all sizes, and the choice between them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import moderngl
import numpy as np
import pytest

from proxykd.proxies.shaders import renderer
from proxykd.proxies.shaders.context import can_compute, on_processor, open_context
from proxykd.proxies.shaders.grammar import FAMILIES, Program, piece, write_program
from proxykd.proxies.shaders.settings import ShaderPool
from proxykd.proxies.shaders.studio import Batches, Studio, open_studio
from proxykd.proxies.shaders.trial import faster, rates

SCRIPTS = Path(__file__).parents[2] / "scripts"
BOTH = "raster", "compute"
MESA = Path("/usr/share/glvnd/egl_vendor.d/50_mesa.json")
DRAW = """
import json, logging, sys
logging.basicConfig(stream=sys.stderr, format="%(message)s")
from proxykd.proxies.shaders.context import open_context, device_of
from proxykd.proxies.shaders.grammar import FAMILIES, write_program
from proxykd.proxies.shaders.studio import Studio
backend, size, seed, every = sys.argv[1], *map(int, sys.argv[2:])
context = open_context()
studio = Studio(context, size, 2, backend)
images = {}
for family in list(FAMILIES)[::every]:
    program = write_program(family, seed)
    images[family] = studio.draw(program, [program.parameters(i) for i in range(4)]).tolist()
print(json.dumps([device_of(context), studio.backend, images]))
"""


def drawn_elsewhere(
    backend: str, size: int, seed: int, every: int = 1, **environment: str
) -> tuple[str, str, dict, str]:
    """Device, back end, images by family and messages of a fresh process; of every n-th family."""
    there = subprocess.run(
        [sys.executable, "-c", DRAW, backend, str(size), str(seed), str(every)],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert there.returncode == 0, there.stderr
    device, drew, images = json.loads(there.stdout)
    return device, drew, {name: np.array(one, np.uint8) for name, one in images.items()}, there.stderr


def apart(one: np.ndarray, other: np.ndarray) -> int:
    """The largest difference, in grey levels."""
    return int(np.abs(one.astype(int) - other.astype(int)).max())


@pytest.fixture(scope="module")
def context() -> Iterator[moderngl.Context]:
    context = open_context()
    yield context
    context.release()


def images_of(
    context: moderngl.Context,
    backend: str,
    program: Program,
    count: int,
    size: int,
    samples: int = 2,
    batches: Batches | None = None,
) -> np.ndarray:
    studio = Studio(context, size, samples, backend, batches)
    assert studio.backend == backend
    try:
        return studio.draw(program, [program.parameters(i) for i in range(count)])
    finally:
        studio.release()


@pytest.mark.parametrize("family", FAMILIES)
def test_compute_draws_what_raster_draws(context: moderngl.Context, family: str) -> None:
    program = write_program(family, 3)
    one, other = (images_of(context, backend, program, 6, 20) for backend in BOTH)
    assert one.std() > 0
    assert apart(one, other) <= (0 if on_processor(context) else 1)


@pytest.mark.parametrize("size", [5, 32])
def test_points_and_squares_are_the_same_tiles(context: moderngl.Context, size: int) -> None:
    program, drawn = write_program("landscapes", 1), []
    for points in (True, False):
        studio = Studio(context, size, 2)
        if studio.engine.points != points and points:
            studio.release()
            pytest.skip("a graphics card draws squares")
        studio.engine.points = points
        drawn.append(studio.draw(program, program.parameters_of(range(7))))
        studio.release()
    assert drawn[0].std() > 0
    assert np.array_equal(*drawn)


@pytest.mark.parametrize(("size", "samples"), [(4, 2), (13, 3), (72, 1)])
def test_compute_draws_all_sizes_and_samplings(context: moderngl.Context, size: int, samples: int) -> None:
    program = write_program("figures", 1)
    one, other = (images_of(context, backend, program, 5, size, samples) for backend in BOTH)
    assert apart(one, other) <= (0 if on_processor(context) else 1)


@pytest.mark.parametrize("backend", BOTH)
def test_batches_change_no_bytes(context: moderngl.Context, backend: str) -> None:
    program = write_program("solids", 2)
    alone = images_of(context, backend, program, 23, 16, batches=Batches(16, 1))
    assert (alone[0] != alone[1]).any()
    for batches in (Batches(8, 1), Batches(32, 1), Batches(32, 3), Batches(48, 2), Batches(4096, 3)):
        assert np.array_equal(images_of(context, backend, program, 23, 16, batches=batches), alone)


@pytest.mark.parametrize("backend", BOTH)
def test_many_images_are_compiled_otherwise_and_are_the_same(context: moderngl.Context, backend: str) -> None:
    program = write_program("cells", 5)
    looped = images_of(context, backend, program, 5, 24, batches=Batches(96, 1))
    unrolled = images_of(context, backend, program, 5, 24, batches=Batches(96, 1, unrolled_from=0))
    assert looped.std() > 0
    assert apart(looped, unrolled) <= (0 if on_processor(context) else 1)


@pytest.mark.parametrize("backend", BOTH)
def test_what_a_program_leaves_out_is_no_error(backend: str) -> None:
    text = "void prepare() {}\nvec3 shade(vec2 z) { return vec3(0.2, 0.4, 0.6); }\n"
    plain = Program("plain", 0, "".join([piece("head"), text, piece("main")]), ((0.0, 1.0),))
    with open_studio(16, 1, backend) as studio:
        images = studio.draw(plain, [plain.parameters(0)])
    assert (images == (51, 102, 153)).all()


@pytest.mark.parametrize("backend", BOTH)
def test_a_program_that_does_not_compile_is_named_and_the_next_one_draws(backend: str) -> None:
    broken = Program("strokes", 7, "#version 330\nvoid main() { nonsense(); }", ((0.0, 1.0),))
    sound = write_program("strokes", 7)
    with open_studio(16, 1, backend) as studio:
        with pytest.raises(RuntimeError, match=r"(?s)strokes-000007.*nonsense"):
            studio.draw(broken, [broken.parameters(0)])
        assert studio.draw(sound, [sound.parameters(0)]).std() > 0


def test_mesas_optimiser_changes_no_byte() -> None:
    device, _, quick, _ = drawn_elsewhere("raster", 16, 2, every=5, GALLIVM_PERF="nopt")
    _, _, optimised, _ = drawn_elsewhere("raster", 16, 2, every=5, GALLIVM_PERF="")
    if not device.startswith("llvmpipe"):
        pytest.skip("Mesa's optimiser for the CPU works for no graphics card")
    assert all(np.array_equal(quick[family], optimised[family]) for family in quick)


def test_a_device_without_compute_shaders_draws_with_raster_and_says_so() -> None:
    device, drew, images, said = drawn_elsewhere("compute", 16, 1, MESA_GL_VERSION_OVERRIDE="3.3")
    if not device.startswith("llvmpipe"):
        pytest.skip("only Mesa can be told to have no compute shaders")
    assert drew == "raster"
    assert "has no compute shaders (OpenGL 4.3): raster draws instead" in said
    assert all(image.std() > 0 for image in images.values())


def test_both_back_ends_are_measured(context: moderngl.Context) -> None:
    assert can_compute(context)
    found = rates(context, 16, 1)
    assert set(found) == set(BOTH)
    assert min(found.values()) > 50


def test_auto_is_settled_and_nothing_else_of_the_pool() -> None:
    pool = ShaderPool(count=4, size=32, channels=3)
    assert pool.backend == "auto"
    settled = renderer.settle(pool)
    assert settled.backend in BOTH
    assert settled.model_copy(update={"backend": "auto"}) == pool


def test_a_large_image_is_measured_quickly() -> None:
    assert faster(4096, 8) in BOTH


@pytest.mark.gpu
@pytest.mark.parametrize("backend", BOTH)
def test_a_graphics_card_draws_what_the_processor_draws(backend: str) -> None:
    """Within a grey level, for almost all pixels: an edge may fall to either side of a sample."""
    if not MESA.exists():
        pytest.skip("needs Mesa beside the card's driver")
    device, drew, there, _ = drawn_elsewhere(backend, 32, 5)
    if device.startswith("llvmpipe"):
        pytest.skip(f"EGL reaches no graphics card, but {device}")
    software = {"__EGL_VENDOR_LIBRARY_FILENAMES": str(MESA), "LIBGL_ALWAYS_SOFTWARE": "1"}
    processor, _, here, _ = drawn_elsewhere("raster", 32, 5, **software)
    assert processor.startswith("llvmpipe")
    assert drew == backend
    for family in FAMILIES:
        off = np.abs(there[family].astype(int) - here[family].astype(int)) > 1
        assert off.mean() < 0.002, f"{family}: {off.mean():.4f} of the values on {device}"
