"""From selected images to stored pairs: sources, targets, counts, and what lies in the shards."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from pydantic import ValidationError

from programs import Workplace
from proxykd.augmentation.batch import augment, generator
from proxykd.augmentation.settings import Augmentation
from proxykd.boundary.collect import Attack, Harvest
from proxykd.boundary.settings import AttackBoundary
from proxykd.boundary.targets import Targets
from proxykd.boundary.views import draw_views
from proxykd.errors import UserError
from proxykd.networks.classifier import Classifier, to_float
from proxykd.networks.files import load
from proxykd.networks.outputs import logits_of, softmax
from proxykd.shards import read_images
from proxykd.training.order import Order
from trained import RECIPE, digit_images, digit_teacher, linear_classifier

NO_CHANGE = Augmentation()


def gather(**settings: Any) -> tuple[list[dict[str, Any]], np.ndarray, dict[str, int]]:
    """Rows, images and counts of an attack on digits."""
    images_NHWC, _ = digit_images("test")
    predicted_N = logits_of(digit_teacher(), images_NHWC, "cpu").argmax(1)
    how = AttackBoundary(**settings)
    attack = Attack(digit_teacher(), torch.from_numpy(images_NHWC), predicted_N, how)
    batches: list[Harvest] = list(attack.blocks())
    counts = {name: sum(batch.counts[name] for batch in batches) for name in batches[0].counts}
    rows = [row for batch in batches for row in batch.rows]
    return rows, np.concatenate([batch.images_NHWC for batch in batches]), counts


def test_counts_add_up() -> None:
    rows, images, counts = gather(sources=300)
    assert counts["views"] == 300
    assert counts["views"] == sum(counts[name] for name in ("already", "failed", "rounded", "kept"))
    assert len(rows) == len(images) == 2 * counts["kept"] > 40
    assert images.dtype == np.uint8


def test_the_threshold_holds_for_the_images_that_are_stored() -> None:
    rows, _, counts = gather(sources=500, threshold=0.5, epsilon=24)
    assert counts["rounded"] > 0
    assert max(row["confidence"] for row in rows) < 0.5


def test_epsilon_must_be_above_0() -> None:
    with pytest.raises(ValidationError, match="epsilon must be above 0 and at most 255 grey levels, or auto"):
        AttackBoundary(epsilon=0)


@pytest.mark.parametrize("method", ["deepfool_linf", "bold_driver"])
def test_a_teacher_whose_outputs_are_no_numbers_is_told(method: Any) -> None:
    teacher = linear_classifier([[float("nan")], [0.0]], [0.0, 0.0])
    with pytest.raises(UserError, match="outputs are finite for none of the views"):
        list(attack_grey(teacher, AttackBoundary(method=method, epsilon=4)).blocks())


def test_a_teacher_of_one_class_is_told() -> None:
    with pytest.raises(UserError, match="two classes or more"):
        attack_grey(linear_classifier([[1.0]], [0.0]), AttackBoundary(epsilon=4))


@pytest.mark.parametrize("method", ["deepfool_linf", "bold_driver"])
def test_proxies_on_the_boundary_give_pairs_or_are_counted(method: Any) -> None:
    """Mid-grey is a tie between the classes, which the first of them wins; other levels are next to it."""
    teacher = linear_classifier([[0.0], [0.3 * 255]], [0.0, -0.3 * 128])
    attack = attack_grey(teacher, AttackBoundary(method=method, epsilon=8, mixup=0))
    harvests = list(attack.blocks())
    counts = {name: sum(one.counts[name] for one in harvests) for name in harvests[0].counts}
    assert counts["views"] == sum(counts[name] for name in ("already", "failed", "rounded", "kept")) == 5
    for row in (row for one in harvests for row in one.rows):
        assert (row["predicted"] == row["target"]) == row["role"].startswith("post")
        assert row["margin"] >= 0.01
    if method == "deepfool_linf":
        assert counts["kept"] == 5


def attack_grey(teacher: Classifier, how: AttackBoundary) -> Attack:
    """On five images of one pixel, of 126 to 130 grey levels."""
    images_NHWC = torch.arange(126, 131, dtype=torch.uint8).view(5, 1, 1, 1)
    with torch.no_grad():
        predicted_N = teacher(to_float(images_NHWC)).argmax(1).numpy()
    return Attack(teacher, images_NHWC, predicted_N, how.model_copy(update={"augmentation": NO_CHANGE}))


def chosen(how: AttackBoundary, current_N: np.ndarray, targets: Targets | None = None) -> np.ndarray:
    """Targets of views of the digits' ten classes, by rules that look at no image."""
    targets = targets or Targets(how, [str(digit) for digit in range(10)])
    return targets.choose(torch.nn.Identity(), torch.zeros(0), current_N, current_N, 0)


