"""What a run says of its failed jobs: on a real Snakemake here, and of what Slurm and its plugin write."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from checkouts import Checkout
from proxykd.causes import Asked, cause_of, remedy
from proxykd.errors import TERMINATED

KILL = "import os\n\nos.kill(os.getpid(), 9)\n"
BEGINS_ANEW = Asked("score_proxies", 2400, 240)
RENDERING = Asked("render_proxies", 2400, 240)
TRAINING = Asked("train_teacher", 600, 30)


def status(name: str) -> str:
    """As the plugin for Slurm says it where it asks squeue."""
    return (
        f"SLURM-job '7' failed, SLURM status is: '{name}'. Detailed failure reason unavailable (status "
        "command is not 'sacct').For further error details see the cluster/cloud log and the log files of "
        "the involved rule(s)."
    )


CGROUP = (
    "slurmstepd-node1: error: Detected 1 oom-kill event(s) in StepId=1.0. Some of your processes may have "
    "been killed by the cgroup out-of-memory handler.\nsrun: error: node1: task 0: Out Of Memory\n"
)
POLLED = """\
slurmstepd-node1: error: StepId=1.0 exceeded memory limit (433111040 > 209715200), being killed
slurmstepd-node1: error: Exceeded job memory limit
srun: Job step aborted: Waiting up to 7 seconds for job step to finish.
slurmstepd-node1: error: *** STEP 1.0 ON node1 CANCELLED AT 2026-11-23T21:36:14 ***
srun: error: node1: task 0: Killed
"""
OVER = "slurmstepd-node1: error: *** JOB 7 ON node1 CANCELLED AT 2026-11-23T21:36:14 DUE TO TIME LIMIT ***\n"
LOST = (
    "slurmstepd-node1: error: *** JOB 7 ON node1 CANCELLED AT 2026-11-23T21:36:14 DUE TO NODE FAILURE ***\n"
)
CRASH = """\
Traceback (most recent call last):
  File "scripts/proxykd/distillation/student.py", line 59, in distil
    assert settings.augmentation is not None
