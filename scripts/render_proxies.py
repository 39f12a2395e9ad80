"""Render a pool of proxies: shaders, dead leaves, or Gaussian noise. Deterministic from its seed.

As many worker processes as there are cores draw it. What they have drawn lies in a checkpoint until all of it
is there: started again after a kill, the program goes on from there; on a full disk nothing is left, and it
begins anew. A shader program that crashes its process, or takes too long or too much memory, is left out, and
the next one draws its images.
"""

from proxykd.errors import UserError
from proxykd.production.assembly import assemble
from proxykd.production.produce import Production
from proxykd.production.spool import open_spool
from proxykd.proxies.settings import LeavesPool, NoisePool
from proxykd.proxies.shaders.settings import ShaderPool
from proxykd.stage import Job, main

KINDS = {"shaders": ShaderPool, "leaves": LeavesPool, "noise": NoisePool}


def make(job: Job) -> None:
    pool = job.settings
    if pool.size is None or pool.channels is None:
        raise UserError("render_proxies needs size and channels; the plan takes them from the teacher.")
    (module,) = pool.modules()
    with open_spool(job.checkpoint, job.key) as spool:
        with job.progress(f"render {pool.kind}", pool.count) as progress:
            production = Production(pool, module, spool, progress)
            bundles = production.run()
        job.shards = assemble(bundles, job.folder)
    job.facts["programs"] = production.drew()
    if spool.backend is not None:
        job.facts["backend"] = spool.backend
    if production.failed():
        job.facts["failed"] = production.failed()
    if getattr(pool, "statistics_from", None):
        job.facts["statistics_from"] = pool.statistics_from


if __name__ == "__main__":
    main("render_proxies", KINDS, {}, make, __doc__)
