"""The stage as it runs: real pools, a trained teacher, and no student."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from programs import Workplace
from proxykd.networks.files import save
from proxykd.shards import read_table
from proxykd.store import Index, read_index
from trained import digit_teacher

SHADERS = {"kind": "shaders", "count": 120, "programs": 6, "families": {"strokes": 1, "loops": 1}}
POOLS: dict[str, dict[str, Any]] = {
    "shaders": SHADERS,
    "leaves": {"kind": "leaves", "count": 100},
    "noise": {"kind": "noise", "count": 80},
}
SETTINGS = {"sample": 60, "per_program": 5, "fill": 10, "pair_images": 2}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A teacher that reads digits, real digits and rendered pools, and its scores of each."""
    workplace = Workplace(tmp_path_factory.mktemp("assessment"))
    teacher = workplace.out("train_teacher", "t")
    teacher.mkdir(parents=True)
    save(digit_teacher(), teacher)
    names = digit_teacher().description.classes
    index = Index(
        stage="train_teacher",
        key="0" * 16,
        settings={},
        upstream={},
        data={},
        source={},
        versions={},
        device="",
        seconds=0,
        classes=names,
    )
    (teacher / "index.json").write_text(index.model_dump_json())
    digits = {"source": "digits", "size": 8, "channels": 1, "split": "train"}
    workplace.make("import_images", "digits", digits)
    for name, settings in POOLS.items():
        workplace.make("render_proxies", name, settings | {"size": 8, "channels": 1})
    for name in ("digits", *POOLS):
        pool = f"{'import_images' if name == 'digits' else 'render_proxies'}/{name}"
        workplace.make("score_proxies", name, {}, teacher="train_teacher/t", pool=pool)
    return workplace


def assess(workplace: Workplace, name: str, pools: list[str], **settings: Any) -> dict[str, Any]:
    kinds = ["import_images" if pool == "digits" else "render_proxies" for pool in pools]
    made = workplace.make(
        "assess_proxies",
        name,
        SETTINGS | settings,
        teacher="train_teacher/t",
        pool=[f"{kind}/{pool}" for kind, pool in zip(kinds, pools, strict=True)],
        scores=[f"score_proxies/{pool}" for pool in pools],
    )
    return json.loads((workplace.folder / made / "assessment.json").read_text())


def test_what_the_teacher_knows_is_better_than_noise(workplace: Workplace) -> None:
    digits, noise = (assess(workplace, name, [name]) for name in ("digits", "noise"))
    assert digits["uniformity"]["relative_entropy"] > 0.99 > noise["uniformity"]["relative_entropy"]
    assert digits["class_pairs"]["all"]["covered"] > noise["class_pairs"]["all"]["covered"]
    vendi = [one["diversity"]["features"]["vendi"] for one in (digits, noise)]
    assert vendi[0] > 1.2 * vendi[1]
    # In pixels it is the other way round: nothing is more varied than noise.
    assert digits["diversity"]["pixels"]["vendi"] < noise["diversity"]["pixels"]["vendi"]
    assert digits["boundary"]["mean_margin"] > noise["boundary"]["mean_margin"]
    assert digits["diversity"]["groups"]["of"] == "class"


def test_programs_are_told_from_their_images(workplace: Workplace) -> None:
    groups = assess(workplace, "programs", ["shaders"])["diversity"]
    assert groups["groups"] == {"of": "program", "count": 6, "between": 6, "within": 24, "images_within": 5}
    assert 1 <= groups["pixels"]["within"] <= 5
    assert 1 <= groups["pixels"]["between"] <= 6
    leaves = assess(workplace, "leaves", ["leaves"])["diversity"]
    assert leaves["groups"]["count"] == 1
    assert leaves["pixels"]["between"] is None


def test_several_pools_are_judged_as_one(workplace: Workplace) -> None:
    parts = ["shaders", "digits"]
    whole = assess(workplace, "mixture", parts)
    histograms = [
        np.bincount(
            read_table(workplace.out("score_proxies", name), ["predicted"])["predicted"].to_numpy(),
            minlength=10,
        )
        for name in parts
    ]
    assert whole["uniformity"]["histogram"] == np.sum(histograms, axis=0).tolist()
    assert whole["images"] == sum(whole["boundary"]["margin"]["histogram"]) == 120 + sum(histograms[1])
    assert whole["diversity"]["groups"]["of"] == "mixed"
    assert whole["diversity"]["groups"]["count"] == 16


def test_made_twice_it_is_the_same_and_the_index_has_the_main_figures(workplace: Workplace) -> None:
    first, second = (assess(workplace, name, ["shaders"]) for name in ("once", "again"))
    assert first == second
    facts = read_index(workplace.out("assess_proxies", "once")).facts
    assert facts == {
        "relative_entropy": first["uniformity"]["relative_entropy"],
        "smallest_share": first["uniformity"]["smallest_share"],
        "empty_classes": first["uniformity"]["empty_classes"],
        "pairs_covered_both_ways": first["class_pairs"]["all"]["covered_both_ways"],
        "vendi_of_features": first["diversity"]["features"]["vendi"],
        "mean_entropy": first["boundary"]["mean_entropy"],
    }


def test_scores_of_another_pool_are_refused(workplace: Workplace) -> None:
    status, told = workplace.run(
        "assess_proxies",
        "wrong",
        SETTINGS,
        teacher="train_teacher/t",
        pool="render_proxies/leaves",
        scores="score_proxies/noise",
    )
    assert status == 1
    assert "--pool and --scores do not belong together" in told
    assert "Traceback" not in told
