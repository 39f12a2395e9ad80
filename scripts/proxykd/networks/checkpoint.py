"""Somebody else's checkpoint: find the weights in it, and say in a sentence what does not fit."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from proxykd.errors import UserError

NESTED = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "params")
SYNONYMS = (("shortcut.", "downsample."), ("linear.", "fc."))
"""What the two customs of ResNets, torchvision's and that of small images, call the same layer."""
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "backbone.")


def read_weights(path: Path, trust: bool = False) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint by name.

    Safetensors, or a pickle that loads with `weights_only=True`; with `trust` any pickle, which may execute
    what code it likes. Weights may be nested in dictionaries and prefixed. Raises UserError where the file
    is missing, truncated, or wants to execute code without trust.
    """
    if not path.is_file():
        raise UserError(f"There is no checkpoint at {path}. Correct import_teacher.checkpoint.")
    content = _read_safetensors(path) if _is_safetensors(path) else _read_pickle(path, trust)
    weights = _find(content)
    if not weights:
        raise UserError(f"{path} holds no weights: no dictionary of tensors was found in it.")
    return _without_prefixes(weights)


def _is_safetensors(path: Path) -> bool:
    """By name or by content: eight bytes of length, then JSON."""
    return path.suffix == ".safetensors" or _start(path, 9)[8:] == b"{"


def _read_safetensors(path: Path) -> Any:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path} is no complete safetensors file ({error}). Fetch it again.") from error


def _read_pickle(path: Path, trust: bool) -> Any:
    if _start(path, 4) != b"PK\x03\x04" and _start(path, 1) != b"\x80":
        raise UserError(f"{path} is no checkpoint: neither safetensors nor a pickle. Fetch it again.")
    try:
        with warnings.catch_warnings():
            # What PyTorch warns of here is its own affair: an old format, an unusual pickle protocol.
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=not trust)
    except PermissionError:
        raise
    except Exception as error:
        # A damaged pickle can end in any exception that Python has.
        if not trust and _wants_code(error):
            raise UserError(
                f"{path} holds more than weights: loading it could execute code, so it is refused "
                f"({_reason(error)}). Ask its author for safetensors, save its state_dict alone, or set "
                "import_teacher.trust: true if you trust whoever made it."
            ) from error
        raise UserError(
            f"{path} is truncated or no checkpoint ({_reason(error)}). Fetch it again."
        ) from error
    return content.state_dict() if isinstance(content, nn.Module) else content


def _start(path: Path, count: int) -> bytes:
    with path.open("rb") as file:
        return file.read(count)


def _wants_code(error: Exception) -> bool:
    told = str(error)
    return any(sign in told for sign in ("Unsupported", "TorchScript", "not an allowed global", "is blocked"))


def _reason(error: Exception) -> str:
    """What PyTorch has against a file, without its advice on how to execute it all the same."""
    told = str(error)
    for start in ("Unsupported", "GLOBAL", "Cannot use", "PytorchStreamReader"):
        if start in told:
            told = told[told.index(start) :]
            break
    return (told.strip() or type(error).__name__).splitlines()[0].split(". ")[0][:160]


def _find(content: Any) -> dict[str, torch.Tensor]:
    """The dictionary of tensors in a checkpoint, which may be nested under one of the usual names."""
    if not isinstance(content, dict):
        return {}
    for name in NESTED:
        if isinstance(content.get(name), dict):
            return _find(content[name])
    found = {str(name): value for name, value in content.items() if isinstance(value, torch.Tensor)}
    nested = [inner for inner in map(_find, content.values()) if inner]
    return nested[0] if not found and len(nested) == 1 else found


def _without_prefixes(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Names without what wrappers (DataParallel, torch.compile, a trainer) put before all of them."""
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in weights):
            return _without_prefixes({name[len(prefix) :]: value for name, value in weights.items()})
    return weights


def load_into(body: nn.Module, weights: dict[str, torch.Tensor], architecture: str, path: Path) -> None:
    """Load weights into a network; every tensor must find its place.

    Names may differ by the synonyms. Raises UserError that names the first tensors that do not fit, and a
    differing number of classes as such.
    """
    wanted = body.state_dict()
    weights = _in_words_of(wanted, weights)
    weights = {name: value for name, value in weights.items() if name in wanted or _counts(name)}
    missing = [name for name in wanted if name not in weights and not name.endswith("num_batches_tracked")]
    unknown = [name for name in weights if name not in wanted]
    if missing or unknown:
        told = "; ".join(
            f"{text} {', '.join(names[:3])}{' …' if len(names) > 3 else ''}"
            for text, names in (("it lacks", missing), ("it has besides", unknown))
            if names
        )
        raise UserError(
            f"{path} is not a checkpoint of {architecture}: {told}. Correct "
            "import_teacher.architecture or factory."
        )
    wrong = [name for name in weights if weights[name].shape != wanted[name].shape]
    if wrong:
        raise UserError(_shapes(wrong, weights, wanted, architecture, path))
    damaged = [name for name in weights if not weights[name].isfinite().all()]
    if damaged:
        raise UserError(
            f"{path} is damaged: {damaged[0]} holds values that are not finite. "
            "Fetch it again, or ask its author."
        )
    body.load_state_dict(weights, strict=False)


def _in_words_of(
    wanted: dict[str, torch.Tensor], weights: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Weights by the network's names, where its custom and the checkpoint's differ in words alone."""
    inside = _around(wanted)
    named = {_in_word_of(wanted, name, inside): value for name, value in weights.items()}
    fits = len(named) == len(weights) and all(name in named for name in wanted if _counts(name))
    return named if fits else weights


def _around(wanted: dict[str, torch.Tensor]) -> str:
    """What stands before all names of a network that wraps another one; empty where nothing does."""
    first = {name.partition(".")[0] for name in wanted if "." in name}
    return f"{first.pop()}." if len(first) == 1 and all("." in name for name in wanted) else ""


def _in_word_of(wanted: dict[str, torch.Tensor], name: str, inside: str) -> str:
    for same in (name, f"{inside}{name}"):
        if same in wanted:
            return same
    for pair in SYNONYMS:
        for theirs, ours in (pair, pair[::-1]):
            if (renamed := name.replace(theirs, ours)) in wanted:
                return renamed
    return name


def _counts(name: str) -> bool:
    """Whether a tensor that the network does not have matters: buffers that hold no weights do not."""
    return not name.endswith(("num_batches_tracked", "total_ops", "total_params"))


def _shapes(
    wrong: list[str],
    weights: dict[str, torch.Tensor],
    wanted: dict[str, torch.Tensor],
    architecture: str,
    path: Path,
) -> str:
    heads = [name for name in wrong if weights[name].shape[1:] == wanted[name].shape[1:]]
    if heads == wrong and len({weights[name].shape[0] for name in wrong}) == 1:
        has, needs = weights[wrong[0]].shape[0], wanted[wrong[0]].shape[0]
        return (
            f"{path} has {has} classes, and import_teacher.classes says {needs}. Correct "
            "import_teacher.classes."
        )
    name = wrong[0]
    return (
        f"{path} is not a checkpoint of {architecture} as configured: {name} has the shape "
        f"{tuple(weights[name].shape)}, the network's is {tuple(wanted[name].shape)}. Correct "
        "import_teacher.architecture, channels or classes."
    )