AssertionError
RuleException:
CalledProcessError in file "workflow/rules/distill_student.smk", line 27:
Command 'set -euo pipefail;  python scripts/distill_student.py' returned non-zero exit status 1.
"""
NOT_PLANNED = (
    'WorkflowError in rule render_proxies in file "workflow/rules/render_proxies.smk", line 1:\n'
    "render_proxies/0123456789abcdef is not in the plan: the configuration or the code changed after the run "
    "began. Start the same command again; it plans anew and reuses what is finished.\n"
)
REFUSED = (
    "SLURM sbatch failed. The error message was 'sbatch: error: invalid partition specified: gpu\n"
    "sbatch: error: Batch job submission failed: Invalid partition name specified'.\n    sbatch call: ..."
)
ENDED = f"12:00:00 {TERMINATED}\n"
TWO_LINES = "12:00:00 a line\n12:00:01 error: There is\nno room.\n"
WENT_ON = "12:00:00 error: old\n12:00:01 another line\n"


@pytest.mark.parametrize(
    ("told", "own", "schedulers", "kind", "said"),
    [
        (status("OUT_OF_MEMORY"), "", "", "memory", "Out of memory: it asked for 600 MB."),
        (status("FAILED"), "", CGROUP, "memory", "Out of memory: it asked for 600 MB."),
        (status("FAILED"), "", POLLED, "memory", "Out of memory: it asked for 600 MB."),
        (status("CANCELLED"), "", POLLED, "memory", "Out of memory: it asked for 600 MB."),
        (status("TIMEOUT"), ENDED, OVER, "time", "Its time limit of 30 min was over."),
        (status("FAILED"), "", OVER, "time", "Its time limit of 30 min was over."),
        (status("NODE_FAIL"), "", "", "node", "Its node was lost."),
        (status("CANCELLED"), "", LOST, "node", "Its node was lost."),
        (status("PREEMPTED"), "", "", "preempted", "It had to make room for another job."),
        (status("CANCELLED by 1000"), "", "", "cancelled", "cancelled, by somebody"),
        (status("CANCELLED"), ENDED, "", "program", TERMINATED),
        (status("FAILED"), TWO_LINES, "", "program", "There is no room."),
        (status("FAILED"), WENT_ON, "", "unknown", "not with a sentence of its own."),
        # The program did not begin: what its log says is said of an earlier run.
        (status("FAILED"), "12:00:00 error: old.\n", NOT_PLANNED, "program", "cdef is not in the plan: "),
        (status("FAILED"), "12:00:00 a line\n", CRASH, "defect", "does not know: AssertionError"),
        (status("FAILED"), "", "Command 'x' died with <Signals.SIGKILL: 9>.", "memory", "Killed (SIGKILL)"),
        ("Command 'x' returned non-zero exit status 137.", "", "", "killed", "Killed (SIGKILL)"),
        (REFUSED, "", "", "submission", "It could not be submitted. sbatch: error: invalid partition"),
        ("Command 'x' returned non-zero exit status 2.", "", "", "unknown", "ended with exit status 2, and"),
        ("", "", "", "unknown", "It ended, and not with a sentence of its own."),
    ],
)  # fmt: skip
def test_why_a_job_failed(told: str, own: str, schedulers: str, kind: str, said: str) -> None:
    cause = cause_of(told, own, schedulers, TRAINING)
    assert cause.kind == kind
    assert said in cause.sentence
    assert "error:" not in cause.sentence.replace("sbatch: error:", "")


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("OUT_OF_MEMORY", TRAINING, "more memory: --set-resources train_teacher:mem_mb=1200, or the same "),
        ("OUT_OF_MEMORY", Asked("train_teacher"), "--set-resources train_teacher:mem_mb=<more>,"),
        ("TIMEOUT", BEGINS_ANEW, "more time: --set-resources score_proxies:runtime=480, or the same "),
        ("TIMEOUT", TRAINING, "the same command again, and it goes on at its last checkpoint; or more time"),
        ("TIMEOUT", RENDERING, "goes on with what is missing; or more time: --set-resources render_proxies:"),
        ("NODE_FAIL", TRAINING, "goes on at its last checkpoint. slurm-requeue: true in slurm/config.yaml"),
        ("CANCELLED", BEGINS_ANEW, "nothing, if it was you; start the same command again."),
        ("FAILED", TRAINING, "this is a defect"),
    ],
)  # fmt: skip
def test_what_to_change(name: str, asked: Asked, said: str) -> None:
    assert said in remedy(cause_of(status(name), "", "", asked), asked)


def test_failed_jobs_on_this_machine(checkout: Checkout, tiny: dict[str, Any]) -> None:
    """Some that the system kills, and some that refuse; all are tried again first."""
    # Its keys belong to the code as it is now, and so it is begun, and killed.
    begins = "from proxykd.stage import"
    checkout.replace("scripts/render_proxies.py", begins, f"{KILL}{begins}")
    (checkout.folder / "nowhere").mkdir()
    tiny["import_images"]["digits"] = {"source": "folder", "path": "nowhere", "size": 8, "channels": 1}
    tiny["experiments"] = {
        name: {"distill_student": {"temperature": i + 1}} for i, name in enumerate("abcde")
    }
    (checkout.folder / "run.yaml").write_text(yaml.safe_dump(tiny))
    command = checkout.snakemake("all", "--keep-going", "--retries", 1, configfile="run.yaml")
    done = checkout.run(*command)
    assert done.returncode == 1
    keys = checkout.keys(tiny)
    assert done.stderr.count(" failed: Killed (SIGKILL), most likely because memory ran out") == 2
    assert done.stderr.count("It is tried again: attempt 2 of 2.") == 5
    report = done.stderr[done.stderr.index("5 jobs failed for good") :]
    for key in keys["render_proxies"]:
        assert re.search(
            rf"^render_proxies/{key} of experiments a, b, c and 2 more failed in the last of 2 attempts: "
            r"Killed \(SIGKILL\), most likely because memory ran out: it asked for \d+ MB\.\n"
            r"    what to change: .*--cores 1, or --resources mem_mb=",
            report,
            re.MULTILINE,
        )
    for key in keys["import_images"]:
        assert re.search(
            rf"^import_images/{key} of .* attempts: nowhere has no class folders\. Put the images .*\n"
            rf"    its log: logs/import_images/{key}\.log\n    what to change: what the sentence above says;",
            report,
            re.MULTILINE,
        )
    assert "Traceback" not in done.stderr
