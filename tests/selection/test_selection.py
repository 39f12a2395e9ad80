"""Which images are selected, and what is said of classes that cannot be filled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from programs import Workplace
from proxykd.errors import UserError
from proxykd.selection.choice import Selection, repeated, select
from proxykd.selection.profile import divide, long_tail, profile, quotas
from proxykd.selection.settings import SelectProxies
from proxykd.selection.uniformity import scaled_entropy, uniformity

RNG = np.random.default_rng(0)
LONG_TAILED_N = RNG.choice(5, 3000, p=[0.6, 0.2, 0.1, 0.06, 0.04])


def first(rows: np.ndarray, count: int) -> np.ndarray:
    """Any images of a class."""
    return rows[:count]


def uniform(predicted_N: np.ndarray, classes: int, count: int, seed: int = 0) -> Selection:
    return select(predicted_N, quotas(count, classes), count, seed, first)


def test_uniform_takes_equally_many_of_each_class() -> None:
    selection = uniform(LONG_TAILED_N, 5, 500)
    assert np.bincount(LONG_TAILED_N[selection.rows]).tolist() == [100] * 5
    assert len(set(selection.rows.tolist())) == 500
    assert selection.missing_K.tolist() == [0] * 5
    assert not np.array_equal(selection.rows, np.sort(selection.rows))


def test_a_class_that_cannot_be_filled_gives_all_it_has_and_is_named() -> None:
    selection = uniform(LONG_TAILED_N, 6, 1200)
    counts = np.bincount(LONG_TAILED_N, minlength=6)
    assert (
        np.bincount(LONG_TAILED_N[selection.rows], minlength=6).tolist() == np.minimum(counts, 200).tolist()
    )
    assert selection.missing_K.tolist() == np.maximum(200 - counts, 0).tolist()
    assert selection.missing_K[5] == 200


def test_none_takes_any_images() -> None:
    selection = select(LONG_TAILED_N, None, 1500, 0, first)
    assert len(set(selection.rows.tolist())) == 1500
    assert np.bincount(LONG_TAILED_N[selection.rows]) / 1500 == pytest.approx(
        np.bincount(LONG_TAILED_N) / 3000, abs=0.03
    )
    everything = select(LONG_TAILED_N, None, None, 0, first)
    assert sorted(everything.rows) == list(range(3000))
    assert len(select(LONG_TAILED_N, None, 5000, 0, first).rows) == 3000


def test_the_seed_alone_decides() -> None:
    rows = [uniform(LONG_TAILED_N, 5, 500, seed).rows for seed in (1, 1, 2)]
    assert np.array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])


def test_each_image_of_a_class_is_as_likely_as_another() -> None:
    taken = np.zeros(60, int)
    predicted_N = np.arange(60) % 3
    for seed in range(300):
        taken[uniform(predicted_N, 3, 30, seed).rows] += 1
    assert taken.min() > 110
    assert taken.max() < 190


def test_quotas_add_up() -> None:
    assert quotas(10, 3).tolist() == [4, 3, 3]
    assert quotas(2, 5).tolist() == [1, 1, 0, 0, 0]


def test_a_long_tail_falls_exponentially_from_head_to_tail() -> None:
    wanted_K = long_tail(20_000, 100, np.array([3, 0, 2, 1, 4]))
    assert wanted_K.sum() == 20_000
    in_order = wanted_K[[3, 0, 2, 1, 4]]
    assert in_order[0] / in_order[-1] == pytest.approx(100, rel=0.01)
    assert in_order[:-1] / in_order[1:] == pytest.approx(np.full(4, 100**0.25), rel=0.01)
    assert long_tail(10, 1, np.arange(4)).tolist() == [3, 3, 2, 2]
    assert long_tail(7, 50, np.array([0])).tolist() == [7]


def test_the_head_is_what_the_pools_have_most_of_or_as_the_seed_has_it() -> None:
    seen_K = np.array([5, 90, 20, 20, 0])
    by_pool = profile(SelectProxies(count=1000, balance="long_tail", imbalance=16), seen_K)
    assert by_pool is not None
    assert np.argsort(-by_pool, kind="stable").tolist() == [1, 2, 3, 0, 4]
    orders = set()
    for seed in range(5):
        settings = SelectProxies(count=1000, balance="long_tail", imbalance=16, order="seed", seed=seed)
        wanted_K = profile(settings, seen_K)
        assert wanted_K is not None
        assert sorted(wanted_K) == sorted(by_pool)
        orders.add(tuple(np.argsort(-wanted_K)))
    assert len(orders) > 1


def test_of_equal_images_the_first_alone_counts() -> None:
    digest_N = np.array([7, 3, 7, 9, 3, 7], np.uint64)
    assert repeated(digest_N).tolist() == [False, False, True, False, True, True]
    left_out_N = repeated(digest_N)
    selection = select(np.zeros(6, int), np.array([5]), 5, 0, first, left_out_N)
    assert sorted(selection.rows.tolist()) == [0, 1, 3]
    assert selection.missing_K.tolist() == [2]


def test_shares_add_up_to_the_count() -> None:
    assert divide(100, [1 / 3] * 3, [500] * 3) == [33, 34, 33]
    assert divide(101, [0.5, 0.5], [500] * 2) == [50, 51]
    assert sum(divide(50_000, [0.1] * 10, [1] * 10)) == 50_000
    # Without a count, the pool that runs out first decides.
    assert divide(None, [0.75, 0.25], [300, 1000]) == [300, 100]


def test_an_empty_pool_is_refused() -> None:
    with pytest.raises(UserError, match="The pool is empty"):
        uniform(np.array([], int), 3, 10)


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
