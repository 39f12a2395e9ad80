"""Whether this machine can render shaders, with what and how fast, and what is missing.

Plumbing: no stage imports it.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from proxykd.source import SCRIPTS

SIZE, SUPERSAMPLING = 32, 2
"""What is measured: images of 32 pixels with 2 x 2 samples, as a default pool has them."""
SECONDS = 120.0
MEASURE = "from proxykd.diagnosis import measure; measure()"
VENDORS = "__EGL_VENDOR_LIBRARY_FILENAMES"
"""Names the files that EGL's drivers are listed in, instead of `FOLDERS`."""
FOLDERS = ("/etc/glvnd/egl_vendor.d", "/usr/share/glvnd/egl_vendor.d")
PACKAGES = ("libegl1", "libgl1-mesa-dri")
"""Debian's, of envs/apt.txt."""


@dataclass
class Missing:
    """Something that is not there: what it is, and the command that brings it."""

    what: str
    command: str


@dataclass
class Diagnosis:
    """What is known of a machine."""

    egl: str | None = None
    """The library's file name, None where it cannot be loaded."""
    drivers: list[str] = field(default_factory=list)
    """Files that list EGL's drivers."""
    cards: list[str] = field(default_factory=list)
    """Graphics cards, as the kernel knows them."""
    measured: dict[str, Any] = field(default_factory=dict)
    """What `measure` printed; empty where nothing could be drawn."""
    failure: str = ""
    """Why nothing could be drawn, in the words of who failed."""
    missing: list[Missing] = field(default_factory=list)

    @property
    def can_render(self) -> bool:
        return bool(self.measured)


def diagnose() -> Diagnosis:
    """Look at this machine, and draw on it in a process of its own, which a bad driver may crash."""
    found = Diagnosis(library(), drivers(), cards())
    found.measured, found.failure = drawn([sys.executable, "-c", MEASURE])
    found.missing = missing(found)
    return found


def measure() -> None:
    """Print the device and its rates as JSON; why not, and status 1, where there is none."""
    from proxykd.errors import UserError

    try:
        from proxykd.proxies.shaders.context import compile_quickly, device_of, on_processor, open_context
        from proxykd.proxies.shaders.trial import choice, rates

        compile_quickly()
        context = open_context()
    except ImportError as error:
        sys.exit(str(error))
    except UserError as error:
        # The sentence is for those who do not read this page.
        sys.exit(f"No OpenGL: {error.__cause__ or error}.")
    info = context.info
    found = {"device": device_of(context), "vendor": info["GL_VENDOR"], "driver": info["GL_VERSION"]}
    measured = rates(context, SIZE, SUPERSAMPLING)
    print(
        json.dumps(
            found | {"on_processor": on_processor(context), "rates": measured, "auto": choice(measured)}
        )
    )


def drawn(command: list[str]) -> tuple[dict[str, Any], str]:
    """What a program that measures prints, or why it does not."""
    paths = os.pathsep.join([str(SCRIPTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {"LP_NUM_THREADS": "0"} | os.environ | {"PYTHONPATH": paths}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return {}, f"Nothing was drawn within {SECONDS:.0f} s."
    if done.returncode < 0:
        return {}, f"The driver crashed ({signal.Signals(-done.returncode).name})."
    if done.returncode:
        return {}, (done.stderr.strip() or f"status {done.returncode}").splitlines()[-1]
    return json.loads(done.stdout), ""


def library() -> str | None:
    """The name of EGL's library, if it can be loaded."""
    name = os.environ.get("GLCONTEXT_LINUX_LIBEGL", "libEGL.so.1")
    try:
        ctypes.CDLL(name)
    except OSError:
        return None
    return name


def drivers() -> list[str]:
    """The files that list drivers for EGL, in the order in which it asks them."""
    if VENDORS in os.environ:
        return [name for name in os.environ[VENDORS].split(":") if Path(name).is_file()]
    conda = [f"{os.environ['CONDA_PREFIX']}/share/glvnd/egl_vendor.d"] if "CONDA_PREFIX" in os.environ else []
    return [str(path) for folder in (*conda, *FOLDERS) for path in sorted(Path(folder).glob("*.json"))]


def cards() -> list[str]:
    """Graphics cards: files of the kernel's drivers, whether or not they may be opened."""
    return [
        str(path)
        for pattern in ("nvidia[0-9]*", "dri/render*")
        for path in sorted(Path("/dev").glob(pattern))
    ]


def missing(found: Diagnosis) -> list[Missing]:
    """What would have to be installed or allowed, the most important first."""
    needed = []
    if "moderngl" in found.failure and "No module" in found.failure:
        needed.append(Missing("the Python packages of ProxyKD", "make setup"))
    elif found.egl is None:
        needed.append(Missing("EGL's library, libEGL.so.1", install(*PACKAGES)))
    elif not found.can_render:
        needed.append(Missing("a driver for EGL that draws", install(*PACKAGES)))
    if found.cards and found.measured.get("on_processor", True):
        needed += unused_card(found.cards)
    if found.measured and "compute" not in found.measured["rates"]:
        needed.append(Missing("compute shaders (OpenGL 4.3); a newer driver has them", install(*PACKAGES)))
    return needed


def install(*packages: str) -> str:
    """The command that installs Debian's packages; another that brings the same where there is no apt-get."""
    if shutil.which("apt-get") is None:
        return "conda env create -f envs/proxykd.yaml"
    as_root = "" if os.geteuid() == 0 else "sudo "
    names = " ".join(packages)
    return f"{as_root}apt-get update && {as_root}apt-get install -y --no-install-recommends {names}"


def unused_card(cards: list[str]) -> list[Missing]:
    """Why a graphics card draws nothing, as far as it can be told."""
    closed = [name for name in cards if not os.access(name, os.R_OK | os.W_OK)]
    if closed:
        return [Missing(f"permission to use {closed[0]}", 'sudo usermod -aG render,video "$USER"')]
    if not cards[0].startswith("/dev/nvidia"):
        return [Missing(f"a driver for the graphics card {cards[0]}", install(*PACKAGES))]
    try:
        ctypes.CDLL("libEGL_nvidia.so.0")
    except OSError:
        return [Missing(
            "the NVIDIA driver's EGL (a container gets it with NVIDIA_DRIVER_CAPABILITIES=all)",
            install(f"libnvidia-gl-{nvidia_version()}"),
        )]  # fmt: skip
    listed = f"export {VENDORS}=$(find / -name 10_nvidia.json -print -quit 2>/dev/null)"
    return [Missing("the file that lists the NVIDIA driver for EGL, 10_nvidia.json", listed)]


def nvidia_version(told: Path = Path("/proc/driver/nvidia/version")) -> str:
    """The major version of the kernel's NVIDIA driver, which its libraries must have as well."""
    try:
        match = re.search(r"Kernel Module.*?\s(\d+)\.\d", told.read_text())
    except OSError:
        match = None
    return match[1] if match else "<version>"
