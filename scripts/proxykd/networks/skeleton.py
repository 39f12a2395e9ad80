"""What is in a checkpoint's file besides numbers: names, shapes, metadata. Executes nothing.

Pickles are read with stand-ins for all that they want to call or construct, and without PyTorch, so that a
file that nobody trusts can be looked at while a run is planned. Only settings are filled in from here, and
these are in the key: hence it is no stage's code.
"""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

LARGEST_HEADER = 100 * 2**20
"""Bytes of a header or an index of tensors; what claims to have more is damaged."""
HEADERS_OF_OLD_PICKLES = 3
"""A magic number, a version, and facts of the machine stand before the content (`torch.save` before 1.6)."""


@dataclass(frozen=True)
class Tensor:
    """A tensor that was not loaded."""

    shape: tuple[int, ...]


class Unread(dict):
    """Stands for an object of any class: its attributes, as far as the pickle states them."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self.update(part)

    def __call__(self, *given: Any, **named: Any) -> Unread:
        return Unread()

    def append(self, item: Any) -> None:
        """Of a class that is a list, say; its items are not kept."""

    def extend(self, items: Any) -> None:
        """As `append`."""

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)


def _tensor(storage: Any, offset: Any, size: Any, *rest: Any) -> Tensor:
    return Tensor(tuple(size))


def _parameter(data: Any, *rest: Any) -> Any:
    return data


STANDS_FOR: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch", "Size"): tuple,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return STANDS_FOR.get((module, name), Unread)

    def persistent_load(self, pid: Any) -> Any:
        return Unread()


def skeleton(path: Path) -> Any:
    """The content of safetensors (metadata and tensors) or of a pickle, with `Tensor` for each tensor.

    None for what cannot be read so: a damaged file, or something else altogether; whoever loads it says what.
    """
    # A damaged pickle can end in any exception that Python has.
    with suppress(Exception), path.open("rb") as file:
        start = file.read(9)
        file.seek(0)
        if start[8:] == b"{":
            return _safetensors(file)
        if start[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(file) as archive:
                inside = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
                return _Reader(archive.open(inside)).load()
        for _ in range(HEADERS_OF_OLD_PICKLES):
            _Reader(file).load()
        return _Reader(file).load()
    return None


def is_safetensors(path: Path) -> bool:
    """Eight bytes of length, then JSON: its tensors are in no order that says anything."""
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


def _safetensors(file: IO[bytes]) -> dict[str, Any]:
    (length,) = struct.unpack("<Q", file.read(8))
    header = json.loads(file.read(min(length, LARGEST_HEADER)))
    metadata = {name: _parsed(text) for name, text in header.pop("__metadata__", {}).items()}
    return metadata | {"state_dict": {name: Tensor(tuple(facts["shape"])) for name, facts in header.items()}}


def _parsed(text: str) -> Any:
    """A value of safetensors' metadata, which knows texts alone: JSON where it is JSON."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def program_shapes(path: Path) -> tuple[list[int | None], list[int | None]]:
    """Shapes of the input and the output of a program of `torch.export`; None for what is not fixed.

    Empty lists where the file says nothing that is understood here.
    """
    with suppress(Exception), zipfile.ZipFile(path) as archive:
        inside = next(name for name in archive.namelist() if name.endswith(("/model.json", "program.json")))
        module = json.loads(archive.read(inside))["graph_module"]
        sizes = {
            name: [size.get("as_int") for size in facts["sizes"]]
            for name, facts in module["graph"]["tensor_values"].items()
        }
        (given,) = _named(module["signature"]["input_specs"], "user_input")
        (answer,) = _named(module["signature"]["output_specs"], "user_output")
        return sizes[given], sizes[answer]
    return [], []


def _named(specifications: list[dict[str, Any]], kind: str) -> list[str]:
    return [one[kind]["arg"]["as_tensor"]["name"] for one in specifications if kind in one]
