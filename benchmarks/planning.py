"""What Snakemake and the plan cost: a dry run, a run with nothing to do, a job.

    python benchmarks/planning.py [--quick]

Prints a table and, last, one line of JSON. Everything is measured in one run, in a temporary copy of the
checkout:

- plan: seconds from starting Python to the keys of all stages of 1, 10, 100 and 1,000 experiments of three
  seeds each, which differ in one setting of the student (the rest is `workflow/runs/smoke.yaml`).
- present, missing: `snakemake -n all` for the same, with every stage in the store, and with none (which shows
  what they will cost).
- plain: `snakemake -n` on a Snakefile of as many jobs, all present, that has one rule for all and no keys.
- no_op: `snakemake all` for 100 experiments with everything present.
- job: seconds of the local executor for each of 20 small jobs, one after another, beside the work that they
  record; plain_job: the same for jobs that start Python and touch a file.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "scripts"))

from proxykd.configuration import load  # noqa: E402
from proxykd.plan import Plan, Stage  # noqa: E402

PARTS = ("Snakefile", "config.yaml", "scripts", "workflow", "envs")
PLAN = "import sys; sys.path.insert(0, 'scripts')\n" + (
    "from pathlib import Path; from proxykd import configuration, plan\n"
    "plan.Plan(configuration.read(Path('run.yaml')))"
)
PLAIN = """
N = {jobs}
rule all:
    input: [f"made/{{i}}.done" for i in range(N)]
rule first:
    output: "made/first.done"
    shell: "python -c 'open(\\"{{output}}\\", \\"w\\")'"
rule one:
    input: "made/first.done"
    output: "made/{{i}}.done"
    shell: "python -c 'open(\\"{{output}}\\", \\"w\\")'"
"""


def experiments(count: int) -> dict[str, Any]:
    """The configuration of so many experiments, three seeds each."""
    base = yaml.safe_load((ROOT / "workflow" / "runs" / "smoke.yaml").read_text())
    several = {f"e{i:04d}": {"distill_student": {"temperature": 1 + i / 10}} for i in range(count)}
    return base | {"seeds": [0, 1, 2], "experiments": several}


def pools(count: int) -> dict[str, Any]:
    """A configuration with so many small pools, for jobs that cost little."""
    base = yaml.safe_load((ROOT / "workflow" / "runs" / "smoke.yaml").read_text())
    base["proxies"] = [{"render_proxies": {"kind": "noise", "count": 50, "seed": i}} for i in range(count)]
    return base | {"experiments": {"base": {}}}


def seconds(folder: Path, *command: str) -> float:
    """How long a command takes in a folder; its output ends this program where it fails."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PROXYKD_STORE": "", "PROXYKD_DEVICE": "cpu"}
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return took


def best(repeats: int, folder: Path, *command: str) -> float:
    """The shortest of several times: what comes on top is the machine's."""
    return min(seconds(folder, *command) for _ in range(repeats))


def dry_runs(folder: Path, counts: list[int], repeats: int) -> list[dict[str, float]]:
    rows = []
    for count in counts:
        configuration = experiments(count)
        (folder / "run.yaml").write_text(yaml.safe_dump(configuration))
        stages = list(Plan(load(configuration)).all_stages())
        command = ("snakemake", "-n", "all", "--configfile", "run.yaml", "--quiet", "host", "rules", "reason")
        row = {"experiments": count, "stages": len(stages)}
        row["plan"] = best(repeats, folder, sys.executable, "-c", PLAN)
        row["missing"] = best(repeats, folder, *command)
        pretend(folder, stages)
        row["present"] = best(repeats, folder, *command)
        if count == 100:
            row["no_op"] = best(
                repeats, folder, "snakemake", "all", "--cores", "2", "--configfile", "run.yaml"
            )
        row["plain"] = plain_dry_run(len(stages), repeats)
        shutil.rmtree(folder / "store")
        rows.append(row)
    return rows


def pretend(folder: Path, stages: list[Stage]) -> None:
    """The stamps of all stages and a report, which is all that Snakemake looks at."""
    for stage in stages:
        stamp = folder / "store" / stage.name / f"{stage.key}.done"
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.touch()
    (folder / "results").mkdir(exist_ok=True)
    for name in ("report.html", "summary.json"):
        (folder / "results" / name).touch()


def plain_dry_run(jobs: int, repeats: int) -> float:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "Snakefile").write_text(PLAIN.format(jobs=jobs))
        (folder / "made").mkdir()
        for stem in ["first", *range(jobs)]:
            (folder / "made" / f"{stem}.done").touch()
        return best(repeats, folder, "snakemake", "-n", "all", "--quiet", "host", "rules", "reason")


def job(folder: Path, count: int) -> dict[str, float]:
    """Seconds a job that are not its work: a run, less one with nothing to do, less what the jobs record."""
    configuration = pools(count)
    (folder / "run.yaml").write_text(yaml.safe_dump(configuration))
    stages = Plan(load(configuration)).stages["render_proxies"]
    small = [key for key, stage in stages.items() if stage.settings.canonical()["kind"] == "noise"]
    targets = [f"store/render_proxies/{key}.done" for key in small]
    command = ("snakemake", *targets, "--cores", "1", "--configfile", "run.yaml")
    whole = seconds(folder, *command)
    idle = seconds(folder, *command)
    indices = [folder / "store" / "render_proxies" / key / "index.json" for key in small]
    work = sum(json.loads(index.read_bytes())["seconds"] for index in indices)
    return {"job": (whole - idle - work) / count, "plain_job": _plain_job(count)}


def _plain_job(count: int) -> float:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "Snakefile").write_text(PLAIN.format(jobs=count))
        whole = seconds(folder, "snakemake", "all", "--cores", "1")
        return (whole - seconds(folder, "snakemake", "all", "--cores", "1")) / (count + 1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="up to 10 experiments, everything once, 5 jobs")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in PARTS:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
            copy(ROOT / part, folder / part)
        rows = dry_runs(folder, [1, 10] if quick else [1, 10, 100, 1000], 1 if quick else 3)
        found = {"dry_runs": rows} | job(folder, 5 if quick else 20)
    print(f"{'experiments':>12} {'stages':>7} {'plan':>7} {'present':>8} {'missing':>8} {'plain':>7}")
    for row in rows:
        times = " ".join(f"{row[what]:{width}.2f}" for what, width in SHOWN)
        print(f"{row['experiments']:12} {row['stages']:7} {times}")
    print(f"a job: {found['job']:.2f} s; one that only touches a file: {found['plain_job']:.2f} s")
    print(json.dumps(found))


SHOWN = (("plan", 7), ("present", 8), ("missing", 8), ("plain", 7))


if __name__ == "__main__":
    main()
