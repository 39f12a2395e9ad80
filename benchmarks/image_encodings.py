"""What lossless encodings cost on shader images: milliseconds and bytes an image, in one thread.

    python benchmarks/image_encodings.py [--images 600] [--programs 300] [--sizes 32 64 224]
    python benchmarks/image_encodings.py --dataset store/render_proxies/<key> [--images 10000]

Programs are those of the default corpus, drawn with 2 x 2 samples a pixel; `--dataset` takes the first images
of a dataset in their place. Every encoding is decoded again with Pillow and compared; one that loses anything
ends the program. `encode` is the encoder alone, `tar` the way from its bytes into a shard with its digest,
`read` the way back as the stages go it: a shard's file, its digest, its members, OpenCV. `Pillow` is the
decoder of many readers of others. `stored` are an image's bytes in the shard, with tar's header and padding.
Times are the processor's, the better of two rounds over all images. Prints a table a size and, last, one line
of JSON.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from proxykd import shards, store  # noqa: E402
from proxykd.proxies.shaders.context import compile_quickly  # noqa: E402
from proxykd.proxies.shaders.grammar import corpus, write_program  # noqa: E402
from proxykd.proxies.shaders.settings import ShaderPool  # noqa: E402
from proxykd.proxies.shaders.studio import open_studio  # noqa: E402
from proxykd.ustar import TarWriter  # noqa: E402

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


def cost(encode: Encoder, images_NHWC: np.ndarray, place: Path) -> dict[str, float]:
    """Milliseconds an image for each step of the chain, and its bytes. place: a folder for a shard."""
    files = [encode(image_HWC) for image_HWC in images_NHWC]
    for content, image_HWC in zip(files, images_NHWC, strict=True):
        if not np.array_equal(np.asarray(Image.open(io.BytesIO(content))), image_HWC):
            raise SystemExit("an encoding that should be lossless is not")
    n = len(files)
    shard = written(files, place)
    return {
        "encode_ms": _best(lambda: [encode(image_HWC) for image_HWC in images_NHWC], n),
        "tar_ms": _best(lambda: written(files, place), n),
        "read_ms": _best(lambda: read(place / shard["name"], shard), n),
        "pillow_ms": _best(lambda: [Image.open(io.BytesIO(content)).load() for content in files], n),
        "bytes": sum(map(len, files)) / n,
        "stored": shard["bytes"] / n,
    }


def written(files: list[bytes], place: Path) -> dict[str, Any]:
    """One shard of these members; its entry in an index."""
    tar = TarWriter(place / "train-000000.tar")
    names = [f"{shards.key_of(i)}.image" for i in range(len(files))]
    for first in range(0, len(files), 1000):
        tar.append(names[first : first + 1000], files[first : first + 1000])
    return tar.close()


def read(path: Path, shard: dict[str, Any]) -> list[np.ndarray]:
    """Its images, decoded as `shards.read_images` does, but by this thread alone."""
    contents = shards.read_shard(path, shard)
    return [cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_UNCHANGED) for one in contents]


def _best(work: Callable[[], object], count: int) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return 1000 * min(times) / count


COLUMNS = ("encode_ms", "tar_ms", "read_ms", "pillow_ms", "bytes", "stored")


def measured(images_NHWC: np.ndarray) -> list[dict[str, object]]:
    """A row for each encoding."""
    n, size = images_NHWC.shape[:2]
    print(f"\n{n} images of {size} pixels, {size * size * 3} bytes each, unencoded")
    print(" " * 36 + "".join(f"{name:>11}" for name in COLUMNS))
    rows: list[dict[str, object]] = []
    for name, encode in encoders().items():
        with tempfile.TemporaryDirectory() as place:
            found = cost(encode, images_NHWC, Path(place))
        figures = (f"{found[k]:11.3f}" if k.endswith("_ms") else f"{found[k]:11.0f}" for k in COLUMNS)
        print(f"{name:36}" + "".join(figures), flush=True)
        rows.append({"size": size, "encoding": name, **found})
    return rows


def drawn(images: int, programs: int, size: int) -> np.ndarray:
    """So many images, an eighth of them above 64 pixels, from as many programs as that allows."""
    images_NHWC = rendered(images if size <= 64 else max(programs, images // 8), programs, size)[:images]
    return images_NHWC[:: max(1, len(images_NHWC) // (images // 8))] if size > 64 else images_NHWC


def stored(folder: Path, images: int) -> np.ndarray:
    """The first images of a dataset."""
    index = store.read_index(folder)
    rows = list(range(min(images, index.samples)))
    return np.stack(shards.read_rows(folder, [one.model_dump() for one in index.shards], rows))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=600, help="images, an eighth of them above 64 pixels")
    parser.add_argument("--programs", type=int, default=300, help="programs that draw them")
    parser.add_argument("--dataset", type=Path, help="a folder of the store to take images from")
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64, 224])
    arguments = parser.parse_args()
    compile_quickly()
    if arguments.dataset:
        rows = measured(stored(arguments.dataset, arguments.images))
    else:
        each = [measured(drawn(arguments.images, arguments.programs, size)) for size in arguments.sizes]
        rows = [row for several in each for row in several]
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
