"""The way from results into the store: relative links, made anew with the report."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_runs import BASE, without_labels

from proxykd.errors import UserError
from proxykd.presentation import links
from proxykd.presentation.collect import Shown

Shows = Callable[[dict[str, Any]], Shown]


def test_links_are_relative_and_lead_to_the_store(shown_of: Shows, finished: Path, tmp_path: Path) -> None:
    shown = shown_of(BASE)
    links.write(shown, tmp_path)
    made = [path for path in tmp_path.rglob("*") if path.is_symlink()]
    assert made
    for link in made:
        assert not os.path.isabs(os.readlink(link))
        assert (link / "index.json").is_file()
    run = shown.experiments[0].runs[1]
    assert (tmp_path / "leaves" / "distill_student" / "seed-1").resolve() == run.student.folder.resolve()
    assert (tmp_path / "leaves" / "render_proxies").is_symlink()
    assert (tmp_path / "noise" / "render_proxies" / "0").is_symlink()
    assert (tmp_path / "noise" / "render_proxies" / "1").is_symlink()
    for name in ("train", "validation", "test"):
        assert (tmp_path / "leaves" / "import_images" / name).is_symlink()


def test_a_rerun_replaces_stale_links_and_keeps_what_is_not_its_own(shown_of: Shows, tmp_path: Path) -> None:
    links.write(shown_of(BASE), tmp_path)
    mine = tmp_path / "noise" / "notes.txt"
    mine.write_text("mine")
    foreign = tmp_path / "elsewhere"
    foreign.symlink_to("noise")
    stale = tmp_path / "leaves" / "render_proxies"
    stale.unlink()
    stale.symlink_to("../../gone/render_proxies/0123456789abcdef")
    given = without_labels()
    given["experiments"] = {"leaves": {}}
    links.write(shown_of(given), tmp_path)
    assert (stale / "index.json").is_file()
    assert not (tmp_path / "attacked+real").exists()
    assert mine.read_text() == "mine"
    assert [path.name for path in (tmp_path / "noise").iterdir()] == ["notes.txt"]
    assert foreign.is_symlink()
    assert not (tmp_path / "leaves" / "distill_student" / "seed-1").is_symlink()


def test_a_real_folder_in_the_place_of_a_link_is_kept_and_named(shown_of: Shows, tmp_path: Path) -> None:
    kept = tmp_path / "leaves" / "train_teacher" / "weights"
    kept.parent.mkdir(parents=True)
    kept.write_text("precious")
    with pytest.raises(UserError, match="leaves/train_teacher is no link of the report's"):
        links.write(shown_of(BASE), tmp_path)
    assert kept.read_text() == "precious"
