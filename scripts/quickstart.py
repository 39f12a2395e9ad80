"""Run the default configuration on this machine, and continue one that was killed.

.venv/bin/python scripts/quickstart.py [--configfile FILE]
"""

import argparse
import base64
import json
import os
import subprocess
import sys
from pathlib import Path

from proxykd.configuration import read
from proxykd.errors import UserError, run

LOCKS = Path(".snakemake") / "locks"
INCOMPLETE = Path(".snakemake") / "incomplete"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--configfile", type=Path, default=Path("config.yaml"))
    arguments = parser.parse_args()
    results = read(arguments.configfile).results
    unlock()
    status = subprocess.call([*snakemake(), *options(arguments.configfile)])
    if status == 0:
        show(results)
    return status


def snakemake() -> list[str]:
    """Snakemake of the environment that this program runs in, also for the jobs' `python`."""
    environment = Path(sys.executable).parent
    os.environ["PATH"] = f"{environment}{os.pathsep}{os.environ.get('PATH', '')}"
    return [sys.executable, "-m", "snakemake"]


def options(configfile: Path) -> list[str]:
    """What Snakemake is asked for.

    Its marks of incomplete files are ignored: a stage's stamp is there only when the stage is complete.
    """
    # One job at a time on a GPU, where there is one: Snakemake assigns no devices.
    run = ["all", "--configfile", str(configfile), "--cores", "all", "--resources", "gpu=1"]
    return [*run, "--ignore-incomplete", "--quiet", "host", "reason"]


def unlock() -> None:
    """Remove the locks of a run that was killed. UserError while one is at work in this folder."""
    if not any(LOCKS.glob("*.lock")):
        return
    at_work = running_here()
    if at_work:
        raise UserError(
            f"Snakemake is at work in this folder already (process {at_work[0]}). Wait for it, or stop it."
        )
    print("The last run was killed; continuing where it stopped.")
    subprocess.run([*snakemake(), "--unlock", "--quiet", "all"], check=True, capture_output=True)
    # Snakemake alone would stop at these marks, or with --rerun-incomplete run nothing but their jobs.
    marked = [base64.b64decode(mark.name).decode() for mark in INCOMPLETE.glob("*") if mark.is_file()]
    if marked:
        # It removes the marks, and then complains that these files have no other metadata.
        subprocess.run([*snakemake(), "--cleanup-metadata", *marked], check=False, capture_output=True)


def running_here() -> list[int]:
    """Process numbers of Snakemake in this folder, other than this program."""
    import psutil

    here, found = Path.cwd(), []
    for process in psutil.process_iter(["pid", "cmdline", "cwd"]):
        command = process.info["cmdline"] or []
        is_snakemake = any(Path(word).name == "snakemake" for word in command[:3])
        if is_snakemake and process.info["cwd"] == str(here) and process.info["pid"] != os.getpid():
            found.append(process.info["pid"])
    return found


def show(results: Path) -> None:
    """The figures that people look for first, and where the report is."""
    summary = json.loads((results / "summary.json").read_bytes())
    print(f"\n{summary['title']}")
    for name, experiment in summary["experiments"].items():
        accuracy, agreement = experiment["accuracy"], experiment["agreement"]
        told = f"accuracy {100 * accuracy['mean']:5.1f} %  " if accuracy else ""
        print(f"  {name:20} {told}agreement with the teacher {100 * agreement['mean']:5.1f} %")
    teachers = {e["teacher_accuracy"] for e in summary["experiments"].values() if e["teacher_accuracy"]}
    print(
        "".join(f"  {'the teacher':20} accuracy {100 * accuracy:5.1f} %\n" for accuracy in teachers), end=""
    )
    print(f"\nOpen {(results / 'report.html').resolve()}")


if __name__ == "__main__":
    run(main)
