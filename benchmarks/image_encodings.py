"""What lossless encodings cost on shader images: milliseconds and bytes an image, in one process.

    python benchmarks/image_encodings.py [--images 600] [--programs 300] [--sizes 32 64 224]

Programs are those of the default corpus, drawn with 2 x 2 samples a pixel. Every encoding is decoded again
with Pillow and compared; one that loses anything ends the program. `decode` is Pillow's way back. Times are
the processor's, the better of two rounds over all images. Prints a table a size and, last, one line of JSON.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from proxykd.proxies.shaders.context import compile_quickly  # noqa: E402
from proxykd.proxies.shaders.grammar import corpus, write_program  # noqa: E402
from proxykd.proxies.shaders.settings import ShaderPool  # noqa: E402
from proxykd.proxies.shaders.studio import open_studio  # noqa: E402

ROUNDS = 2
Encoder = Callable[[np.ndarray], bytes]


def pillow(kind: str, **options: object) -> Encoder:
    def encode(image_HWC: np.ndarray) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(image_HWC).save(buffer, kind, **options)
        return buffer.getvalue()

    return encode


def opencv(suffix: str, *options: int) -> Encoder:
    """OpenCV's encoder; it takes blue first."""

    def encode(image_HWC: np.ndarray) -> bytes:
        return cv2.imencode(suffix, image_HWC[..., ::-1], list(options))[1].tobytes()

    return encode


def encoders() -> dict[str, Encoder]:
    found: dict[str, Encoder] = {}
    for level in (0, 1, 2, 4, 6, 9):
        found[f"PNG, Pillow, level {level}"] = pillow("png", compress_level=level)
    level_of, strategy_of, filter_of = (
        cv2.IMWRITE_PNG_COMPRESSION,
        cv2.IMWRITE_PNG_STRATEGY,
        cv2.IMWRITE_PNG_FILTER,
    )
    found["PNG, OpenCV, as it comes"] = opencv(".png")
    for level in (1, 3, 6):
        found[f"PNG, OpenCV, level {level}"] = opencv(".png", level_of, level)
    filtered = (strategy_of, cv2.IMWRITE_PNG_STRATEGY_FILTERED, filter_of, cv2.IMWRITE_PNG_FILTER_SUB)
    for level in (1, 3):
        found[f"PNG, OpenCV, level {level}, filter sub"] = opencv(".png", level_of, level, *filtered)
    for method in (0, 1, 2, 3, 4, 6):
        for quality in (0, 25, 75) if method < 6 else (100,):
            name = f"WebP, Pillow, method {method}, quality {quality}"
            found[name] = pillow("webp", lossless=True, quality=quality, method=method, exact=True)
    found["WebP, OpenCV"] = opencv(".webp", cv2.IMWRITE_WEBP_QUALITY, 101)
    return found


def rendered(images: int, programs: int, size: int) -> np.ndarray:
    """Images of the default corpus' first programs: uint8, N x size x size x 3."""
    drawn = []
    with open_studio(size, 2) as studio:
        for k, (family, seed) in enumerate(corpus(ShaderPool().families, programs, False)):
            program = write_program(family, seed)
            drawn.append(studio.draw(program, [program.parameters(i) for i in range(k, images, programs)]))
    return np.concatenate(drawn)


def cost(encode: Encoder, images_NHWC: np.ndarray) -> dict[str, float]:
    """Milliseconds for encoding and decoding an image, and its bytes."""
    files = [encode(image_HWC) for image_HWC in images_NHWC]
    for content, image_HWC in zip(files, images_NHWC, strict=True):
        if not np.array_equal(np.asarray(Image.open(io.BytesIO(content))), image_HWC):
            raise SystemExit("an encoding that should be lossless is not")
    return {
        "encode_ms": _best(lambda: [encode(image_HWC) for image_HWC in images_NHWC], len(images_NHWC)),
        "decode_ms": _best(lambda: [Image.open(io.BytesIO(content)).load() for content in files], len(files)),
        "bytes": sum(map(len, files)) / len(files),
    }


def _best(work: Callable[[], object], count: int) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return 1000 * min(times) / count


def measured(images: int, programs: int, sizes: list[int]) -> list[dict[str, object]]:
    """A row for each size and encoding; fewer images where they are large."""
    rows: list[dict[str, object]] = []
    for size in sizes:
        images_NHWC = rendered(images if size <= 64 else max(programs, images // 8), programs, size)[:images]
        if size > 64:
            images_NHWC = images_NHWC[:: max(1, len(images_NHWC) // (images // 8))]
        print(f"\n{len(images_NHWC)} images of {size} pixels, {size * size * 3} bytes each, unencoded")
        print(f"{'':36} {'encode ms':>10} {'decode ms':>10} {'bytes':>8}")
        for name, encode in encoders().items():
            found = cost(encode, images_NHWC)
            print(f"{name:36} {found['encode_ms']:10.3f} {found['decode_ms']:10.3f} {found['bytes']:8.0f}")
            rows.append({"size": size, "encoding": name, **found})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=600, help="images, an eighth of them above 64 pixels")
    parser.add_argument("--programs", type=int, default=300, help="programs that draw them")
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64, 224])
    arguments = parser.parse_args()
    compile_quickly()
    print(json.dumps(measured(arguments.images, arguments.programs, arguments.sizes)))


if __name__ == "__main__":
    main()
