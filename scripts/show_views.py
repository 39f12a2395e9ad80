"""Show what an augmentation makes of images: a row for each image, and its views beside it.

    python scripts/show_views.py --images store/import_images/<key> --augmentation extreme --out views.png
    python scripts/show_views.py --images <folder> --augmentation '{"preset": "strong", "flip": 0}' \\
        --mixup 1 --cutmix 0.5 --out views.png

The fill is the teacher's mean colour where --teacher names one, else that of the images that are shown.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from pydantic import ValidationError

from proxykd.augmentation.batch import augment, generator, mix
from proxykd.augmentation.settings import Augmentation
from proxykd.errors import UserError, run
from proxykd.networks.classifier import to_float
from proxykd.networks.files import describe
from proxykd.shards import read_images
from proxykd.store import read_index

LARGEST = 96
"""Pixels of the screen for an image's side; smaller images are shown at a whole multiple of their size."""


def sheet(
    images_NHWC: np.ndarray,
    how: Augmentation,
    fill_C: torch.Tensor,
    views: int,
    mixup: float = 0.0,
    cutmix: float = 0.0,
    seed: int = 0,
) -> np.ndarray:
    """The images and `views` views of each as one picture, H x W x C uint8.

    Images are mixed with one another, where mixup, the alpha of the shares, is above 0.
    """
    x_NCHW = to_float(torch.from_numpy(images_NHWC))
    columns = [x_NCHW]
    for view in range(views):
        rng = generator(seed, view)
        view_NCHW = augment(x_NCHW, how, fill_C, rng)
        columns.append(mix(view_NCHW, mixup, rng, cutmix)[0] if mixup else view_NCHW)
    return _grid(torch.stack(columns, 1))


def _grid(x_RVCHW: torch.Tensor) -> np.ndarray:
    """Rows of views on white, each pixel as large as fits."""
    rows, columns, channels, height, width = x_RVCHW.shape
    scale, gap = max(1, LARGEST // height), max(1, height // 12)
    canvas = np.full((rows * (height + gap), columns * (width + gap), channels), 255, np.uint8)
    levels_RVHWC = (x_RVCHW * 255).round().to(torch.uint8).permute(0, 1, 3, 4, 2).numpy()
    for row, column in np.ndindex(rows, columns):
        top, left = row * (height + gap), column * (width + gap)
        canvas[top : top + height, left : left + width] = levels_RVHWC[row, column]
    return canvas.repeat(scale, 0).repeat(scale, 1)


def _parsed(text: str) -> Augmentation:
    """An augmentation from a preset's name or JSON."""
    try:
        given: Any = json.loads(text) if text.lstrip().startswith("{") else text
        return Augmentation.model_validate(given)
    except json.JSONDecodeError as error:
        raise UserError(f"--augmentation is neither a preset's name nor JSON: {error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"--augmentation {place}: {first['msg']}".replace(" :", ":")) from None


def main() -> None:
    arguments = _arguments()
    how = _parsed(arguments.augmentation)
    if arguments.cutmix and not arguments.mixup:
        raise UserError("--cutmix is the share of mixtures that are a rectangle: give --mixup too.")
    shards = [entry.model_dump() for entry in read_index(arguments.images).shards]
    images_NHWC = read_images(arguments.images, shards[:1])
    rows = np.linspace(0, len(images_NHWC) - 1, min(arguments.rows, len(images_NHWC))).astype(int)
    shown_NHWC = images_NHWC[rows]
    fill = describe(arguments.teacher).mean if arguments.teacher else shown_NHWC.mean((0, 1, 2)) / 255
    if len(fill) != shown_NHWC.shape[3]:
        raise UserError(f"The teacher takes {len(fill)} channels and the images have {shown_NHWC.shape[3]}.")
    fill_C = torch.tensor(np.asarray(fill), dtype=torch.float32)
    mixing = arguments.mixup, arguments.cutmix
    picture = sheet(shown_NHWC, how, fill_C, arguments.columns, *mixing, arguments.seed)
    Image.fromarray(picture if picture.shape[2] == 3 else picture[..., 0]).save(arguments.out)
    print(f"{arguments.out}: {len(rows)} images with {arguments.columns} views each")


def _arguments() -> argparse.Namespace:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--images", type=Path, required=True, help="a dataset's folder in the store")
    parser.add_argument("--augmentation", required=True, help="a preset's name, or fields as JSON")
    parser.add_argument("--mixup", type=float, default=0.0, help="alpha of the shares; 0: no mixing")
    parser.add_argument("--cutmix", type=float, default=0.0, help="share of rectangles among the mixtures")
    parser.add_argument("--teacher", type=Path, help="a teacher's folder, for the fill")
    parser.add_argument("--rows", type=int, default=8, help="images (default: 8)")
    parser.add_argument("--columns", type=int, default=10, help="views of each (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="other views with another one")
    parser.add_argument("--out", type=Path, required=True, help="the picture to write")
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
