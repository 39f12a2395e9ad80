"""scikit-learn's handwritten digits: 1,797 grey images of 8 x 8 pixels, bundled with the library."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from proxykd.images.imported import Imported
from proxykd.images.prepare import prepare_arrays
from proxykd.images.settings import ImportImages
from proxykd.images.splits import Keep, choose


def read(settings: ImportImages, advance: Callable[[int], None], keep: Keep | None = None) -> Imported:
    """One split of the digits, held out by the shares: the set has no splits of its own.

    Pixel values 0..16 become 0..255.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    labels_N = np.asarray(bunch.target, dtype=np.int64)
    classes = [str(digit) for digit in range(10)]
    _, members_K = choose(settings, ["train"], lambda _: labels_N, classes, "scikit-learn's digits", keep)
    values_KHW = bunch.images[members_K].astype(np.int64)
    images_KHW = ((values_KHW * 255 + 8) // 16).astype(np.uint8)
    return Imported(
        images_NHWC=prepare_arrays(images_KHW, settings, advance),
        labels=labels_N[members_K].tolist(),
        classes=classes,
        origins=[f"digits/{index}" for index in members_K],
    )
