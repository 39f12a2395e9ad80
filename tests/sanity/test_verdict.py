"""A stated normalisation is believed, doubted or refuted: on a teacher that reads digits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from torch import nn

from proxykd.networks.classifier import Classifier, Description
from proxykd.networks.outputs import logits_of
from proxykd.sanity.normalisations import Normalisation, to_try
from proxykd.sanity.trials import Trial, attempt, tried
from proxykd.sanity.verdict import GAP, Verdict, judge
from trained import digit_images, digit_teacher, linear_classifier

PICTURES = digit_images("test")[0]


def stated(teacher: Classifier, mean: list[float], deviation: list[float]) -> Classifier:
    """The same weights, imported with another normalisation."""
    return Classifier(teacher.body, replace(teacher.description, mean=mean, deviation=deviation)).eval()


def judged(teacher: Classifier, images_NHWC: np.ndarray) -> Verdict:
    described = teacher.description
    trials = tried(teacher, images_NHWC, to_try(described.mean, described.deviation), "cpu")
    return judge(trials, trials)


def test_the_right_one_is_believed() -> None:
    verdict = judged(digit_teacher(), PICTURES)
    assert (verdict.verdict, verdict.likely) == ("stated", None)


@pytest.mark.parametrize(
    ("mean", "deviation"), [([0.0], [1.0]), ([0.1307], [0.3081]), ([0.0], [1 / 255]), ([0.5], [2.0])]
)
def test_a_wrong_one_is_noticed_and_the_nearest_usual_one_named(
    mean: list[float], deviation: list[float]
) -> None:
    verdict = judged(stated(digit_teacher(), mean, deviation), PICTURES)
    assert verdict.verdict == "wrong"
    # The digits' own, 0.31 and 0.38, are nearest to these.
    assert verdict.likely is not None
    assert verdict.likely.name == "Fashion-MNIST's"
    assert "import_teacher.mean: [0.286]" in verdict.advice


def test_a_trial_is_what_a_teacher_that_is_stated_so_would_do() -> None:
    teacher = digit_teacher()
    how = Normalisation("other", (0.2,), (0.7,))
    trial = attempt(teacher, PICTURES, how, "cpu")
    logits_NK = logits_of(stated(teacher, [0.2], [0.7]), PICTURES, "cpu")
    assert trial.classes["histogram"] == np.bincount(logits_NK.argmax(1), minlength=10).tolist()
    assert trial.scale == pytest.approx(logits_NK.std(1).mean(), rel=1e-3)
    assert trial.confidence is not None
    assert 0.1 < trial.confidence < 1


def test_channels_are_flipped_where_that_is_tried() -> None:
    body = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    described = Description("by hand", 4, 3, ["red", "green", "blue"], [0.0] * 3, [1.0] * 3)
    red_NHWC = np.zeros((5, 4, 4, 3), np.uint8)
    red_NHWC[..., 0] = 255
    for flipped, histogram in ((False, [5, 0, 0]), (True, [0, 0, 5])):
        how = Normalisation("", (0.0,) * 3, (1.0,) * 3, flipped)
        assert attempt(Classifier(body, described), red_NHWC, how, "cpu").classes["histogram"] == histogram


def test_without_batch_norms_it_says_that_it_cannot_tell() -> None:
    teacher = linear_classifier([[4.0], [-4.0]], [-2.0, 2.0])
    images_NHWC = np.arange(0, 256, 4, dtype=np.uint8).reshape(-1, 1, 1, 1)
    verdict = judged(teacher, images_NHWC)
    assert (verdict.verdict, verdict.likely) == ("unknown", None)
    assert "cannot be told" in verdict.sentence
    collapsed = judged(linear_classifier([[4.0], [-4.0]], [20.0, 2.0]), images_NHWC)
    assert collapsed.verdict == "doubtful"
    assert "100 % of the pictures the same class" in collapsed.sentence


def test_outputs_that_are_not_finite_are_no_crash() -> None:
    teacher = linear_classifier([[float("inf")], [0.0]], [0.0, 0.0])
    verdict = judged(teacher, np.zeros((8, 1, 1, 1), np.uint8))
    assert verdict.verdict == "doubtful"
    assert "not all finite" in verdict.sentence


def made_up(misfit: float, deep: float | None = None) -> Trial:
    classes = {"histogram": [1, 1]}
    return Trial(True, classes, 0.5, 0.5, 0.0, 1.0, misfit, misfit if deep is None else deep)


def verdict_of(stated: float, other: float, flipped: Trial | None = None) -> Verdict:
    ways = to_try([0.5] * 3, [0.5] * 3)
    trials = dict.fromkeys(ways, made_up(9.0))
    trials |= {ways[0]: made_up(stated), ways[1]: made_up(other)}
    if flipped is not None:
        trials[next(way for way in ways if way.flipped and way.name == ways[0].name)] = flipped
    return judge(trials, trials)


def test_the_margins() -> None:
    assert verdict_of(0.01, 0.01 - GAP / 2).verdict == "stated"
    assert verdict_of(0.02, 0.001).verdict == "wrong"
    assert verdict_of(0.10, 0.05).verdict == "doubtful"
    assert verdict_of(0.10, 0.08).verdict == "stated"
    assert verdict_of(0.40, 0.39).verdict == "doubtful"


def test_what_is_not_finite_under_the_stated_one_alone_is_wrong() -> None:
    stated, other = to_try([0.5], [0.5])[:2]
    infinite = Trial(False, {"histogram": [0, 0]}, None, None, None, None, None, None)
    verdict = judge({stated: infinite, other: made_up(0.01)})
    assert verdict.verdict == "wrong"
    assert verdict.likely == other
    assert "not finite" in verdict.sentence


def test_the_order_of_channels_needs_both_figures_and_pictures() -> None:
    found = verdict_of(0.010, 1.0, made_up(0.005))
    assert found.verdict == "doubtful"
    assert found.likely is not None
    assert found.likely.flipped
    assert "BGR" in found.sentence
    assert verdict_of(0.010, 1.0, made_up(0.005, 0.0099)).verdict == "stated"
    ways = to_try([0.5] * 3, [0.5] * 3)
    alone = {way: made_up(0.005 if way.flipped else 0.01) for way in ways}
    assert judge(alone).verdict == "stated"
    assert judge(alone).judged_on == "proxies"
