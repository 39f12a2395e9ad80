"""Keys, indices, publication: what is in the store is whole, and says what it is."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from proxykd import publication, shards, store
from proxykd.errors import UserError
from proxykd.section import canonical_json

KEY = "0123456789abcdef"
# SHA-256 of an index's canonical content. Whoever changes it raises store.FORMAT: every key then changes.
GOLDEN = {1: "a351b3f6e291cf5e0e1e2a7bca236197cb4ad1f155d41e3458a26f19e3651715"}


def index(private: Path, **more: object) -> store.Index:
    """An index of what lies in a private folder."""
    known = {
        "stage": "render_proxies",
        "key": KEY,
        "settings": {"count": 3},
        "upstream": {"pool": [{"stage": "import_images", "key": "f" * 16, "digest": "0" * 64}]},
        "data": {},
        "source": {"digest": "1" * 64, "parts": {}},
        "versions": {"python": "3.11"},
        "device": "none",
        "seconds": 1.5,
        "files": [entry.model_dump() for entry in store.listed_files(private, skip=set())],
    }
    return store.Index.model_validate(known | more)


def make(folder: Path, content: bytes = b"content") -> None:
    with publication.locked(folder), publication.private_folder(folder) as private:
        (private / "file.bin").write_bytes(content)
        publication.publish(private, folder, index(private))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store" / "render_proxies" / KEY


def test_golden_index(folder: Path) -> None:
    make(folder)
    content = canonical_json(json.loads((folder / "index.json").read_bytes()))
    assert hashlib.sha256(content.encode()).hexdigest() == GOLDEN[store.FORMAT]


def test_golden_key() -> None:
    key = store.stage_key("s", {"b": 1, "a": [1.0, None]}, "c" * 64, {"/x": "d" * 64}, {"role": [KEY]})
    assert key == {(1, 2): "fc92f79d3d3752c2"}[store.FORMAT, shards.FORMAT]
    moved = store.stage_key("s", {"a": [1.0, None], "b": 1}, "c" * 64, {"/y": "d" * 64}, {"role": [KEY]})
    assert moved == key


def test_a_published_result_is_complete_and_alone(folder: Path) -> None:
    make(folder)
    assert store.verify(folder).key == KEY
    assert sorted(path.name for path in folder.parent.iterdir()) == [KEY, f"{KEY}.lock"]


def test_content_digest_does_not_depend_on_when(folder: Path) -> None:
    make(folder)
    first = store.read_index(folder)
    assert first.digest == first.model_copy(update={"seconds": 99.0, "device": "other"}).digest


@pytest.mark.parametrize("fault", ["missing", "shorter", "altered"])
def test_damage_is_noticed_and_replaced(folder: Path, fault: str) -> None:
    make(folder)
    file = folder / "file.bin"
    if fault == "missing":
        file.unlink()
    else:
        file.write_bytes(b"c" if fault == "shorter" else b"CONTENT")
    with pytest.raises(UserError, match=rf"file\.bin is damaged.*discard render_proxies/{KEY}"):
        store.verify(folder)
    assert store.is_complete(folder) == (fault == "altered")
    if fault != "altered":
        make(folder)
        assert store.verify(folder).files[0].bytes == 7
        assert not list(folder.parent.glob("*.partial"))


def test_an_index_that_is_no_index_is_a_sentence(folder: Path) -> None:
    make(folder)
    (folder / "index.json").write_text("{")
    with pytest.raises(UserError, match="not a valid index"):
        store.read_index(folder)
    with pytest.raises(UserError, match="no finished result"):
        store.read_index(folder / "file.bin")


def test_a_result_of_somebody_else_is_kept(folder: Path) -> None:
    """Where locks do not work two may publish: the second keeps what is there."""
    make(folder, b"theirs!")
    with publication.private_folder(folder) as private:
        (private / "file.bin").write_bytes(b"ours")
        publication.publish(private, folder, index(private))
    assert (folder / "file.bin").read_bytes() == b"theirs!"
    assert store.verify(folder)


def test_a_folder_that_is_no_result_is_never_replaced(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "one.jpg").touch()
    with pytest.raises(UserError, match="something else"):
        make(photos)
    assert (photos / "one.jpg").exists()


def test_failure_leaves_nothing(folder: Path) -> None:
    def fail() -> None:
        with publication.private_folder(_ready(folder)) as private:
            (private / "half").touch()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not list(folder.parent.iterdir())


def test_leftovers_of_dead_processes_go_and_those_of_living_ones_stay(folder: Path) -> None:
    _ready(folder)
    command = [sys.executable, "-c", "import os; print(os.getpid())"]
    dead = subprocess.run(command, capture_output=True, check=True)
    host = os.uname().nodename
    left = {
        number: folder.with_name(f"{KEY}.{host}.made.{number}.partial")
        for number in (int(dead.stdout), os.getppid(), os.getpid())
    }
    for place in left.values():
        place.mkdir()
    make(folder)
    # A number of our own comes from an earlier life of this container.
    assert [place.exists() for place in left.values()] == [False, True, False]


@pytest.mark.parametrize(("mask", "bits"), [(0o002, 0o664), (0o022, 0o644), (0o077, 0o600)])
def test_permissions_follow_the_umask(folder: Path, mask: int, bits: int) -> None:
    before = os.umask(mask)
    try:
        make(folder)
    finally:
        os.umask(before)
    for file in (folder / "index.json", folder / "file.bin", folder.with_name(f"{KEY}.lock")):
        assert stat.S_IMODE(file.stat().st_mode) == bits, file
    assert stat.S_IMODE(folder.stat().st_mode) == 0o777 & ~mask


def test_discard_removes_result_stamp_and_checkpoint(folder: Path) -> None:
    make(folder)
    store.stamp_of(folder).touch()
    store.checkpoint_of(folder).mkdir()
    publication.discard(folder)
    assert [path.name for path in folder.parent.iterdir()] == [f"{KEY}.lock"]


def test_written_atomically(tmp_path: Path) -> None:
    store.write_atomically(tmp_path / "x", b"1")
    store.write_atomically(tmp_path / "x", b"2")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"2"]


def _ready(folder: Path) -> Path:
    folder.parent.mkdir(parents=True)
    return folder
