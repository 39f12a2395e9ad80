"""A teacher that is a program of `torch.export`: it can execute code when loaded, so it was trusted first.

Its mode was fixed when it was exported, and so was its batch size unless it was left free: both are looked at
in the program itself.
"""

from __future__ import annotations

import logging
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import torch
from torch import fx, nn
from torch.export import ExportedProgram
from torch.export.passes import move_to_device_pass

from proxykd.errors import UserError
from proxykd.networks.classifier import Description
from proxykd.networks.files import PROGRAM
from proxykd.networks.teacher_settings import ImportTeacher

NORMS = (
    "batch_norm",
    "_batch_norm_impl_index",
    "cudnn_batch_norm",
    "miopen_batch_norm",
    "native_batch_norm",
    "_native_batch_norm_legit",
    "_native_batch_norm_legit_functional",
)
ALWAYS_TRAINING = ("_batch_norm_with_update", "_batch_norm_with_update_functional", "batch_norm_update_stats")
DROPOUTS = ("dropout", "dropout_", "feature_dropout", "alpha_dropout", "feature_alpha_dropout")
HOW = (
    "call .eval() on the network and export it again, with torch.export.export(network, (images,), "
    'dynamic_shapes=({0: torch.export.Dim("batch")},))'
)


class Program(nn.Module):
    """An exported program as any other network. It has no mode to be switched, and complains when asked."""

    def __init__(self, program: ExportedProgram) -> None:
        super().__init__()
        self.program = program.module()
        self.training = False

    def train(self, mode: bool = True) -> Self:
        """Nothing: what an exported program does in training was decided when it was exported."""
        return self

    def forward(self, x_NCHW: torch.Tensor) -> Any:
        return self.program(x_NCHW)


def opened(settings: ImportTeacher, description: Description) -> nn.Module:
    """The program that settings name."""
    return read(Path(settings.checkpoint).expanduser())


def keep(settings: ImportTeacher, folder: Path) -> None:
    """Copy the program into a stored teacher's folder."""
    shutil.copyfile(Path(settings.checkpoint).expanduser(), folder / PROGRAM)


def read(path: Path, device: str = "cpu") -> Program:
    """The program of a file, on a device, as a network.

    Raises UserError for a damaged file, another version's, and for one that was exported in training mode,
    with a fixed batch size, or with other inputs than a batch of images.
    """
    _check_file(path)
    # It logs a traceback of what it tried first.
    logger = logging.getLogger("torch.export")
    logger.disabled = True
    try:
        program = torch.export.load(path)
    except Exception as error:
        # What a program of another version or a damaged one ends in may be any exception.
        raise UserError(
            f"{path} cannot be loaded by PyTorch {torch.__version__} ({_first_line(error)}): it is damaged, "
            "or another version wrote it. Fetch it again, or export it again with this version."
        ) from error
    finally:
        logger.disabled = False
    _check_input(program, path)
    _check_mode(program, path)
    # Constants and devices are in the program itself, where `.to` does not see them.
    return Program(move_to_device_pass(program, device))


def load(folder: Path, description: Description, device: str) -> nn.Module:
    """The program of a stored teacher."""
    return read(folder / PROGRAM, device)


def _check_file(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        raise UserError(
            f"{path} is truncated, or no program of torch.export.save, which is a zip file. Fetch it again."
        )
    with zipfile.ZipFile(path) as archive:
        broken = archive.testzip()
        names = archive.namelist()
    if broken:
        raise UserError(f"{path} is damaged: {broken} in it is not as it was written. Fetch it again.")
    if not any(name.endswith(("models/model.json", "exported_program.json")) for name in names):
        raise UserError(
            f"{path} is no program of torch.export.save: it holds none. Correct import_teacher.architecture."
        )


def _check_input(program: ExportedProgram, path: Path) -> None:
    """One input, float32, N x C x H x W with N free."""
    given = program.graph_signature.user_inputs
    values = [node.meta.get("val") for node in program.graph.nodes if node.name in given]
    if len(given) != 1 or not isinstance(values[0], torch.Tensor) or values[0].ndim != 4:
        raise UserError(
            f"{path} takes {len(given)} inputs, and should take one batch of images, N x C x H x W. Export "
            "a network that does."
        )
    if values[0].dtype != torch.float32:
        raise UserError(
            f"{path} takes {values[0].dtype} images, and should take torch.float32. Export it so again."
        )
    batch = values[0].shape[0]
    if isinstance(batch, int):
        raise UserError(f"{path} was exported for batches of {batch} and takes no other: {HOW}.")


def _check_mode(program: ExportedProgram, path: Path) -> None:
    trains = next((found for node in _nodes(program) if (found := _trains(node))), None)
    if trains is not None:
        raise UserError(
            f"{path} was exported in training mode: {trains}, so its answers are not those of the finished "
            f"network. Ask for another file, or {HOW}."
        )


def _nodes(program: ExportedProgram) -> Iterator[fx.Node]:
    for module in program.graph_module.modules():
        if isinstance(module, fx.GraphModule):
            yield from module.graph.nodes


def _trains(node: fx.Node) -> str | None:
    """What a step of a program does that only training does; None for any other."""
    if node.op != "call_function" or not hasattr(node.target, "_schema"):
        return None
    name = node.target._schema.name.removeprefix("aten::")
    named = (argument.name for argument in node.target._schema.arguments)
    given = dict(zip(named, node.args, strict=False)) | node.kwargs
    # Without running statistics it is another layer's, an instance norm say, which has no mode.
    keeps = given.get("running_mean") is not None
    if keeps and (name in ALWAYS_TRAINING or (name in NORMS and given.get("training"))):
        return "its batch norm uses the statistics of each batch"
    drops = name in DROPOUTS and given.get("train") and given.get("p")
    if drops or (name == "native_dropout" and given.get("train") is not False and given.get("p")):
        return "its dropout is active"
    return None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:160]
