"""On the one-node Slurm that run.sh starts: what jobs ask for, and what becomes of those that fail.

Not collected by `make test`, for its name: `make test-slurm`.
"""

from __future__ import annotations

import json
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from cluster import LATER, Job, Run, jobs_of, scontrol, text

from checkouts import Checkout, copy_checkout
from proxykd.errors import TERMINATED

ASKED = {
    "import_images": (0, 1, 60, 1000),
    "train_teacher": (1, 8, 600, 8000),
    "render_proxies": (0, 2, 240, 2000),
    "score_proxies": (1, 2, 120, 6000),
    "assess_proxies": (1, 2, 60, 6000),
    "select_proxies": (1, 2, 120, 2500),
    "attack_boundary": (1, 8, 480, 6000),
    "distill_student": (1, 8, 1440, 8000),
    "evaluate_student": (1, 2, 60, 6000),
}
"""Stage -> GPUs, cores, minutes, and megabytes without data."""
SMALL = 50
"""Megabytes, at most, that the smoke run's data add."""
SMOKE = "workflow/runs/smoke.yaml"
FAILURES = Path(__file__).parent / "failures.yaml"
TOO_LITTLE = 60
"""Megabytes in which not even Snakemake finds room on the node."""
RENDERED = 400
"""Megabytes that are too few for the large pool, and enough when doubled."""
LINE = "{:<17} {:16} {:>4} {:>5} {:>8} {:>8} {:>8} {:>7} {:>6}"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    """All runs at once: they wait for Slurm's clock more than for the machine."""
    folder = tmp_path_factory.mktemp("slurm").resolve()
    started = {name: start(folder / name) for name, start in STARTS.items()}
    _change_under(started["stale"])
    _pause_training(started["failures"])
    yield started
    for run in started.values():
        run.stop()


def _smoke(folder: Path) -> Run:
    return Run.start(copy_checkout(folder), SMOKE, "all", "--retries", 0)


def _failures(folder: Path) -> Run:
    checkout, configuration = _with(folder, FAILURES.read_text())
    keys = checkout.keys(configuration)
    stages = {stage: keys[stage] for stage in ("train_teacher", "render_proxies")}
    targets = [f"store/{stage}/{key}.done" for stage, several in stages.items() for key in several]
    large = _key_of(checkout, configuration, count=60_000)
    asked = [
        "train_teacher:runtime=1",
        f"render_proxies:mem_mb=attempt * {RENDERED} if wildcards.key == '{large}' else {TOO_LITTLE}",
    ]
    options = ["--retries", 1, "--set-threads", "train_teacher=1", "--set-resources", *asked]
    return Run.start(checkout, "run.yaml", *targets, *options, PROXYKD_CHECKPOINT_SECONDS="1")


def _lost(folder: Path, before: Checkout) -> Run:
    """The training of `_failures` once more, with the images that were imported for it."""
    checkout, configuration = _with(folder, FAILURES.read_text())
    shutil.copytree(before.folder / "store/import_images", checkout.store / "import_images")
    (key,) = checkout.keys(configuration)["train_teacher"]
    options = ["--retries", 1, "--slurm-no-requeue", "--set-threads", "train_teacher=1"]
    target = f"store/train_teacher/{key}.done"
    return Run.start(checkout, "run.yaml", target, *options, PROXYKD_CHECKPOINT_SECONDS="1")


def _stale(folder: Path) -> Run:
    checkout, configuration = _with(folder, FAILURES.read_text())
    configuration["proxies"][0]["render_proxies"]["count"] = 200
    (folder / "run.yaml").write_text(yaml.safe_dump(configuration))
    keys = checkout.keys(configuration)
    targets = [f"store/render_proxies/{key}.done" for key in keys["render_proxies"]]
    targets.append(f"store/import_images/{keys['import_images'][0]}.done")
    _edit_profile(checkout)
    return Run.start(checkout, "run.yaml", *targets, "--retries", 0)


def _edit_profile(checkout: Checkout) -> None:
    """As a cluster's user does it who needs another partition, scratch, and more of everything for a rule."""
    profile = checkout.folder / "slurm/config.yaml"
    text = profile.read_text()
    for example, edited in (
        ("  #slurm_partition: main\n", f"  slurm_partition: {LATER}\n"),
        ("  #tmpdir: /scratch/$SLURM_JOB_ID\n", "  tmpdir: scratch/$SLURM_JOB_ID\n"),
        ("#set-resources:\n", "set-resources:\n  render_proxies: {runtime: 3h, mem_mb: attempt * 3000}\n"),
        ("#set-threads:\n", "set-threads:\n  render_proxies: 3\n"),
    ):
        assert example in text
        text = text.replace(example, edited)
    profile.write_text(text)


STARTS = {"failures": _failures, "smoke": _smoke, "stale": _stale}


