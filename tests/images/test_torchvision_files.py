"""torchvision's sets of image files, on small ones written by hand in the sets' own layout.

They have the official splits, but fewer classes and images, so the table of numbers is replaced here, and
only here.
"""

from __future__ import annotations

import dataclasses
import json
import tarfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from PIL import Image
from torchvision import datasets

from proxykd.errors import UserError
from proxykd.images import torchvision_files
from proxykd.images.imported import Imported
from proxykd.images.settings import ImageSet, ImportImages

SOURCES = list(torchvision_files.SETS)
BREEDS = ["Abyssinian", "american_bulldog", "Bengal", "great_pyrenees"]
LAND = ["AnnualCrop", "Forest", "SeaLake"]
MEALS = ["apple_pie", "baby_back_ribs", "waffles"]
VARIANTS = {"707-320": "Boeing 707", "737-200": "Boeing 737", "737-300": "Boeing 737", "A300B4": "A300"}


def paint(file: Path, value: int) -> None:
    """A grey photograph of no particular shape, whose level tells which it is."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20 + value % 3, 16), (value, value, value)).save(file, quality=95)


def write_aircraft(root: Path, per_class: int = 12) -> None:
    """`data/images/<number>.jpg`; `data/images_<level>_<split>.txt` with number and name a line."""
    data = root / "fgvc-aircraft-2013b" / "data"
    data.mkdir(parents=True)
    (data / "variants.txt").write_text("".join(f"{name}\n" for name in sorted(VARIANTS)))
    (data / "families.txt").write_text("".join(f"{name}\n" for name in sorted(set(VARIANTS.values()))))
    (data / "manufacturers.txt").write_text("Airbus\nBoeing\n")
    lines: dict[str, list[str]] = {}
    for index in range(per_class * len(VARIANTS)):
        variant = sorted(VARIANTS)[index % len(VARIANTS)]
        family = VARIANTS[variant]
        paint(data / "images" / f"{1_000_000 + index}.jpg", index)
        part = ("train", "val", "test")[index // len(VARIANTS) % 3]
        for level, name in (("variant", variant), ("family", family), ("manufacturer", _maker(family))):
            for split in {part, "trainval" if part != "test" else "test"}:
                lines.setdefault(f"images_{level}_{split}.txt", []).append(f"{1_000_000 + index} {name}\n")
    for name, several in lines.items():
        (data / name).write_text("".join(several))


def _maker(family: str) -> str:
    return "Boeing" if family.startswith("Boeing") else "Airbus"


def write_pets(root: Path, per_class: int = 24) -> None:
    """`images/<breed>_<number>.jpg`; `annotations/<split>.txt` with file, class from 1, species, breed."""
    folder = root / "oxford-iiit-pet"
    (folder / "annotations").mkdir(parents=True)
    lines: dict[str, list[str]] = {"trainval": [], "test": []}
    for label, breed in enumerate(BREEDS):
        for number in range(per_class):
            paint(folder / "images" / f"{breed}_{number}.jpg", 50 * label + number)
            species = 1 if breed[0].isupper() else 2
            line = f"{breed}_{number} {label + 1} {species} {label + 1}\n"
            lines["test" if number % 2 else "trainval"].append(line)
    for split, several in lines.items():
        (folder / "annotations" / f"{split}.txt").write_text("".join(several))


def write_eurosat(root: Path, per_class: int = 12) -> None:
    for label, name in enumerate(LAND):
        for number in range(per_class):
            paint(root / "eurosat" / "2750" / name / f"{name}_{number + 1}.jpg", 50 * label + number)


def write_food(root: Path, per_class: int = 24) -> None:
    """`images/<class>/<number>.jpg`; `meta/<split>.json`: class -> names without suffix."""
    folder = root / "food-101"
    meta: dict[str, dict[str, list[str]]] = {"train": {}, "test": {}}
    for label, name in enumerate(MEALS):
        for number in range(per_class):
            paint(folder / "images" / name / f"{1000 + number}.jpg", 50 * label + number)
            split = meta["test" if number % 4 == 0 else "train"]
            split.setdefault(name, []).append(f"{name}/{1000 + number}")
    (folder / "meta").mkdir()
    for split_name, split in meta.items():
        (folder / "meta" / f"{split_name}.json").write_text(json.dumps(split))


WRITERS = {
    "fgvc_aircraft": (write_aircraft, {"trainval": 32, "train": 16, "val": 16, "test": 16}),
    "oxford_pets": (write_pets, {"trainval": 48, "test": 48}),
    "eurosat": (write_eurosat, {"train": 36}),
    "food101": (write_food, {"train": 54, "test": 18}),
}
CLASSES = {
    "fgvc_aircraft": {"variant": 4, "family": 3, "manufacturer": 2},
    "oxford_pets": {"": 4},
    "eurosat": {"": 3},
    "food101": {"": 3},
}


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbers of the small sets in place of the official ones."""
    small = {
        source: dataclasses.replace(known, images=WRITERS[source][1], classes=CLASSES[source])
        for source, known in torchvision_files.SETS.items()
    }
    monkeypatch.setattr(torchvision_files, "SETS", small)


