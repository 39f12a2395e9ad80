"""Which classes overlap with which, by WordNet and by name."""

from __future__ import annotations

import gzip
import importlib.resources
from collections import Counter
from pathlib import Path

import pytest

import wordnet_table
from proxykd.images.division.names import alternatives, spellings
from proxykd.images.division.overlap import Teacher, meaning
from proxykd.images.division.wordnet import TABLE, nouns

WORDNET = Path("/usr/share/wordnet")
CIFAR10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
FASHION_MNIST = [
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
]  # fmt: skip
IMAGENETTE = {
    "n01440764": "ood", "n02102040": "id", "n02979186": "ood", "n03000684": "ood", "n03028079": "ood",
    "n03394916": "ood", "n03417042": "id", "n03425413": "ood", "n03445777": "ood", "n03888257": "ood",
}  # fmt: skip


def part(name: str, *teacher: str) -> str:
    return Teacher(teacher).verdict(name).part


def imagenet() -> list[str]:
    lists = importlib.resources.files("timm.data._info")
    return (lists / "imagenet_synsets.txt").read_text().split()


def test_imagenettes_classes_against_cifar10() -> None:
    verdicts = {name: Teacher(CIFAR10).verdict(name) for name in IMAGENETTE}
    assert {name: verdict.part for name, verdict in verdicts.items()} == IMAGENETTE
    springer = "English springer (n02102040) is a kind of dog (n02084071), the teacher's dog"
    assert verdicts["n02102040"].reason == springer
    assert "garbage truck" in verdicts["n03417042"].reason


def test_imagenet_against_cifar10() -> None:
    teacher = Teacher(CIFAR10)
    parts = {name: teacher.verdict(name).part for name in imagenet()}
    # As WordNet has them: 118 dogs without wolves and wild dogs, 59 birds, lynx and cougar, no deer.
    assert Counter(parts.values()) == {"ood": 782, "id": 212, "undecided": 6}
    words = {name: nouns().words[name][0] for name in parts}
    named = {words[name] for name, part in parts.items() if part == "id"}
    assert named >= {"airliner", "sorrel", "tabby", "container_ship", "sports_car", "bullfrog", "ostrich"}
    assert not named & {"timber_wolf", "zebra", "red_fox", "bicycle-built-for-two", "wing", "hotdog"}
    cats = {words[name] for name, part in parts.items() if part == "undecided"}
    assert cats == {"lion", "tiger", "leopard", "snow_leopard", "jaguar", "cheetah"}


def test_every_class_of_imagenet_is_known() -> None:
    assert all(meaning(name).likely == [name] for name in imagenet())


@pytest.mark.parametrize(
    ("name", "teacher", "expected"),
    [
        ("beagle", "dog", "id"),
        ("dog", "beagle", "id"),
        ("English springer", "n02084071", "id"),
        ("n02084071", "n02102040", "id"),
        ("n02102040_English_springer", "dog", "id"),
        ("tench, Tinca tinca", "fish", "id"),
        ("Aeroplane", "airplane", "id"),
        ("ponies", "horse", "id"),
        ("ice_cream", "IceCream", "id"),
        ("Crème brûlée", "creme_brulee", "id"),
        ("beagle", "wolf", "ood"),
        ("T-shirt/top", "shirt", "id"),
        ("t-shirt", "T-shirt/top", "id"),
    ],
)
def test_names_are_found_however_they_are_written(name: str, teacher: str, expected: str) -> None:
    assert part(name, teacher) == expected


@pytest.mark.parametrize(
    ("name", "teacher", "expected"),
    [
        # The bird and the machine.
        ("n02012849", "crane", "id"),
        ("n03126707", "crane", "undecided"),
        # The rodent and the one on a desk.
        ("n02330245", "mouse", "id"),
        ("n03793489", "mouse", "undecided"),
        ("mouse", "n03793489", "undecided"),
        # A pugilist, too.
        ("n02108089", "boxer", "id"),
        # People alone to WordNet, and a cat to a teacher of pets.
        ("n02123394", "Persian", "undecided"),
    ],
)
def test_of_a_name_with_several_meanings_nothing_more_is_claimed(
    name: str, teacher: str, expected: str
) -> None:
    assert part(name, teacher) == expected


def test_a_name_that_wordnet_does_not_know_is_undecided_unless_the_teacher_has_it() -> None:
    assert part("zorblax", "dog") == "undecided"
    assert part("Zorblax_Prime", "zorblax prime") == "id"
    assert not Teacher(["dog"]).verdict("zorblax").known
    assert Teacher(["dog", "zorblax"]).unknown == ["zorblax"]


def test_of_several_words_that_are_not_known_together_the_last_raises_a_doubt() -> None:
    verdict = Teacher(["aquarium_fish"]).verdict("n01440764")
    assert verdict.part == "undecided"
    assert "tench" in verdict.reason
    assert part("Ankle boot", "boot") == "undecided"
    assert part("n02084071", "aquarium_fish") == "ood"


def test_fashion_mnist_against_imagenets_clothes_and_animals() -> None:
    teacher = Teacher(["n03595614", "n04254777", "running shoe", "boot", "n02123045"])
    parts = {name: teacher.verdict(name).part for name in FASHION_MNIST}
    overlapping = {"T-shirt/top": "id", "Shirt": "id", "Ankle boot": "undecided"}
    assert parts == dict.fromkeys(FASHION_MNIST, "ood") | overlapping


def test_a_name_is_taken_apart() -> None:
    assert alternatives("n02012849 crane (bird), or 3 - heron/egret") == [
        "crane", "bird", "3", "heron", "egret",
    ]  # fmt: skip
    assert spellings("SeaLakes")[:2] == ["sealakes", "sea lakes"]
    assert "sealake" in spellings("SeaLakes")
    assert "cupcake" in spellings("cup_cakes")


def test_lineage_goes_up_and_ends() -> None:
    line = list(nouns().lineage("n02102040"))
    assert line[0] == "n02102040"
    assert line.index("n02084071") < line.index("n00015388") < len(line)
    assert len(set(line)) == len(line)
    assert "n00001740" in line


@pytest.mark.skipif(not WORDNET.is_dir(), reason="WordNet's own files are not installed")
def test_the_table_is_what_wordnets_files_give() -> None:
    assert gzip.decompress(TABLE.read_bytes()).decode() == "".join(wordnet_table.table(WORDNET))
