"""Shards from bundles are those that the writer of the other stages gives, whoever drew them and when."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from proxykd import shards
from proxykd.encoding import encode
from proxykd.production import spool
from proxykd.production.assembly import assemble
from proxykd.production.parts import Bundle, Part, divide


def facts(i: int) -> dict[str, object]:
    return {"program": f"p-{i % 7}", "seed": i << 32, "parameters": [i / 4] * 8}


def image(i: int) -> np.ndarray:
    return np.random.default_rng(i).integers(0, 256, (4, 4, 3), np.uint8)


def rows(part: Part) -> pa.RecordBatch:
    known = [facts(i) for i in part.samples]
    columns = {name: [one[name] for one in known] for name in ("program", "seed")}
    columns["parameters"] = np.array([one["parameters"] for one in known])
    return spool.rows_of(part.samples, [encode(image(i)) for i in part.samples], columns)


@pytest.mark.parametrize(("count", "programs"), [(35, 7), (10, 3), (1, 1), (20, 1)])
def test_the_same_bytes_as_the_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, programs: int
) -> None:
    monkeypatch.setattr(shards, "SAMPLES_PER_SHARD", 10)
    monkeypatch.setattr(shards, "ROW_GROUP", 20)
    # Several to a bundle, and in more than one piece of a shard.
    monkeypatch.setattr(shards, "WRITTEN_AT_ONCE", 500)
    parts = [part for bundle in divide(count, programs, 192) for part in bundle.parts]
    there = spool.Spool(tmp_path / "spool", "key")
    bundles = [Bundle(n, tuple(parts[n : n + 3])) for n in range(0, len(parts), 3)]
    for bundle in bundles:
        spool.write(there.path(bundle), [rows(part) for part in bundle.parts])
    made, written = tmp_path / "made", tmp_path / "written"
    made.mkdir()
    written.mkdir()
    listed = assemble([there.read(bundle) for bundle in bundles], made)  # type: ignore[misc]
    with shards.ShardWriter(written, samples_per_shard=10) as writer:
        for i in range(count):
            writer.add(image(i), facts(i))
    assert listed == writer.shards
    for shard in writer.shards:
        assert (made / shard["name"]).read_bytes() == (written / shard["name"]).read_bytes()
    assert sorted(path.name for path in made.iterdir()) == sorted(path.name for path in written.iterdir())
    assert shards.read_table(made).equals(shards.read_table(written))


def test_a_spool_goes_on_with_what_is_whole_and_its_own(tmp_path: Path) -> None:
    first, second = divide(8, 2, 2**23)[:2]
    there = spool.Spool(tmp_path, "key")
    there.backend, there.failed = "raster", {3: "it took longer than 60 s"}
    there.settle()
    for bundle in (first, second):
        spool.write(there.path(bundle), [rows(part) for part in bundle.parts])
    (tmp_path / "left.partial").write_bytes(b"x")
    content = there.path(second).read_bytes()
    there.path(second).write_bytes(content[: len(content) // 2])
    again = spool.Spool(tmp_path, "key")
    assert (again.backend, again.failed) == ("raster", there.failed)
    assert again.read(first) is not None
    assert again.read(second) is None
    assert not (tmp_path / "left.partial").exists()
    # Drawn by another program, it is another bundle.
    assert again.read(first.drawn_without({first.parts[0].program}, 2)) is None
    other = spool.Spool(tmp_path, "other")
    assert other.read(first) is None
    assert (other.backend, other.failed) == (None, {})
