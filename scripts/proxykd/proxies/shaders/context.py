"""OpenGL without a screen, and what kind of device it reaches."""

from __future__ import annotations

import os
from typing import Any

import moderngl

from proxykd.errors import UserError

COMPUTE = 430
"""OpenGL 4.3, from which on there are compute shaders."""
FRAGMENTS = 330
"""OpenGL 3.3: what drawing needs at least."""
PROCESSOR = ("llvmpipe", "softpipe", "SWR", "swrast")
"""How the names of Mesa's devices begin that are no graphics card."""


def compile_quickly() -> None:
    """Have Mesa leave its optimiser out when it renders on the CPU; the images are the same.

    It counts for the process, from its first context on, unless its user has set GALLIVM_PERF.
    """
    os.environ.setdefault("GALLIVM_PERF", "nopt")


def open_context() -> moderngl.Context:
    """OpenGL 4.3 through EGL, or 3.3 where a device has no more. Raises UserError where there is none.

    OpenGL's functions come from EGL as well: libGL is for screens, and a bare machine has none.
    """
    settings: dict[str, Any] = {"backend": "egl", "libgl": "libEGL.so.1", "libegl": "libEGL.so.1"}
    for version in (COMPUTE, FRAGMENTS):
        try:
            return moderngl.create_context(require=version, standalone=True, **settings)
        except Exception as error:  # the loaders raise bare Exception, ImportError or OSError
            failure = error
    raise UserError(
        f"No OpenGL 3.3 through EGL on this machine, which rendering shaders needs ({failure}). On Debian "
        "and Ubuntu install the packages libegl1 and libgl1-mesa-dri; on a cluster use the conda "
        "environment envs/proxykd.yaml, which brings Mesa along. Mesa renders on the CPU where there is "
        "no graphics card. `python scripts/doctor.py` says more."
    ) from failure


def device_of(context: moderngl.Context) -> str:
    """The device's name, as its driver gives it."""
    return str(context.info["GL_RENDERER"])


def on_processor(context: moderngl.Context) -> bool:
    """Whether the CPU draws, for want of a graphics card."""
    return device_of(context).startswith(PROCESSOR)


def can_compute(context: moderngl.Context) -> bool:
    return bool(context.version_code >= COMPUTE)
