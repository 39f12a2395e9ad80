"""Shards and their table: the same bytes twice, readable by others, and damage never goes unnoticed."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
import webdataset

from proxykd import shards
from proxykd.errors import UserError

# SHA-256 of a tar of three given payloads. Whoever changes it raises shards.FORMAT: every key then changes.
GOLDEN = {1: "7ce079ddf18570fdbaa81e4928139956bb119333ae20f1ee7e1c0e5baf9b3806"}


def write(folder: Path, count: int = 25, channels: int = 3) -> shards.ShardWriter:
    folder.mkdir(parents=True, exist_ok=True)
    images_NHWC = np.random.default_rng(0).integers(0, 256, (count, 8, 8, channels), np.uint8)
    with shards.ShardWriter(folder, samples_per_shard=10) as writer:
        for number, image_HWC in enumerate(images_NHWC):
            writer.add(image_HWC, {"label": number % 3})
    return writer


def test_golden_bytes(tmp_path: Path) -> None:
    with shards.ShardWriter(tmp_path) as writer:
        for number in range(3):
            writer.add_encoded(b"payload %d" % number, "png", {"label": number})
    assert writer.shards[0]["sha256"] == GOLDEN[shards.FORMAT]


def test_made_twice_is_the_same(tmp_path: Path) -> None:
    for name in "ab":
        write(tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["samples.parquet", *(f"train-{number:06d}.tar" for number in range(3))]
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("channels", [1, 3])
def test_read_back_in_order(tmp_path: Path, channels: int) -> None:
    written = write(tmp_path, channels=channels)
    images_NHWC = np.random.default_rng(0).integers(0, 256, (25, 8, 8, channels), np.uint8)
    np.testing.assert_array_equal(shards.read_images(tmp_path, written.shards), images_NHWC)
    table = shards.read_table(tmp_path)
    assert table["label"].to_pylist() == [number % 3 for number in range(25)]
    assert table["shard"].to_pylist() == [f"train-{number // 10:06d}.tar" for number in range(25)]


def test_plain_webdataset_reads_it(tmp_path: Path) -> None:
    written = write(tmp_path)
    dataset = webdataset.WebDataset(
        [str(tmp_path / shard["name"]) for shard in written.shards], shardshuffle=False, empty_check=False
    )
    samples = list(dataset)
    keys = [sample["__key__"] for sample in samples]
    assert keys == shards.read_table(tmp_path, ["key"])["key"].to_pylist()
    assert len(set(keys)) == 25
    assert all(re.fullmatch(r"[0-9a-z_-]+", key) for key in keys)
    assert shards.decode(samples[24]["png"]).shape == (8, 8, 3)


def damage_truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-700])


def damage_between_members(path: Path) -> None:
    """Five whole samples of ten: tarfile and webdataset read this without an error."""
    content = path.read_bytes()
    at = [found.start() for found in re.finditer(rb"0000000\d\.png\0", content)]
    path.write_bytes(content[: at[5]])


def damage_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[600] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (damage_truncate, "truncated"),
        (damage_between_members, "truncated"),
        (damage_byte, "SHA-256"),
        (Path.unlink, "missing"),
    ],
)
def test_a_damaged_shard_is_named_with_the_command_that_rebuilds_it(tmp_path: Path, damage, reason) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "render_proxies" / "0123456789abcdef"
    written = write(folder)
    damage(folder / "train-000000.tar")
    with pytest.raises(UserError) as caught:
        shards.read_images(folder, written.shards)
    told = str(caught.value)
    assert "train-000000.tar" in told
    assert reason in told
    assert "python scripts/store.py discard render_proxies/0123456789abcdef" in told


def test_a_count_that_disagrees_is_damage(tmp_path: Path) -> None:
    written = write(tmp_path)
    with pytest.raises(UserError, match=r"holds 10 samples and should 11.*make it again"):
        shards.read_images(tmp_path, [written.shards[0] | {"samples": 11}])


def test_images_of_several_shapes_are_damage(tmp_path: Path) -> None:
    with shards.ShardWriter(tmp_path) as writer:
        for channels in (3, 1):
            writer.add(np.zeros((8, 8, channels), np.uint8), {})
    with pytest.raises(UserError, match="differ in size or channels"):
        shards.read_images(tmp_path, writer.shards)


def test_an_empty_set_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no images"):
        shards.read_images(tmp_path, write(tmp_path, count=0).shards)


def test_a_table_that_is_no_parquet_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / shards.TABLE).write_bytes(b"PAR1 no")
    with pytest.raises(UserError, match="parquet"):
        shards.read_table(tmp_path)


def test_an_error_while_writing_is_the_one_that_is_seen(tmp_path: Path) -> None:
    def fail() -> None:
        with shards.ShardWriter(tmp_path) as writer:
            writer.add(np.zeros((8, 8, 1), np.uint8), {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()


def test_digest_of_file_facts(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    assert shards.file_facts(path) == {"bytes": 3, "sha256": hashlib.sha256(b"abc").hexdigest()}
