"""A stage's program: arguments, refusals, what it leaves, and doing nothing twice."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from checkouts import Checkout
from proxykd import store

HEX = "0123456789abcdef"


@pytest.fixture(scope="module")
def made(shared_checkout: Checkout) -> Path:
    """A pool of noise under its own key."""
    first = shared_checkout.folder / "first"
    done = shared_checkout.run(*shared_checkout.render(first))
    assert done.returncode == 0, done.stderr
    return first


def test_it_works_without_snakemake_and_says_what_it_is(made: Path) -> None:
    index = store.verify(made)
    assert (index.stage, index.samples) == ("render_proxies", 40)
    assert index.settings["mean"] == 0.5
    assert [entry.name for entry in index.shards] == ["train-000000.tar"]
    assert {"python", "numpy", "pillow"} <= index.versions.keys()
    assert "scripts/render_proxies.py" in index.source["parts"]
    assert store.stamp_of(made).exists()


def test_a_second_run_does_no_work_and_touches_the_stamp(made: Path, shared_checkout: Checkout) -> None:
    key = store.read_index(made).key
    out = shared_checkout.store / "render_proxies" / f"{key}.done"
    for _ in range(2):
        done = shared_checkout.run(*shared_checkout.render(out, "--key", key))
        assert done.returncode == 0, done.stderr
        if _ == 0:
            before = (store.folder_of(out) / "index.json").stat()
            out.unlink()
    assert "there already" in done.stderr
    assert out.exists()
    assert (store.folder_of(out) / "index.json").stat().st_mtime_ns == before.st_mtime_ns


def test_a_key_that_disagrees_writes_nothing(shared_checkout: Checkout) -> None:
    out = shared_checkout.folder / "elsewhere" / HEX
    done = shared_checkout.run(*shared_checkout.render(out, "--key", HEX))
    assert done.returncode == 1
    assert f"planned as {HEX}" in done.stderr
    assert "plans anew" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in out.parent.iterdir()] == [f"{HEX}.lock"]


def test_other_settings_do_not_pass_for_what_is_there(made: Path, shared_checkout: Checkout) -> None:
    done = shared_checkout.run(*shared_checkout.render(made, count=41))
    assert done.returncode == 1
    assert f"{made} holds render_proxies/" in done.stderr
    assert store.verify(made).samples == 40


def test_a_folder_of_something_else_is_left_alone(shared_checkout: Checkout, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "one.jpg").touch()
    done = shared_checkout.run(*shared_checkout.render(photos))
    assert done.returncode == 1
    assert "something else than a result" in done.stderr
    assert (photos / "one.jpg").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("{", "not valid JSON"),
        ("none.json", "--settings none.json: No such file"),
        ('{"kind": "nose"}', "render_proxies.kind: 'nose' is none of shaders, leaves, noise"),
        ('{"kind": "noise", "count": 0}', "render_proxies.count: Input should be greater"),
        ('{"kind": "noise", "cuont": 1}', "render_proxies.cuont"),
        ('{"kind": "noise"}', "needs size and channels"),
    ],
)
def test_wrong_settings_are_a_sentence(
    shared_checkout: Checkout, tmp_path: Path, settings: str, said: str
) -> None:
    log = tmp_path / "log"
    command = ("scripts/render_proxies.py", "--settings", settings, "--out", tmp_path / "out", "--log", log)
    done = shared_checkout.python(*command)
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    # Snakemake shows the log of a job that failed, a cluster shows nothing else.
    assert said in log.read_text()


def test_settings_from_a_file(made: Path, shared_checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(json.dumps(store.read_index(made).settings))
    command = (
        "scripts/render_proxies.py",
        "--settings",
        tmp_path / "settings.json",
        "--out",
        tmp_path / "out",
    )
    done = shared_checkout.python(*command)
    assert done.returncode == 0, done.stderr
    assert store.read_index(tmp_path / "out").digest == store.read_index(made).digest


def test_upstream_that_is_missing_or_damaged_is_named(
    made: Path, shared_checkout: Checkout, tmp_path: Path
) -> None:
    score = ("scripts/select_proxies.py", "--settings", "{}", "--out", tmp_path / "out", "--scores", made)
    done = shared_checkout.python(*score, "--pool", tmp_path / "none")
    assert "none is no finished result" in done.stderr
    pool = tmp_path / "render_proxies" / HEX
    copied = shared_checkout.run("cp", "-r", made, _parent(pool))
    assert copied.returncode == 0
    table = bytearray((pool / "samples.parquet").read_bytes())
    table[len(table) // 2] ^= 1
    (pool / "samples.parquet").write_bytes(table)
    done = shared_checkout.python(*score, "--pool", pool)
    assert done.returncode == 1
    assert "samples.parquet is damaged" in done.stderr
    assert f"store.py discard render_proxies/{HEX}" in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_that_may_not_be_written_is_a_sentence(shared_checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir(mode=0o555)
    done = shared_checkout.run(*shared_checkout.render(tmp_path / "store" / "render_proxies" / HEX))
    assert done.returncode == 1
    assert "No permission for" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("stage", ["render_proxies", "attack_boundary", "evaluate_student"])
def test_help_is_the_documentation(shared_checkout: Checkout, stage: str) -> None:
    shown = shared_checkout.python(f"scripts/{stage}.py", "--help")
    assert shown.returncode == 0, shown.stderr
    assert "settings" in shown.stdout
    assert "(default: " in shown.stdout
    assert "PydanticUndefined" not in shown.stdout


def _parent(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    return path


def test_a_stamp_whose_result_was_removed_by_hand_goes_too(checkout: Checkout) -> None:
    """Snakemake goes by the stamp, and would never make the result again."""
    pool = checkout.store / "render_proxies" / HEX
    pool.parent.mkdir(parents=True)
    store.stamp_of(pool).touch()
    command = ["scripts/select_proxies.py", "--settings", "{}", "--pool", f"{pool}.done", "--scores", pool]
    done = checkout.python(*command, "--out", "selected")
    assert done.returncode == 1
    assert done.stderr.endswith("Start the same command again: it is made anew.\n")
    assert not store.stamp_of(pool).exists()
    again = checkout.python(*command, "--out", "selected")
    assert "is no finished result" in again.stderr
