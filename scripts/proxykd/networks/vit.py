"""ViT-S (Touvron et al. 2021, table 1) for small images: timm's, with patches that fit the image."""

from __future__ import annotations

from torch import nn

PATCHES = (16, 8, 4, 2, 1)
FEWEST = 7
"""Patches along a side."""


def patch_size(size: int) -> int:
    """The largest of 16, 8, 4, 2, 1 that leaves 7 patches a side: 16 at 224 pixels, 8 at 64, 4 at 32 and 28.

    Raises ValueError where the image cannot be cut into them.
    """
    patch = next((patch for patch in PATCHES if size // patch >= FEWEST), PATCHES[-1])
    if size % patch:
        below = size - size % patch
        raise ValueError(f"{size} is no multiple of {patch}, a patch's side; {below} and {below + patch} are")
    return patch


def build(architecture: str, classes: int, channels: int, size: int, pretrained: bool) -> nn.Module:
    """`vit_small`; weights have the names and, but for patches and positions, the shapes of timm's."""
    import timm

    return timm.create_model(
        "vit_small_patch16_224",
        img_size=size,
        patch_size=patch_size(size),
        in_chans=channels,
        num_classes=classes,
    )
