"""Shards and their table: the same bytes twice, readable by others, and damage never goes unnoticed."""

from __future__ import annotations

import hashlib
import io
import re
import shlex
import shutil
import struct
import tarfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from checkouts import ROOT, Checkout
from proxykd import shards
from proxykd.errors import UserError

# What is written, by version. Whoever changes one of these raises shards.FORMAT: every key then changes.
# The bytes of images and tables depend on the versions of libraries, so of those it is what stands in them,
# and what an image's encoder is told.
GOLDEN: dict[int, dict[str, Any]] = {
    2: {
        "tar": "7ce079ddf18570fdbaa81e4928139956bb119333ae20f1ee7e1c0e5baf9b3806",
        "files": {"samples.parquet": None, "train-000000.tar": 10_000, "train-000001.tar": 1},
        "members": ["00000000.png", "00000001.png"],
        "encoder": [(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_FILTERED)] * 2,
        "images": [("PNG", "L", ["IHDR", "IDAT", "IEND"]), ("PNG", "RGB", ["IHDR", "IDAT", "IEND"])],
        "columns": {"key": "string", "shard": "string", "label": "int64"},
        "row groups": [100_000, 100_000, 1],
        "compression": {"ZSTD"},
    }
}


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
    assert writer.shards[0]["sha256"] == GOLDEN[shards.FORMAT]["tar"]


def test_golden_files(tmp_path: Path) -> None:
    with shards.ShardWriter(tmp_path) as writer:
        for number in range(10_001):
            writer.add_encoded(b"x", "png", {"label": number})
    samples = {shard["name"]: shard["samples"] for shard in writer.shards}
    found = {path.name: samples.get(path.name) for path in sorted(tmp_path.iterdir())}
    assert found == GOLDEN[shards.FORMAT]["files"]
    table = pq.read_table(tmp_path / "samples.parquet")
    assert {column.name: str(column.type) for column in table.schema} == GOLDEN[shards.FORMAT]["columns"]
    assert list(table.schema.names) == list(GOLDEN[shards.FORMAT]["columns"])
    assert table.slice(10_000).to_pylist() == [
        {"key": "00010000", "shard": "train-000001.tar", "label": 10_000}
    ]


def test_golden_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One channel and three; how hard the encoder tries shows in its call alone."""
    told = []

    def imencode(suffix: str, image: np.ndarray, options: tuple[int, ...]) -> Any:
        told.append(options)
        return real(suffix, image, options)

    real = cv2.imencode
    monkeypatch.setattr(cv2, "imencode", imencode)
    images_HWC = [np.arange(8 * 8 * channels, dtype=np.uint8).reshape(8, 8, channels) for channels in (1, 3)]
    with shards.ShardWriter(tmp_path) as writer:
        for image_HWC in images_HWC:
            writer.add(image_HWC, {})
    with tarfile.open(tmp_path / "train-000000.tar") as tar:
        members = tar.getmembers()
        contents = [tar.extractfile(member).read() for member in members]  # type: ignore[union-attr]
    assert [member.name for member in members] == GOLDEN[shards.FORMAT]["members"]
    encoded = [Image.open(io.BytesIO(content)) for content in contents]
    assert told == GOLDEN[shards.FORMAT]["encoder"]
    found = [
        (image.format, image.mode, chunks(content)) for image, content in zip(encoded, contents, strict=True)
    ]
    assert found == GOLDEN[shards.FORMAT]["images"]
    for image, image_HWC in zip(encoded, images_HWC, strict=True):
        np.testing.assert_array_equal(np.asarray(image).reshape(image_HWC.shape), image_HWC)


def chunks(png: bytes) -> list[str]:
    """Names of a PNG's chunks."""
    at, names = 8, []
    while at < len(png):
        length, name = struct.unpack(">I4s", png[at : at + 8])
        names.append(name.decode())
        at += length + 12
    return names


