"""Which images are selected, and what is said of classes that cannot be filled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from programs import Workplace
from proxykd.errors import UserError
from proxykd.selection import divide, quotas, scaled_entropy, select, uniformity

RNG = np.random.default_rng(0)
LONG_TAILED_N = RNG.choice(5, 3000, p=[0.6, 0.2, 0.1, 0.06, 0.04])


def test_uniform_takes_equally_many_of_each_class() -> None:
    selection = select(LONG_TAILED_N, 5, 500, "uniform", 0)
    assert np.bincount(LONG_TAILED_N[selection.rows]).tolist() == [100] * 5
    assert len(set(selection.rows.tolist())) == 500
    assert selection.shortfall == {}
    assert not np.array_equal(selection.rows, np.sort(selection.rows))


def test_a_class_that_cannot_be_filled_gives_all_it_has_and_is_named() -> None:
    selection = select(LONG_TAILED_N, 6, 1200, "uniform", 0)
    counts = np.bincount(LONG_TAILED_N, minlength=6)
    assert (
        np.bincount(LONG_TAILED_N[selection.rows], minlength=6).tolist() == np.minimum(counts, 200).tolist()
    )
    assert selection.shortfall == {c: 200 - int(counts[c]) for c in range(6) if counts[c] < 200}
    assert selection.shortfall[5] == 200


def test_none_takes_any_images() -> None:
    selection = select(LONG_TAILED_N, 5, 1500, "none", 0)
    assert len(set(selection.rows.tolist())) == 1500
    assert np.bincount(LONG_TAILED_N[selection.rows]) / 1500 == pytest.approx(
        np.bincount(LONG_TAILED_N) / 3000, abs=0.03
    )
    everything = select(LONG_TAILED_N, 5, None, "none", 0)
    assert sorted(everything.rows) == list(range(3000))
    assert select(LONG_TAILED_N, 5, 5000, "none", 0).shortfall == {}


def test_the_seed_alone_decides() -> None:
    rows = [select(LONG_TAILED_N, 5, 500, "uniform", seed).rows for seed in (1, 1, 2)]
    assert np.array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])


def test_each_image_of_a_class_is_as_likely_as_another() -> None:
    taken = np.zeros(60, int)
    predicted_N = np.arange(60) % 3
    for seed in range(300):
        taken[select(predicted_N, 3, 30, "uniform", seed).rows] += 1
    assert taken.min() > 110
    assert taken.max() < 190


def test_quotas_add_up() -> None:
    assert quotas(10, 3).tolist() == [4, 3, 3]
    assert quotas(2, 5).tolist() == [1, 1, 0, 0, 0]


def test_shares_add_up_to_the_count() -> None:
    assert divide(100, [1 / 3] * 3, [500] * 3) == [33, 34, 33]
    assert divide(101, [0.5, 0.5], [500] * 2) == [50, 51]
    assert sum(divide(50_000, [0.1] * 10, [1] * 10)) == 50_000
    # Without a count, the pool that runs out first decides.
    assert divide(None, [0.75, 0.25], [300, 1000]) == [300, 100]


def test_an_empty_pool_is_refused() -> None:
    with pytest.raises(UserError, match="The pool is empty"):
        select(np.array([], int), 3, 10, "uniform", 0)


def test_scaled_entropy_by_hand() -> None:
    assert scaled_entropy(np.array([7, 7, 7, 7])) == pytest.approx(1)
    assert scaled_entropy(np.array([9, 0, 0])) == 0
    assert scaled_entropy(np.array([1, 1, 0, 0])) == pytest.approx(0.5)
    assert scaled_entropy(np.array([5] * 9 + [0])) == pytest.approx(0.954, abs=5e-4)
    assert scaled_entropy(np.array([3, 1])) == pytest.approx(0.8113, abs=5e-5)
    assert scaled_entropy(np.array([0, 0])) == 0


def test_uniformity_shows_the_class_that_the_entropy_hides() -> None:
    told = uniformity(np.array([5] * 9 + [0]))
    assert (told["smallest_share"], told["empty_classes"]) == (0, 1)
    assert uniformity(np.array([1, 3]))["smallest_share"] == 0.25


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Two pools with scores of a teacher that was hardly trained."""
    workplace = Workplace(tmp_path_factory.mktemp("selection"))
    digits = {"source": "digits", "size": 8, "channels": 1, "split": "train", "limit": 300}
    workplace.make("import_images", "d", digits)
    teacher = {"images": "d", "network": {"architecture": "convnet_8"}, "recipe": {"steps": 60, "batch": 32}}
    workplace.make("train_teacher", "t", teacher, images="import_images/d")
    noise = {"kind": "noise", "count": 50, "size": 8, "channels": 1}
    workplace.make("render_proxies", "noise", noise)
    for pool in ("import_images/d", "render_proxies/noise"):
        workplace.make("score_proxies", pool.rpartition("/")[2], {}, teacher="train_teacher/t", pool=pool)
    return workplace


POOLS = ["import_images/d", "render_proxies/noise"]
SCORES = ["score_proxies/d", "score_proxies/noise"]


def test_fail_names_the_classes_and_publishes_nothing(workplace: Workplace) -> None:
    settings = {"count": 1000, "unfilled": "fail"}
    status, told = workplace.run("select_proxies", "f", settings, pool=POOLS[:1], scores=SCORES[:1])
    assert status == 1
    assert "cannot fill every class: 0 (" in told
    assert "missing), 1 (" in told
    assert "Traceback" not in told
    assert not workplace.out("select_proxies", "f").exists()


@pytest.mark.parametrize("balance", ["uniform", "none"])
def test_pools_with_shares_each_give_their_part(balance: str, workplace: Workplace) -> None:
    import pyarrow.parquet as pq

    settings = {"count": 40, "balance": balance, "shares": [0.75, 0.25]}
    made = workplace.make("select_proxies", f"shares-{balance}", settings, pool=POOLS, scores=SCORES)
    table = pq.read_table(workplace.folder / made / "samples.parquet")
    pools = table["pool"].to_pylist()
    if balance == "none":
        assert (pools.count(0), pools.count(1)) == (30, 10)
    assert pools != sorted(pools), "the pools' images must be spread over the shards"
    facts = workplace.index(made)["facts"]
    assert facts["selected"] == len(pools) == sum(facts["histogram"])
    assert np.bincount(table["predicted"].to_numpy(), minlength=10).tolist() == facts["histogram"]


def test_too_few_images_without_balance(workplace: Workplace) -> None:
    settings = {"count": 100, "balance": "none", "unfilled": "fail"}
    status, told = workplace.run("select_proxies", "few", settings, pool=POOLS[1:], scores=SCORES[1:])
    assert status == 1
    assert "found 50 of 100 images" in told


def test_scores_of_another_pool_are_refused(workplace: Workplace) -> None:
    status, told = workplace.run("select_proxies", "x", {"count": 10}, pool=POOLS, scores=SCORES[::-1])
    assert status == 1
    assert "--pool and --scores do not belong together" in told


def test_a_pool_of_another_size_is_refused_by_the_teacher(workplace: Workplace, tmp_path: Path) -> None:
    workplace.make("render_proxies", "large", {"kind": "noise", "count": 4, "size": 12, "channels": 1})
    status, told = workplace.run(
        "score_proxies", "large", {}, teacher="train_teacher/t", pool="render_proxies/large"
    )
    assert status == 1
    assert "The pool's images are 12x12x1 and the network takes 8x8x1" in told
