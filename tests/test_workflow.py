"""The whole of it under Snakemake, once, on a copy of the checkout."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from checkouts import Checkout, copy_checkout, tiny_configuration, wait_until
from proxykd import store

PAGES = {"all", "rank_proxies", "report"}
"""What is made of finished stages."""


def snakemake(checkout: Checkout, *arguments: object, cores: int = 2) -> subprocess.CompletedProcess[str]:
    # Targets first: --configfile takes all names that follow it.
    return checkout.run("snakemake", *arguments, "--cores", cores, "--configfile", "run.yaml")


def prepare(folder: Path, configuration: dict[str, Any], shared: Path | None = None) -> Checkout:
    checkout = copy_checkout(folder)
    (folder / "run.yaml").write_text(yaml.safe_dump(configuration))
    if shared is not None:
        checkout.environment["PROXYKD_STORE"] = str(shared)
    return checkout


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout in which the tiny run has ended well, with its store elsewhere."""
    folder = tmp_path_factory.mktemp("workflow")
    # A store that is named in an unusual way is the same store.
    checkout = prepare(folder / "first", tiny_configuration(), folder / "our store")
    checkout.environment["PROXYKD_STORE"] += "/./"
    done = snakemake(checkout, "all")
    assert done.returncode == 0, done.stderr
    return checkout


def rules(dry_run: subprocess.CompletedProcess[str]) -> set[str]:
    """The rules in the table of jobs that a dry run shows."""
    assert dry_run.returncode == 0, dry_run.stderr
    return set(re.findall(r"^([a-z_]+) +\d+$", dry_run.stdout + dry_run.stderr, re.MULTILINE)) - {"total"}


def told(done: subprocess.CompletedProcess[str]) -> str:
    """All that was shown, with ordinary spaces."""
    return (done.stdout + done.stderr).replace("\N{NARROW NO-BREAK SPACE}", " ")


def results(place: Path) -> list[Path]:
    return sorted(path.parent for path in place.glob("*/*/index.json"))


def test_a_full_run(finished: Checkout) -> None:
    made = results(finished.store)
    assert all(store.verify(folder).key == folder.name for folder in made)
    assert all(store.stamp_of(folder).exists() for folder in made)
    assert json.loads((finished.folder / "results" / "summary.json").read_text())
    assert (finished.folder / "results" / "report.html").stat().st_size > 1000
    assert not list(finished.store.glob("*/*.partial"))
    assert not list(finished.store.glob("*/*.checkpoint"))
    assert {path.parent.name for path in made} == {
        path.name for path in (finished.folder / "logs").glob("*_*/")
    }


def test_the_second_run_does_nothing(finished: Checkout) -> None:
    done = snakemake(finished, "all")
    assert done.returncode == 0, done.stderr
    assert "Nothing to be done" in done.stdout + done.stderr


def test_one_changed_setting_runs_what_is_downstream(finished: Checkout, tmp_path: Path) -> None:
    configuration = tiny_configuration()
    configuration["distill_student"]["recipe"]["steps"] = 4
    other = prepare(tmp_path / "third", configuration, finished.store)
    shown = snakemake(other, "--dry-run", "all")
    assert rules(shown) == {"distill_student", "evaluate_student", *PAGES}
    # And what that will cost, going by the result with 3 steps of 16 images.
    (cost,) = re.findall(r"^distill_student +1 +64 +\S+ \S?B +(\S+) s$", told(shown), re.MULTILINE)
    (earlier,) = (finished.store / "distill_student").glob("*/index.json")
    assert float(cost) == pytest.approx(json.loads(earlier.read_text())["seconds"] * 4 / 3, abs=0.06)


def test_a_strange_index_keeps_no_run_from_starting(finished: Checkout, tmp_path: Path) -> None:
    """The cost of a run is estimated from whatever lies in the store."""
    configuration = tiny_configuration()
    configuration["distill_student"]["recipe"]["steps"] = 5
    other = prepare(tmp_path / "fourth", configuration, finished.store)
    strange = finished.store / "distill_student" / ("e" * 16) / "index.json"
    strange.parent.mkdir()
    strange.write_text('{"stage": "distill_student", "upstream": {}, "settings": {}}')
    try:
        shown = snakemake(other, "--dry-run", "all")
        assert rules(shown) == {"distill_student", "evaluate_student", *PAGES}
        assert re.search(r"^distill_student +1 +80 ", told(shown), re.MULTILINE)
        assert "Traceback" not in shown.stderr
    finally:
        strange.unlink()
        strange.parent.rmdir()


