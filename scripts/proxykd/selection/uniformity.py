"""How uniform a class histogram is.

Frank & Davis, CVPR 2025, section 4 (relative entropy of the teacher's predictions).
"""

from __future__ import annotations

import numpy as np


def scaled_entropy(histogram_K: np.ndarray) -> float:
    """Entropy of a class histogram over its largest possible value: H / log K, 0 for one class to 1.

    The paper's "relative entropy" (an entropy scaled to 1, no KL divergence). Nine of ten equal classes
    still give 0.954, so look at the smallest class beside it.
    """
    total = histogram_K.sum()
    if total == 0 or len(histogram_K) < 2:
        return 0.0
    share = histogram_K[histogram_K > 0] / total
    return float(-(share * np.log(share)).sum() / np.log(len(histogram_K)))


def uniformity(histogram_K: np.ndarray) -> dict[str, object]:
    """Scaled entropy, smallest class's share and number of empty classes of a histogram, and itself."""
    return {
        "histogram": histogram_K.tolist(),
        "relative_entropy": scaled_entropy(histogram_K),
        "smallest_share": float(histogram_K.min() / max(1, histogram_K.sum())),
        "empty_classes": int((histogram_K == 0).sum()),
    }
