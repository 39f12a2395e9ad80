"""How much memory a stage's job needs: from the plan, and more exactly from what is finished by then.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

from pathlib import Path

from proxykd import store
from proxykd.errors import UserError
from proxykd.plan import Stage
from proxykd.shards import ROW_GROUP, SAMPLES_PER_SHARD

MEGABYTE = 2**20
MAKES_IMAGES = ("import_images", "render_proxies")
LOADS = {
    "train_teacher": ("images", "validation"),
    "check_teacher": ("proxies", "pictures"),
    "assess_proxies": ("pool",),
    "attack_boundary": ("selection",),
    "distill_student": ("selection", "boundary"),
    "evaluate_student": ("heldout", "pairs", "images"),
}
"""Stage -> the roles whose images it has in memory at once."""
STREAMS = {"score_proxies": ("pool",), "select_proxies": ("pool",)}
"""Stage -> the roles whose images it reads shard by shard."""
SCORED_BYTES = 64
"""What selecting holds of one image of the pools: its class, digest, place in the random order."""
SELECTED_BYTES = 700
"""What it holds of one image that it selects (400 to 600 were measured)."""
FEATURES = 2048
"""Dimensions of a teacher's features, at most: of large residual networks."""
BLOCK_BYTES = 256 * MEGABYTE
"""Of the images that scoring has before it at once."""
ROW_BYTES = 4096
"""What a stage holds, at most, of what it writes down of one sample (1.0 to 2.4 kB were measured)."""
DRAWN_BYTES = 50
"""What rendering holds of one sample: its number, in its bundle and while shards are written."""
LOADED_AT_MOST = 64_000 * MEGABYTE
"""Is asked for, at most, to hold loaded images in; what takes more than half is mapped (see `scratch.py`)."""
SOURCES = {
    "digits": 1797,
    "cifar10": 60_000,
    "cifar100": 60_000,
    "mnist": 70_000,
    "fashion_mnist": 70_000,
    "fgvc_aircraft": 10_000,
    "oxford_pets": 7_349,
    "eurosat": 27_000,
    "food101": 101_000,
    "tiny_imagenet": 110_000,
}
IN_A_FOLDER = 100_000
"""Images that a folder, parquet files or shards are taken to hold before they are imported."""
DECODED, DECODED_AT_MOST = 60, 4_000 * MEGABYTE
"""Bytes in memory for one in the file of an image that is cropped, and in all: two copies at the most."""
CLASSES = 1000
"""Of a teacher that is still to be trained."""
WEIGHTS = 4
"""Copies of a checkpoint's tensors that are in memory while it is imported."""


class Demands:
    """Memory of planned stages. What a finished result holds is read once, what is unfinished estimated."""

    def __init__(self) -> None:
        self._finished: dict[str, store.Index] = {}

    def memory_mb(self, stage: Stage, base: int) -> int:
        """Megabytes for a stage that needs `base` of them with no data at all."""
        held = 0.0
        if stage.name == "import_images":
            # In memory, whatever their size.
            held += 1.25 * self.bytes(stage)
        if stage.name == "render_proxies":
            # What is drawn lies in files. Two shards at once are mapped from them and written.
            held += self._shard(stage) + DRAWN_BYTES * self.samples(stage)
        if stage.settings.canonical().get("crops") is not None:
            held += min(DECODED * sum(map(_size, stage.settings.data())), DECODED_AT_MOST)
        loaded = [one for role in LOADS.get(stage.name, ()) for one in stage.upstream.get(role, [])]
        if loaded:
            # Twice, since images that take more than half of what is granted are mapped from a file.
            held += min(2 * sum(map(self.bytes, loaded)), LOADED_AT_MOST) + max(map(self._shard, loaded))
        if stage.name in {"import_images", "attack_boundary"}:
            held += ROW_BYTES * self.samples(stage)
        if stage.name in STREAMS:
            held += self._streamed(stage)
        if stage.name == "import_teacher":
            held += WEIGHTS * sum(_size(path) for path in stage.settings.data())
        return int(base + held / MEGABYTE)

    def _streamed(self, stage: Stage) -> float:
        """Bytes for a stage that reads pools shard by shard."""
        pools = stage.upstream["pool"]
        count = sum(map(self.samples, pools))
        held: float = max(map(self._shard, pools))
        if stage.name == "score_proxies":
            held += min(sum(map(self.bytes, pools)), BLOCK_BYTES)
            return held + 3 * 4 * self._classes(stage) * min(count, 2 * ROW_GROUP)
        settings = stage.settings.canonical()
        features = FEATURES if settings["within"] == "diverse" else 0
        # Halves of all images' features, and singles of a class's: of all, where there is no other.
        return held + (SCORED_BYTES + 6 * features) * count + SELECTED_BYTES * self.samples(stage)

    def samples(self, stage: Stage) -> int:
        """Images that a stage writes: as its index says, else at most so many."""
        index = self._index(stage)
        if index is not None:
            return index.samples
        settings = stage.settings.canonical()
        if stage.name == "render_proxies":
            return int(settings["count"])
        if stage.name == "import_images":
            there = SOURCES.get(settings["source"])
            if settings["crops"] is not None:
                there = settings["crops"]["count"]
            wanted = settings["limit"] or there or IN_A_FOLDER
            return min(wanted, there or wanted)
        if stage.name == "select_proxies":
            pools = sum(map(self.samples, stage.upstream["pool"]))
            return min(settings["count"] or pools, pools)
        if stage.name == "attack_boundary":
            views = settings["sources"] or sum(map(self.samples, stage.upstream["selection"]))
            return int(views) * (4 if settings["deeper"] else 2)
        return 0

    def bytes(self, stage: Stage) -> int:
        """Of a stage's images as they lie in memory."""
        return self.samples(stage) * _image_bytes(stage)

    def _shard(self, stage: Stage) -> int:
        """A shard while it is read: as it lies on disk, and taken apart. PNG is no larger than the images."""
        return 2 * min(self.samples(stage), SAMPLES_PER_SHARD) * _image_bytes(stage)

    def _classes(self, stage: Stage) -> int:
        (teacher,) = stage.upstream["teacher"]
        index = self._index(teacher)
        if index is not None:
            return len(index.classes)
        names = getattr(teacher.settings, "class_names", None)
        return len(names()) if names is not None else CLASSES

    def _index(self, stage: Stage) -> store.Index | None:
        """Of a finished stage; None for one that is still to be made."""
        if stage.key not in self._finished:
            try:
                self._finished[stage.key] = store.read_index(stage.folder)
            except UserError:
                return None
        return self._finished[stage.key]


def _image_bytes(stage: Stage) -> int:
    """Of one image of a stage, which has the size and channels of those it was made from."""
    if stage.name in MAKES_IMAGES:
        settings = stage.settings.canonical()
        return int(settings["size"] ** 2 * settings["channels"])
    return max(
        _image_bytes(one) for role in (LOADS | STREAMS)[stage.name] for one in stage.upstream.get(role, [])
    )


def _size(path: str) -> int:
    try:
        return Path(path).expanduser().stat().st_size
    except OSError:
        return 0
