"""The figures of `assessment.json`: what each is, for whoever shows or ranks them. No stage needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One figure of proxies."""

    place: str
    """Where it stands in `assessment.json`, with dots between the names."""
    name: str
    range: str
    """Its smallest and largest value, and its unit; K is the number of classes."""
    about: str
    better: int
    """1: more of it is thought better, -1: less. By the paper's criteria, not by what was measured."""

    def of(self, assessment: dict[str, Any]) -> float | None:
        """The figure of some proxies; None where they have none."""
        value: Any = assessment
        for name in self.place.split("."):
            value = value[name]
        return value


ENTROPY = Figure(
    "uniformity.relative_entropy",
    "scaled entropy",
    "0 to 1",
    "entropy of the pool's class histogram over its largest possible value, the paper's figure; it hides an "
    "empty class",
    1,
)
SMALLEST = Figure(
    "uniformity.smallest_share", "smallest class", "0 to 1/K", "share of the images in the rarest class", 1
)
EMPTY = Figure(
    "uniformity.empty_classes", "empty classes", "0 to K - 1", "classes that the teacher sees in no image", -1
)
COVERED = Figure(
    "class_pairs.all.covered",
    "pairs covered",
    "0 to 1",
    "share of the pairs of classes that are the likeliest two of enough images",
    1,
)
BOTH_WAYS = Figure(
    "class_pairs.all.covered_both_ways",
    "pairs covered both ways",
    "0 to 1",
    "the same, with enough images on either side of the boundary",
    1,
)
PAIR_ENTROPY = Figure(
    "class_pairs.all.scaled_entropy",
    "entropy over pairs",
    "0 to 1",
    "entropy of the images over the pairs over its largest possible value",
    1,
)
NEAR_COVERED = Figure(
    "class_pairs.near.covered",
    "pairs covered near the boundary",
    "0 to 1",
    "as pairs covered, counting only images near the boundary",
    1,
)
NEAR_ENTROPY = Figure(
    "class_pairs.near.scaled_entropy",
    "entropy over pairs near the boundary",
    "0 to 1",
    "as entropy over pairs, counting only images near the boundary",
    1,
)
PIXELS = Figure(
    "diversity.pixels.vendi",
    "diversity of pixels",
    "1 to the sample's images",
    "Vendi score: as how many unlike images a sample counts, by the angles between their pixels, taken from "
    "mid-grey",
    1,
)
PIXELS_WITHIN = Figure(
    "diversity.pixels.within",
    "diversity of pixels within programs",
    "1 to the images of a set",
    "the same of sets of images of one program",
    1,
)
FEATURES = Figure(
    "diversity.features.vendi",
    "diversity of features",
    "1 to the features' dimensions",
    "Vendi score: as how many unlike images a sample counts, by the angles between the teacher's last "
    "features",
    1,
)
FEATURES_WITHIN = Figure(
    "diversity.features.within",
    "diversity of features within programs",
    "1 to the images of a set",
    "the same of sets of images of one program",
    1,
)
NEAR = Figure(
    "boundary.near_share", "near the boundary", "0 to 1", "share of the images with a small margin", 1
)
UNSURE = Figure(
    "boundary.unsure_share", "unsure", "0 to 1", "share of the images with a confidence below 0.9", 1
)
MARGIN = Figure(
    "boundary.mean_margin",
    "mean margin",
    "0 to 1",
    "mean of the largest probability less the second: 0 on the boundary",
    -1,
)
OUTPUT_ENTROPY = Figure(
    "boundary.mean_entropy",
    "mean entropy",
    "0 to log K nats",
    "of the teacher's outputs, at temperature 1",
    1,
)

FIGURES = (
    ENTROPY,
    SMALLEST,
    EMPTY,
    COVERED,
    BOTH_WAYS,
    PAIR_ENTROPY,
    NEAR_COVERED,
    NEAR_ENTROPY,
    PIXELS,
    PIXELS_WITHIN,
    FEATURES,
    FEATURES_WITHIN,
    NEAR,
    UNSURE,
    MARGIN,
    OUTPUT_ENTROPY,
)
"""All that is compared between proxies, in the order of the paper's criteria. Diversity between programs is
left out: few kinds of proxies have several."""