def read(source: str, root: Path, split: str = "train", **given: object) -> Imported:
    settings = {"source": source, "path": str(root), "size": 16, "split": split, **given}
    return torchvision_files.read(ImportImages(**settings), lambda _: None)


def levels(part: Imported) -> list[int]:
    return [int(level) for level in part.images_NHWC[:, 8, 8, 0]]


@pytest.mark.parametrize("source", SOURCES)
def test_a_set_is_divided_as_its_authors_did(source: str, numbers: None, tmp_path: Path) -> None:
    write, images = WRITERS[source]
    write(tmp_path)
    parts = {split: read(source, tmp_path, split) for split in ("train", "validation", "test")}
    counts = {split: len(part.labels) for split, part in parts.items()}
    total = sum(count for split, count in images.items() if source != "fgvc_aircraft" or split != "trainval")
    assert sum(counts.values()) == total
    if "test" in images:
        assert counts["test"] == images["test"]
    origins = [origin for part in parts.values() for origin in part.origins]
    assert len(set(origins)) == len(origins)
    for part in parts.values():
        assert part.images_NHWC.shape[1:] == (16, 16, 3)
        assert set(part.labels) == set(range(len(part.classes)))


def test_aircraft_has_variants_families_and_makers(numbers: None, tmp_path: Path) -> None:
    write_aircraft(tmp_path)
    variants = read("fgvc_aircraft", tmp_path, "test")
    assert variants.classes == ["707-320", "737-200", "737-300", "A300B4"]
    assert variants.origins[0] == "data/images/1000008.jpg"
    assert variants.labels[:4] == [0, 1, 2, 3]
    families = read("fgvc_aircraft", tmp_path, "test", annotation="family")
    assert families.classes == ["A300", "Boeing 707", "Boeing 737"]
    assert families.labels[:4] == [1, 2, 2, 0]
    assert families.origins == variants.origins
    assert read("fgvc_aircraft", tmp_path, "test", annotation="manufacturer").classes == ["Airbus", "Boeing"]


def test_aircraft_can_be_taken_in_its_three_parts(numbers: None, tmp_path: Path) -> None:
    write_aircraft(tmp_path)
    splits = {"train": "train", "validation": "val"}
    parts = [
        read("fgvc_aircraft", tmp_path, split, splits=splits) for split in ("train", "validation", "test")
    ]
    assert [len(part.labels) for part in parts] == [16, 16, 16]
    assert len({origin for part in parts for origin in part.origins}) == 48
    both = read("fgvc_aircraft", tmp_path, "train", validation_share=0)
    assert set(both.origins) == set(parts[0].origins) | set(parts[1].origins)
    only = read("fgvc_aircraft", tmp_path, "train", splits={"train": "train"})
    assert set(only.origins) == set(parts[0].origins)


def test_pets_have_their_labels_from_one_and_their_names(numbers: None, tmp_path: Path) -> None:
    write_pets(tmp_path)
    found = read("oxford_pets", tmp_path, "test")
    assert found.classes == ["Abyssinian", "American Bulldog", "Bengal", "Great Pyrenees"]
    assert found.labels[0] == 0
    assert found.origins[-1] == "images/great_pyrenees_23.jpg"
    assert found.labels[-1] == 3


@pytest.mark.parametrize("source", ["eurosat", "food101"])
def test_labels_belong_to_their_images(source: str, numbers: None, tmp_path: Path) -> None:
    WRITERS[source][0](tmp_path)
    for split in ("train", "validation", "test"):
        found = read(source, tmp_path, split)
        assert [round(level / 50 - 0.24) for level in levels(found)] == found.labels
        names = [origin.split("/")[1] for origin in found.origins]
        assert names == [found.classes[label] for label in found.labels]


def test_a_limit_keeps_every_class(numbers: None, tmp_path: Path) -> None:
    write_food(tmp_path)
    assert Counter(read("food101", tmp_path, limit=6).labels) == {0: 2, 1: 2, 2: 2}


