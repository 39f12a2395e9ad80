"""scripts/store.py push and pull: there and back, whatever happens on the way."""

from __future__ import annotations

import re
import resource
import subprocess
import time
from pathlib import Path

import yaml
from exchanged import (
    LARGE,
    SMALL,
    Made,
    Server,
    classes,
    command,
    configuration,
    contents,
    refused,
    reindexed,
    told,
)

from checkouts import copy_checkout


def test_an_experiment_through_s3_to_another_checkout(made: Made, s3: Server, tmp_path: Path) -> None:
    """Pushed here, pulled there: the same bytes, and nothing is left for Snakemake to do but its report."""
    place = "s3://bucket/group"
    told(made.root, "push", "near", "--to", place, *made.configured)
    for result in {path.rpartition("/")[0] for path in s3.put if path.startswith("/bucket/group/")}:
        ours = [path for path in s3.put if path.startswith(result)]
        assert ours.index(f"{result}/index.json") == len(ours) - 1 > 0
    other = copy_checkout(tmp_path / "other")
    configured = ("--configfile", "run.yaml")
    near = configuration()
    del near["experiments"]["far"]
    (other.folder / "run.yaml").write_text(yaml.safe_dump(near))
    pulled = other.python("scripts/store.py", "pull", "near", "--from", place, *configured)
    assert pulled.returncode == 0, pulled.stderr
    wanted = {f"{stage.name}/{stage.key}" for stage in made.plan.experiments[0].stages}
    ours = contents(made.root)
    assert contents(other.store) == {name: ours[name] for name in ours if name.rpartition("/")[0] in wanted}
    verified = other.python("scripts/store.py", "verify")
    assert (verified.returncode, verified.stdout.count("as they were made")) == (0, len(wanted))
    dry = other.run("snakemake", "--dry-run", "all", *configured)
    assert dry.returncode == 0, dry.stderr
    jobs = set(re.findall(r"^([a-z_]+) +\d+$", dry.stdout + dry.stderr, re.MULTILINE))
    assert jobs == {"all", "rank_proxies", "report", "total"}
    listed = told(made.root, "pull", "--from", place).splitlines()
    assert {"/".join(line.split()[:2]) for line in listed[1:]} == wanted
    (pool,) = [line.split() for line in listed if str(LARGE) in line]
    assert f"score_proxies/{pool[-1].rpartition('/')[2]}" in wanted


def test_some_of_an_experiment(made: Made, tmp_path: Path) -> None:
    """What there is of it, with its own teacher's classes."""
    shown = told(made.root, "push", "far", "--to", tmp_path / "there", *made.configured)
    assert shown.startswith("far: 4 of its 11 results are not in the store\n")
    pool = made.name("render_proxies", count=SMALL)
    assert classes(tmp_path / "there" / pool) == made.predicted(made.name("score_proxies", "far"))
    pulled = told(tmp_path, "pull", "far", "--from", tmp_path / "there", *made.configured)
    assert pulled.startswith(f"far: 4 of its 11 results are not in {tmp_path}/there\n")
    assert pulled.count("pulled from") == 7


def test_real_images_may_stay(made: Made, mirror: Path, tmp_path: Path) -> None:
    """Whoever pushes a whole experiment is told that the teacher's images go along, and how to keep them."""
    assert list(mirror.glob("import_images/*/index.json"))
    push = ("push", "near", "--without", "import_images", "--to", tmp_path / "there")
    shown = told(made.root, *push, *made.configured)
    assert "import_images" not in shown
    assert not (tmp_path / "there" / "import_images").exists()
    assert list((tmp_path / "there").glob("distill_student/*/index.json"))
    shown = told(made.root, "push", made.name("import_images"), "--to", tmp_path / "there")
    assert "real images, which are their owners'" in shown


def test_killed_in_the_middle_and_pushed_again(made: Made, s3: Server, tmp_path: Path) -> None:
    """kill -9 while one of its files is on its way: there is no index, so no result; then it is completed."""
    result, place = made.name("select_proxies"), "s3://bucket/killed"
    prefix = f"killed/{result}/"
    s3.hanging = f"{prefix}samples.parquet"
    process = subprocess.Popen(**command(made.root, "push", result, "--to", place))
    try:
        assert s3.reached.wait(60)
        for _ in range(3000):
            if "train-000000.tar" in s3.names(prefix):
                break
            time.sleep(0.02)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
        s3.go.set()
        s3.hanging = ""
    assert "train-000000.tar" in s3.names(prefix)
    assert "index.json" not in s3.names(prefix)
    assert "not finished" in told(tmp_path, "pull", "--from", place)
    s3.put.clear()
    assert " pushed to " in told(made.root, "push", result, "--to", place)
    # What was there already was compared, and not sent again.
    assert not any(path.endswith(".tar") for path in s3.put)
    assert s3.put[-1] == f"/bucket/{prefix}index.json"
    assert told(made.root, "push", result, "--to", place) == f"{result} is at {place} already\n"
    told(tmp_path, "pull", result, "--from", place)
    there = contents(tmp_path)
    assert there == {name: content for name, content in contents(made.root).items() if name in there}
    assert len(there) == 3
    assert told(tmp_path, "pull", result, "--from", place) == f"{result} is in the store already\n"


def test_what_is_read_back_is_compared(made: Made, s3: Server) -> None:
    result = made.name("train_teacher")
    s3.spoilt = f"spoilt/{result}/model.safetensors"
    try:
        said = refused(made.root, "push", result, "--to", "s3://bucket/spoilt")
        assert "model.safetensors is not what was sent" in said
        assert "index.json" not in s3.names(f"spoilt/{result}/")
        told(made.root, "push", result, "--to", "s3://bucket/spoilt", "--no-check")
        assert "index.json" in s3.names(f"spoilt/{result}/")
    finally:
        s3.spoilt = ""


def test_a_full_disk_there_leaves_no_index(made: Made, tmp_path: Path) -> None:
    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    teacher = made.name("train_teacher")
    keywords = command(made.root, "push", teacher, "--to", tmp_path)
    done = subprocess.run(**keywords, capture_output=True, check=False, preexec_fn=no_room)
    assert done.returncode == 1
    assert f"{tmp_path}/{teacher}/model.safetensors: The disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / teacher / "model.safetensors").exists()
    assert not (tmp_path / teacher / "index.json").exists()
    told(made.root, "push", teacher, "--to", tmp_path)
    assert (tmp_path / teacher / "index.json").exists()


def test_a_store_is_pulled_from_and_not_pushed_to(made: Made, tmp_path: Path) -> None:
    result = made.name("attack_boundary")
    told(tmp_path, "pull", result[:-2], "--from", made.root)
    assert contents(tmp_path) == {
        name: content for name, content in contents(made.root).items() if name.startswith(result)
    }
    assert "is a store" in refused(tmp_path, "push", result, "--to", made.root)


def test_another_result_of_that_key_is_kept(made: Made, there: Path, tmp_path: Path) -> None:
    reindexed(there, lambda index: index["files"][0].update(sha256="0" * 64))
    said = refused(made.root, "push", made.name("select_proxies"), "--to", tmp_path / "there")
    assert "holds another result of that key" in said