def _change_under(run: Run) -> None:
    """Edit configuration and code while the jobs wait, then let them begin."""
    run.until(lambda: len(jobs_of(run.checkout)) == 3)
    file, program = run.checkout.folder / "run.yaml", run.checkout.folder / "scripts/import_images.py"
    configuration = yaml.safe_load(file.read_text())
    run.noted["before"] = run.checkout.keys(configuration)
    configuration["proxies"][0]["render_proxies"]["count"] += 1
    file.write_text(yaml.safe_dump(configuration))
    program.write_text(program.read_text() + "\nX = 1\n")
    run.noted["after"] = run.checkout.keys(configuration)
    scontrol("update", f"PartitionName={LATER}", "State=UP")


def _pause_training(run: Run) -> None:
    """Stop the training, which is short, until Slurm ends it at its limit, as it would a long one."""
    place = run.checkout.folder / "store/train_teacher"
    state = run.until(
        lambda: next((path for path in place.glob("*.checkpoint/state.pt") if _saved(path)["records"]), None)
    )
    # By its folder: another run's training may have the same key.
    (program,) = (one for one in run.processes() if "scripts/train_teacher.py" in one.cmdline()[1:2])
    program.send_signal(signal.SIGSTOP)
    run.noted["checkpoint"] = shutil.copy(state, run.checkout.folder / "kept.pt")


def _saved(state: Path) -> dict[str, Any]:
    return torch.load(state, weights_only=True)


def _with(folder: Path, configuration: str) -> tuple[Checkout, dict[str, Any]]:
    checkout = copy_checkout(folder)
    (folder / "run.yaml").write_text(configuration)
    return checkout, yaml.safe_load(configuration)


def _key_of(checkout: Checkout, configuration: dict[str, Any], count: int) -> str:
    """The pool of so many images: the one that goes when its number does."""
    other = json.loads(json.dumps(configuration))
    other["proxies"][0]["render_proxies"]["count"] = count + 1
    before, after = (set(checkout.keys(one)["render_proxies"]) for one in (configuration, other))
    (key,) = before - after
    return key


def test_a_training_goes_on_where_its_time_was_over(runs: dict[str, Run]) -> None:
    run = runs["failures"]
    (log,) = (run.checkout.folder / "logs/train_teacher").glob("*.log")
    run.until(lambda: TERMINATED in text(log))
    assert run.end() == 1
    result = _went_on(run, "TIMEOUT", "Its time limit of 1 min was over.")
    assert [job.minutes for job in jobs_of(run.checkout) if job.stage == "train_teacher"] == [1, 1]
    assert _weights(result) == _weights(_uninterrupted(run.checkout, result))


def _went_on(run: Run, state: str, why: str) -> Path:
    """The result of a training whose first job ended in a state, and whose second one went on."""
    first, second = (job for job in jobs_of(run.checkout) if job.stage == "train_teacher")
    assert [job.shown["JobState"] for job in (first, second)] == [state, "COMPLETED"]
    name = f"train_teacher/{first.key}"
    assert f"{name} failed: {why} It is tried again: attempt 2 of 2.\n" in run.told
    result = run.checkout.folder / "store" / name
    saved = _saved(run.noted["checkpoint"])
    records = [json.loads(line) for line in (result / "metrics.jsonl").read_text().splitlines()]
    # With the seconds that the first attempt measured: they are its own records.
    assert records[: len(saved["records"])] == saved["records"]
    assert saved["step"] < records[-1]["step"]
    return result


def _uninterrupted(checkout: Checkout, result: Path) -> Path:
    """The same training once more, without Slurm."""
    index = json.loads((result / "index.json").read_text())
    places = [
        word
        for role, several in index["upstream"].items()
        for word in (f"--{role}", *(f"store/{one['stage']}/{one['key']}" for one in several))
    ]
    settings = ["--settings", json.dumps(index["settings"])]
    done = checkout.python(
        "scripts/train_teacher.py", *settings, *places, "--out", "again", OMP_NUM_THREADS="1"
    )
    assert done.returncode == 0, done.stderr
    return checkout.folder / "again"


def _weights(result: Path) -> str:
    files = json.loads((result / "index.json").read_text())["files"]
    return next(one["sha256"] for one in files if one["name"] == "model.safetensors")


def test_a_job_out_of_memory_gets_twice_as_much(runs: dict[str, Run]) -> None:
    run = runs["failures"]
    assert run.end() == 1
    large, _ = _renderings(run)
    assert [job.megabytes for job in large] == [RENDERED, 2 * RENDERED]
    assert large[1].shown["JobState"] == "COMPLETED"
    name = f"render_proxies/{large[0].key}"
    told = f"{name} failed: Out of memory: it asked for {RENDERED} MB. It is tried again: attempt 2 of 2.\n"
    assert told in run.told
    assert (run.checkout.folder / "store" / name / "index.json").exists()


def test_in_the_end_it_is_said_what_to_change(runs: dict[str, Run]) -> None:
    run = runs["failures"]
    assert run.end() == 1
    _, small = _renderings(run)
    assert [job.megabytes for job in small] == [TOO_LITTLE, TOO_LITTLE]
    report = run.told[run.told.index("1 job failed for good, and nothing that depends on that was made:") :]
    lines = [line for line in report.splitlines()[1:6] if line]
    assert lines[0] == (
        f"render_proxies/{small[0].key} of experiment base failed in the last of 2 attempts: Out of memory: "
        f"it asked for {TOO_LITTLE} MB."
    )
    log = Path(lines[1].removeprefix("    the scheduler's: "))
    assert log.stem == small[1].shown["JobId"]
    assert log.read_text()
    assert lines[2] == (
        f"    what to change: more memory: --set-resources render_proxies:mem_mb={2 * TOO_LITTLE}, or the "
        "same under set-resources in slurm/config.yaml."
    )


