"""What a configuration may say about real images, and what of it counts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from proxykd.images.settings import ImageSet, ImportImages

HEAVY = {"torch", "torchvision", "sklearn", "numpy", "PIL", "pyarrow"}


def test_a_source_and_a_size_are_enough() -> None:
    settings = ImportImages(source="digits", size=8, split="train")
    assert (settings.channels, settings.fit, settings.limit) == (3, "crop", None)
    assert settings.modules() == ["proxykd.images.digits"]
    assert settings.data() == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"source": "folder"}, "source folder needs path"),
        ({"source": "parquet"}, "source parquet needs path"),
        ({"source": "folder", "path": "a", "download": True}, "download is for torchvision's sets"),
        ({"source": "digits", "download": True}, "download is for torchvision's sets"),
        ({"source": "digits", "path": "a"}, "Leave path out"),
        ({"source": "digits", "splits": {"test": "a"}}, "no splits of its own"),
        ({"source": "cifar10", "splits": {"test": "validation"}}, "has only train and test, not validation"),
        ({"source": "cifar10", "validation_share": 0.5, "test_share": 0.5}, "nothing is left for train"),
        ({"source": "cifar10", "splits": {"test": "test", "validation": "test"}}, "in two splits"),
        ({"source": "cifar10", "size": 2}, "greater than or equal to 4"),
        ({"source": "cifar10", "colour": 3}, "colour"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(given: dict, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        ImageSet(**{"size": 32, **given})


def test_only_the_content_of_outside_folders_counts_not_their_place() -> None:
    here = ImportImages(source="folder", path="here", size=8, split="train")
    there = here.model_copy(update={"path": "there"})
    assert here.identity() == there.identity()
    assert here.canonical()["path"] == "here"
    assert here.data() == ["here"]


def test_a_named_set_counts_by_its_name_and_split() -> None:
    train = ImportImages(source="cifar10", size=32, split="train")
    fetched = train.model_copy(update={"path": "elsewhere", "download": True})
    assert train.identity() == fetched.identity()
    assert fetched.data() == []
    assert train.identity() != train.model_copy(update={"split": "test"}).identity()
    assert train.identity() != train.model_copy(update={"source": "cifar100"}).identity()


def test_the_settings_import_nothing_heavy() -> None:
    program = "import proxykd.images.settings, sys; print(*{name.split('.')[0] for name in sys.modules})"
    path = str(Path(__file__).parents[2] / "scripts")
    run = [sys.executable, "-c", f"import sys; sys.path.insert(0, {path!r}); {program}"]
    printed = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert not HEAVY & set(printed.split())
