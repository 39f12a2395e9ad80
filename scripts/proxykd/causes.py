"""Why a job failed, from what Snakemake, a scheduler and the program said of it, and what to do about it.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

GOES_ON = {
    "train_teacher": "at its last checkpoint",
    "distill_student": "at its last checkpoint",
    "render_proxies": "with what is missing",
}
"""Stages that do not begin anew, and where they go on."""
PROFILE = "the same under set-resources in slurm/config.yaml"
STATUS = re.compile(r"SLURM status is: '([A-Z_]+)\b")
SAID_BY_SCHEDULER = {
    "memory": re.compile(
        r"oom-kill event|exceeded memory limit|Exceeded job memory limit|srun: error: .*Out Of Memory"
    ),
    "time": re.compile(r"DUE TO TIME LIMIT"),
    "node": re.compile(r"DUE TO NODE FAILURE"),
    "preempted": re.compile(r"DUE TO PREEMPTION"),
}
"""What Slurm's daemon writes into a job's log. To Slurm, a job whose step was killed is merely FAILED."""
STATES = {
    "OUT_OF_MEMORY": "memory",
    "TIMEOUT": "time",
    "DEADLINE": "time",
    "NODE_FAIL": "node",
    "BOOT_FAIL": "node",
    "PREEMPTED": "preempted",
}
NOT_SUBMITTED = re.compile(r"sbatch failed\. The error message was '(.*?)'\.", re.DOTALL)
LINE = re.compile(r"^\d\d:\d\d:\d\d ", re.MULTILINE)
"""How each line of a program's log begins."""
NOT_PLANNED = re.compile(r"^\s*(\w+/[0-9a-f]{16} is not in the plan: .*)$", re.MULTILINE)
EXCEPTION = re.compile(r"^((?:\w+\.)*\w+(?:Error|Exception)(?:: .*)?)$", re.MULTILINE)
STATUS_OF_EXIT = re.compile(r"non-zero exit status (\d+)")
KILLED = re.compile(r"<Signals\.SIGKILL: 9>|non-zero exit status 137\b|task \d+: Killed")
BY_USER = ("Stopped by SIGTERM", "Interrupted.", "stopped at step")
SNAKEMAKES = ("WorkflowError", "RuleException", "CalledProcessError", "SpawnedJobError")


@dataclass(frozen=True)
class Asked:
    """What a job asked for in its last attempt."""

    stage: str
    mem_mb: int | None = None
    minutes: int | None = None


@dataclass(frozen=True)
class Cause:
    """Why a job failed."""

    kind: str
    sentence: str
    """Ends in a full stop: `Out of memory: it asked for 600 MB.`"""


def cause_of(told: str, own: str, schedulers: str, asked: Asked) -> Cause:
    """Why a job failed.

    told: what Snakemake or its executor said. own: the program's log. schedulers: the text of the
    scheduler's log, in which a cluster's Snakemake writes too.
    """
    state = STATUS.search(told)
    kind = _by_scheduler(state[1] if state else "", schedulers)
    if kind:
        return Cause(kind, _sentence(kind, asked))
    refused = NOT_SUBMITTED.search(told)
    if refused:
        return Cause("submission", f"It could not be submitted. {' '.join(refused[1].split())}")
    last = _not_planned(schedulers) or _last_words(own)
    if last:
        return Cause("program", last.removeprefix("error: "))
    if KILLED.search(told) or KILLED.search(schedulers):
        # On a cluster it is the job's own memory that was too little, on one's own machine that of all jobs.
        return Cause("memory" if state else "killed", _sentence("killed", asked))
    if state and state[1] == "CANCELLED":
        return Cause("cancelled", _sentence("cancelled", asked))
    crash = [one for one in EXCEPTION.findall(schedulers) if not one.startswith(SNAKEMAKES)]
    if crash:
        return Cause("defect", f"An error that the program does not know: {crash[-1]}")
    status = STATUS_OF_EXIT.search(told) or STATUS_OF_EXIT.search(schedulers)
    ended = f" with exit status {status[1]}" if status else ""
    return Cause("unknown", f"It ended{ended}, and not with a sentence of its own.")


def _by_scheduler(state: str, log: str) -> str | None:
    for kind, said in SAID_BY_SCHEDULER.items():
        if STATES.get(state) == kind or said.search(log):
            return kind
    return None


def _sentence(kind: str, asked: Asked) -> str:
    memory = f": it asked for {asked.mem_mb} MB" if asked.mem_mb else ""
    minutes = f" of {asked.minutes} min" if asked.minutes else ""
    return {
        "memory": f"Out of memory{memory}.",
        "time": f"Its time limit{minutes} was over.",
        "node": "Its node was lost.",
        "preempted": "It had to make room for another job.",
        "killed": f"Killed (SIGKILL), most likely because memory ran out{memory}.",
        "cancelled": "It was cancelled, by somebody or by the scheduler.",
    }[kind]


def _not_planned(log: str) -> str | None:
    found = NOT_PLANNED.findall(log)
    return found[-1] if found else None


def _last_words(log: str) -> str | None:
    """The sentence that a program ended with, which may take several lines; None where it did not."""
    last = LINE.split(log)[-1].strip()
    return " ".join(last.split()) if last.startswith(("error: ", *BY_USER)) else None


def remedy(cause: Cause, asked: Asked) -> str:
    """What to change, for a person to act on."""
    again = "start the same command again"
    if asked.stage in GOES_ON:
        again += f", and it goes on {GOES_ON[asked.stage]}"
    if cause.kind == "memory":
        return _more(asked.stage, "mem_mb", asked.mem_mb, "more memory")
    if cause.kind == "time":
        more = _more(asked.stage, "runtime", asked.minutes, "more time")
        return f"{again}; or {more}" if asked.stage in GOES_ON else more
    if cause.kind == "killed":
        return (
            "more memory, or fewer jobs side by side: --cores 1, or --resources mem_mb=<what there is>, with "
            f"which Snakemake counts what each asks for; {again}."
        )
    if cause.kind == "submission":
        return (
            "slurm_partition, slurm_account, gpu_model and the like under default-resources in "
            "slurm/config.yaml, or what this rule asks for under set-resources."
        )
    if cause.kind in ("node", "preempted"):
        return f"nothing; {again}. slurm-requeue: true in slurm/config.yaml lets Slurm do so by itself."
    if cause.kind == "program":
        return f"what the sentence above says; {again}."
    if cause.kind == "cancelled":
        return f"nothing, if it was you; {again}."
    return "nothing that is known: this is a defect, of which the logs and the lines above say more."


def _more(stage: str, resource: str, asked: int | None, what: str) -> str:
    value = str(2 * asked) if asked else "<more>"
    return f"{what}: --set-resources {stage}:{resource}={value}, or {PROFILE}."
