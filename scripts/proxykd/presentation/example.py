"""The example beside a finished student: about ten lines that load it and classify an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parent / "templates"
NORMALISED = "(x_1CHW - mean) / deviation"


def example(described: dict[str, Any]) -> str:
    """The program for a network as `network.json` describes it."""
    library, _, name = described["architecture"].rpartition(":")
    parts = {"before_torch": "", "after_torch": "", "find": "", "given": NORMALISED}
    if library == "torchvision":
        options = _arguments(_torchvision_options(name, described["size"]))
        parts["after_torch"] = "from torchvision.models import get_model\n"
        parts["build"] = f"get_model({name!r}, num_classes=len(classes){options})".replace("'", '"')
        if described["channels"] == 1:
            # torchvision's networks take three channels, and get the grey one thrice.
            parts["given"] = f"({NORMALISED}).expand(-1, 3, -1, -1)"
    elif library == "timm":
        size = ", img_size=size" if _takes_size(name, described["size"]) else ""
        parts["before_torch"] = "import timm\n"
        parts["build"] = f'timm.create_model("{name}", num_classes=len(classes), in_chans=channels{size})'
    else:
        parts["find"] = "sys.path.insert(0, str(here))\nfrom network import build\n\n"
        parts["build"] = 'build(about["architecture"], len(classes), channels, size, False)'
    return environment().get_template("example.py.txt").render(parts)


def environment() -> Environment:
    """Of templates whose text is no HTML."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def needs(described: dict[str, Any], network: str) -> list[str]:
    """The packages that the example imports; `network` is the source of a network of our own, or empty."""
    text = network or f"import {described['architecture'].partition(':')[0]}"
    own = [name for name in ("torchvision", "timm") if f"import {name}" in text or f"from {name}" in text]
    return ["numpy", "pillow", "safetensors", "torch", *own]


def _arguments(options: dict[str, Any]) -> str:
    return "".join(f", {name}={value!r}" for name, value in options.items())


def _torchvision_options(name: str, size: int) -> dict[str, Any]:
    from proxykd.networks.libraries import torchvision_options

    return torchvision_options(name, size)


def _takes_size(name: str, size: int) -> bool:
    """Whether timm's network is built for one input size, as transformers are."""
    import timm

    try:
        timm.create_model(name, img_size=size)
    except TypeError:
        return False
    return True
