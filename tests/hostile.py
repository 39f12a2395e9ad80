"""A kind of pool some of whose programs do what no program should, in the real worker processes.

Imported there by its name, as a pool's own module is.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from proxykd.proxies.shaders import renderer
from proxykd.proxies.shaders.grammar import Program, piece
from proxykd.proxies.shaders.settings import ShaderPool

SHADERS = {
    "endless": "for (int k = 0; k >= 0; k = k == 7 ? 0 : k + 1) z += 1e-9; return vec3(z, 0.0);",
    "nan": "return vec3(sqrt(z.x), 0.25, 0.0 / (z.y - z.y));",
    "infinite": "return vec3(1.0 / (z.x - z.x), -1.0 / (z.y - z.y), 0.5);",
    "broken": "return no_such_function(z);",
}
"""Bodies of `shade`."""


class HostilePool(ShaderPool):
    """Shaders of the grammar, but for some."""

    deeds: dict[int, str] = {}
    """Number of a program -> what it does: the name of a shader above, or of a function below."""
    memory: str = ""
    """A folder to remember in what was done."""

    def modules(self) -> list[str]:
        return ["hostile"]


programs = renderer.programs
settle = renderer.settle


@contextmanager
def open_painter(pool: HostilePool) -> Iterator[Painter]:
    with renderer.open_painter(pool) as painter:
        yield Painter(pool, painter)


class Painter:
    def __init__(self, pool: HostilePool, honest: renderer.Painter) -> None:
        self.pool, self.honest = pool, honest

    def draw(self, program: int, samples: range) -> tuple[np.ndarray, dict[str, Any]]:
        deed = self.pool.deeds.get(program, "")
        if deed in SHADERS:
            return self._shader(deed, program, samples)
        if deed:
            globals()[deed](Path(self.pool.memory) / f"{program}")
        return self.honest.draw(program, samples)

    def _shader(self, deed: str, program: int, samples: range) -> tuple[np.ndarray, dict[str, Any]]:
        text = f"void prepare() {{}}\nvec3 shade(vec2 z) {{ {SHADERS[deed]} }}\n"
        glsl = "".join([piece("head"), text, piece("main")])
        _, columns = self.honest.draw(program, samples)
        evil = Program("evil", program, glsl, ((0.0, 1.0),))
        return self.honest.studio.draw(evil, [evil.parameters(i) for i in samples]), columns


def hang(memory: Path) -> None:
    while True:
        time.process_time()


def doze(memory: Path) -> None:
    """As one does that has to wait for a processor."""
    time.sleep(2)


def stop(memory: Path) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def crash(memory: Path) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def leave(memory: Path) -> None:
    os._exit(3)


def eat(memory: Path) -> None:
    eaten = []
    while True:
        eaten.append(np.ones(2**22))


def crash_once(memory: Path) -> None:
    with suppress(FileExistsError):
        memory.touch(exist_ok=False)
        os.kill(os.getpid(), signal.SIGKILL)