def test_the_cluster_profile_plans_the_same(finished: Checkout) -> None:
    done = finished.run("snakemake", "--profile", "slurm", "all", "-n", "--configfile", "run.yaml")
    assert rules(done) == set()


def test_snakemakes_own_report_holds_ours(finished: Checkout, tmp_path: Path) -> None:
    done = snakemake(finished, "all", "--report", tmp_path / "own.zip")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "own.zip") as held:
        names = {Path(name).name for name in held.namelist()}
    assert {"report.html", "summary.json"} <= names


def test_a_key_that_is_not_planned_is_a_sentence(finished: Checkout) -> None:
    for stage in ("distill_student", "import_images"):
        done = snakemake(finished, f"{Path(finished.store)}/{stage}/{'0' * 16}.done")
        assert done.returncode != 0
        assert f"{stage}/{'0' * 16} is not in the plan" in done.stderr
        assert "plans anew" in done.stderr
        assert "Traceback (most recent call last)" not in done.stderr


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (
            {"distil_student": {}},
            "distil_student is no setting of an experiment. Did you",
        ),
        ({"seeds": 3}, "seeds must be a list"),
    ],
)
def test_a_mistake_is_one_line(
    finished: Checkout, tmp_path: Path, mistake: dict[str, Any], said: str
) -> None:
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(tiny_configuration() | mistake))
    done = finished.run("snakemake", "-n", "--configfile", tmp_path / "wrong.yaml")
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.full
def test_killed_in_the_middle_and_started_again(tmp_path: Path) -> None:
    """As an empty battery does it: Snakemake and all its jobs at once."""
    configuration = tiny_configuration()
    configuration["proxies"] = [
        {"render_proxies": {"kind": "noise", "count": 9000, "seed": seed}} for seed in range(4)
    ]
    checkout = prepare(tmp_path / "killed", configuration)
    keys = checkout.keys(configuration)["render_proxies"]
    targets = [f"store/render_proxies/{key}.done" for key in keys]
    command = checkout.command("snakemake", *targets, "--cores", 2, "--configfile", "run.yaml")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(**command, **quiet, start_new_session=True)
    try:
        wait_until(lambda: bool(results(checkout.store)) or process.poll() is not None)
        wait_until(lambda: bool(list(checkout.store.glob("*/*.partial"))) or process.poll() is not None)
        assert process.poll() is None
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert 0 < len(results(checkout.store)) < len(keys)
    assert "lock" in snakemake(checkout, *targets).stderr.lower()
    assert snakemake(checkout, "--unlock").returncode == 0
    done = snakemake(checkout, *targets, "--ignore-incomplete")
    assert done.returncode == 0, done.stderr
    assert [store.verify(folder).key for folder in results(checkout.store)] == sorted(keys)
    assert not list(checkout.store.glob("*/*.partial"))


def commands_left(checkout: Checkout) -> list[str]:
    printed = checkout.python("scripts/commands.py", "--configfile", "run.yaml")
    assert printed.returncode == 0, printed.stderr
    return printed.stdout.splitlines()


@pytest.mark.parametrize("count", [2, pytest.param(None, marks=pytest.mark.full)])
def test_the_stages_run_without_snakemake(tmp_path: Path, count: int | None) -> None:
    """All of them, or the first: the list is in an order in which they can run."""
    checkout = prepare(tmp_path / "bare", tiny_configuration(), tmp_path / "store")
    commands = commands_left(checkout)
    done = checkout.run("sh", "-e", "-c", "\n".join(commands[:count]))
    assert done.returncode == 0, done.stderr
    left = [command.split()[1] for command in commands_left(checkout)]
    if count is not None:
        assert left == [command.split()[1] for command in commands[count:]]
        return
    assert left == ["scripts/rank_proxies.py", "scripts/report.py"]
    assert (checkout.folder / "results" / "report.html").is_file()
    # What is made is what Snakemake would have made, and finds.
    assert rules(snakemake(checkout, "all", "--dry-run")) <= PAGES