@pytest.mark.parametrize("source", SOURCES)
def test_a_set_that_is_not_there(source: str, tmp_path: Path) -> None:
    folder = torchvision_files.SETS[source].folder
    with pytest.raises(
        UserError, match=rf"is not at {tmp_path}/{folder}. Set download: true .* in which {folder} lies"
    ):
        read(source, tmp_path)


@pytest.mark.parametrize("source", SOURCES)
def test_another_set_under_the_name_is_refused(source: str, tmp_path: Path) -> None:
    """Without the small numbers in the table, what has the right layout is not the official set."""
    WRITERS[source][0](tmp_path)
    title = torchvision_files.SETS[source].title
    with pytest.raises(UserError, match=rf"damaged, incomplete, or not those of {title} \(.*, not "):
        read(source, tmp_path)


@pytest.mark.parametrize("source", SOURCES)
def test_images_and_lists_that_are_missing(source: str, numbers: None, tmp_path: Path) -> None:
    write, _ = WRITERS[source]
    write(tmp_path)
    folder = tmp_path / torchvision_files.SETS[source].folder
    broken = next(folder / origin for origin in read(source, tmp_path).origins)
    whole = broken.read_bytes()
    broken.write_bytes(whole[:60])
    with pytest.raises(UserError, match=rf"1 of \d+ images cannot be read: {broken}"):
        read(source, tmp_path)
    broken.unlink()
    told = "train images of" if source == "eurosat" else f"images are missing, such as {broken.name}"
    with pytest.raises(UserError, match=rf"damaged, incomplete, or not those of .*{told}"):
        read(source, tmp_path)
    broken.write_bytes(whole)
    for name in ("data/images_variant_trainval.txt", "annotations/trainval.txt", "meta/train.json"):
        (folder / name).unlink(missing_ok=True)
    if source != "eurosat":
        with pytest.raises(UserError, match=r"damaged, incomplete, or not those of .*No such file"):
            read(source, tmp_path)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of a web server of this machine, which gives out the archive of a small set."""
    write_aircraft(tmp_path / "there")
    (tmp_path / "served").mkdir()
    with tarfile.open(tmp_path / "served/fgvc-aircraft-2013b.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "there/fgvc-aircraft-2013b", "fgvc-aircraft-2013b")
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path / "served")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/fgvc-aircraft-2013b.tar.gz"
        server.shutdown()


def test_a_set_is_downloaded_where_that_is_allowed(
    numbers: None, served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.FGVCAircraft, "_URL", served)
    found = read("fgvc_aircraft", tmp_path / "here", "test", download=True)
    assert found.origins == read("fgvc_aircraft", tmp_path / "there", "test").origins
    before = sorted((tmp_path / "there").rglob("*"))
    # One that is there needs neither the server nor a folder to write into.
    monkeypatch.setattr(datasets.FGVCAircraft, "_URL", "http://127.0.0.1:9/nothing")
    read("fgvc_aircraft", tmp_path / "there", "test", download=True)
    assert sorted((tmp_path / "there").rglob("*")) == before


def test_a_download_that_fails_or_broke_off_is_a_sentence(
    numbers: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.FGVCAircraft, "_URL", (tmp_path / "absent.tar.gz").as_uri())
    with pytest.raises(UserError, match=r"FGVC-Aircraft could not be downloaded to .* Check the connection"):
        read("fgvc_aircraft", tmp_path / "root", download=True)
    write_aircraft(tmp_path / "half")
    (tmp_path / "half/fgvc-aircraft-2013b/data/images/1000000.jpg").unlink()
    with pytest.raises(UserError, match=r"1 of 32 trainval images are missing.* delete what is there"):
        read("fgvc_aircraft", tmp_path / "half", download=True)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"source": "eurosat", "splits": {"test": "test"}}, "no splits of its own"),
        ({"source": "oxford_pets", "splits": {"train": "train"}}, "has only trainval and test, not train"),
        (
            {"source": "fgvc_aircraft", "splits": {"train": "trainval", "test": "val"}},
            "train and val together",
        ),
        ({"source": "food101", "annotation": "family"}, "annotation is for fgvc_aircraft"),
    ],
)
def test_settings_that_cannot_be_meant(given: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        ImageSet(size=32, **given)


def test_the_kind_of_class_counts() -> None:
    variants = ImportImages(source="fgvc_aircraft", size=32, split="train")
    families = variants.model_copy(update={"annotation": "family"})
    assert variants.identity() != families.identity()
    assert variants.data() == []
