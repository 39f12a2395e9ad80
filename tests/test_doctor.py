"""`scripts/doctor.py`, run as people run it, on this machine and where parts of OpenGL are hidden from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from proxykd import diagnosis
from proxykd.source import SCRIPTS

HIDDEN = {"GLCONTEXT_LINUX_LIBEGL": "libnosuchegl.so.9"}
NO_DRIVER = {diagnosis.VENDORS: "/nonexistent/50_mesa.json"}


def doctor(*words: str, **environment: str) -> tuple[int, str]:
    """Status of the program, and what it printed."""
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / "doctor.py"), *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def told(**environment: str) -> tuple[int, dict[str, Any]]:
    status, text = doctor("--json", **environment)
    return status, json.loads(text)


def test_a_machine_that_renders() -> None:
    status, found = told()
    assert (status, found["can_render"], found["failure"]) == (0, True, "")
    assert found["egl"] == "libEGL.so.1"
    assert found["measured"]["device"]
    assert found["measured"]["driver"]
    assert found["measured"]["auto"] in found["measured"]["rates"]
    assert min(found["measured"]["rates"].values()) > 50


def test_it_tells_a_person_the_same() -> None:
    status, text = doctor()
    assert status == 0
    assert [line.split("  ")[0] for line in text.splitlines()[:7]] == [
        "EGL", "drivers", "graphics cards", "device", "raster", "compute", "backend: auto"]  # fmt: skip
    assert "images of 32 pixels a second" in text
    assert "Shaders can be rendered here" in text.splitlines()[-1]


def test_a_machine_without_egl() -> None:
    status, found = told(**HIDDEN)
    assert (status, found["can_render"], found["egl"], found["measured"]) == (1, False, None, {})
    assert "libnosuchegl.so.9" in found["failure"]
    assert "libEGL.so.1" in found["missing"][0]["what"]
    command = found["missing"][0]["command"]
    assert "install -y --no-install-recommends libegl1 libgl1-mesa-dri" in command or "conda" in command
    status, text = doctor(**HIDDEN)
    assert status == 1
    assert command in text
    assert "Shaders cannot be rendered here." in text
    assert "Traceback" not in text


def test_a_machine_without_a_driver() -> None:
    status, found = told(**NO_DRIVER)
    assert (status, found["drivers"], found["can_render"]) == (1, [], False)
    assert found["egl"] == "libEGL.so.1"
    assert "driver" in found["missing"][0]["what"]


def test_a_device_without_compute_shaders() -> None:
    status, found = told(MESA_GL_VERSION_OVERRIDE="3.3")
    if not found["measured"]["device"].startswith("llvmpipe"):
        pytest.skip("only Mesa can be told to have no compute shaders")
    assert (status, set(found["measured"]["rates"]), found["measured"]["auto"]) == (0, {"raster"}, "raster")
    assert "compute shaders" in found["missing"][0]["what"]


def test_a_driver_that_crashes_does_not_crash_the_doctor() -> None:
    crash = [sys.executable, "-c", "import os; os.kill(os.getpid(), 11)"]
    assert diagnosis.drawn(crash) == ({}, "The driver crashed (SIGSEGV).")


def test_a_driver_that_hangs_does_not_hang_the_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "SECONDS", 0.2)
    found, why = diagnosis.drawn([sys.executable, "-c", "import time; time.sleep(60)"])
    assert (found, why) == ({}, "Nothing was drawn within 0 s.")


@pytest.mark.parametrize(("user", "begins"), [(0, "apt-get update"), (1000, "sudo apt-get update")])
def test_only_an_administrator_installs(user: int, begins: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(diagnosis.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert diagnosis.install("libegl1").startswith(begins)
    monkeypatch.setattr(diagnosis.shutil, "which", lambda name: None)
    assert "envs/proxykd.yaml" in diagnosis.install("libegl1")


def test_packages_that_it_names_are_those_of_the_project() -> None:
    assert set(diagnosis.PACKAGES) <= set((SCRIPTS.parent / "envs" / "apt.txt").read_text().split())


def test_a_card_that_may_not_be_used_is_named(tmp_path: Path) -> None:
    card = str(tmp_path / "renderD128")
    (closed,) = diagnosis.unused_card([card])
    assert card in closed.what
    assert "usermod" in closed.command


def test_a_card_whose_driver_is_not_there(tmp_path: Path) -> None:
    card = tmp_path / "renderD128"
    card.touch()
    (driver,) = diagnosis.unused_card([str(card)])
    assert "driver for the graphics card" in driver.what
    version = tmp_path / "version"
    version.write_text("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build\n")
    assert diagnosis.nvidia_version(version) == "570"
    assert diagnosis.nvidia_version(tmp_path / "none") == "<version>"
