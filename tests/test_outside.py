"""Digests of what comes from outside by path."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from proxykd.errors import UserError
from proxykd.outside import Digests


def folder(tmp_path: Path, name: str = "images") -> Path:
    place = tmp_path / name
    (place / "cat").mkdir(parents=True)
    (place / "cat" / "1.png").write_bytes(b"one")
    (place / "cat" / "2.png").write_bytes(b"two")
    return place


def fresh(tmp_path: Path) -> Digests:
    return Digests(tmp_path / "none" / "cache.json")


def test_content_and_names_count_and_the_place_does_not(tmp_path: Path) -> None:
    one, other = folder(tmp_path, "a"), folder(tmp_path, "b")
    digests = fresh(tmp_path)
    same = digests.digest(str(one))
    assert digests.digest(str(other)) == same
    (other / "cat" / "2.png").rename(other / "cat" / "3.png")
    assert digests.digest(str(other)) != same
    (one / "cat" / "1.png").write_bytes(b"ONE")
    assert digests.digest(str(one)) != same


def test_linked_folders_are_followed_but_never_round(tmp_path: Path) -> None:
    place, elsewhere = folder(tmp_path), folder(tmp_path, "elsewhere")
    (place / "dog").symlink_to(elsewhere / "cat")
    (place / "round").symlink_to(place)
    before = fresh(tmp_path).digest(str(place))
    (elsewhere / "cat" / "1.png").write_bytes(b"other")
    assert fresh(tmp_path).digest(str(place)) != before


def test_names_that_are_no_unicode(tmp_path: Path) -> None:
    place = folder(tmp_path)
    Path(os.fsdecode(os.fsencode(place) + b"/\xff.png")).write_bytes(b"x")
    assert len(fresh(tmp_path).digest(str(place))) == 64


def test_the_cache_is_used_and_noticed_when_stale(tmp_path: Path) -> None:
    file, cache = tmp_path / "weights", tmp_path / ".cache" / "digests.json"
    file.write_bytes(b"abc")
    past = time.time() - 100
    os.utime(file, (past, past))
    digests = Digests(cache)
    first = digests.digest(str(file))
    digests.save()
    again = Digests(cache)
    assert again.known
    assert again.digest(str(file)) == first
    assert not again.changed
    file.write_bytes(b"abd")
    assert Digests(cache).digest(str(file)) != first


def test_a_file_of_this_moment_is_not_remembered(tmp_path: Path) -> None:
    """It may change again with the same size within the resolution of the file system's clock."""
    file = tmp_path / "weights"
    file.write_bytes(b"abc")
    digests = Digests(tmp_path / "cache.json")
    digests.digest(str(file))
    assert not digests.changed


@pytest.mark.parametrize("content", ["", "[]", "3", "{"])
def test_a_broken_cache_is_no_obstacle(tmp_path: Path, content: str) -> None:
    cache = tmp_path / "cache.json"
    cache.write_text(content)
    assert Digests(cache).known == {}


def test_nothing_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing at /no/such"):
        fresh(tmp_path).digest("/no/such")
