"""A small finished store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_runs import BASE, imported, make, patience, several_proxies, without_labels

from proxykd.configuration import load
from proxykd.plan import Plan
from proxykd.presentation.collect import Shown, collect


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds everything that the small configurations need."""
    import torch

    torch.set_num_threads(1)
    store = tmp_path_factory.mktemp("finished") / "store"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROXYKD_STORE", str(store))
        patch.setenv("PROXYKD_DEVICE", "cpu")
        # The digests of files from outside are remembered in the current folder.
        patch.chdir(store.parent)
        for given in (BASE, without_labels(), patience(), patience(labels=False), several_proxies()):
            make(Plan(load(given)))
        make(Plan(load(imported(store))))
    return store


@pytest.fixture
def shown_of(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], Shown]:
    """What a configuration's report shows, from the finished store."""
    monkeypatch.setenv("PROXYKD_STORE", str(finished))
    return lambda given: collect(Plan(load(given)))
