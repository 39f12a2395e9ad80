"""WebDataset shards as people have them, and a sentence for everything that may be wrong with them."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import webdataset as wds
from PIL import Image

from proxykd import shards, store
from proxykd.errors import UserError
from proxykd.images import webdataset
from proxykd.images.imported import Imported
from proxykd.images.settings import ImportImages

STATES = ("train-000000.tar", "train-000001.tar")


def picture(value: int, suffix: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.new("L", (8, 8), value).save(stream, suffix)
    return stream.getvalue()


def write(file: Path, values: range | list[int], label: str | None = "cls", **more: bytes) -> Path:
    """A shard by the library's own writer; image number i has the grey level i and the label i % 2."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with wds.TarWriter(str(file)) as writer:
        for value in values:
            sample: dict[str, object] = {"__key__": f"{value:04d}", "png": picture(value), **more}
            if label == "cls":
                sample["cls"] = value % 2
            elif label is not None:
                sample["json"] = {label: value % 2, "caption": "a dog"}
            writer.write(sample)
    return file


def read(root: Path, split: str = "train", **given: object) -> Imported:
    settings = {"source": "webdataset", "path": str(root), "size": 8, "channels": 1, "split": split, **given}
    return webdataset.read(ImportImages(**settings), lambda _: None)


def whole(root: Path, **given: object) -> Imported:
    return read(root, validation_share=0, test_share=0, **given)


