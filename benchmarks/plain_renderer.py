"""Rendering as most scripts for shader images do it, to measure against.

    python benchmarks/plain_renderer.py --settings <JSON of a pool> --out <folder>

One process; for each image one draw over the whole frame, one read that waits for it, and one file, a PNG as
Pillow writes it by itself. OpenGL and its driver are left as they come, so Mesa uses its optimiser and a
thread a core. Programs and parameters are those of the pool, so the images are the same.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import moderngl
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from proxykd.proxies.shaders.context import open_context  # noqa: E402
from proxykd.proxies.shaders.grammar import Program, corpus, write_program  # noqa: E402
from proxykd.proxies.shaders.renderer import parameter_seed  # noqa: E402
from proxykd.proxies.shaders.settings import ShaderPool  # noqa: E402
from proxykd.proxies.shaders.studio import padded  # noqa: E402

VERTEX = """#version 330
uniform vec4 values0, values1, values2, values3;
in vec2 corner;
flat out vec4 p0, p1, p2, p3;
flat out vec2 origin;
void main() {
    gl_Position = vec4(corner, 0.0, 1.0);
    p0 = values0;
    p1 = values1;
    p2 = values2;
    p3 = values3;
    origin = vec2(0.0);
}
"""
CORNERS = np.array([-1, -1, 1, -1, -1, 1, 1, 1], dtype=np.float32)


def render(pool: ShaderPool, folder: Path) -> str:
    """Write a pool's images as files; the device's name."""
    assert pool.size is not None
    chosen = corpus(pool.families, min(pool.programs, pool.count), pool.corpus == "heldout")
    context = open_context()
    frame = context.simple_framebuffer((pool.size, pool.size), components=4)
    frame.use()
    corners = context.buffer(CORNERS)
    for k, (family, seed) in enumerate(chosen):
        draw_program(context, frame, corners, pool, write_program(family, seed), k, folder)
    return str(context.info["GL_RENDERER"])


def draw_program(
    context: moderngl.Context,
    frame: moderngl.Framebuffer,
    corners: moderngl.Buffer,
    pool: ShaderPool,
    program: Program,
    k: int,
    folder: Path,
) -> None:
    """Draw and write the samples of the pool's k-th program, one after the other."""
    assert pool.size is not None
    compiled = context.program(vertex_shader=VERTEX, fragment_shader=program.glsl)
    compiled["size"], compiled["side"] = pool.size, pool.supersampling
    square = context.simple_vertex_array(compiled, corners, "corner")
    samples = range(k, pool.count, min(pool.programs, pool.count))
    values_NP = padded(program.parameters_of([parameter_seed(pool, i) for i in samples]))
    for i, values_P in zip(samples, values_NP, strict=True):
        for n in range(4):
            if f"values{n}" in compiled:
                compiled[f"values{n}"] = tuple(values_P[4 * n : 4 * n + 4])
        square.render(moderngl.TRIANGLE_STRIP)
        image = Image.frombytes("RGB", (pool.size, pool.size), frame.read(components=3))
        image.save(folder / f"{i:07d}.png")
    square.release()
    compiled.release()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--settings", required=True, help="a pool of shaders, as JSON")
    parser.add_argument("--out", required=True, type=Path, help="folder for the images")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    pool = ShaderPool.model_validate(json.loads(arguments.settings))
    print(render(pool, arguments.out))


if __name__ == "__main__":
    main()
