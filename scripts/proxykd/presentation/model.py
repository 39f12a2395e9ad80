"""The finished student: `results/<experiment>/model/`, a folder that loads without ProxyKD.

Weights, `network.json`, the network's own source where no library has it, an example of about ten lines, and
a model card with the report's figures.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from proxykd import source
from proxykd.errors import UserError
from proxykd.networks.settings import module_of
from proxykd.presentation import example, model_card
from proxykd.presentation.collect import Shown, ShownExperiment, ShownRun
from proxykd.presentation.links import remove_empty
from proxykd.store import check_files, read_facts, write_atomically

FOLDER = "model"
CARD = "README.md"
WEIGHTS = "model.safetensors"
DESCRIPTION = "network.json"
NETWORK = "network.py"
FILES = (WEIGHTS, DESCRIPTION, NETWORK, "example.py", CARD)
"""What the report writes; the card, by which a folder is known as the report's, is removed last."""


def write(shown: Shown, out: Path, command: str) -> None:
    """Write each experiment's folder anew, and remove those of experiments that are no more.

    command: what was run. Files that the report did not write stay. Raises UserError where something else is
    in a folder's place.
    """
    wanted = {experiment.name: out / experiment.name / FOLDER for experiment in shown.experiments}
    for card in out.glob(f"*/{FOLDER}/{CARD}"):
        folder = card.parent
        linked = folder.is_symlink() or folder.parent.is_symlink()
        if not linked and folder not in wanted.values() and _is_ours(folder):
            _clear(folder)
            remove_empty(folder, out)
    for experiment in shown.experiments:
        _write(shown, experiment, wanted[experiment.name], command)


def chosen(experiment: ShownExperiment) -> ShownRun:
    """The run whose student has the smallest KL divergence from its teacher on held-out proxies."""
    students = zip(experiment.runs, experiment.measured["students"], strict=True)
    return min(students, key=lambda one: one[1]["fidelity"]["heldout"]["kl"])[0]


def _write(shown: Shown, experiment: ShownExperiment, folder: Path, command: str) -> None:
    _check_place(folder)
    run = chosen(experiment)
    check_files(run.student.folder)
    files = loadable(run.student.folder)
    needs = example.needs(json.loads(files[DESCRIPTION]), files.get(NETWORK, b"").decode())
    card = model_card.card(shown, experiment, run, needs, command)
    folder.mkdir(parents=True, exist_ok=True)
    # First, so that a folder that was not finished is known as the report's.
    write_atomically(folder / CARD, card.encode())
    _clear(folder, keep=CARD)
    for name, content in files.items():
        write_atomically(folder / name, content)


def loadable(stored: Path) -> dict[str, bytes]:
    """A stored network as files that load without ProxyKD, by name.

    A copy of the weights and no link: whoever changes the file in place would damage the store.
    """
    described = read_facts(stored / DESCRIPTION)
    files = {name: (stored / name).read_bytes() for name in (WEIGHTS, DESCRIPTION)}
    files["example.py"] = example.example(described).encode()
    if ":" not in described["architecture"]:
        path = source.module_path(module_of(described["architecture"]))
        assert path is not None
        origin = f"# From ProxyKD (Apache-2.0): scripts/{path.relative_to(source.SCRIPTS)}\n"
        files[NETWORK] = origin.encode() + path.read_bytes()
    return files


def _is_ours(folder: Path) -> bool:
    try:
        return model_card.signature(folder.parent.name) in (folder / CARD).read_text(errors="replace")
    except OSError:
        return False


def _check_place(folder: Path) -> None:
    free = not os.path.lexists(folder) or (folder.is_dir() and not any(folder.iterdir()))
    if folder.is_symlink() or not (free or _is_ours(folder)):
        raise UserError(
            f"{folder} is no folder of the report's, which wants its place. Move it away, or choose other "
            "results."
        )


def _clear(folder: Path, keep: str = "") -> None:
    """Remove the files that the report wrote, and what running the example has left."""
    compiled = folder / "__pycache__"
    for path in compiled.glob("network.*.pyc"):
        path.unlink()
    if compiled.is_dir() and not any(compiled.iterdir()):
        compiled.rmdir()
    for name in FILES:
        if name != keep:
            (folder / name).unlink(missing_ok=True)
