"""Uniformity, pairs of classes and the boundary, against values that are known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from proxykd.assessment import boundary, class_pairs, opinions, uniformity
from proxykd.errors import UserError
from proxykd.networks.outputs import log_softmax
from proxykd.shards import TABLE, write_table

RNG = np.random.default_rng(0)
NAMES = [f"class {label}" for label in range(4)]


def scores(folder: Path, logits_NK: np.ndarray) -> Path:
    """Scores of images, as `score_proxies` writes them."""
    folder.mkdir()
    log_NK = log_softmax(logits_NK)
    columns = {
        "predicted": logits_NK.argmax(1),
        "confidence": np.exp(log_NK.max(1)).astype(np.float32),
        "entropy": -(np.exp(log_NK) * log_NK).sum(1).astype(np.float32),
        "logits": pa.FixedSizeListArray.from_arrays(
            pa.array(logits_NK.astype(np.float32).ravel()), logits_NK.shape[1]
        ),
    }
    write_table(folder / TABLE, columns)
    return folder


def test_an_even_pool_is_uniform() -> None:
    told = uniformity.measure(np.array([50, 50, 50, 50]), NAMES, 100)
    assert told["relative_entropy"] == pytest.approx(1)
    assert (told["smallest_share"], told["empty_classes"]) == (0.25, 0)
    assert told["to_fill"]["images"] == 400
    assert told["to_fill"]["at_least"] < 400 < told["to_fill"]["at_most"]


def test_the_rarest_class_says_how_many_images_are_needed() -> None:
    told = uniformity.measure(np.array([900, 10, 60, 30]), NAMES, 50)
    assert told["smallest_class"] == told["to_fill"]["class"] == "class 1"
    assert told["to_fill"]["images"] == 5000


def test_no_number_is_enough_for_an_empty_class() -> None:
    told = uniformity.measure(np.array([900, 40, 0, 60]), NAMES, 50)
    assert told["to_fill"]["images"] is None
    assert told["to_fill"]["at_most"] is None
    assert told["to_fill"]["class"] == "class 2"
    # The rule of three: with 95 % confidence the share is below about 3 in 1000.
    assert 15_000 < told["to_fill"]["at_least"] < 20_000


@pytest.mark.parametrize(("seen", "images"), [(3, 1000), (50, 1000), (400, 1000)])
def test_the_bounds_of_a_share_hold_as_often_as_they_say(seen: int, images: int) -> None:
    share = seen / images
    bounds = [uniformity.share_bounds(int(n), images) for n in RNG.binomial(images, share, 4000)]
    below, above = (
        np.mean([low <= share for low, _ in bounds]),
        np.mean([share <= high for _, high in bounds]),
    )
    assert below == pytest.approx(0.95, abs=0.03)
    assert above == pytest.approx(0.95, abs=0.05)


def test_pairs_by_hand() -> None:
    # 0 before 1 three times and 1 before 0 once; 2 before 3 twice; no other pair of the six.
    first_N, second_N = np.array([0, 0, 0, 1, 2, 2]), np.array([1, 1, 1, 0, 3, 3])
    told = class_pairs.measure(first_N, second_N, 4, 1)
    assert (told["pairs"], told["seen"]) == (6, 2)
    assert told["covered"] == pytest.approx(2 / 6)
    assert told["covered_both_ways"] == pytest.approx(1 / 6)
    assert class_pairs.measure(first_N, second_N, 4, 3)["covered"] == pytest.approx(1 / 6)
    entropy = -(4 / 6 * math.log(4 / 6) + 2 / 6 * math.log(2 / 6))
    assert told["scaled_entropy"] == pytest.approx(entropy / math.log(6))


def test_all_pairs_alike_are_covered_whole() -> None:
    first_N, second_N = (~np.eye(5, dtype=bool)).nonzero()
    told = class_pairs.measure(np.repeat(first_N, 3), np.repeat(second_N, 3), 5, 3)
    assert told["covered"] == told["covered_both_ways"] == 1
    assert told["scaled_entropy"] == pytest.approx(1)


def test_no_image_covers_no_pair_and_a_thousand_classes_are_no_matter() -> None:
    nothing = class_pairs.measure(np.array([], int), np.array([], int), 1000, 1)
    assert (nothing["covered"], nothing["seen"], nothing["scaled_entropy"]) == (0, 0, 0)
    told = class_pairs.measure(RNG.permutation(1000), np.full(1000, 999), 1000, 1)
    assert told["pairs"] == 499_500


def test_opinions_are_those_of_the_logits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opinions, "BLOCK", 7)
    logits_NK = RNG.normal(0, 3, (40, 6)).astype(np.float32)
    # Two equal largest logits: the first of them is the class, the other the second, and the margin is 0.
    logits_NK[5] = [1, 4, 0, 4, 2, 2]
    known = opinions.read([scores(tmp_path / "a", logits_NK[:25]), scores(tmp_path / "b", logits_NK[25:])])
    probability_NK = np.exp(log_softmax(logits_NK))
    order_NK = np.argsort(-probability_NK, axis=1, kind="stable")
    sorted_NK = -np.sort(-probability_NK, axis=1)
    assert (known.first_N == order_NK[:, 0]).all()
    assert (known.second_N == order_NK[:, 1]).all()
    assert known.margin_N == pytest.approx(sorted_NK[:, 0] - sorted_NK[:, 1], abs=1e-6)
    assert known.margin_N[5] == 0


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    folder = scores(tmp_path / "a", RNG.normal(size=(9, 3)))
    path = folder / TABLE
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"samples\.parquet is damaged: it cannot be read as parquet"):
        opinions.read([folder])


def test_sure_outputs_tell_nothing_of_the_boundary(tmp_path: Path) -> None:
    told = boundary.measure(opinions.read([scores(tmp_path / "s", 50 * np.eye(4))]), 4, 0.1)
    assert (told["near_share"], told["unsure_share"]) == (0, 0)
    assert told["mean_margin"] == pytest.approx(1)
    assert told["mean_entropy"] == pytest.approx(0, abs=1e-9)
    assert told["margin"]["histogram"][-1] == told["entropy"]["histogram"][0] == 4


def test_even_outputs_lie_on_the_boundary(tmp_path: Path) -> None:
    told = boundary.measure(opinions.read([scores(tmp_path / "e", np.full((5, 4), 2.0))]), 4, 0.1)
    assert (told["near_share"], told["unsure_share"], told["mean_margin"]) == (1, 1, 0)
    assert told["mean_entropy"] == pytest.approx(math.log(4), rel=1e-6)
    assert told["entropy"]["histogram"][-1] == told["margin"]["histogram"][0] == 5
    assert told["entropy"]["quantiles"]["0.5"] == pytest.approx(math.log(4), rel=1e-6)
