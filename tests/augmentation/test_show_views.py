"""The contact sheet of an augmentation, from a small dataset, as a person asks for it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import show_views
from programs import Workplace
from proxykd.errors import UserError

SET = {"source": "digits", "size": 8, "channels": 1, "split": "test", "limit": 30}


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workplace = Workplace(tmp_path_factory.mktemp("views"))
    workplace.make("import_images", "digits", SET)
    return workplace.out("import_images", "digits")


def picture(digits: Path, out: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> np.ndarray:
    arguments = ["--images", str(digits), "--out", str(out), *more]
    monkeypatch.setattr(sys, "argv", ["show_views.py", *arguments])
    show_views.main()
    return np.asarray(Image.open(out))


def test_a_sheet_has_a_row_for_each_image_and_the_image_before_its_views(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["--rows", "5", "--columns", "3"]
    plain = picture(digits, tmp_path / "a.png", monkeypatch, "--augmentation", "none", *asked)
    # 8 pixels and one between, 12 times as large
    assert plain.shape == (5 * 9 * 12, 4 * 9 * 12)
    tiles = plain.reshape(5, 108, 4, 108).transpose(0, 2, 1, 3)
    assert all(np.array_equal(tiles[:, 0], tiles[:, column]) for column in (1, 2, 3))
    fields = '{"preset": "extreme", "flip": 0}'
    changed = picture(digits, tmp_path / "b.png", monkeypatch, "--augmentation", fields, *asked)
    views = changed.reshape(5, 108, 4, 108).transpose(0, 2, 1, 3)
    assert np.array_equal(views[:, 0], tiles[:, 0])
    assert len({tile.tobytes() for row in views for tile in row}) >= 15


def test_mixtures_are_shown(digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = [
        picture(digits, tmp_path / "c.png", monkeypatch, "--augmentation", "none", "--mixup", "1", *more)
        for more in ([], ["--cutmix", "1"])
    ]
    assert not np.array_equal(*both)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--augmentation", "heavy"], "'heavy' is no preset; there are none, standard"),
        (["--augmentation", '{"flip": 2}'], "--augmentation flip: Input should be less than or equal to 1"),
        (["--augmentation", "{flip"], "neither a preset's name nor JSON"),
        (["--augmentation", "none", "--cutmix", "1"], "give --mixup too"),
    ],
)
def test_mistakes_are_sentences(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], told: str
) -> None:
    with pytest.raises(UserError, match=told):
        picture(digits, tmp_path / "d.png", monkeypatch, *given)
