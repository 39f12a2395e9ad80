"""Classes that the pools lack are filled on purpose; what counts is the image that is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from programs import Workplace
from proxykd import shards, store
from proxykd.networks.files import load
from proxykd.networks.outputs import logits_of, softmax
from proxykd.selection.filling import carry
from proxykd.selection.settings import ScoreProxies, SelectProxies
from proxykd.source import stage_source
from trained import digit_images, digit_teacher

KNOWN = {"pool": "render_proxies/n", "scores": "score_proxies/n"}
STAGES = {"pool": "render_proxies", "scores": "score_proxies"}
TAUGHT = KNOWN | {"teacher": "train_teacher/t"}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A teacher of ten digits, and noise in which it sees few of them."""
    workplace = Workplace(tmp_path_factory.mktemp("filling"))
    digits = {"source": "digits", "size": 8, "channels": 1, "split": "train"}
    workplace.make("import_images", "d", digits)
    teacher = {"images": "d", "network": {"architecture": "convnet_8"}, "recipe": {"steps": 80, "batch": 64}}
    workplace.make("train_teacher", "t", teacher, images="import_images/d")
    workplace.make("render_proxies", "n", {"kind": "noise", "count": 300, "size": 8, "channels": 1})
    workplace.make("score_proxies", "n", {}, teacher="train_teacher/t", pool="render_proxies/n")
    return workplace


def read(workplace: Workplace, result: str) -> tuple[np.ndarray, Any, dict[str, Any]]:
    """Images and rows as they are in the store, and the facts."""
    index = workplace.index(result)
    images_NHWC = shards.read_images(workplace.folder / result, index["shards"])
    return images_NHWC, pq.read_table(workplace.folder / result / shards.TABLE), index["facts"]


@pytest.mark.parametrize(("fill", "confidence"), [("empty", 0.5), ("short", 0.7)])
def test_no_class_is_left_empty(fill: str, confidence: float, workplace: Workplace) -> None:
    histogram = workplace.index("score_proxies/n")["facts"]["histogram"]
    assert histogram.count(0) > 1
    settings = {"count": 100, "fill": fill, "fill_confidence": confidence}
    made = workplace.make("select_proxies", fill, settings, **TAUGHT)
    images_NHWC, table, facts = read(workplace, made)
    wanted = [max(0, 10 - n) if fill == "short" or n == 0 else 0 for n in histogram]
    assert facts["filled"] == {str(label): n for label, n in enumerate(wanted) if n}
    assert facts["empty_classes"] == 0
    assert facts["histogram"] == [min(10, n) + more for n, more in zip(histogram, wanted, strict=True)]
    said_NK = softmax(logits_of(load(workplace.out("train_teacher", "t")), images_NHWC, "cpu"))
    predicted_N = table["predicted"].to_numpy()
    assert np.array_equal(said_NK.argmax(1), predicted_N)
    filled_N = table["filled"].to_numpy(zero_copy_only=False)
    assert filled_N.sum() == sum(wanted)
    assert said_NK.max(1)[filled_N].min() >= confidence - 1e-4


def test_a_row_says_what_an_image_was_made_of(workplace: Workplace) -> None:
    made = workplace.make("select_proxies", "made-of", {"count": 60, "fill_epsilon": 90}, **TAUGHT)
    images_NHWC, table, facts = read(workplace, made)
    pool_NHWC, _, _ = read(workplace, "render_proxies/n")
    scores = pq.read_table(workplace.out("score_proxies", "n") / shards.TABLE)["predicted"].to_pylist()
    rows = [row for row in table.to_pylist() if row["filled"]]
    assert len({row["pool_key"] for row in rows if row["predicted"] == rows[0]["predicted"]}) > 1
    for row in table.to_pylist():
        source = int(row["pool_key"])
        change = np.abs(images_NHWC[int(row["key"])].astype(int) - pool_NHWC[source]).max()
        assert change == row["distance"] <= 90
        assert (scores[source] != row["predicted"]) == row["filled"] == (row["distance"] > 0)
    assert facts["distance"] == np.median([row["distance"] for row in rows])


def test_the_same_again(workplace: Workplace) -> None:
    results = [workplace.make("select_proxies", name, {"count": 100}, **TAUGHT) for name in ("a", "b")]
    digests = {store.read_index(workplace.folder / result).digest for result in results}
    assert len(digests) == 1


def test_what_cannot_be_reached_is_recorded_and_ends(workplace: Workplace) -> None:
    settings = {"count": 100, "fill_epsilon": 0.4}
    _, table, facts = read(workplace, workplace.make("select_proxies", "far", settings, **TAUGHT))
    assert facts["filled"] == {}
    assert facts["distance"] is None
    assert set(facts["attacked"]) <= set(facts["shortfall"])
    assert min(facts["attacked"].values()) >= 64
    assert not any(table["filled"].to_pylist())
    status, told = workplace.run("select_proxies", "fail", settings | {"unfilled": "fail"}, **TAUGHT)
    assert status == 1
    assert "cannot fill every class" in told


