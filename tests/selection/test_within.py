"""Which images of a class are taken, where not any will do."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from proxykd.selection import farthest, runner_up, strata
from proxykd.selection.groups import evenly
from proxykd.selection.settings import SelectProxies

RNG = np.random.default_rng(0)


def within(rule: str, **more: object) -> SelectProxies:
    return SelectProxies.model_validate({"within": rule, **more})


def test_groups_give_equally_many_as_far_as_they_exist() -> None:
    group_n = RNG.permutation(np.repeat([0, 1, 2, 3], [500, 200, 30, 7]))
    taken = evenly(group_n, 200)
    assert len(set(taken.tolist())) == 200
    # 7 and 30 are all there are; the others share 163, and the odd one goes to either.
    counts = np.bincount(group_n[taken], minlength=4).tolist()
    assert counts[2:] == [30, 7]
    assert sorted(counts[:2]) == [81, 82]


def test_a_groups_first_images_are_taken() -> None:
    assert evenly(np.array([5, 5, 5, 2, 2, 9]), 4).tolist() == [0, 3, 5, 1]


def test_strata_flatten_a_skewed_confidence() -> None:
    value_n = RNG.beta(6, 1, 20_000).astype(np.float32)
    settings = within("confidence")
    taken = strata.choose(value_n, 2000, settings)
    edges = np.linspace(value_n.min(), value_n.max(), 11)
    before, after = (np.histogram(value, edges)[0] for value in (value_n, value_n[taken]))
    assert before[-1] > 30 * before[3]
    there = np.minimum(before, 2000)
    assert after.max() - after[there > after.max()].min() <= 1
    assert (after[there < after.max()] >= there[there < after.max()]).all()


def test_equal_values_are_taken_at_random() -> None:
    assert strata.choose(np.full(9, 0.5, np.float32), 4, within("entropy")).tolist() == [0, 1, 2, 3]


def test_every_pair_of_classes_gets_its_share() -> None:
    logits_NK = RNG.normal(size=(4000, 6)).astype(np.float32)
    logits_NK[:, 0] += 20
    # The runner-up of nine in ten images is class 1.
    logits_NK[: 9 * len(logits_NK) // 10, 1] += 10
    settings = within("pairs")
    second_N = runner_up.look({"predicted": logits_NK.argmax(1), "logits": logits_NK}, settings)
    assert np.array_equal(second_N, np.argsort(-logits_NK, axis=1)[:, 1])
    taken = runner_up.choose(second_N, 300, settings)
    assert np.bincount(second_N[taken], minlength=6).tolist() == [0, 60, 60, 60, 60, 60]


def plain_k_centre(x_nD: np.ndarray, count: int) -> list[int]:
    """One image after another, by the definition."""
    x_nD = x_nD / np.linalg.norm(x_nD, axis=1, keepdims=True)
    taken, nearest_n = [0], 1 - x_nD @ x_nD[0]
    while len(taken) < count:
        nearest_n[taken] = -np.inf
        taken.append(int(nearest_n.argmax()))
        nearest_n = np.minimum(nearest_n, 1 - x_nD @ x_nD[taken[-1]])
    return taken


@pytest.mark.parametrize(("images", "count"), [(3000, 700), (500, 400), (60, 59)])
def test_the_farthest_images_are_those_of_the_definition(images: int, count: int) -> None:
    features_nD = RNG.normal(size=(images, 8)) ** 3
    taken = farthest.choose(features_nD.astype(np.float32), count, within("diverse"))
    assert taken.tolist() == plain_k_centre(features_nD.astype(np.float32).astype(float), count)


def test_the_farthest_images_reach_each_cluster() -> None:
    centres_KD = RNG.normal(size=(50, 16))
    cluster_n = RNG.choice(50, 5000, p=np.r_[0.902, np.full(49, 0.002)])
    features_nD = (centres_KD[cluster_n] + 0.05 * RNG.normal(size=(5000, 16))).astype(np.float16)
    taken = farthest.choose(features_nD, 50, within("diverse"))
    assert len(set(cluster_n[taken])) == len(set(cluster_n))
    assert len(set(cluster_n[:50])) < 15


def test_equal_features_and_none_at_all_end() -> None:
    features_nD = np.zeros((30, 4), np.float16)
    features_nD[:10, 1] = 3
    taken = farthest.choose(features_nD, 29, within("diverse"))
    assert len(set(taken.tolist())) == 29
    assert taken[1] >= 10


def test_any_images_and_the_best_of_each_class_contradict_each_other() -> None:
    with pytest.raises(ValidationError, match="balance: none takes any images"):
        within("entropy", balance="none")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_image_whose_features_are_no_numbers_costs_no_other_image(value: float) -> None:
    features_nD = np.random.default_rng(3).random((200, 8), np.float32)
    features_nD[[7, 50]] = value
    taken = farthest.choose(features_nD, 60, within("diverse"))
    assert len(set(taken.tolist())) == 60
