"""A model on disk: `model.safetensors`, whose names are the network's own, and `network.json`.

A network of the user's own Python file has that file beside it, in a folder; an exported program is a file
that holds its weights itself.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from proxykd.errors import UserError
from proxykd.networks.build import build
from proxykd.networks.classifier import Classifier, Description
from proxykd.networks.settings import FOREIGN
from proxykd.shards import damaged

WEIGHTS = "model.safetensors"
PROGRAM = "program.pt2"
DESCRIPTION = "network.json"


def save(network: Classifier, folder: Path) -> None:
    """Write a classifier: it loads into torchvision's or timm's network of that name without ProxyKD."""
    # A copy of each, since layers may share a tensor, which safetensors refuses.
    weights = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in network.body.state_dict().items()
    }
    save_file(weights, folder / WEIGHTS)
    save_description(network.description, folder)


def save_description(description: Description, folder: Path) -> None:
    """Write `network.json`."""
    described = json.dumps(description.to_json(), indent=1, sort_keys=True)
    (folder / DESCRIPTION).write_text(described + "\n")


def weights_file(folder: Path) -> Path:
    """The file that holds a stored model's weights."""
    program = folder / PROGRAM
    return program if program.exists() else folder / WEIGHTS


def describe(folder: Path) -> Description:
    """The description of a stored model."""
    try:
        return Description(**json.loads((folder / DESCRIPTION).read_bytes()))
    except (OSError, json.JSONDecodeError, TypeError) as error:
        raise UserError(damaged(folder / DESCRIPTION, "it cannot be read")) from error


def load(folder: Path, device: str = "cpu") -> Classifier:
    """A stored classifier in eval mode, its weights frozen.

    Whoever imported a network that comes as code trusted it; that code runs here again.
    """
    network = _built(describe(folder), folder, device)
    if weights_file(folder).name == WEIGHTS:
        try:
            network.body.load_state_dict(load_file(folder / WEIGHTS))
        except (OSError, SafetensorError, RuntimeError) as error:
            raise UserError(damaged(folder / WEIGHTS, "its weights do not load")) from error
    network.eval().requires_grad_(False)
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def _built(description: Description, folder: Path, device: str) -> Classifier:
    if description.architecture not in FOREIGN:
        return build(description)
    # By name, as `build` does: what serves other networks is no code of a stage that has this one.
    kind = import_module(FOREIGN[description.architecture])
    return Classifier(kind.load(folder, description, device), description)