def test_golden_table(tmp_path: Path) -> None:
    shards.write_table(tmp_path / "t.parquet", {"x": np.zeros(200_001)})
    facts = pq.ParquetFile(tmp_path / "t.parquet").metadata
    groups = [facts.row_group(i) for i in range(facts.num_row_groups)]
    assert [group.num_rows for group in groups] == GOLDEN[shards.FORMAT]["row groups"]
    assert {group.column(0).compression for group in groups} == GOLDEN[shards.FORMAT]["compression"]


WRITER = {
    "time of a member": ("ustar", "= 0, 0o444", "= 1, 0o444"),
    "digits of a key": ("shards", "{sample:08d}", "{sample:09d}"),
    "compression of the table": ("shards", 'compression="zstd"', 'compression="snappy"'),
    "compression of an image": ("encoding", "STRATEGY_FILTERED)", "STRATEGY_RLE)"),
    "rights of a member": ("ustar", "0o444", "0o644"),
    "format of the tar": ("ustar", "USTAR_FORMAT", "GNU_FORMAT"),
    "end of the tar": ("ustar", "2 * BLOCK", "30 * BLOCK"),
    "suffix of a member": ("encoding", 'SUFFIX = "png"', 'SUFFIX = "image.png"'),
    "order of columns": ("shards", '"key": key, "shard": shard,', '"shard": shard, "key": key,'),
    "samples of a shard": ("shards", "SAMPLES_PER_SHARD = 10_000", "SAMPLES_PER_SHARD = 5_000"),
    "names of shards": ("shards", "train-{shard:06d}", "train-{shard:05d}"),
    "rows of a group": ("shards", "ROW_GROUP = 100_000", "ROW_GROUP = 50_000"),
    "name of the table": ("shards", 'TABLE = "samples.parquet"', 'TABLE = "rows.parquet"'),
    "channels of an image": ("encoding", "image_HWC if", "image_HWC.repeat(3, 2) if"),
    "format of an image": ("encoding", 'f".{SUFFIX}"', '".tiff"'),
    "order of colours": ("encoding", "cv2.cvtColor(image_HWC, cv2.COLOR_RGB2BGR)", "image_HWC"),
}  # fmt: skip
"""What is changed, in which module, from what to what."""
SEEN = ("time of a member", "compression of the table", "compression of an image")
"""What is tried each time; the others are, too, where there is time."""


@pytest.mark.parametrize(
    "change", [name if name in SEEN else pytest.param(name, marks=pytest.mark.full) for name in WRITER]
)
def test_another_writer_fails_the_golden_tests(
    shared_checkout: Checkout, tmp_path: Path, change: str
) -> None:
    """Those above, with a copy of the code: as it is they pass, and with each change one of them fails."""
    checkout = Checkout(shutil.copytree(shared_checkout.folder / "scripts", tmp_path / "scripts").parent)
    if change == SEEN[0]:
        assert golden_tests(checkout) == []
    module, old, new = WRITER[change]
    checkout.replace(f"scripts/proxykd/{module}.py", old, new)
    assert golden_tests(checkout)


def test_a_new_format_needs_a_new_golden(shared_checkout: Checkout, tmp_path: Path) -> None:
    checkout = Checkout(shutil.copytree(shared_checkout.folder / "scripts", tmp_path / "scripts").parent)
    checkout.replace(
        "scripts/proxykd/shards.py", f"FORMAT = {shards.FORMAT}\n", f"FORMAT = {shards.FORMAT + 1}\n"
    )
    assert "test_golden_bytes" in golden_tests(checkout)


def golden_tests(checkout: Checkout) -> list[str]:
    """Those of the golden tests that fail with the code of a checkout."""
    paths = shlex.join(map(str, (checkout.folder / "scripts", ROOT / "tests")))
    here = ["-c", ROOT / "pyproject.toml", "-o", f"pythonpath={paths}", "-p", "no:cacheprovider"]
    command = [Path(__file__), "-k", "test_golden", f"--basetemp={checkout.folder / 'golden'}", *here]
    done = checkout.python("-m", "pytest", *command)
    failed = re.findall(r"^FAILED .*::(test_golden_\w+)", done.stdout, re.MULTILINE)
    assert (done.returncode, bool(failed)) in {(0, False), (1, True)}, done.stdout + done.stderr
    return failed


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
    import webdataset

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
