"""Check what Slurm itself showed of the jobs, and that the run has its result.

python tests/slurm/check.py <lines of squeue> <summary.json>
"""

import json
import re
import sys
from pathlib import Path

GPU_STAGES = {"train_teacher", "score_proxies", "attack_boundary", "distill_student", "evaluate_student"}
CPU_STAGES = {"import_images", "render_proxies", "select_proxies"}


def main(queue: Path, summary: Path) -> None:
    gpus: dict[str, set[bool]] = {}
    for line in queue.read_text().splitlines():
        stage = re.search(r"rule_(\w+?)_wildcards", line)
        if stage:
            gpus.setdefault(stage[1], set()).add("gpu" in line[10:30])
    wrong = [f"{stage} asked for no GPU" for stage in GPU_STAGES if gpus.get(stage) != {True}]
    wrong += [f"{stage} asked for a GPU" for stage in CPU_STAGES if gpus.get(stage) != {False}]
    experiments = json.loads(summary.read_text())["experiments"]
    if experiments["shaders+boundary"]["accuracy"]["n"] != 2:
        wrong.append("the summary does not hold two seeds")
    print("\n".join(wrong) or f"{len(gpus)} stages ran as jobs of their own with what their rules ask for")
    print(f"{len(GPU_STAGES | CPU_STAGES) - len(wrong)} passed, {len(wrong)} failed")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
