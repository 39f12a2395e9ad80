"""Pools of any size: a shard at a time, and of each image no more than a few numbers."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from programs import SCRIPTS, Workplace
from proxykd import shards
from proxykd.encoding import encode
from proxykd.errors import UserError
from proxykd.selection.extraction import Extracted

ROWS, REAL = 2_000_000, 20
BYTES_A_ROW = 76
"""Of the scores of ten classes, as they lie in memory: key, class, confidence, entropy, logits, digest."""
BASE = 40_000_000
"""Bytes that reading in blocks may take, and by which two runs may differ."""


def publish(folder: Path, stage: str, key: str, upstream: dict[str, Any], listed: list[Any]) -> None:
    """An index for what lies in a folder."""
    files = [{"name": shards.TABLE, **shards.file_facts(folder / shards.TABLE)}]
    index = {
        "stage": stage, "key": key, "settings": {}, "upstream": upstream, "data": {}, "source": {},
        "versions": {}, "device": "", "seconds": 1.0, "samples": sum(one["samples"] for one in listed),
        "shards": listed, "files": files, "classes": [str(label) for label in range(10)],
    }  # fmt: skip
    (folder / "index.json").write_text(json.dumps(index))


def make_pool(folder: Path, rows: int) -> None:
    """A pool of real images in its first shard, and scores that let no others be selected: the rest of the
    pool is the last of them again and again."""
    pool, scores = folder / "render_proxies" / "p", folder / "score_proxies" / "p"
    pool.mkdir(parents=True)
    scores.mkdir(parents=True)
    images_NHWC = np.random.default_rng(0).integers(0, 256, (REAL, 4, 4, 1), np.uint8)
    with shards.ShardWriter(pool) as writer:
        for image_HWC in images_NHWC:
            writer.add(image_HWC, {})
    listed: list[Any] = writer.shards
    for first in range(REAL, rows, shards.SAMPLES_PER_SHARD):
        name = shards.shard_name(len(listed))
        (pool / name).touch()
        samples = min(shards.SAMPLES_PER_SHARD, rows - first)
        listed.append({"name": name, "bytes": 0, "samples": samples, "sha256": hashlib.sha256().hexdigest()})
    keys = pa.array([shards.key_of(row) for row in range(rows)])
    pq.write_table(pa.table({"key": keys}), pool / shards.TABLE)
    publish(pool, "render_proxies", "a" * 16, {}, listed)
    numbers = np.minimum(np.arange(rows), REAL - 1)
    columns = {"key": keys, "predicted": numbers % 10, "digest": numbers.astype(np.uint64)}
    pq.write_table(pa.table(columns), scores / shards.TABLE)
    teacher = {"stage": "train_teacher", "key": "b" * 16, "digest": ""}
    upstream = {"pool": [{"stage": "render_proxies", "key": "a" * 16, "digest": ""}], "teacher": [teacher]}
    publish(scores, "score_proxies", "c" * 16, upstream, [])


def peak(folder: Path) -> int:
    """Bytes of memory, at most, while 20 images are selected."""
    command = [sys.executable, str(SCRIPTS / "select_proxies.py"), "--settings", '{"count": 20}']
    for role, stage in {"pool": "render_proxies", "scores": "score_proxies"}.items():
        command += [f"--{role}", str(folder / stage / "p")]
    process = subprocess.Popen(
        [*command, "--out", str(folder / "select_proxies" / "s")], stderr=subprocess.PIPE, cwd=folder
    )
    assert process.stderr is not None
    told = process.stderr.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    assert status == 0, told
    return used.ru_maxrss * 1024


def test_a_large_pool_needs_no_more_memory_than_its_scores(tmp_path: Path) -> None:
    make_pool(tmp_path / "small", REAL)
    make_pool(tmp_path / "large", ROWS)
    taken = peak(tmp_path / "large") - peak(tmp_path / "small")
    assert taken < BYTES_A_ROW * ROWS + BASE
    table = pq.read_table(tmp_path / "large" / "select_proxies" / "s" / shards.TABLE)
    assert sorted(table["pool_key"].to_pylist()) == [shards.key_of(row) for row in range(REAL)]
    index = json.loads((tmp_path / "large" / "select_proxies" / "s" / "index.json").read_text())
    assert index["facts"]["repeated"] == ROWS - REAL


def test_images_come_in_blocks(tmp_path: Path) -> None:
    images_NHWC = np.random.default_rng(0).integers(0, 256, (25, 5, 5, 3), np.uint8)
    with shards.ShardWriter(tmp_path, samples_per_shard=10) as writer:
        for image_HWC in images_NHWC:
            writer.add(image_HWC, {})
    blocks = list(shards.stream_images(tmp_path, writer.shards, 4))
    assert [len(block) for block in blocks] == [4, 4, 2, 4, 4, 2, 4, 1]
    assert np.array_equal(np.concatenate(blocks), images_NHWC)
    assert np.array_equal(shards.read_images(tmp_path, writer.shards), images_NHWC)


def test_images_are_what_they_were_in_their_pools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workplace = Workplace(tmp_path)
    digits = {"source": "digits", "size": 8, "channels": 1, "split": "train", "limit": 200}
    workplace.make("import_images", "d", digits)
    teacher = {"images": "d", "network": {"architecture": "convnet_8"}, "recipe": {"steps": 20, "batch": 32}}
    workplace.make("train_teacher", "t", teacher, images="import_images/d")
    workplace.make("render_proxies", "n", {"kind": "noise", "count": 40, "size": 8, "channels": 1})
    pools, scores = ["import_images/d", "render_proxies/n"], ["score_proxies/d", "score_proxies/n"]
    for pool, name in zip(pools, scores, strict=True):
        workplace.make("score_proxies", name[-1], {}, teacher="train_teacher/t", pool=pool)
    workplace.make("select_proxies", "s", {"count": 90}, pool=pools, scores=scores)
    table = pq.read_table(tmp_path / "select_proxies" / "s" / shards.TABLE)
    known = [pq.read_table(tmp_path / name / shards.TABLE).to_pylist() for name in scores]
    images = [
        shards.read_images(tmp_path / name, workplace.index(name)["shards"])
        for name in [*pools, "select_proxies/s"]
    ]
    assert set(table["pool"].to_pylist()) == {0, 1}
    for place, row in enumerate(table.to_pylist()):
        source = int(row["pool_key"])
        assert np.array_equal(images[2][place], images[row["pool"]][source])
        assert row["predicted"] == known[row["pool"]][source]["predicted"]
        assert not row["filled"]
    assert (table["key"][0].as_py(), table["shard"][0].as_py()) == ("00000000", "train-000000.tar")


def test_the_files_are_those_that_a_shard_writer_would_write(tmp_path: Path) -> None:
    from proxykd.selection.storing import write

    images_NHWC = np.random.default_rng(0).integers(0, 256, (600, 6, 6, 3), np.uint8)
    labels = [int(image_HWC[0, 0, 0]) for image_HWC in images_NHWC]
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    with shards.ShardWriter(tmp_path / "one") as writer:
        for image_HWC, label in zip(images_NHWC, labels, strict=True):
            writer.add(image_HWC, {"label": label})
    written = write(
        tmp_path / "other", 600, lambda place: encode(images_NHWC[place]), {"label": np.array(labels)}
    )
    assert written == writer.shards
    assert (tmp_path / "one" / shards.TABLE).read_bytes() == (tmp_path / "other" / shards.TABLE).read_bytes()


def test_no_room_for_the_images_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with shards.ShardWriter(tmp_path) as writer:
        writer.add(np.zeros((4, 4, 1), np.uint8), {})
    publish(tmp_path, "render_proxies", "a" * 16, {}, writer.shards)
    monkeypatch.setenv("PROXYKD_SCRATCH", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="has no room for the selected images"):
        Extracted([tmp_path], np.zeros(1, int), np.zeros(1, int))
    monkeypatch.setenv("PROXYKD_SCRATCH", str(tmp_path))
    (tmp_path / "train-000000.tar").write_bytes(bytes(writer.shards[0]["bytes"]))
    with pytest.raises(UserError, match="is damaged"):
        Extracted([tmp_path], np.zeros(1, int), np.zeros(1, int))