def test_uniform_targets_are_any_class_but_the_views_own() -> None:
    current_N = np.repeat(np.arange(10), 900)
    target_N = chosen(AttackBoundary(), current_N)
    assert (target_N != current_N).all()
    table = np.zeros((10, 10), int)
    np.add.at(table, (current_N, target_N), 1)
    assert table[~np.eye(10, dtype=bool)].min() > 65
    assert table.max() < 140


def test_pseudo_labels_are_targets_where_the_view_has_another_class() -> None:
    rows, _, counts = gather(targets="pseudo_label", sources=300)
    images_NHWC, _ = digit_images("test")
    predicted_N = logits_of(digit_teacher(), images_NHWC, "cpu").argmax(1)
    assert counts["already"] > 0
    assert all(row["target"] == predicted_N[row["source"]] != row["view_class"] for row in rows)


def test_pseudo_labels_without_mixup_are_refused() -> None:
    with pytest.raises(
        ValidationError, match="targets: pseudo_label needs mixup: an image that is not mixed"
    ):
        AttackBoundary(targets="pseudo_label", mixup=0)


def test_rows_say_which_view_an_image_came_from() -> None:
    """A view can be made again from its source, partner, share and seed."""
    how = AttackBoundary(augmentation="none", sources=100, seed=5)
    images_NHWC = torch.from_numpy(digit_images("test")[0])
    rows, _, _ = gather(augmentation="none", sources=100, seed=5)
    order = Order(len(images_NHWC), 100, 5)
    views = draw_views(images_NHWC, order, 0, how, torch.zeros(1))
    for row in rows[::4]:
        source, partner = (to_float(images_NHWC[row[name]][None]) for name in ("source", "partner"))
        mixed = row["mix_share"] * source + (1 - row["mix_share"]) * partner
        assert torch.allclose(views.x_NCHW[row["view_row"]], mixed[0], atol=1e-6)


def test_views_are_augmented_before_they_are_mixed() -> None:
    images_NHWC = torch.from_numpy(digit_images("test")[0])
    how = AttackBoundary(mixup=0, augmentation="strong")
    views = draw_views(images_NHWC, Order(len(images_NHWC), 32, 0), 3, how, torch.tensor([0.3]))
    source = to_float(images_NHWC[torch.from_numpy(views.source_N)])
    assert torch.equal(views.x_NCHW, augment(source, how.augmentation, torch.tensor([0.3]), generator(0, 3)))
    assert (views.share_N == 1).all()


