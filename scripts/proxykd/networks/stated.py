"""What a checkpoint says of its network's input and classes, in words or by the shapes of its layers.

Only settings are filled in from here, and these are in the key: hence it is no stage's code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from math import isqrt
from pathlib import Path
from typing import Any

from proxykd.networks.skeleton import Tensor, Unread, is_safetensors, program_shapes, skeleton

BESIDE = ("network.json", "config.json", "preprocessor_config.json")
"""Of ProxyKD; of timm and of Hugging Face's transformers."""
SIZES = ("size", "img_size", "image_size", "input_size", "input_resolution", "resolution", "crop_size")
CHANNELS = ("channels", "in_chans", "in_channels", "num_channels", "input_channels", "input_size")
MEANS = ("mean", "image_mean", "norm_mean", "pixel_mean", "img_mean")
DEVIATIONS = ("deviation", "std", "image_std", "norm_std", "pixel_std", "img_std")
NAMES = ("classes", "class_names", "labels", "label_names", "categories", "class_to_idx", "idx_to_class")
CLASSES = (*NAMES, "id2label", "label2id", "num_classes", "n_classes", "nb_classes", "num_labels")
DEEPEST = 4
HEAD = re.compile(r"(^|\.)(fc|heads?|classifier|linear|logits|last_linear|output)(\.|$)")
STEM = re.compile(r"(^|\.)(conv1|conv0|conv_stem|stem|conv_proj|patch_embed|features\.0)(\.|$)")


@dataclass(frozen=True)
class Fact:
    """A value, and the words for where it was found."""

    value: Any
    source: str
    by_shape: bool = False
    """Follows from layers' shapes, so it is no statement that could be wrong."""


def stated(checkpoint: Path, architecture: str) -> dict[str, Fact]:
    """`size`, `channels`, `classes` (a number or names), `mean` and `deviation`, as far as they are found.

    Looks into the checkpoint, then into known files beside it, then at the shapes of layers.
    """
    state = checkpoint.stat()
    shapes, words = _inside(checkpoint.absolute(), architecture, state.st_size, state.st_mtime_ns)
    words = _of_files(checkpoint) | words
    if "classes" in shapes and "classes" in words and _count(words["classes"]) != _count(shapes["classes"]):
        # Words of the network that this one was made from, say.
        del words["classes"]
    if architecture == "export":
        # A program's shapes are what it takes; but names say more than their number.
        return words | {name: fact for name, fact in shapes.items() if name != "classes" or name not in words}
    return shapes | words


@cache
def _inside(
    checkpoint: Path, architecture: str, size: int, changed: int
) -> tuple[dict[str, Fact], dict[str, Fact]]:
    """What the file itself says by shapes and in words; a plan asks for it once an experiment."""
    if architecture == "export":
        return _of_program(checkpoint), {}
    content = skeleton(checkpoint)
    shapes = _of_shapes(content, ordered=not is_safetensors(checkpoint))
    return shapes, _of_words(content, f"in {checkpoint.name}")


def _count(classes: Fact) -> int:
    return classes.value if isinstance(classes.value, int) else len(classes.value)


def _of_files(checkpoint: Path) -> dict[str, Fact]:
    found: dict[str, Fact] = {}
    for name in reversed(BESIDE):
        with suppress(OSError, ValueError):
            found |= _of_words(json.loads((checkpoint.parent / name).read_bytes()), f"in {name} beside it")
    return found


def _of_words(content: Any, source: str) -> dict[str, Fact]:
    wanted: dict[str, tuple[tuple[str, ...], Callable[[Any], Any]]] = {
        "size": (SIZES, _size),
        "channels": (CHANNELS, _channels),
        "classes": (CLASSES, _classes),
        "mean": (MEANS, _per_channel),
        "deviation": (DEVIATIONS, _per_channel),
    }
    found = {}
    for what, (names, read) in wanted.items():
        for words in _dictionaries(content):
            values = [read(words[name]) for name in names if name in words]
            value = next((value for value in values if value is not None), None)
            if value is not None:
                found[what] = Fact(value, source)
                break
    return found


def _dictionaries(content: Any) -> Iterator[dict[Any, Any]]:
    """The dictionaries in a checkpoint that hold no tensors, the outer ones first."""
    level = [content]
    for _ in range(DEEPEST):
        inner = []
        for one in level:
            if isinstance(one, dict):
                values = list(one.values())
                inner += values
                if sum(isinstance(value, Tensor) for value in values) * 2 <= len(values):
                    yield one
        level = inner


def _size(value: Any) -> int | None:
    if isinstance(value, dict):
        value = [value.get("height", value.get("shortest_edge")), value.get("width")]
    if isinstance(value, list | tuple):
        sides = {side for side in value[-2:] if side is not None}
        value = sides.pop() if len(sides) == 1 else None
    return value if _is_number(value) and 4 <= value <= 1024 else None


