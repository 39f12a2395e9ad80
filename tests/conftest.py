"""What all tests share: quiet libraries, skipped markers, and copies of the checkout to break."""

from __future__ import annotations

import os

# Before any import of a library that reads them: two cores are shared by everything that runs here.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1", PROXYKD_DEVICE="cpu")
os.environ.pop("PROXYKD_STORE", None)

from pathlib import Path
from typing import Any

import pytest

from checkouts import Checkout, copy_checkout, tiny_configuration

FOLDERS = ("tests/presentation/", "tests/transfer/")
"""Their tests share a store that takes long to make."""
LONGEST = (
    "tests/test_workflow.py",
    "tests/test_reruns.py",
    "tests/test_quickstart.py",
    "tests/test_store_program.py",
    "tests/presentation/",
    "tests/training/test_loop.py",
    "tests/test_without_data.py",
    "tests/test_assess_target.py",
    "tests/faults/test_two_checkouts.py",
    "tests/transfer/",
)
"""What takes longest, and begins first where tests run in several processes, so that none ends alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    _skip(items)
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Whatever comes first in a process: an optimiser's first step imports it, and crashes after OpenGL by
        # Mesa, whose LLVM is another one. Stages are programs of their own and never do both.
        import torch._dynamo  # noqa: F401

        order = {group: place for place, group in enumerate(LONGEST)}
        items.sort(key=lambda item: order.get(_group(item.nodeid), len(order)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """xdist's --dist=loadgroup would do, but with pytest 9.2 it passes its marks over, and says nothing."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    return ByGroup(config, log)


def _group(nodeid: str) -> str:
    """What runs in one process, for the fixtures' sake: a file, or a folder of files."""
    file = nodeid.partition("::")[0]
    return next((folder for folder in FOLDERS if file.startswith(folder)), file)


def _skip(items: list[pytest.Item]) -> None:
    full = os.environ.get("PROXYKD_FULL") == "1"
    for item in items:
        if item.get_closest_marker("full") and not full:
            item.add_marker(pytest.mark.skip(reason="a long run: set PROXYKD_FULL=1"))
        if item.get_closest_marker("gpu") and not _has_gpu():
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A fresh copy of the checkout."""
    return copy_checkout(tmp_path / "checkout")


@pytest.fixture(scope="session")
def shared_checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of the checkout whose code no test edits."""
    return copy_checkout(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def tiny() -> dict[str, Any]:
    return tiny_configuration()
