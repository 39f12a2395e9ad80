"""Render a pool of proxies: shaders, dead leaves, or Gaussian noise. Deterministic from its seed."""

from importlib import import_module

import numpy as np

from proxykd.proxies.settings import LeavesPool, NoisePool
from proxykd.proxies.shaders.settings import ShaderPool
from proxykd.shards import ShardWriter
from proxykd.stage import Job, main

KINDS = {"shaders": ShaderPool, "leaves": LeavesPool, "noise": NoisePool}


def make(job: Job) -> None:
    from proxykd.errors import UserError

    pool = job.settings
    if pool.size is None or pool.channels is None:
        raise UserError("render_proxies needs size and channels; the plan takes them from the teacher.")
    (module,) = pool.modules()
    images_NHWC = np.empty((pool.count, pool.size, pool.size, pool.channels), np.uint8)
    with job.progress(f"render {pool.kind}", pool.count) as progress:
        columns = import_module(module).render(pool, images_NHWC, progress.advance)
    with ShardWriter(job.folder) as writer:
        for i, image_HWC in enumerate(images_NHWC):
            writer.add(image_HWC, {name: values[i] for name, values in columns.items()})
    job.shards = writer.shards
    job.facts["programs"] = len(set(columns["program"]))
    if getattr(pool, "statistics_from", None):
        job.facts["statistics_from"] = pool.statistics_from


if __name__ == "__main__":
    main("render_proxies", KINDS, {}, make, __doc__)
