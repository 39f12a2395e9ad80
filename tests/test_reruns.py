"""A change reruns exactly what it must: `workflow/runs/smoke.yaml` for real, and which jobs ran."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file, save_file

from checkouts import PACKAGE, SMOKE, Checkout, copy_checkout, finished_jobs, planned_jobs
from harmless import edit_presentation, reformat, reorder, state_defaults, touch
from proxykd import publication, store

RANKING = Counter(rank_proxies=1)
"""The page on proxies, which has the configuration on it and nothing of students."""
REPORT = Counter(report=1, all=1) + RANKING
STUDENTS = Counter(distill_student=2, evaluate_student=1) + REPORT
ATTACK = Counter(attack_boundary=1) + STUDENTS
BOTH_ATTACKS = Counter(attack_boundary=1) + ATTACK
"""That on the selected proxies, and that on the held-out ones."""
SCORES = Counter(score_proxies=2, assess_proxies=1, select_proxies=2) + BOTH_ATTACKS
EVERYTHING = Counter(import_images=3, train_teacher=1, render_proxies=2) + SCORES

Jobs = Callable[..., Counter[str]]


def shown(checkout: Checkout, *targets: object, configfile: Path | str = SMOKE) -> Counter[str]:
    """Rule -> how many jobs would run."""
    command = checkout.snakemake("--dry-run", *(targets or ["all"]), configfile=configfile)
    return planned_jobs(checkout.run(*command))


def ran(checkout: Checkout, *targets: object, configfile: Path | str = SMOKE) -> Counter[str]:
    """Rule -> how many jobs ran in a real run; each of them made a result that is whole."""
    before = checkout.results()
    done = checkout.run(*checkout.snakemake(*(targets or ["all"]), configfile=configfile))
    jobs = finished_jobs(done)
    assert jobs == planned_jobs(done)
    made = checkout.results() - before
    assert all(store.verify(folder).key == folder.name for folder in made)
    assert Counter(folder.parent.name for folder in made) == jobs - Counter(show_teacher=1) - REPORT
    return jobs


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout in which the run has ended well, with its store elsewhere."""
    folder = tmp_path_factory.mktemp("reruns")
    checkout = copy_checkout(folder / "checkout")
    checkout.environment["PROXYKD_STORE"] = str(folder / "store")
    assert ran(checkout) == EVERYTHING
    return checkout


@contextmanager
def edited(checkout: Checkout) -> Iterator[None]:
    """Whatever is edited inside is as it was afterwards, but for its time."""
    tops = [checkout.folder / name for name in ("Snakefile", "scripts", "workflow")]
    files = [path for top in tops for path in [top, *top.rglob("*")] if path.is_file()]
    texts = {path: path.read_bytes() for path in files}
    try:
        yield
    finally:
        for path, text in texts.items():
            if path.read_bytes() != text:
                path.write_bytes(text)


@contextmanager
def extra_results(checkout: Checkout) -> Iterator[None]:
    """Whatever is made inside is removed afterwards, so that it is made for the first time elsewhere too."""
    before = checkout.results()
    try:
        yield
    finally:
        for folder in checkout.results() - before:
            publication.discard(folder)


