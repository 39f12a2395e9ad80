"""A model on disk: `model.safetensors`, whose names are the network's own, and `network.json`."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from proxykd.errors import UserError
from proxykd.networks.build import build
from proxykd.networks.classifier import Classifier, Description
from proxykd.shards import damaged

WEIGHTS = "model.safetensors"
DESCRIPTION = "network.json"


def save(network: Classifier, folder: Path) -> None:
    """Write a classifier: it loads into torchvision's or timm's network of that name without ProxyKD."""
    weights = {name: value.detach().cpu().contiguous() for name, value in network.body.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    described = json.dumps(network.description.to_json(), indent=1, sort_keys=True)
    (folder / DESCRIPTION).write_text(described + "\n")


def describe(folder: Path) -> Description:
    """The description of a stored model."""
    try:
        return Description(**json.loads((folder / DESCRIPTION).read_bytes()))
    except (OSError, json.JSONDecodeError, TypeError) as error:
        raise UserError(damaged(folder / DESCRIPTION, "it cannot be read")) from error


def load(folder: Path, device: str = "cpu") -> Classifier:
    """A stored classifier in eval mode, its weights frozen."""
    network = build(describe(folder))
    try:
        network.body.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise UserError(damaged(folder / WEIGHTS, "its weights do not load")) from error
    network.eval().requires_grad_(False)
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