def levels(part: Imported) -> list[int]:
    return part.images_NHWC[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("label", ["cls", "label", "class_id"])
@pytest.mark.parametrize("below", [".", "data", "train"])
def test_shards_are_read_in_order_with_their_labels(tmp_path: Path, label: str, below: str) -> None:
    write(tmp_path / below / "train-000000.tar", range(10), label)
    write(tmp_path / below / "train-000001.tar", range(10, 20), label)
    found = whole(tmp_path)
    assert levels(found) == list(range(20))
    assert (found.labels, found.classes) == ([0, 1] * 10, ["0", "1"])
    place = "" if below == "." else f"{below}/"
    assert found.origins[10] == f"{place}train-000001.tar/0010"
    assert found.ignored == []


def test_it_is_what_the_library_itself_reads(tmp_path: Path) -> None:
    write(tmp_path / "train-000000.tar", range(12))
    theirs = wds.WebDataset(str(tmp_path / "train-000000.tar"), shardshuffle=False).decode("pil")
    ours = whole(tmp_path)
    for sample, image_HWC, label in zip(theirs, ours.images_NHWC, ours.labels, strict=True):
        assert np.array_equal(np.asarray(sample["png"].convert("L")), image_HWC[..., 0])
        assert sample["cls"] == label


def test_only_the_chosen_images_are_taken_and_none_is_in_two_splits(tmp_path: Path) -> None:
    write(tmp_path / "a-00.tar", range(12))
    write(tmp_path / "a-01.tar", range(12, 20))
    parts = [read(tmp_path, split) for split in ("train", "validation", "test")]
    assert sorted(level for part in parts for level in levels(part)) == list(range(20))
    assert all(part.labels == [level % 2 for level in levels(part)] for part in parts)
    assert set(levels(read(tmp_path, limit=4))) < set(levels(parts[0]))


def test_splits_by_the_word_before_the_number(tmp_path: Path) -> None:
    write(tmp_path / "imagenet1k-train-0000.tar", range(20))
    write(tmp_path / "imagenet1k-validation-00.tar", range(20, 24))
    assert levels(read(tmp_path, "validation")) == [20, 21, 22, 23]
    assert levels(read(tmp_path, "test", splits={"test": "validation"})) == [20, 21, 22, 23]
    write(tmp_path / "extra-00.tar", [30, 31])
    assert levels(read(tmp_path, "test", splits={"test": "extra"})) == [30, 31]
    assert read(tmp_path).ignored == ["extra-00.tar"]
    with pytest.raises(UserError, match=r"has no such split\. It has: extra, train, validation"):
        read(tmp_path, splits={"test": "valid"})


def test_without_labels_there_is_one_class(tmp_path: Path) -> None:
    """As img2dataset writes them: numbered shards with a caption and facts beside each image."""
    write(tmp_path / "00000.tar", range(6), "url", txt=b"a dog on a lawn")
    found = read(tmp_path)
    assert (found.labels, found.classes) == ([0] * 6, ["unlabelled"])
    with pytest.raises(UserError, match="have no labels, so none is held out for test"):
        read(tmp_path, "test")
    write(tmp_path / "test-0.tar", range(6, 8), None)
    write(tmp_path / "train-0.tar", range(6), None)
    assert levels(read(tmp_path, "test")) == [6, 7]


def test_labels_that_are_names(tmp_path: Path) -> None:
    with wds.TarWriter(str(tmp_path / "a-0.tar")) as writer:
        for value, name in enumerate(["dog", "cat", "dog"]):
            writer.write({"__key__": str(value), "png": picture(value), "json": {"label": name}})
    found = whole(tmp_path)
    assert (found.labels, found.classes) == ([1, 0, 1], ["cat", "dog"])
    (tmp_path / "classes.txt").write_text("dog\nemu\ncat\n")
    assert (whole(tmp_path).labels, whole(tmp_path).classes) == ([0, 2, 0], ["dog", "emu", "cat"])
    (tmp_path / "classes.txt").write_text("dog\nemu\n")
    with pytest.raises(UserError, match=r"Sample 1 of .* has the label cat, which is none of the 2 classes"):
        whole(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"), [("classnames.txt", "even\nodd\n"), ("classes.json", '["even", "odd"]')]
)
def test_class_names_from_a_file(tmp_path: Path, name: str, content: str) -> None:
    write(tmp_path / "train-0.tar", range(4))
    (tmp_path / name).write_text(content)
    assert whole(tmp_path).classes == ["even", "odd"]


def test_every_image_format_and_folders_in_the_shard(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for value, suffix in enumerate(("jpg", "JPEG", "png", "webp", "tiff", "bmp")):
            content = picture(40, {"jpg": "JPEG"}.get(suffix, suffix.upper()))
            member = tarfile.TarInfo(f"some/folder/{value}.{suffix}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    found = whole(tmp_path)
    assert all(abs(level - 40) < 3 for level in levels(found))
    assert found.origins[0] == "a.tar/some/folder/0"


def own_result(folder: Path, count: int = 6) -> None:
    """A result of the store: labels in the table, names and counts in the index."""
    folder.mkdir(parents=True)
    with shards.ShardWriter(folder, samples_per_shard=4) as writer:
        for value in range(count):
            image_HWC = np.full((8, 8, 1), value, np.uint8)
            writer.add(image_HWC, {"label": value % 2, "class": "ab"[value % 2]})
    index = {"classes": ["a", "b"], "shards": writer.shards}
    (folder / store.INDEX).write_text(json.dumps(index))


def test_a_result_of_our_own_store_is_read_back(tmp_path: Path) -> None:
    own_result(tmp_path / "0123")
    found = whole(tmp_path / "0123")
    assert (levels(found), found.labels, found.classes) == (list(range(6)), [0, 1] * 3, ["a", "b"])


INDICES = {
    "index.json": {"shards": [{"name": name, "samples": 10} for name in STATES]},
    "_info.json": {"splits": {"train": {"filenames": STATES, "shard_lengths": [10, 10]}}},
    "sizes.json": dict.fromkeys(STATES, 10),
    "shards.json": {"shardlist": [{"url": name, "nsamples": 10} for name in STATES]},
}


@pytest.mark.parametrize("index", INDICES)
def test_what_an_index_says_is_compared(tmp_path: Path, index: str) -> None:
    for number, name in enumerate(STATES):
        write(tmp_path / name, range(10 * number, 10 * number + 10))
    (tmp_path / index).write_text(json.dumps(INDICES[index]))
    assert len(whole(tmp_path).labels) == 20
    write(tmp_path / STATES[1], range(10, 17))
    with pytest.raises(UserError, match=r"train-000001.tar has 7 images, and its index says 10"):
        whole(tmp_path)
    write(tmp_path / "validation-000000.tar", range(20, 24))
    (tmp_path / STATES[1]).unlink()
    with pytest.raises(UserError, match=r"1 of the 2 shards .* are missing, the first is train-000001.tar"):
        whole(tmp_path)


def test_what_img2dataset_says_of_each_shard_is_compared(tmp_path: Path) -> None:
    write(tmp_path / "00000.tar", range(6), None)
    (tmp_path / "00000_stats.json").write_text('{"count": 10, "successes": 6}')
    assert len(whole(tmp_path).labels) == 6
    (tmp_path / "00000_stats.json").write_text('{"count": 10, "successes": 9}')
    with pytest.raises(UserError, match="has 6 images, and its index says 9"):
        whole(tmp_path)


def member_ends(file: Path) -> list[int]:
    with tarfile.open(file) as tar:
        return [member.offset for member in tar.getmembers()][1:]


def test_a_shard_cut_short_anywhere_is_noticed(tmp_path: Path) -> None:
    """Between two members tarfile and webdataset read what is left without a word."""
    file = write(tmp_path / "a.tar", range(10))
    content = file.read_bytes()
    ends = member_ends(file)
    assert len(ends) == 19
    for cut in [*ends, *(end + 100 for end in ends), *(end + 600 for end in ends), 100, 0]:
        file.write_bytes(content[:cut])
        with pytest.raises(UserError, match=r"a.tar is no whole tar file .* Download it again"):
            whole(tmp_path)
    file.write_bytes(content[: ends[-1]])
    assert len(list(wds.WebDataset(str(file), shardshuffle=False))) == 10


def test_what_is_no_shard(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no folder .*absent"):
        read(tmp_path / "absent")
    with pytest.raises(UserError, match=r"holds no shards \(\*.tar\)"):
        read(tmp_path)
    (tmp_path / "a.tar").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(UserError, match="is no whole tar file"):
        read(tmp_path)
    write(tmp_path / "a.tar", range(4))
    content = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(content + content)
    with pytest.raises(UserError, match="goes on behind its end: several archives were joined"):
        read(tmp_path)
    write(tmp_path / "a.tar", [])
    with pytest.raises(UserError, match="hold no images"):
        read(tmp_path)


def test_shards_that_their_own_names_miss(tmp_path: Path) -> None:
    write(tmp_path / "train-00000-of-00003.tar", range(4))
    with pytest.raises(UserError, match=r"2 of the 3 shards named like train-00000-of-00003.tar are missing"):
        read(tmp_path)


def test_labels_that_do_not_fit(tmp_path: Path) -> None:
    write(tmp_path / "a-0.tar", range(4))
    write(tmp_path / "a-1.tar", range(4, 8), None)
    with pytest.raises(UserError, match="have no label at all and others numbers"):
        read(tmp_path)
    write(tmp_path / "a-1.tar", range(4, 8))
    (tmp_path / "classes.txt").write_text("only\n")
    with pytest.raises(UserError, match=r"Sample 0001 of .* has the label 1, which is none of the 1 classes"):
        read(tmp_path)
    write(tmp_path / "a-1.tar", range(4, 8), None, json=b"{not json")
    with pytest.raises(UserError, match=r"0004.json of .*a-1.tar cannot be read"):
        read(tmp_path)


def test_images_that_are_broken_or_twice(tmp_path: Path) -> None:
    file = write(tmp_path / "a.tar", range(4))
    write(tmp_path / "a.tar", range(4), jpg=picture(9, "JPEG"))
    with pytest.raises(UserError, match=r"Sample 0000 of .*a.tar has several images"):
        read(tmp_path)
    with wds.TarWriter(str(file)) as writer:
        for key, content in (("0", picture(0)), ("1", picture(1)[:50])):
            writer.write({"__key__": key, "png": content})
    with pytest.raises(UserError, match=r"1 of 2 images cannot be read: 1 of a.tar \("):
        whole(tmp_path)