def test_without_a_teacher_no_class_is_filled(workplace: Workplace) -> None:
    _, table, facts = read(workplace, workplace.make("select_proxies", "without", {"count": 100}, **KNOWN))
    assert facts["filled"] == {}
    assert facts["shortfall"]
    assert not any(table["filled"].to_pylist())


def test_another_teacher_is_refused(workplace: Workplace) -> None:
    teacher = {"images": "d", "network": {"architecture": "convnet_8"}, "recipe": {"steps": 2, "batch": 32}}
    workplace.make("train_teacher", "other", teacher, images="import_images/d")
    other = KNOWN | {"teacher": "train_teacher/other"}
    status, told = workplace.run("select_proxies", "x", {"count": 10}, **other)
    assert status == 1
    assert "--scores are of another teacher than --teacher" in told


def test_pools_that_two_teachers_scored_are_refused(workplace: Workplace) -> None:
    teacher = {"images": "d", "network": {"architecture": "convnet_8"}, "recipe": {"steps": 3, "batch": 32}}
    workplace.make("train_teacher", "third", teacher, images="import_images/d")
    workplace.make("render_proxies", "m", {"kind": "noise", "count": 40, "size": 8, "channels": 1, "seed": 1})
    workplace.make("score_proxies", "m", {}, teacher="train_teacher/third", pool="render_proxies/m")
    both = {role: [f"{stage}/n", f"{stage}/m"] for role, stage in STAGES.items()}
    status, told = workplace.run("select_proxies", "z", {"count": 10}, **both)
    assert status == 1
    assert "--scores are of different teachers" in told


@pytest.mark.parametrize(("epsilon", "levels"), [(0.6, 0), (20.5, 20), (40.7, 40)])
def test_no_pixel_goes_further_than_asked(epsilon: float, levels: int) -> None:
    images_NHWC, labels_N = digit_images("test")
    source_NHWC = images_NHWC[labels_N != 3][:40]
    settings = SelectProxies(fill_epsilon=epsilon, fill_confidence=0.99)
    carried_NHWC, _ = carry(digit_teacher(), torch.from_numpy(source_NHWC), 3, settings)
    assert np.abs(carried_NHWC.astype(int) - source_NHWC).max() == levels


def test_a_selection_by_features_needs_them(workplace: Workplace) -> None:
    settings = {"count": 30, "within": "diverse"}
    status, told = workplace.run("select_proxies", "y", settings, **KNOWN)
    assert status == 1
    assert "has no features. Score the pool again with score_proxies.features: true" in told
    given = {"teacher": "train_teacher/t", "pool": "render_proxies/n"}
    workplace.make("score_proxies", "with", {"features": True}, **given)
    known = {"pool": "render_proxies/n", "scores": "score_proxies/with"}
    _, table, _ = read(workplace, workplace.make("select_proxies", "diverse", settings, **known))
    assert len(table) == len(set(table["pool_key"].to_pylist()))
    plain, more = (
        pq.read_table(workplace.out("score_proxies", name) / shards.TABLE) for name in ("n", "with")
    )
    assert more.drop_columns(["features"]).equals(plain)
    assert more["features"].type.list_size == 32


@pytest.mark.parametrize("rule", ["confidence", "entropy", "pairs"])
def test_each_rule_keeps_the_balance(rule: str, workplace: Workplace) -> None:
    histogram = workplace.index("score_proxies/n")["facts"]["histogram"]
    settings = {"count": 200, "within": rule, "fill": "none"}
    _, table, facts = read(workplace, workplace.make("select_proxies", rule, settings, **KNOWN))
    assert facts["histogram"] == [min(20, n) for n in histogram]
    assert len(table) == len(set(table["pool_key"].to_pylist()))


def test_what_is_not_used_is_no_code_of_the_stage(tmp_path: Path) -> None:
    plain = stage_source("select_proxies", SelectProxies(fill="none").modules()).parts
    whole = stage_source("select_proxies", SelectProxies(within="diverse").modules()).parts
    extra = {"proxykd.selection.filling", "proxykd.boundary.bold_driver", "proxykd.selection.farthest"}
    assert not extra & set(plain)
    assert not [part for part in plain if part.startswith(("proxykd.boundary", "proxykd.networks"))]
    assert extra <= set(whole)
    assert "proxykd.networks.features" not in stage_source("score_proxies", ScoreProxies().modules()).parts
    assert not SelectProxies(balance="none").fills