def _renderings(run: Run) -> list[list[Job]]:
    """The jobs of the large pool, and those of the small one."""
    jobs = [job for job in jobs_of(run.checkout) if job.stage == "render_proxies"]
    large = {job.key for job in jobs if job.megabytes >= RENDERED}
    return [[job for job in jobs if (job.key in large) is wanted] for wanted in (True, False)]


def test_jobs_that_waited_while_configuration_and_code_changed(runs: dict[str, Run]) -> None:
    run = runs["stale"]
    assert run.end() == 1
    before, after = run.noted["before"], run.noted["after"]
    (same,) = set(before["render_proxies"]) & set(after["render_proxies"])
    jobs = {(job.stage, job.key) for job in jobs_of(run.checkout)}
    gone = jobs - {("render_proxies", same)}
    assert {stage for stage, _ in gone} == {"render_proxies", "import_images"}
    for stage, key in gone:
        assert key not in after[stage]
        assert (
            f"{stage}/{key} of experiment base failed: {stage}/{key} is not in the plan: the configuration "
            "or the code changed after the run began. Start the same command again; it plans anew and reuses "
            "what is finished.\n"
        ) in run.told
    # And the profile's own words count, in place of the rule's.
    renderings = [job for job in jobs_of(run.checkout) if job.stage == "render_proxies"]
    assert [(job.cores, job.megabytes, job.minutes) for job in renderings] == [(3, 3000, 180)] * 2
    made = next(job for job in renderings if job.key == same)
    assert (run.checkout.folder / "scratch" / made.shown["JobId"]).is_dir()
    # What nothing had changed for is there, and nothing else, under whatever key.
    there = {path.parent.name for path in (run.checkout.folder / "store").glob("*/*/index.json")}
    assert there == {same}


def test_each_stage_is_a_job_with_what_its_rule_asks_for(
    runs: dict[str, Run], capsys: pytest.CaptureFixture[str]
) -> None:
    run = runs["smoke"]
    assert run.end() == 0, run.told
    jobs = jobs_of(run.checkout)
    with capsys.disabled():
        _show(jobs, run.checkout)
    planned = run.checkout.keys(yaml.safe_load((run.checkout.folder / SMOKE).read_text()))
    wanted = Counter((stage, key) for stage, keys in planned.items() for key in keys)
    assert Counter((job.stage, job.key) for job in jobs) == wanted
    for job in jobs:
        gpus, cores, minutes, megabytes = ASKED[job.stage]
        if job.stage == "select_proxies":
            # A selection that fills no class looks at no image.
            index = json.loads((run.checkout.store / job.stage / job.key / "index.json").read_text())
            gpus = int(index["settings"]["fill"] != "none" and index["settings"]["balance"] != "none")
        assert (job.gpus, job.cores, job.minutes) == (gpus, cores, minutes), job.shown
        assert megabytes <= job.megabytes <= megabytes + SMALL, job.shown
        assert job.shown["NumNodes"] == "1"
    summary = json.loads((run.checkout.folder / "results/summary.json").read_text())
    assert summary["experiments"]["shaders+boundary"]["accuracy"]["n"] == 2


def _show(jobs: list[Job], checkout: Checkout) -> None:
    """What Slurm showed of each job, with the seconds that it waited, had, and needed for its own work."""
    print(
        "\n" + LINE.format("stage", "key", "GPUs", "cores", "MB", "minutes", "waited s", "took s", "work s")
    )
    for job in jobs:
        index = json.loads((checkout.folder / "store" / job.stage / job.key / "index.json").read_text())
        waited, took = job.seconds("SubmitTime", "StartTime"), job.seconds("StartTime", "EndTime")
        seconds = [f"{waited:.0f}", f"{took:.0f}", f"{index['seconds']:.1f}"]
        asked = [job.gpus, job.cores, f"{job.megabytes:.0f}", job.minutes]
        print(LINE.format(job.stage, job.key, *asked, *seconds))


def test_a_training_goes_on_after_its_node_was_lost(runs: dict[str, Run]) -> None:
    """Last of all: whatever is at work on the node is lost with it."""
    for run in runs.values():
        run.end()
    before = runs["failures"].checkout
    runs["lost"] = run = _lost(before.folder.parent / "lost", before)
    _pause_training(run)
    node = jobs_of(run.checkout)[0].shown["NodeList"]
    scontrol("update", f"NodeName={node}", "State=DOWN", "Reason=lost")
    # It comes back by itself where the daemon still speaks.
    assert run.end() == 0, run.told
    result = _went_on(run, "NODE_FAIL", "Its node was lost.")
    assert _weights(result) == _weights(before.folder / result.relative_to(run.checkout.folder))
