"""A training for TensorBoard, where the environment's PROXYKD_TENSORBOARD names a folder.

`metrics.jsonl` is the record of a training; this shows the same while it runs.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from proxykd.errors import UserError

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

SETTING = "PROXYKD_TENSORBOARD"

log = logging.getLogger("proxykd")


class Board:
    """Scalars of one training in `<PROXYKD_TENSORBOARD>/<label>/<folder_name>/`; nothing where that is unset.

    label: the stage. folder_name: the training's key, or a name. step: the step that the training goes on
    from, 0 for a new one; what an earlier run wrote after it is hidden.
    Raises UserError where TensorBoard cannot be imported or the folder cannot be written: that is told before
    the first step, and costs no work. A folder that is lost later costs the scalars alone, and a warning.
    """

    def __init__(self, label: str, folder_name: str, step: int = 0) -> None:
        root = os.environ.get(SETTING)
        self.writer: SummaryWriter | None = None
        if root:
            self.folder = Path(root) / label / folder_name
            self.writer = _writer(self.folder, step)

    def record(self, record: dict[str, float]) -> None:
        """Add a record's numbers by name, at its `step`."""
        if self.writer is None:
            return
        # TensorBoard writes in a thread of its own, where a missing folder would be a traceback.
        if not self.folder.is_dir():
            self._give_up("the folder is gone")
            return
        try:
            for name, value in record.items():
                if name != "step" and isinstance(value, int | float):
                    self.writer.add_scalar(name, value, int(record["step"]))
        except OSError as error:
            self._give_up(error.strerror or str(error))

    def close(self) -> None:
        """Write what is not written yet. Records after that are passed over."""
        writer, self.writer = self.writer, None
        if writer is None:
            return
        try:
            writer.close()
        except OSError as error:
            self._give_up(error.strerror or str(error))

    def _give_up(self, reason: str) -> None:
        self.writer = None
        log.warning(
            "%s=%s: %s: %s. The training goes on without TensorBoard; its records are in metrics.jsonl.",
            SETTING,
            os.environ.get(SETTING),
            self.folder,
            reason,
        )


def _writer(folder: Path, step: int) -> SummaryWriter:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UserError(
            f"{SETTING} is set, but TensorBoard cannot be imported: {error}. Install it (pip install "
            f"tensorboard), or unset {SETTING}."
        ) from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error.strerror or str(error)) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(folder, "it is not writable")
    return SummaryWriter(str(folder), purge_step=step + 1)


def _unwritable(folder: Path, reason: str) -> UserError:
    return UserError(
        f"{SETTING}={os.environ[SETTING]}: {folder} cannot be written: {reason}. Name another folder, or "
        f"unset {SETTING}."
    )