def test_images_are_gone_through_again_with_new_views() -> None:
    rows, _, counts = gather(sources=500, deeper=False)
    assert counts["views"] == 500
    assert len(rows) == 2 * counts["kept"]
    images = digit_images("test")[0]
    assert len(images) < 500
    assert {row["view_step"] for row in rows} == {0, 1}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A trained teacher and a selection of digits."""
    workplace = Workplace(tmp_path_factory.mktemp("boundary"))
    for split in ("train", "test"):
        workplace.make("import_images", split, {"source": "digits", "size": 8, "channels": 1, "split": split})
    teacher = {
        "images": "d",
        "network": {"architecture": "convnet_8"},
        "recipe": RECIPE,
        "augmentation": "none",
    }
    workplace.make("train_teacher", "t", teacher, images="import_images/train")
    workplace.make("score_proxies", "s", {}, teacher="train_teacher/t", pool="import_images/test")
    workplace.make("select_proxies", "s", {"count": 120}, pool="import_images/test", scores="score_proxies/s")
    return workplace


UPSTREAM = {"teacher": "train_teacher/t", "selection": "select_proxies/s"}


def stored(folder: Path, index: dict[str, Any]) -> tuple[list[dict[str, Any]], np.ndarray]:
    return pq.read_table(folder / "samples.parquet").to_pylist(), read_images(folder, index["shards"])


@pytest.mark.parametrize(
    ("targets", "method"),
    [
        ("uniform", "bold_driver"),
        ("uniform", "deepfool_linf"),
        ("pseudo_label", "deepfool_linf"),
        ("least_covered", "deepfool_linf"),
        ("nearest", "deepfool_linf"),
    ],
)
def test_stored_images_lie_where_their_rows_say(targets: str, method: str, workplace: Workplace) -> None:
    settings = {"targets": targets, "sources": 400, "epsilon": 24, "method": method, "deeper": True}
    made = workplace.make("attack_boundary", f"{targets}_{method}", settings, **UPSTREAM)
    index = workplace.index(made)
    rows, images_NHWC = stored(workplace.folder / made, index)
    teacher = load(workplace.folder / "train_teacher/t")
    probability_NK = softmax(logits_of(teacher, images_NHWC, "cpu"))
    class_N, confidence_N = probability_NK.argmax(1), probability_NK.max(1)
    assert [row["predicted"] for row in rows] == class_N.tolist()
    assert [row["confidence"] for row in rows] == pytest.approx(confidence_N.tolist(), abs=1e-4)
    assert confidence_N.max() < 0.9
    # Whoever loads them sees the same classes, be it one by one.
    some = range(0, len(rows), 17)
    assert [int(logits_of(teacher, images_NHWC[i : i + 1], "cpu").argmax(1)[0]) for i in some] == [
        rows[i]["predicted"] for i in some
    ]
    assert min(row["margin"] for row in rows) >= 0.01
    by_success = np.array([row["success"] for row in rows]).reshape(-1, 4)
    assert (by_success == np.arange(len(by_success))[:, None]).all()
    assert [row["role"] for row in rows[:4]] == ["pre", "post", "pre_deeper", "post_deeper"]
    target_N = np.array([row["target"] for row in rows])
    pre, post, pre_deeper, post_deeper = class_N.reshape(-1, 4).T
    assert (post == target_N[1::4]).all()
    assert (post_deeper == post).all()
    assert (pre != target_N[::4]).all()
    assert (pre_deeper == pre).all()
    facts = index["facts"]
    assert facts["counts"]["kept"] == len(by_success) > 50
    assert np.array(facts["pairs"]).sum() == len(by_success)
    assert all(facts["pairs"][a][b] > 0 for a, b in zip(pre, post, strict=True))


def test_made_twice_it_is_the_same(workplace: Workplace) -> None:
    names = [workplace.make("attack_boundary", name, {"sources": 60}, **UPSTREAM) for name in ("a", "b")]
    first, second = (workplace.index(name) for name in names)
    assert first["shards"] == second["shards"]
    assert first["files"] == second["files"]


def test_an_attack_in_which_nothing_crosses_ends_with_a_sentence(workplace: Workplace) -> None:
    settings = {"epsilon": 0.01, "sources": 40, "mixup": 0}
    status, told = workplace.run("attack_boundary", "none", settings, **UPSTREAM)
    assert status == 1
    assert "attack_boundary made no pair from 40 views: 0 were in their target class already, 40" in told
    assert "Traceback" not in told
    assert not workplace.out("attack_boundary", "none").exists()


def test_the_program_refuses_pseudo_labels_without_mixup(workplace: Workplace) -> None:
    settings = {"targets": "pseudo_label", "mixup": 0}
    status, told = workplace.run("attack_boundary", "refused", settings, **UPSTREAM)
    assert status == 1
    assert "pseudo_label needs mixup" in told
    assert "Traceback" not in told


def test_epsilon_is_measured_where_it_is_not_given(workplace: Workplace) -> None:
    """The smallest reach within which 95 % of the views that cross at all do; what crossed within each."""
    facts = workplace.index(workplace.make("attack_boundary", "auto", {"sources": 300}, **UPSTREAM))["facts"]
    told = facts["reach"]
    shares = list(told["success"].values())
    assert told["views"] == 256
    assert list(told["success"]) == ["1", "2", "4", "8", "16", "32", "64"]
    assert shares == sorted(shares)
    chosen = told["success"][f"{facts['epsilon']:g}"]
    assert chosen >= 0.95 * shares[-1] > 0
    assert all(share < 0.95 * shares[-1] for share in shares if share < chosen)
    # The attack then makes as many pairs as was promised, with new targets of other views.
    assert facts["counts"]["kept"] / facts["counts"]["views"] == pytest.approx(chosen, abs=0.1)
    given = workplace.index(workplace.make("attack_boundary", "given", {"epsilon": 24}, **UPSTREAM))["facts"]
    assert (given["epsilon"], given["reach"]) == (24, None)


def test_a_selection_by_a_teacher_of_other_classes_is_refused(workplace: Workplace) -> None:
    selection = workplace.folder / "select_proxies/s"
    other = workplace.folder / "select_proxies/other"
    shutil.copytree(selection, other)
    index = json.loads((other / "index.json").read_text())
    index["classes"] = [*index["classes"][1:], "eleven"]
    (other / "index.json").write_text(json.dumps(index))
    given = UPSTREAM | {"selection": "select_proxies/other"}
    status, told = workplace.run("attack_boundary", "mixed", {"sources": 5}, **given)
    assert status == 1
    assert "made by a teacher of other classes" in told


def test_the_control_is_as_large_and_crosses_nothing(workplace: Workplace) -> None:
    """The same views changed as much, in every norm but for what black and white cut off."""
    images = {}
    for method in ("deepfool_linf", "shuffled"):
        settings = {"method": method, "epsilon": 64, "mixup": 0, "augmentation": "none", "deeper": False}
        made = workplace.make("attack_boundary", f"control_{method}", settings, **UPSTREAM)
        rows, stored_NHWC = stored(workplace.folder / made, workplace.index(made))
        posts = [(row, image) for row, image in zip(rows, stored_NHWC, strict=True) if row["role"] == "post"]
        images[method] = {(row["view_step"], row["view_row"]): (row, image) for row, image in posts}
    source = workplace.folder / "select_proxies/s"
    views_NHWC = read_images(source, workplace.index("select_proxies/s")["shards"]).astype(int)
    both = images["deepfool_linf"].keys() & images["shuffled"].keys()
    assert len(both) > 50
    sizes = {
        method: [np.abs(image - views_NHWC[row["source"]]).sum() for row, image in map(one.get, both)]
        for method, one in images.items()
    }
    assert 0.5 < np.median(np.array(sizes["shuffled"]) / np.array(sizes["deepfool_linf"])) <= 1
    crossed = [row["predicted"] == row["target"] for row, _ in map(images["shuffled"].get, both)]
    assert np.mean(crossed) < 0.2


def test_pairs_of_a_list_join_the_classes_of_the_list(workplace: Workplace) -> None:
    settings = {"targets": [["3", "8"], ["1", "7"]], "sources": 300, "epsilon": 64}
    index = workplace.index(workplace.make("attack_boundary", "listed", settings, **UPSTREAM))
    posts = np.array(index["facts"]["pairs"]).sum(0)
    assert set(np.flatnonzero(posts)) <= {1, 3, 7, 8}
    assert index["facts"]["counts"]["already"] > 100
