"""The stage with either back end, and on a device that has only one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from programs import Workplace
from proxykd.shards import read_images

POOL = {"kind": "shaders", "count": 48, "programs": 12, "size": 16, "channels": 3}


def rendered(tmp_path: Path, name: str, **settings: Any) -> tuple[np.ndarray, str]:
    """A pool's images and the back end that drew them."""
    workplace = Workplace(tmp_path)
    result = workplace.make("render_proxies", name, POOL | settings)
    index = workplace.index(result)
    return read_images(tmp_path / result, index["shards"]), index["facts"]["backend"]


def test_either_back_end_draws_the_pool(tmp_path: Path) -> None:
    raster, first = rendered(tmp_path, "raster", backend="raster")
    compute, second = rendered(tmp_path, "compute", backend="compute")
    assert (first, second) == ("raster", "compute")
    assert raster.shape == (48, 16, 16, 3)
    assert np.abs(raster.astype(int) - compute.astype(int)).max() <= 1
    assert rendered(tmp_path, "auto")[1] in (first, second)


def test_a_device_without_compute_shaders_says_so_and_draws(tmp_path: Path) -> None:
    workplace, old = Workplace(tmp_path), {"MESA_GL_VERSION_OVERRIDE": "3.3"}
    settings = POOL | {"backend": "compute"}
    status, told = workplace.run("render_proxies", "x", settings, environment=old)
    assert status == 0, told
    drew = workplace.index("render_proxies/x")["facts"]["backend"]
    if drew == "compute":
        pytest.skip("only Mesa can be told to have no compute shaders")
    assert drew == "raster"
    assert told.count("this machine has no compute shaders (OpenGL 4.3): raster draws instead") == 1