CHANGES = {
    "a number of the boundary section": (SMOKE, "epsilon: 64", "epsilon: 48", ATTACK),
    "two settings of the student swapped": (SMOKE, "steps: 40, batch: 64", "steps: 64, batch: 40", STUDENTS),
    "two shares of the images swapped": (
        SMOKE,
        "validation_share: 0.15, test_share: 0.2",
        "validation_share: 0.2, test_share: 0.15",
        EVERYTHING - Counter(render_proxies=2),
    ),
    "a constant of the shader renderer": (
        f"{PACKAGE}/proxies/shaders/studio.py",
        "side=256",
        "side=512",
        Counter(render_proxies=2) + SCORES,
    ),
    "a shader's text": (
        f"{PACKAGE}/proxies/shaders/glsl/main.glsl",
        "sum / float(side * side)",
        "0.9 * sum / float(side * side)",
        Counter(render_proxies=2) + SCORES,
    ),
    "a new field of the boundary section": (
        f"{PACKAGE}/boundary/settings.py",
        "    deeper: bool",
        "    fresh: int = 3\n    deeper: bool",
        BOTH_ATTACKS - RANKING,
    ),
    "the student's loss": (
        f"{PACKAGE}/distillation/kl.py",
        "return temperature**2 *",
        "return 2 * temperature**2 *",
        STUDENTS - RANKING,
    ),
    "leaves, and there are shaders alone": (
        f"{PACKAGE}/proxies/leaves.py",
        "LAYER = 256",
        "LAYER = 128",
        Counter(),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_reruns_from_its_stage_on(finished: Checkout, change: str) -> None:
    file, old, new, jobs = CHANGES[change]
    with edited(finished):
        finished.replace(file, old, new)
        assert shown(finished) == jobs


@pytest.mark.full
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_in_a_real_run_and_back(finished: Checkout, change: str) -> None:
    file, old, new, jobs = CHANGES[change]
    summary = finished.folder / "results" / "summary.json"
    before = summary.read_bytes()
    with extra_results(finished):
        with edited(finished):
            finished.replace(file, old, new)
            assert ran(finished) == jobs
            assert shown(finished) == Counter()
        assert ran(finished) == jobs & REPORT
        assert summary.read_bytes() == before
        assert shown(finished) == Counter()


NOTHING = {
    "comments, docstrings and formatting": (reformat, REPORT),
    "order of the configuration": (reorder, REPORT),
    "defaults that are stated": (state_defaults, REPORT),
    "touched files": (touch, Counter()),
    "presentation": (edit_presentation, REPORT),
}


@pytest.mark.parametrize("jobs", [shown, pytest.param(ran, marks=pytest.mark.full)])
@pytest.mark.parametrize("change", NOTHING)
def test_nothing_but_the_report(finished: Checkout, change: str, jobs: Jobs) -> None:
    """Which shows the configuration as it is written, so it is made anew with that."""
    edit, expected = NOTHING[change]
    with edited(finished):
        edit(finished)
        assert jobs(finished) == expected
    # The report as it was, for whoever comes next.
    assert jobs is shown or ran(finished) == expected


@pytest.mark.parametrize("jobs", [shown, pytest.param(ran, marks=pytest.mark.full)])
def test_a_store_that_moved(finished: Checkout, jobs: Jobs) -> None:
    before = finished.store
    moved = before.with_name("moved store")
    before.rename(moved)
    finished.environment["PROXYKD_STORE"] = str(moved)
    try:
        assert jobs(finished) <= REPORT
    finally:
        moved.rename(before)
        finished.environment["PROXYKD_STORE"] = str(before)
    assert jobs is shown or ran(finished) <= REPORT


@pytest.mark.full
def test_a_checkpoint_counts_by_its_content(finished: Checkout, tmp_path: Path) -> None:
    weights, same = tmp_path / "teacher.safetensors", tmp_path / "same.safetensors"
    run, run_same = (import_run(finished, path, tmp_path / f"{path.stem}.yaml") for path in (weights, same))
    pages = Counter(show_teacher=1) + REPORT
    everything = Counter(import_teacher=1, check_teacher=1, show_teacher=1) + SCORES
    with extra_results(finished):
        assert ran(finished, configfile=run) == everything
        os.utime(weights, (0, 0))
        assert shown(finished, configfile=run) == Counter()
        assert shown(finished, configfile=run_same) == pages
        before = weights.read_bytes()
        tensors = load_file(weights)
        tensors["0.weight"][0, 0, 0, 0] += np.float32(0.01)
        save_file(tensors, weights)
        assert ran(finished, configfile=run) == everything
        weights.write_bytes(before)
        assert ran(finished, configfile=run) == pages


def test_a_job_that_runs_again_hides_nothing(finished: Checkout) -> None:
    """It finds its result; what is missing behind it is made all the same, in the same run."""
    with edited(finished):
        finished.replace(SMOKE, "epsilon: 64", "epsilon: 48")
        jobs = shown(finished, "all", "--forcerun", "render_proxies")
        assert jobs - RANKING == ATTACK + Counter(render_proxies=2) - RANKING


def import_run(checkout: Checkout, checkpoint: Path, file: Path) -> Path:
    """The same run with its teacher as somebody's checkpoint."""
    (teacher,) = checkout.store.glob("train_teacher/*/model.safetensors")
    shutil.copy(teacher, checkpoint)
    given = yaml.safe_load((checkout.folder / SMOKE).read_text()) | {"results": str(file.parent)}
    del given["train_teacher"]
    given["import_teacher"] = {"architecture": "convnet_8", "checkpoint": str(checkpoint), "size": 8,
                               "channels": 1, "classes": 10, "mean": [0.3], "deviation": [0.4]}  # fmt: skip
    given["check_teacher"] = {"proxies": given["evaluate_student"]["heldout"]}
    file.write_text(yaml.safe_dump(given))
    return file


def test_a_fresh_clone_makes_its_report_alone(finished: Checkout, tmp_path: Path) -> None:
    first = finished.folder
    git(first, "init", "--quiet")
    git(first, "add", "Snakefile", "config.yaml", "envs", "scripts", "workflow")
    git(first, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "a")
    clone = Checkout(tmp_path / "clone", finished.environment)
    git(tmp_path, "clone", "--quiet", first, clone.folder)
    shutil.rmtree(first / ".git")
    newest = max(path.stat().st_mtime for path in finished.store.rglob("*"))
    assert (clone.folder / "Snakefile").stat().st_mtime > newest
    assert ran(clone) == REPORT
    for name in ("summary.json", "report.html"):
        assert (clone.folder / "results" / name).read_bytes() == (first / "results" / name).read_bytes()


def git(folder: Path, *arguments: object) -> None:
    subprocess.run(["git", "-C", folder, *map(str, arguments)], check=True)
