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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
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
