"""What push and pull refuse, each with a sentence: damage, names that lead elsewhere, places that fail."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from exchanged import Made, Server, changed, refused, reindexed, relist

from proxykd import transfer
from proxykd.errors import UserError
from proxykd.remote import Remote


def pull(there: Path) -> None:
    stage, key = there.parts[-2:]
    transfer.pull(Remote(str(there.parent.parent)), stage, key)


def assert_nothing_came(tmp_path: Path) -> None:
    left = [path.name for path in (tmp_path / "store").glob("*/*") if path.suffix != ".lock"]
    assert left == []


def flip(content: bytes) -> bytes:
    """Change a bit of the first image of a shard, or of whatever it is."""
    return content[:540] + bytes([content[540] ^ 1]) + content[541:]


def forge(there: Path) -> None:
    """Alter an image, and let the index say that it is what was pushed."""
    changed(there / "train-000000.tar", flip)
    relist(there, "pushed")


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "altered shard": (lambda there: changed(there / "train-000000.tar", flip), "its SHA-256 is not"),
    "truncated shard": (
        lambda there: changed(there / "train-000000.tar", lambda content: content[:-512]),
        "bytes, not",
    ),
    "altered table": (lambda there: changed(there / "samples.parquet", flip), "its SHA-256 is not"),
    "missing table": (lambda there: (there / "samples.parquet").unlink(), "it is missing"),
    "forged shard": (forge, "it is not the shard that it was made from"),
    "forgotten file": (
        lambda there: reindexed(there, lambda index: index["pushed"].pop(1)),
        "does not say how it lies there",
    ),
    "no index": (lambda there: (there / "index.json").unlink(), "is no finished result"),
    "half an index": (
        lambda there: changed(there / "index.json", lambda content: content[:500]),
        "is not a valid index",
    ),
    "another stage": (
        lambda there: reindexed(there, lambda index: index.update(stage="render_proxies")),
        "it was moved or renamed there",
    ),
    "another key": (
        lambda there: reindexed(there, lambda index: index.update(key="0" * 16)),
        "it was moved or renamed there",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_there_is_refused(there: Path, tmp_path: Path, damage: str) -> None:
    harm, said = DAMAGE[damage]
    harm(there)
    with pytest.raises(UserError, match=said):
        pull(there)
    assert_nothing_came(tmp_path)


@pytest.mark.parametrize(
    "name",
    ["../escaped", "/tmp/escaped", "a/../../escaped", "..", "a\\..\\b", "", "a//b", "index.json", "a\n"],
)
@pytest.mark.parametrize("listing", ["files", "shards", "pushed"])
def test_names_that_lead_elsewhere_are_refused(there: Path, tmp_path: Path, name: str, listing: str) -> None:
    reindexed(there, lambda index: index[listing].append({"name": name, "bytes": 3, "sha256": "0"}))
    with pytest.raises(UserError, match="which is no file of that result"):
        pull(there)
    assert not (tmp_path / "store").exists()


def test_a_link_in_a_shard_is_refused(there: Path, tmp_path: Path) -> None:
    """With digests to match, since whoever writes to a bucket writes the index too."""
    with tarfile.open(there / "train-000000.tar", "w") as tar:
        link = tarfile.TarInfo("00000000.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    relist(there, "pushed")
    with pytest.raises(UserError, match="no ordinary file"):
        pull(there)
    assert_nothing_came(tmp_path)


def test_what_is_damaged_here_is_not_pushed(made: Made, tmp_path: Path) -> None:
    result = made.name("attack_boundary")
    root = tmp_path / "store"
    shutil.copytree(made.root / result, root / result)
    changed(root / result / "train-000000.tar", flip)
    assert f"store.py discard {result}" in refused(root, "push", result, "--to", tmp_path / "there")
    assert not (tmp_path / "there").exists()


def test_a_shard_that_could_not_be_restored_is_not_pushed(made: Made, tmp_path: Path) -> None:
    """One that another program wrote, say: its headers are not those that it would get on the way back."""
    result, root = made.name("select_proxies"), tmp_path / "store"
    folder = Path(shutil.copytree(made.root / result, root / result))
    (shard,) = folder.glob("*.tar")
    with tarfile.open(made.root / result / shard.name) as old, tarfile.open(shard, "w") as new:
        for member in old:
            content = old.extractfile(member)
            member.mtime = 7
            new.addfile(member, content)
    relist(folder, "shards")
    assert "could not be pulled as it is" in refused(root, "push", result, "--to", tmp_path / "there")
    assert not (tmp_path / "there" / result / "index.json").exists()


@pytest.mark.parametrize(
    ("place", "environment", "said"),
    [
        ("s3://nowhere/x", {}, "there is no such bucket"),
        (
            "s3://bucket/x",
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"},
            "cannot be reached",
        ),
        ("s3://bucket/x", {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no permission"),
        ("gs://bucket/x", {}, "Please install gcsfs"),
        ("nothing://bucket/x", {}, "Protocol not known"),
        ("sftp://somebody:secret@host/x", {}, "error: sftp://host/x cannot be opened"),
        ("/proc/x", {}, "there is no such bucket or folder"),
    ],
)
def test_a_place_that_cannot_be_used_is_a_sentence(
    made: Made, s3: Server, place: str, environment: dict[str, str], said: str
) -> None:
    shown = refused(made.root, "push", made.name("train_teacher"), "--to", place, **environment)
    assert said in shown
    assert "secret" not in shown


def test_wrong_credentials_are_a_sentence(made: Made, s3: Server) -> None:
    s3.ask("0")
    try:
        said = refused(made.root, "push", made.name("train_teacher"), "--to", "s3://bucket/x")
        assert "no permission" in said
    finally:
        s3.ask("inf")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("pull", "select_proxies/0000", "--from"), "there is no such result"),
        (("pull", "render_proxies", "--from"), "names no result"),
        (("pull", "nobody", "--from"), "nor an experiment"),
        (("pull", "near/nothing", "--from"), "has no stage 'nothing'"),
        (("push", "near/import_teacher", "--to"), "has no stage 'import_teacher'"),
        (("push", "select_proxies/0000", "--to"), "there is no such result"),
    ],
)
def test_a_wrong_name_is_a_sentence(made: Made, mirror: Path, words: tuple[str, ...], said: str) -> None:
    assert said in refused(made.root, *words, mirror, *made.configured)