def _channels(value: Any) -> int | None:
    if isinstance(value, list | tuple):
        value = value[0] if len(value) == 3 else None
    return value if _is_number(value) and value in {1, 3} else None


def _classes(value: Any) -> int | list[str] | None:
    if isinstance(value, dict):
        value = _in_order(value)
    if isinstance(value, list | tuple):
        several = [name for name in value if isinstance(name, str)]
        return several if len(value) > 1 and len(set(several)) == len(value) else None
    return value if _is_number(value) and value > 1 else None


def _in_order(names: dict[Any, Any]) -> list[str] | None:
    """From a dictionary either way round: number to name, or name to number."""
    if all(_is_number(value) for value in names.values()):
        names = {value: name for name, value in names.items()}
    with suppress(ValueError, TypeError):
        by_number = {int(number): name for number, name in names.items()}
        if sorted(by_number) == list(range(len(names))):
            return [by_number[number] for number in range(len(names))]
    return None


def _per_channel(value: Any) -> list[float] | None:
    if not isinstance(value, list | tuple) or len(value) not in {1, 3}:
        return None
    usable = all(isinstance(one, int | float) and 0 <= one <= 1 for one in value)
    return [float(one) for one in value] if usable else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _of_program(path: Path) -> dict[str, Fact]:
    given, answer = program_shapes(path)
    found: dict[str, Any] = {}
    if len(given) == 4:
        found |= {"size": _size(given), "channels": _channels(given[1:])}
    if len(answer) == 2:
        found["classes"] = _classes(answer[1])
    source = f"by the shapes that {path.name} states"
    return {name: Fact(value, source, True) for name, value in found.items() if value is not None}


def _of_shapes(content: Any, ordered: bool) -> dict[str, Fact]:
    tensors = list(_tensors(content))
    layers = {name: one.shape for name, one in tensors if name.endswith("weight")}
    tables: dict[str, tuple[int, ...]] = {name: one.shape for name, one in tensors if len(one.shape) == 3}
    found = {
        "classes": _last_layer(layers, ordered),
        "channels": _first_layer(layers),
        "size": _patches(layers, tables),
    }
    source = "by the shapes of its layers"
    return {name: Fact(value, source, True) for name, value in found.items() if value is not None}


def _tensors(content: Any) -> Iterator[tuple[str, Tensor]]:
    """Tensors by dotted name, in the order of the file; modules' own levels are no part of a name."""
    seen: set[int] = set()
    waiting = [("", content)]
    while waiting:
        name, one = waiting.pop()
        if isinstance(one, Tensor):
            yield name.removeprefix("."), one
        elif isinstance(one, dict) and id(one) not in seen:
            seen.add(id(one))
            waiting += [
                (name if isinstance(one, Unread) and str(key).startswith("_") else f"{name}.{key}", value)
                for key, value in reversed(one.items())
            ]


def _last_layer(layers: dict[str, tuple[int, ...]], ordered: bool) -> int | None:
    """Outputs of the last layer that is named like a head, else of the last one, where they are in order."""
    flat = [name for name, shape in layers.items() if len(shape) == 2 or shape[2:] == (1, 1)]
    heads = [name for name in flat if HEAD.search(name.removesuffix("weight"))]
    if heads:
        flat = [max(heads, key=lambda name: (-name.count("."), [int(n) for n in re.findall(r"\d+", name)]))]
    elif not ordered or not flat:
        return None
    outputs = layers[flat[-1]][0]
    return outputs if outputs > 1 else None


def _first_layer(layers: dict[str, tuple[int, ...]]) -> int | None:
    """Inputs of the first convolution. One input may also be that of a depthwise one further up."""
    convolutions = {name: shape[1] for name, shape in layers.items() if len(shape) == 4}
    if 3 in convolutions.values():
        return 3
    return 1 if any(inputs == 1 and STEM.search(name) for name, inputs in convolutions.items()) else None


def _patches(layers: dict[str, tuple[int, ...]], tables: dict[str, tuple[int, ...]]) -> int | None:
    """The image's side by a vision transformer's patches: their number in its table of positions."""
    sides = [shape[2] for name, shape in layers.items() if re.search(r"patch_embed|conv_proj", name)]
    counts = [shape[1] for name, shape in tables.items() if re.search(r"pos_embed", name)]
    if len(sides) != 1 or len(counts) != 1:
        return None
    for tokens in range(3):
        # Besides the patches, one token for the class and perhaps one for a distilled class.
        if isqrt(counts[0] - tokens) ** 2 == counts[0] - tokens:
            return _size(isqrt(counts[0] - tokens) * sides[0])
    return None
