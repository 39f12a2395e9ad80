"""What every source of real images hands over."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

UNLABELLED = "unlabelled"
"""The one class of images that nobody has labelled."""


@dataclass(frozen=True)
class Imported:
    """One split of a set, in the order of its source."""

    images_NHWC: np.ndarray
    """uint8, N x size x size x channels."""

    labels: list[int]
    """N indices into `classes`."""

    classes: list[str]
    """All class names, the same for every split of the set."""

    origins: list[str]
    """Where each image came from, unique within the set: a file relative to the set's folder, or
    `<the source's split>/<index in it>`."""

    ignored: list[str] = field(default_factory=list)
    """Files in a folder that were passed over because they are no images that can be read, or lie outside
    every class folder. Worth telling the user; text files and hidden ones are not listed."""
