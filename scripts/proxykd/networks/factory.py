"""A teacher that a function of the user's own Python file builds: run because they named and trusted it."""

from __future__ import annotations

import importlib.util
import inspect
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from proxykd.errors import UserError
from proxykd.networks.classifier import Description
from proxykd.networks.teacher_settings import ImportTeacher

FOLDER = "factory"
"""Of a stored teacher: the file, and what it imported from beside it."""
_brought: set[str] = set()
"""Names of modules that factories imported from beside themselves, so that another one's are not taken."""


def build(path: Path, function: str, description: Description) -> nn.Module:
    """The network that a file's function returns, with whatever weights that gives it.

    Raises UserError for a file or function that is not there, and where either fails.
    """
    if not path.is_file():
        raise UserError(f"There is no Python file at {path}. Correct import_teacher.factory.path.")
    with _told_where(path, function):
        make = getattr(_imported(path), function, None)
        if not callable(make):
            raise UserError(
                f"{path.name} has no function called {function!r}. Correct import_teacher.factory.function."
            )
        body = make(**_arguments(make, description, f"{path.name}:{function}"))
    if not isinstance(body, nn.Module):
        raise UserError(
            f"{path.name}:{function} returned a {type(body).__name__}, and should return a torch.nn.Module. "
            "Correct the function."
        )
    return body


def opened(settings: ImportTeacher, description: Description) -> nn.Module:
    """The network that settings name."""
    assert settings.factory is not None
    return build(settings.factory.file(), settings.factory.function, description)


def load(folder: Path, description: Description, device: str) -> nn.Module:
    """The network of a stored teacher, by the copy of the file that lies there."""
    name, _, function = description.factory.partition(":")
    return build(folder / FOLDER / name, function, description)


def keep(settings: ImportTeacher, folder: Path) -> None:
    """Copy the file, and the modules that it imported from beside itself, into a stored teacher's folder."""
    assert settings.factory is not None
    path = settings.factory.file().resolve()
    files = [getattr(sys.modules.get(name), "__file__", None) for name in _brought]
    for file in {path, *(Path(file) for file in files if file is not None)}:
        target = folder / FOLDER / file.relative_to(path.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def _arguments(make: Callable[..., Any], description: Description, called: str) -> dict[str, int]:
    """Those of what is offered that a function has a name for."""
    offered = {
        "classes": len(description.classes),
        "channels": description.channels,
        "size": description.size,
    }
    parameters = inspect.signature(make).parameters.values()
    unknown = [
        one.name
        for one in parameters
        if one.default is one.empty
        and one.kind not in {one.VAR_POSITIONAL, one.VAR_KEYWORD}
        and (one.name not in offered or one.kind is one.POSITIONAL_ONLY)
    ]
    if unknown:
        raise UserError(
            f"{called} needs {', '.join(unknown)}, and is given nothing but classes, channels and size, by "
            "these names. Give its other arguments defaults, or write a function that calls it."
        )
    return {one.name: offered[one.name] for one in parameters if one.name in offered}


def _imported(path: Path) -> ModuleType:
    """The file as a module, for which the modules beside it are found as if it were run there."""
    beside = path.resolve().parent
    _forget_others()
    before = set(sys.modules)
    name = path.stem if path.stem not in sys.modules else f"_factory_{path.stem}"
    specification = importlib.util.spec_from_file_location(name, path.resolve())
    if specification is None or specification.loader is None:
        raise UserError(f"{path} is no Python file: its name should end in .py. Rename it.")
    module = importlib.util.module_from_spec(specification)
    # No caches of bytecode: the folder may be a finished result, which nobody changes.
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, str(beside))
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    finally:
        sys.path.remove(str(beside))
        sys.dont_write_bytecode = writes
        _brought.update(one for one in set(sys.modules) - before if _is_beside(one, beside))
        _brought.add(name)
    return module


def _forget_others() -> None:
    """Another factory's modules may have the names of this one's."""
    for name in _brought:
        sys.modules.pop(name, None)
    _brought.clear()
    importlib.invalidate_caches()


def _is_beside(name: str, beside: Path) -> bool:
    file = getattr(sys.modules[name], "__file__", None)
    base = beside.joinpath(*name.split("."))
    return file is not None and Path(file) in {base.with_suffix(".py"), base / "__init__.py"}


@contextmanager
def _told_where(path: Path, function: str) -> Iterator[None]:
    """Whatever the user's code raises, as a sentence that names the line of their file."""
    try:
        yield
    except (UserError, KeyboardInterrupt):
        raise
    except (Exception, SystemExit) as error:
        beside = str(path.resolve().parent)
        frames = [one for one in traceback.extract_tb(error.__traceback__) if one.filename.startswith(beside)]
        place = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else path.name
        told = (str(error).strip() or "no message").splitlines()[0][:160]
        raise UserError(
            f"{path.name}:{function} failed in {place} ({type(error).__name__}: {told}). Correct it: it must "
            "run by itself, with the modules beside it."
        ) from error
