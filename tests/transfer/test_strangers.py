"""What was pushed, for those who have no ProxyKD: the teacher's classes, the cards, and their snippets."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from exchanged import LARGE, SMALL, Made, classes, refused, told, tool

from proxykd import store

STRANGER = """
import contextlib, io, json, os, re, sys
import pyarrow.parquet as pq
import webdataset as wds
from datasets import load_dataset
selection, pool, *cards = sys.argv[1:]
shards = [f"{pool}/train-{i:06d}.tar" for i in range(2)]
streamed = wds.WebDataset(shards, shardshuffle=False).decode("pil")
loaded = load_dataset("webdataset", data_dir=selection, split="train")
known = load_dataset(selection, split="train")
table = pq.read_table(f"{selection}/samples.parquet")
found = {
    "streamed": {sample["__key__"]: [sample["cls"], sample["png"].size[0]] for sample in streamed},
    "loaded": {sample["__key__"]: sample["cls"] for sample in loaded},
    "known": {sample["__key__"]: sample["cls"] for sample in known},
    "size": loaded[0]["png"].size,
    "rows": dict(zip(table["key"].to_pylist(), table["predicted"].to_pylist())),
}
for folder in cards:
    os.chdir(folder)
    told = found[folder] = []
    for snippet in re.findall(r"```python\\n(.*?)```", open("README.md").read(), re.DOTALL):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(snippet, {})
        told.append(printed.getvalue())
found["ours"] = [name for name in sys.modules if name.startswith("proxykd")]
print(json.dumps(found))
"""
CARDS = (
    "select_proxies",
    "attack_boundary",
    "import_images",
    "distill_student",
    "score_proxies",
    "evaluate_student",
)


@pytest.fixture(scope="module")
def stranger(made: Made, mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a program finds that knows nothing of ProxyKD, away from the network."""
    away = tmp_path_factory.mktemp("away")
    known = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    known |= {"HF_HUB_OFFLINE": "1", "HF_HOME": str(away), "HF_DATASETS_CACHE": str(away / "cache")}
    names = [made.name("select_proxies"), made.name("render_proxies", count=LARGE)]
    places = [str(mirror / name) for name in [*names, *map(made.name, CARDS)]]
    words = [sys.executable, "-c", STRANGER, *places]
    done = subprocess.run(words, env=known, cwd=away, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_strangers_read_it_with_the_teachers_classes(made: Made, stranger: dict[str, Any]) -> None:
    pool = made.name("render_proxies", count=LARGE)
    (scores,) = scored(made, pool)
    predicted = made.predicted(scores)
    assert len(predicted) == LARGE
    assert stranger["streamed"] == {key: [label, 8] for key, label in predicted.items()}
    selected = made.predicted(made.name("select_proxies"))
    assert stranger["loaded"] == stranger["known"] == stranger["rows"] == selected
    assert (stranger["size"], stranger["ours"]) == ([8, 8], [])


def test_each_card_says_how_to_open_it(made: Made, mirror: Path, stranger: dict[str, Any]) -> None:
    shown = {stage: stranger[str(mirror / made.name(stage))] for stage in CARDS}
    for stage in ("select_proxies", "attack_boundary"):
        predicted = made.predicted(made.name(stage))
        *opened, table = shown[stage]
        assert opened == [f"00000000 (8, 8) {predicted['00000000']}\n"] * 2
        assert table.startswith(f"{len(predicted)} ['key', 'shard'")
    assert shown["import_images"][:2] == ["00000000 (8, 8)\n"] * 2
    assert [told.split()[:2] for told in shown["distill_student"]] == [["convnet_8", "10"]]
    assert re.match(r"\d+ \['key', 'predicted'", shown["score_proxies"][0])
    assert "'fidelity'" in shown["evaluate_student"][0]


def test_each_card_says_what_it_is(made: Made, mirror: Path) -> None:
    stages = {path.parent.parent.name for path in mirror.glob("*/*/README.md")}
    cards = {stage: (mirror / made.name(stage) / "README.md").read_text() for stage in stages}
    fronts = {stage: yaml.safe_load(card.split("---\n")[1]) for stage, card in cards.items()}
    index = store.read_index(made.root / made.name("select_proxies"))
    histogram = index.facts["histogram"]
    assert all(
        f"| {number} | {number} | {count} |" in cards["select_proxies"]
        for number, count in enumerate(histogram)
    )
    assert "selected by a teacher's opinion" in cards["select_proxies"]
    assert "Synthetic images" in cards["render_proxies"]
    assert "not synthetic" in cards["import_images"]
    assert "synthetic" in fronts["select_proxies"]["tags"]
    assert "synthetic" not in fronts["import_images"]["tags"]
    for known in (index.key, index.digest, index.source["digest"], index.upstream["pool"][0].digest):
        assert known in cards["select_proxies"]
    assert fronts["select_proxies"]["configs"][0]["data_files"] == [{"split": "train", "path": "train-*.tar"}]
    assert fronts["select_proxies"]["size_categories"] == ["n<1K"]
    assert fronts["train_teacher"]["pipeline_tag"] == "image-classification"


def test_real_images_get_the_teachers_class_and_never_their_own(made: Made, tmp_path: Path) -> None:
    images = made.name("import_images", split="test")
    told_of = told(made.root, "push", images, "--to", tmp_path / "there")
    assert "without .cls: the store has no scores of it" in told_of
    assert "no teacher's opinion" in (tmp_path / "there" / images / "README.md").read_text()
    scores = made.make("score_proxies", {}, teacher=made.name("train_teacher"), pool=images)
    try:
        # What lies there without classes is completed.
        assert "pushed" in told(made.root, "push", images[:-4], "--to", tmp_path / "there")
        assert classes(tmp_path / "there" / images) == made.predicted(scores)
        labels = pq.read_table(made.root / images / "samples.parquet")["label"].to_pylist()
        assert list(made.predicted(scores).values()) != labels
    finally:
        assert tool(made.root, "discard", scores, "--yes").returncode == 0


def scored(made: Made, pool: str) -> list[str]:
    """The scores of a pool."""
    every = [path.parent for path in made.root.glob("score_proxies/*/index.json")]
    return [
        f"score_proxies/{folder.name}"
        for folder in every
        if store.read_index(folder).upstream["pool"][0].key == pool.rpartition("/")[2]
    ]


def test_a_pool_with_scores_of_two_teachers_asks(made: Made, tmp_path: Path) -> None:
    pool = made.name("render_proxies", count=SMALL)
    teachers = [made.name("train_teacher", experiment) for experiment in ("near", "far")]
    of_far = made.name("score_proxies", "far")
    (of_near,) = set(scored(made, pool)) - {of_far}
    push = ("push", pool, "--to", tmp_path)
    said = refused(made.root, *push)
    assert all(name in said for name in (of_near, of_far, *teachers, "--scores"))
    assert not list(tmp_path.iterdir())
    for scores in (of_far, of_near):
        told(made.root, *push, "--scores", scores)
        assert classes(tmp_path / pool) == made.predicted(scores)
        assert scores in (tmp_path / pool / "README.md").read_text()
    # Nobody's classes are replaced by the way.
    shown = told(made.root, "push", "far/render_proxies", "--to", tmp_path, *made.configured)
    assert f"already, with the classes of {of_near}" in shown
    assert classes(tmp_path / pool) == made.predicted(of_near) != made.predicted(of_far)
    (wrong,) = scored(made, made.name("render_proxies", count=LARGE))
    assert f"{wrong} are scores of " in refused(made.root, *push, "--scores", wrong)
